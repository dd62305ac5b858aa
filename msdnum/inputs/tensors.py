"""Tensors of your own, from safetensors files."""

from difflib import get_close_matches
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

__all__ = ["load_tensor"]

Array = NDArray[np.float32]


def load_tensor(source: str) -> Array:
    """Read one tensor of a safetensors file.

    Parameters
    ----------
    source : str
        ``FILE:NAME``.

    Returns
    -------
    ndarray of float32
        The tensor; bfloat16 and float16 are widened exactly.

    Raises
    ------
    ValueError
        If the file cannot be read or is damaged, has no such tensor, or the tensor is of another
        type, has no elements or no axis, or has elements that are not finite.
    """
    path, name = _parted(source)
    if not (path and name):
        raise ValueError(f"tensor must be FILE:NAME, got {source!r}")
    x = _read(path, name)
    if x.ndim == 0 or x.size == 0:
        raise ValueError(f"tensor {name!r} must have an axis and elements, got shape {x.shape}")
    if not np.isfinite(x).all():
        raise ValueError(f"tensor {name!r} must be finite, got {_first_non_finite(x)}")
    return x


def _parted(source: str) -> tuple[str, str]:
    """Part the file from the name at the last colon before which there is a file, or the last."""
    colons = [place for place, character in enumerate(source) if character == ":"]
    parts = [(source[:place], source[place + 1 :]) for place in reversed(colons)]
    there = (part for part in parts if Path(part[0]).is_file())
    return next(there, parts[0] if parts else ("", ""))


def _first_non_finite(x: Array) -> str:
    index = tuple(map(int, np.argwhere(~np.isfinite(x))[0]))
    return f"{x[index]} at {index}"


def _read(path: str, name: str) -> Array:
    """Read a tensor, or say in one line why not."""
    from safetensors import SafetensorError, safe_open

    if not Path(path).is_file():
        raise ValueError(f"tensor file must exist, got {path!r}")
    try:
        with safe_open(path, framework="numpy") as tensors:
            names = sorted(tensors.keys())
            if name not in names:
                raise ValueError(
                    f"tensor must be one in {path!r}, such as {_nearest(name, names)}, got {name!r}"
                )
            dtype = tensors.get_slice(name).get_dtype()
            if dtype not in ("F32", "F16", "BF16"):
                raise ValueError(f"tensor {name!r} must be F32, F16 or BF16, got {dtype}")
            return np.asarray(tensors.get_tensor(name)).astype(np.float32)
    except OSError as error:
        raise ValueError(f"tensor file {path!r} cannot be read: {error}") from None
    except SafetensorError as error:
        raise ValueError(f"tensor file {path!r} is not a safetensors file: {error}") from None


def _nearest(name: str, names: list[str]) -> str:
    """List the names most like ``name``, or the first few."""
    return ", ".join(get_close_matches(name, names, n=4, cutoff=0.4) or names[:4])
