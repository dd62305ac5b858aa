"""Output formats of products: binary32 numbers rounded to them, and arrays of their types."""

import numpy as np

from msdnum.emulator import elements
from msdnum.emulator.backend import Array
from msdnum.formats.elements import BINARY32, FP16, FloatFormat
from msdnum.formats.modes import Overflow

__all__ = ["as_output", "rounded_to"]


def rounded_to(x: Array, fmt: FloatFormat) -> Array:
    """Return float32 numbers rounded to a format (RNE, overflow to Inf), as float32."""
    if fmt == BINARY32:
        return x
    return elements.decode(elements.encode(x, fmt, overflow=Overflow.OVERFLOW), fmt)


def as_output(x: Array, fmt: FloatFormat | None) -> Array:
    """Return numbers of a format, given as float32, as an array of its type."""
    if fmt != FP16:
        return x
    return elements.encode(x, FP16, overflow=Overflow.OVERFLOW).view(np.float16)
