"""Arrays of numbers: which types they come in, and their bit patterns."""

from typing import Any

import numpy as np

from msdnum.emulator import backend, bit_patterns, element_rounding
from msdnum.emulator.arrays import as_array, is_python
from msdnum.emulator.backend import Array
from msdnum.emulator.codes import ML_DTYPES, as_codes
from msdnum.formats.elements import BINARY32, ElementFormat, FloatFormat
from msdnum.formats.modes import Overflow

__all__ = ["SMALL", "as_binary32", "as_floats", "as_numbers", "patterns"]

FLOATS = ("float32", "bfloat16", "float16")
SMALL: dict[str, ElementFormat] = {
    dtype: fmt for fmt, dtype in ML_DTYPES.items() if isinstance(fmt, FloatFormat) and fmt.bits <= 8
}
"""Formats by the type of ``ml_dtypes`` that has their numbers, of at most 8 bits."""


def as_floats(x: Any, name: str) -> Array:
    """Return an array of float32, bfloat16 or float16, no number of which is rounded.

    Parameters
    ----------
    x : Array, list, tuple, int, float or torch.Tensor
        Of one of these types or of a smaller one of ``ml_dtypes``; or Python's numbers, if they
        are binary32 numbers.
    name : str
        The argument, for messages.

    Raises
    ------
    TypeError
        If numbers are of another type, or Python's and no binary32 numbers.
    ValueError
        If ``x`` is empty.
    """
    numbers = as_array(x, name)
    found = str(numbers.dtype)
    if found in FLOATS:
        return numbers
    if found in SMALL:
        return _decoded(numbers, SMALL[found], name)
    if is_python(x):
        with np.errstate(over="ignore"):
            rounded = numbers.astype(np.float32)
        if np.array_equal(rounded.astype(np.float64), numbers, equal_nan=True):
            return rounded
    raise TypeError(f"{name} must be float32, bfloat16 or float16, got {found}{_remedy(found)}")


def as_numbers(x: Any, name: str) -> Array:
    """Return an array of float32, bfloat16, float16 or float64, no number of which is rounded.

    Parameters and errors as for ``as_floats``, but for float64 and for Python's numbers, which are
    taken as they are.
    """
    numbers = as_array(x, name)
    if numbers.dtype == np.float64:
        return numbers
    if not is_python(x):
        return as_floats(numbers, name)
    wide = numbers.astype(np.float64)
    if not all(int(w) == int(n) for w, n in zip(wide.ravel(), numbers.ravel(), strict=True)):
        raise TypeError(f"{name} must be binary64 numbers, got integers above 2**53")
    return wide


def as_binary32(x: Any, name: str) -> Array:
    """Return an array of float32, bfloat16 or float16; float64 is rounded once to float32 (RNE).

    Parameters and errors as for ``as_floats``, but for float64 and for Python's numbers.
    """
    numbers = as_numbers(x, name)
    if numbers.dtype != np.float64:
        return numbers
    codes = element_rounding.encode_scaled(patterns(numbers), 0, BINARY32, Overflow.OVERFLOW)
    return codes.view("float32")


def patterns(numbers: Array) -> Array:
    """Return the binary64 patterns, as int64, of a float64 array; else the binary32 patterns."""
    if numbers.dtype == np.float64:
        return numbers.view(backend.namespace(numbers).int64)
    return bit_patterns.as_pattern(numbers)


def _decoded(x: Array, fmt: ElementFormat, name: str) -> Array:
    """Return the numbers of a small type, by a table: exact whatever a backend converts how."""
    xp = backend.namespace(x)
    table = np.array(list(fmt.values), np.float32)
    return xp.asarray(table)[as_codes(x, fmt, name).astype("int32")]


def _remedy(dtype: str) -> str:
    """Return what to do with numbers of another type."""
    if dtype == "float64":
        return ": round it once, .astype('float32')"
    if dtype.startswith(("int", "uint")):
        return ": convert numbers with .astype('float32'); decode takes codes"
    if dtype.startswith("float"):
        return ": convert it with .astype('float32')"
    return ""
