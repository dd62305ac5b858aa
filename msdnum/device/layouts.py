"""Layouts of floats: where their fields are, and the arrays that their numbers come in."""

from dataclasses import dataclass
from functools import cache
from typing import Any, TypeAlias

import ml_dtypes
import numpy as np
from numpy.typing import NDArray

from msdnum.emulator.codes import ML_DTYPES
from msdnum.formats.elements import BINARY32, TF32, FloatFormat

__all__ = ["BINARY64", "Codes", "Layout", "layout_of"]

Codes: TypeAlias = NDArray[np.int64]
"""Patterns of numbers, in integers that are wide enough for all of them."""


@dataclass(frozen=True)
class Layout:
    """Where a format has its fields, and the arrays that its numbers come in.

    Parameters
    ----------
    name : str
        Of the format.
    exponent_bits, fraction_bits, bias : int
        As in `FloatFormat`, which ends at binary32.
    largest : int
        Pattern of the largest finite number.
    shift : int
        Bits of the array's numbers below those of the format.
    dtype : dtype
        Of arrays of numbers.
    """

    name: str
    exponent_bits: int
    fraction_bits: int
    bias: int
    largest: int
    shift: int
    dtype: Any

    @property
    def emin(self) -> int:
        """Exponent of the smallest normal number."""
        return 1 - self.bias

    @property
    def emax(self) -> int:
        """Exponent of the largest number."""
        return (self.largest >> self.fraction_bits) - self.bias

    @property
    def bits(self) -> int:
        """Width, the sign included."""
        return 1 + self.exponent_bits + self.fraction_bits

    @property
    def sign(self) -> int:
        """Pattern of -0, as a signed integer of 64 bits."""
        return -(1 << 63) if self.bits == 64 else 1 << self.bits - 1

    def numbers(self, codes: Codes) -> NDArray[Any]:
        """Return the numbers of patterns."""
        width = f"u{np.dtype(self.dtype).itemsize}"
        patterns: NDArray[Any] = (codes << self.shift).astype(width).view(self.dtype)
        return patterns


BINARY64 = Layout("BINARY64", 11, 52, 1023, 0x7FEFFFFFFFFFFFFF, 0, np.float64)


@cache
def layout_of(fmt: FloatFormat) -> Layout:
    """Return where a signed format has its fields; TF32 is in the upper bits of binary32.

    Examples
    --------
    >>> from msdnum.device import layout_of
    >>> from msdnum.formats import BF16
    >>> layout_of(BF16).numbers(np.array([0x3FC0]))
    array([1.5], dtype=bfloat16)
    """
    shift = BINARY32.fraction_bits - fmt.fraction_bits if fmt == TF32 else 0
    name = ML_DTYPES[BINARY32 if shift else fmt]
    dtype = np.dtype(getattr(ml_dtypes, name, name))
    return Layout(
        fmt.name, fmt.exponent_bits, fmt.fraction_bits, fmt.bias, fmt.max_code, shift, dtype
    )
