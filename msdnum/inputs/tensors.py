"""Tensors of your own, from safetensors files, as float32."""

import numpy as np
from numpy.typing import NDArray

from msdnum.inputs.files.sources import read_tensor

__all__ = ["check_tensor", "load_tensor"]

Array = NDArray[np.float32]

FLOATS = ("F32", "F16", "BF16")


def load_tensor(source: str) -> Array:
    """Read one tensor of a safetensors file, or of the shards of an index.

    Parameters
    ----------
    source : str
        ``FILE:NAME``.

    Returns
    -------
    ndarray of float32
        The tensor; bfloat16 and float16 are widened exactly. For other types see
        ``files.read_tensor``.

    Raises
    ------
    ValueError
        If the file cannot be read or is damaged, has no such tensor, or the tensor is of another
        type, has no elements or no axis, or has elements that are not finite.
    """
    stored = read_tensor(source)
    if stored.dtype not in FLOATS:
        raise ValueError(f"tensor {stored.name!r} must be F32, F16 or BF16, got {stored.dtype}")
    return check_tensor(stored.array.astype(np.float32), stored.name)


def check_tensor(x: Array, name: str) -> Array:
    """Return a tensor that can be judged.

    Raises
    ------
    ValueError
        If it has no axis, no elements, or elements that are not finite.
    """
    if x.ndim == 0 or x.size == 0:
        raise ValueError(f"tensor {name!r} must have an axis and elements, got shape {x.shape}")
    if not np.isfinite(x).all():
        raise ValueError(f"tensor {name!r} must be finite, got {_first_non_finite(x)}")
    return x


def _first_non_finite(x: Array) -> str:
    index = tuple(map(int, np.argwhere(~np.isfinite(x))[0]))
    return f"{x[index]} at {index}"
