"""Arrays that people bring: lists, scalars, arrays of swapped bytes, torch tensors on the CPU."""

import sys
from typing import Any

import numpy as np

from msdnum.emulator import backend
from msdnum.emulator.backend import Array

__all__ = ["as_array", "is_python"]


def is_python(x: object) -> bool:
    """Return whether ``x`` is a number or a sequence of Python, whose numbers have no width."""
    return isinstance(x, list | tuple | int | float) and not isinstance(x, np.generic | bool)


def as_array(x: Any, name: str) -> Array:
    """Return ``x`` as a NumPy or JAX array, not empty, without changing a number.

    Parameters
    ----------
    x : Array, list, tuple, int, float or torch.Tensor
        NumPy arrays of either byte order; tensors on the CPU, which are seen without a copy.
    name : str
        The argument, for messages.

    Raises
    ------
    TypeError
        If it is none of these, or a tensor on another device.
    ValueError
        If it is empty, or no rectangular list.
    """
    if is_python(x):
        x = _of_python(x, name)
    elif type(x).__module__.partition(".")[0] == "torch":
        x = _of_torch(x, name)
    backend.check_array(x, name, None)
    if isinstance(x, np.ndarray | np.generic) and not x.dtype.isnative:
        return x.astype(x.dtype.newbyteorder("="))
    return x


def _of_python(x: Any, name: str) -> Array:
    array = np.asarray(x)
    if array.dtype.kind not in "iuf" and array.size:
        raise TypeError(f"{name} must be numbers or an array of them, got {type(x).__name__}")
    return array


def _of_torch(x: Any, name: str) -> Array:
    if x.device.type != "cpu":
        raise TypeError(f"{name} must be a tensor on the CPU, got {x.device}: call .cpu() first")
    torch: Any = sys.modules["torch"]
    found = str(x.dtype).removeprefix("torch.")
    x = x.detach()
    if hasattr(np, found):
        return np.from_dlpack(x)
    try:
        dtype = np.dtype(found)
    except TypeError:
        raise TypeError(
            f"{name} must be a tensor of a type that ml_dtypes has, got {found}: "
            f"view it as bytes, .view(torch.uint8)"
        ) from None
    # DLPack has no name for the types of ml_dtypes that NumPy knows.
    same_size = {1: torch.uint8, 2: torch.int16}[dtype.itemsize]
    return np.from_dlpack(x.view(same_size)).view(dtype)
