"""Formats given by a table: the code of a number, and the number of a code, by looking for it."""

import math
from bisect import bisect_left
from fractions import Fraction
from functools import cache

from msdnum.formats.elements import TableFormat
from msdnum.formats.modes import Overflow, Rounding
from msdnum.spec.numbers import Special, Value, is_finite, is_negative, number

__all__ = ["decode_by_table", "encode_by_table"]


def decode_by_table(code: int, fmt: TableFormat) -> Value:
    """Return the value of a code.

    Examples
    --------
    >>> from msdnum import spec
    >>> from msdnum.formats import HIF8
    >>> spec.decode(0x07, HIF8), spec.decode(0x6F, HIF8)
    (Fraction(1, 65536), <Special.INFINITY: 'Inf'>)
    """
    x = fmt.numbers[code]
    if math.isnan(x):
        return Special.NAN
    if math.isinf(x):
        return Special.INFINITY if x > 0 else Special.NEGATIVE_INFINITY
    if x == 0 and math.copysign(1, x) < 0:
        return Special.NEGATIVE_ZERO
    return Fraction(x)


def encode_by_table(value: Value, fmt: TableFormat, overflow: Overflow, rounding: Rounding) -> int:
    """Return the code of ``value`` rounded to a number of the table; see ``TableFormat``.

    Raises
    ------
    ValueError
        If the rounding is STOCHASTIC, or the result would be a NaN or an Inf that there is not.
    """
    if rounding is Rounding.STOCHASTIC:
        raise ValueError(f"rounding must not be STOCHASTIC for {fmt.name}, a table")
    if overflow is Overflow.OVERFLOW and fmt.beyond is None:
        raise ValueError(f"overflow must be SATURATE for {fmt.name}, got OVERFLOW")
    if value is Special.NAN:
        return _nan(fmt)
    below = is_negative(value)
    numbers, ladder = _ladder(fmt)
    if overflow is Overflow.OVERFLOW and fmt.beyond is not None:
        past = Fraction(fmt.beyond)
        ladder = [*([-past] if ladder[0] < 0 else []), *ladder, past]
    if is_finite(value):
        found = _nearest(number(value), ladder, numbers, rounding)
    else:
        found = ladder[0] if below else ladder[-1]
    if found not in numbers:
        return _infinity(fmt, below)
    if not found:
        return _zero(fmt, below)
    return numbers[found]


@cache
def _ladder(fmt: TableFormat) -> tuple[dict[Fraction, int], list[Fraction]]:
    """Return the numbers with the first code of each, of zeros that of +0; and them ascending."""
    backwards = reversed([*enumerate(fmt.numbers)])
    numbers = {Fraction(x): code for code, x in backwards if math.isfinite(x)}
    if 0 in numbers:
        numbers[Fraction(0)] = _zero(fmt, below=False)
    return numbers, sorted(numbers)


def _nearest(
    x: Fraction, ladder: list[Fraction], codes: dict[Fraction, int], rounding: Rounding
) -> Fraction:
    """Return the rung of a ladder of numbers that ``x`` is rounded to."""
    above = bisect_left(ladder, x)
    if above == len(ladder):
        return ladder[-1]
    if above == 0 or ladder[above] == x:
        return ladder[above]
    low, high = ladder[above - 1], ladder[above]
    if rounding is Rounding.RTP:
        return high
    if rounding is Rounding.RTN:
        return low
    straddles = low < 0 < high
    if rounding is Rounding.RTZ and not straddles:
        return min(low, high, key=abs)
    if x - low != high - x:
        return low if x - low < high - x else high
    return _of_a_tie(low, high, codes, away=rounding is Rounding.RNA and not straddles)


def _of_a_tie(low: Fraction, high: Fraction, codes: dict[Fraction, int], *, away: bool) -> Fraction:
    even = [_is_even(rung, other, codes) for rung, other in ((low, high), (high, low))]
    if not away and even[0] != even[1]:
        return low if even[0] else high
    return low if abs(low) > abs(high) else high


def _is_even(rung: Fraction, other: Fraction, codes: dict[Fraction, int]) -> bool:
    """Return whether the code is even; beyond the last number, what its code is not."""
    return codes[rung] % 2 == 0 if rung in codes else codes[other] % 2 == 1


def _zero(fmt: TableFormat, below: bool) -> int:
    zeros = [code for code, x in enumerate(fmt.numbers) if x == 0]
    negative = [code for code in zeros if math.copysign(1, fmt.numbers[code]) < 0]
    positive = [code for code in zeros if code not in negative]
    return ((negative or positive) if below else (positive or negative))[0]


def _infinity(fmt: TableFormat, below: bool) -> int:
    infinity = -math.inf if below else math.inf
    return fmt.numbers.index(infinity) if infinity in fmt.numbers else _nan(fmt)


def _nan(fmt: TableFormat) -> int:
    found = [code for code, x in enumerate(fmt.numbers) if math.isnan(x)]
    if not found:
        raise ValueError(f"value must be a number for {fmt.name}, which has no NaN")
    return found[0]
