"""Rational numbers that bounds are made of: powers of two, logarithms, checks, rounding upward."""

import math
from fractions import Fraction

from msdnum.formats.elements import BINARY32

__all__ = [
    "MAX_SCALE",
    "MIN_SCALE",
    "U32",
    "Number",
    "above",
    "at_least_one",
    "ceil_log2",
    "exponential",
    "positive",
    "pow2",
    "times",
    "up",
    "weighted_sum",
]

Number = Fraction | float | int


U32 = Fraction(BINARY32.unit_roundoff)


MIN_SCALE = Fraction(1, 2**127)
MAX_SCALE = Fraction(2**127)


EXPONENTS = 709.0
"""``exp`` of it is a number of binary64."""


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
    """Cover the few ulps by which a binary64 expression of numbers from 0 on can be low."""
    return math.nextafter(x * (1 + 2.0**-48), math.inf) if x else 0.0


def above(x: Number) -> float:
    """Return the least binary64 number that is not below ``x >= 0``; Inf where there is none."""
    try:
        nearest = float(x)
    except OverflowError:
        return math.inf
    return nearest if nearest >= x else math.nextafter(nearest, math.inf)


def times(x: float, y: float) -> float:
    """Return no less than a product of numbers from 0 on, in which Inf times 0 is 0."""
    return math.nextafter(up(x * y), math.inf) if x and y else 0.0


def weighted_sum(*pairs: tuple[Number, Number]) -> float:
    """Return the least binary64 number not below a sum of products of numbers from 0 on.

    Inf times 0 is 0.
    """
    counted = [pair for pair in pairs if pair[0] and pair[1]]
    if any(isinstance(x, float) and math.isinf(x) for pair in counted for x in pair):
        return math.inf
    return above(sum((Fraction(x) * Fraction(y) for x, y in counted), Fraction(0)))


def exponential(x: float) -> float:
    """Return ``exp(x)``, or Inf where that is beyond binary64."""
    return math.exp(x) if x < EXPONENTS else math.inf
