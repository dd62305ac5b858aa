"""Numbers as fractions beside -0, Inf and NaN, and how one is rounded.

Integers and fractions only, no logarithm and no floating-point operation: slow and obviously right.
A value is a Fraction or one of four specials.
"""

import math
from enum import Enum, unique
from fractions import Fraction
from functools import cache

from msdnum.formats.modes import Rounding

__all__ = [
    "Special", "Value", "ceil_log2", "divide", "floor_log2", "from_float", "is_finite",
    "is_negative", "multiply", "number", "pow2", "round_significand", "round_to_integer", "signed",
    "subtract",
]  # fmt: skip


@unique
class Special(Enum):
    """The values that are no Fraction."""

    NEGATIVE_ZERO = "-0"
    INFINITY = "+Inf"
    NEGATIVE_INFINITY = "-Inf"
    NAN = "NaN"


Value = Fraction | Special


def is_negative(value: Value) -> bool:
    """Return whether the sign is minus; NaN has no sign."""
    if isinstance(value, Fraction):
        return value < 0
    return value in (Special.NEGATIVE_ZERO, Special.NEGATIVE_INFINITY)


def is_finite(value: Value) -> bool:
    """Return whether the value is a number."""
    return isinstance(value, Fraction) or value is Special.NEGATIVE_ZERO


def number(value: Value) -> Fraction:
    """Return a finite value as a Fraction, the sign of zero forgotten."""
    if isinstance(value, Fraction):
        return value
    if value is Special.NEGATIVE_ZERO:
        return Fraction(0)
    raise ValueError(f"value must be finite, got {value.value}")


def signed(negative: bool, magnitude: Fraction) -> Value:
    """Return the finite value of this sign and magnitude."""
    if negative:
        return -magnitude if magnitude else Special.NEGATIVE_ZERO
    return magnitude


def from_float(x: float) -> Value:
    """Return the value of a Python float, exactly.

    Examples
    --------
    >>> from msdnum import spec
    >>> spec.from_float(0.1), spec.from_float(-0.0)
    (Fraction(3602879701896397, 36028797018963968), <Special.NEGATIVE_ZERO: '-0'>)
    """
    if math.isnan(x):
        return Special.NAN
    if math.isinf(x):
        return Special.INFINITY if x > 0 else Special.NEGATIVE_INFINITY
    return signed(math.copysign(1, x) < 0, abs(Fraction(x)))


def multiply(x: Value, y: Value) -> Value:
    """Return the exact product, with the signs, zeros and specials of IEEE 754."""
    if is_finite(x) and is_finite(y):
        return signed(is_negative(x) != is_negative(y), abs(number(x) * number(y)))
    if Special.NAN in (x, y) or any(is_finite(v) and not number(v) for v in (x, y)):
        return Special.NAN
    return Special.NEGATIVE_INFINITY if is_negative(x) != is_negative(y) else Special.INFINITY


def divide(x: Value, y: Fraction) -> Value:
    """Return the exact quotient of ``x`` by a positive ``y``; -0, Inf and NaN stay."""
    return signed(is_negative(x), abs(number(x)) / y) if is_finite(x) else x


def subtract(x: Value, y: Value) -> Value:
    """Return the exact difference; the zero it may give has no sign."""
    if is_finite(x) and is_finite(y):
        return number(x) - number(y)
    if not is_finite(x):
        return Special.NAN if x is y or y is Special.NAN else x
    return multiply(Fraction(-1), y)


@cache
def pow2(exponent: int) -> Fraction:
    """Return ``2**exponent``."""
    return Fraction(2) ** exponent


def floor_log2(x: Fraction) -> int:
    """Return the largest e with ``2**e <= x``, for positive x.

    Examples
    --------
    >>> from fractions import Fraction
    >>> from msdnum import spec
    >>> spec.floor_log2(Fraction(7)), spec.floor_log2(Fraction(1, 3))
    (2, -2)
    """
    estimate = x.numerator.bit_length() - x.denominator.bit_length()
    return estimate if pow2(estimate) <= x else estimate - 1


def ceil_log2(x: Fraction) -> int:
    """Return the smallest e with ``x <= 2**e``, for positive x.

    Examples
    --------
    >>> from fractions import Fraction
    >>> from msdnum import spec
    >>> spec.ceil_log2(Fraction(7)), spec.ceil_log2(Fraction(1, 3))
    (3, -1)
    """
    return -floor_log2(1 / x)


def round_to_integer(
    x: Fraction, rounding: Rounding, *, negative: bool = False, random: int | None = None
) -> int:
    """Round the magnitude ``x >= 0`` of a number of the given sign to an integer.

    Ties to even means the even *integer*: for a precision of one bit, where every significand is
    the integer 1, a tie goes up. STOCHASTIC takes ``random``, a uniform integer r in [0, 2**32),
    and goes up when the first 32 bits of the discarded fraction exceed r.

    Examples
    --------
    >>> from fractions import Fraction
    >>> from msdnum import Rounding, spec
    >>> for mode in (Rounding.RNE, Rounding.RNA, Rounding.RTZ):
    ...     print(mode.name, spec.round_to_integer(Fraction(5, 2), mode))
    RNE 2
    RNA 3
    RTZ 2
    """
    down = math.floor(x)
    fraction = x - down
    half = Fraction(1, 2)
    match rounding:
        case Rounding.RNE:
            up = fraction > half or (fraction == half and down % 2 == 1)
        case Rounding.RNA:
            up = fraction >= half
        case Rounding.RTZ:
            up = False
        case Rounding.RTP:
            up = fraction > 0 and not negative
        case Rounding.RTN:
            up = fraction > 0 and negative
        case Rounding.STOCHASTIC:
            if random is None or not 0 <= random < 2**32:
                raise ValueError(f"random must be in 0..2**32-1 for STOCHASTIC, got {random}")
            up = math.floor(fraction * 2**32) > random
    return down + up


def round_significand(
    x: Fraction,
    precision: int,
    rounding: Rounding = Rounding.RNE,
    *,
    emin: int | None = None,
    negative: bool = False,
    random: int | None = None,
) -> Fraction:
    """Round the magnitude ``x >= 0`` to ``precision`` bits, the exponent unbounded above.

    Below ``2**emin`` the spacing stays that of the binade of ``2**emin``; without ``emin`` the
    exponent is unbounded below as well.

    Examples
    --------
    >>> from fractions import Fraction
    >>> from msdnum import spec
    >>> spec.round_significand(Fraction(1, 3), 4)
    Fraction(11, 32)
    >>> spec.round_significand(Fraction(1, 3), 4, emin=0)  # a subnormal
    Fraction(3, 8)
    """
    if x == 0:
        return x
    exponent = floor_log2(x) if emin is None else max(floor_log2(x), emin)
    quantum = pow2(exponent - precision + 1)
    return quantum * round_to_integer(x / quantum, rounding, negative=negative, random=random)
