"""Methods of attention, as data: what is decomposed, summed and exponentiated, and how."""

from dataclasses import dataclass
from enum import Enum, unique
from numbers import Real

import numpy as np

from msdnum.emulator import argument_checks
from msdnum.emulator.attention.exponential import STATED, Exponential
from msdnum.formats.accumulators import SEQUENTIAL, Accumulator, AnyAccumulator
from msdnum.formats.elements import BF16, BINARY32, E4M3, E5M2, FP16, FloatFormat
from msdnum.formats.schemes import Scheme

__all__ = ["BF16_FLASH", "FLOAT32_FLASH", "Mask", "Method", "StaticCast", "WeightRange"]


@unique
class WeightRange(Enum):
    """What the weights of a row are scaled by before they are decomposed."""

    FIXED = "1, which no weight exceeds, or the largest scale of a token that is folded in"
    AMAX = "the amax of each block: of a tile, or of the 32 weights of an MX block"


@unique
class Mask(Enum):
    """Which keys a query sees."""

    FULL = "all of them"
    CAUSAL = "up to its own: the last query is the last token, the one before it the one before"


@dataclass(frozen=True)
class StaticCast:
    """Softmax weights as numbers of a small format, after multiplication by a static scale.

    Every ``p`` becomes ``fl(p * scale)`` right after the exponential, in the sum of the weights,
    too, so that the scale cancels at the end. For the product with the values it is rounded to the
    format, to nearest even, saturating.

    Parameters
    ----------
    format : FloatFormat
        E4M3 or E5M2.
    scale : float
        A positive normal number of binary32, at most the largest number of the format: no weight
        saturates.

    Raises
    ------
    TypeError
        If an argument is not of its type.
    ValueError
        If the format is another, or the scale no such number.
    """

    format: FloatFormat
    scale: float

    def __post_init__(self) -> None:
        """Refuse what is not defined."""
        if not isinstance(self.format, FloatFormat):
            raise TypeError(f"format must be a FloatFormat, got {self.format!r}")
        if self.format not in (E4M3, E5M2):
            raise ValueError(f"format must be E4M3 or E5M2, got {self.format.name}")
        if not isinstance(self.scale, Real) or isinstance(self.scale, bool):
            raise TypeError(f"scale must be a number, got {self.scale!r}")
        largest = self.format.max_finite
        if not 2.0**-126 <= self.scale <= largest or float(np.float32(self.scale)) != self.scale:
            raise ValueError(
                f"scale must be a normal number of binary32, at most {largest:g} for "
                f"{self.format.name}, got {self.scale}"
            )


@dataclass(frozen=True)
class Method:
    """How attention is computed.

    Parameters
    ----------
    queries : Scheme or FloatFormat
        What queries become: terms, or numbers of BF16, FP16 or BINARY32.
    weights : Scheme, FloatFormat or StaticCast
        What softmax weights become: the same, or numbers of FP8 after a static scale.
    accumulator : Accumulator
        Of both products. Int32 needs keys, values and schemes of INT8.
    range : WeightRange
        Of the weights, if they are decomposed.
    tile : int
        Keys in a tile; a multiple of the block size of the values.
    exp : Exponential
        Of scores less their maximum.
    scores : FloatFormat
        What products of queries and keys are rounded to before they are scaled, overflowing:
        BINARY32, or FP16 or BF16.
    sums : FloatFormat
        What weighted values, and the sum of the weights, are rounded to after each tile: the same.

    Raises
    ------
    TypeError
        If an argument is not of its type.
    ValueError
        If the tile is not positive, or a format is none of these.

    Examples
    --------
    Where scores are kept in FP16, 128 products of 100 by 100 are Inf, and Inf less Inf is NaN:

    >>> from dataclasses import replace
    >>> from msdnum import attend
    >>> from msdnum.emulator.attention import FLOAT32_FLASH
    >>> from msdnum.formats import FP16
    >>> q, k = np.full((1, 128), 100, np.float32), np.full((2, 128), 100, np.float32)
    >>> v = np.ones((2, 1), np.float32)
    >>> attend(q, k, v, FLOAT32_FLASH), attend(q, k, v, replace(FLOAT32_FLASH, scores=FP16))
    (array([[1.]], dtype=float32), array([[nan]], dtype=float32))
    """

    queries: Scheme | FloatFormat
    weights: Scheme | FloatFormat | StaticCast
    accumulator: AnyAccumulator = SEQUENTIAL
    range: WeightRange = WeightRange.FIXED
    tile: int = 128
    exp: Exponential = STATED
    scores: FloatFormat = BINARY32
    sums: FloatFormat = BINARY32

    def __post_init__(self) -> None:
        """Refuse what is not defined."""
        argument_checks.check_mode("range", self.range, WeightRange)
        argument_checks.check_mode("exp", self.exp, Exponential)
        if not isinstance(self.accumulator, Accumulator):
            raise TypeError(f"accumulator must be an Accumulator, got {self.accumulator!r}")
        if not isinstance(self.tile, int) or isinstance(self.tile, bool):
            raise TypeError(f"tile must be an integer, got {self.tile!r}")
        if self.tile < 1:
            raise ValueError(f"tile must be at least 1, got {self.tile}")
        for name in ("scores", "sums"):
            argument_checks.check_mode(name, getattr(self, name), FloatFormat)
            _check_form(name, getattr(self, name))
        _check_form("queries", self.queries)
        if not isinstance(self.weights, StaticCast):
            _check_form("weights", self.weights)


def _check_form(name: str, form: object) -> None:
    if not isinstance(form, Scheme | FloatFormat):
        raise TypeError(f"{name} must be a Scheme or a FloatFormat, got {form!r}")
    if isinstance(form, FloatFormat) and form not in (BF16, FP16, BINARY32):
        raise ValueError(f"{name} must become BF16, FP16 or BINARY32, got {form.name}")


BF16_FLASH = Method(BF16, BF16)
"""What dequantization is followed by: queries and weights in BF16, sums in binary32."""


FLOAT32_FLASH = Method(BINARY32, BINARY32)
"""Everything in binary32."""
