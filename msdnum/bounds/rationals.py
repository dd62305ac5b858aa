"""Rational numbers that bounds are made of: powers of two, logarithms, checks, rounding upward."""

import math
from fractions import Fraction

from msdnum.formats.elements import (
    BINARY32,
)

__all__ = [
    "MAX_SCALE",
    "MIN_SCALE",
    "U32",
    "Number",
    "at_least_one",
    "ceil_log2",
    "positive",
    "pow2",
    "up",
]

Number = Fraction | float | int


U32 = Fraction(BINARY32.unit_roundoff)


MIN_SCALE = Fraction(1, 2**127)
MAX_SCALE = Fraction(2**127)


def pow2(exponent: int) -> Fraction:
    """Return ``2**exponent``."""
    return Fraction(1 << max(exponent, 0), 1 << max(-exponent, 0))


def ceil_log2(x: Fraction) -> int:
    """Return the least exponent whose power of two is not below ``x > 0``."""
    exponent = x.numerator.bit_length() - x.denominator.bit_length()
    while pow2(exponent) < x:
        exponent += 1
    return exponent


def positive(name: str, x: Number) -> Fraction:
    """Return ``x`` as a fraction, or raise if it is not positive and finite."""
    if not (math.isfinite(x) and x > 0):
        raise ValueError(f"{name} must be positive and finite, got {x}")
    return Fraction(x)


def at_least_one(name: str, n: int) -> int:
    """Return ``n``, or raise if it is below 1."""
    if n < 1:
        raise ValueError(f"{name} must be at least 1, got {n}")
    return n


def up(x: float) -> float:
    """Cover the few ulps by which a binary64 expression can be low."""
    return x * (1 + 2.0**-48)
