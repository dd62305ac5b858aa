"""Rounding to formats that are given by a table: a search among thresholds, on bit patterns.

Magnitudes become integers, keys, that are ordered as they are: where one number of the table ends
and the next begins is a key, found once for each format.
"""

from fractions import Fraction
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from msdnum.emulator import backend, bit_patterns
from msdnum.emulator.backend import Array
from msdnum.emulator.bit_patterns import Fields
from msdnum.formats.elements import TableFormat
from msdnum.formats.modes import Overflow, Rounding

__all__ = ["codes_by_table", "numbers_by_table"]

OFFSET = 127
"""Added to exponents. Whatever is below 2**-126 in magnitude shares a key with its like: no
threshold lies there, for numbers of a table are multiples of 2**-124."""
LAST_FIELD = 254


def codes_by_table(
    pattern: Array, exponent: Array | int, fmt: TableFormat, overflow: Overflow, rounding: Rounding
) -> Array:
    """Return the codes of ``x / 2**exponent``, as int32; parameters as for ``round_to_quanta``."""
    if rounding is Rounding.STOCHASTIC:
        raise ValueError(f"rounding must not be STOCHASTIC for {fmt.name}, a table")
    xp = backend.namespace(pattern)
    of, x = bit_patterns.width(pattern), bit_patterns.fields(pattern)
    keys = _keys(x, exponent, of.fraction_bits)
    with_infinities = overflow is Overflow.OVERFLOW
    thresholds, codes = _partition(fmt, rounding, of.fraction_bits, with_infinities)
    index = xp.searchsorted(xp.asarray(thresholds).astype(keys.dtype), keys.reshape(-1))
    found = xp.asarray(codes)[index].reshape(keys.shape)
    if fmt.negative_zero_code is not None:
        zero = next(number.code for number in fmt.ordered if not number.value)
        found = xp.where((found == zero) & x.negative, fmt.negative_zero_code, found)
    nan = fmt.ordered[-1].code if fmt.nan_code is None else fmt.nan_code
    return xp.where(bit_patterns.is_nan(pattern), nan, found)


def _keys(x: Fields, exponent: Array | int, fraction_bits: int) -> Array:
    """Return integers that are ordered as the numbers ``x / 2**exponent`` are."""
    xp = backend.namespace(x.significand)
    field = (x.exponent - exponent + OFFSET).astype(x.significand.dtype)
    inside = xp.clip(field, 0, LAST_FIELD)
    fraction = x.significand & ((1 << fraction_bits) - 1)
    key = xp.where(field < 1, 1, (inside << fraction_bits) + fraction)
    key = xp.where(x.significand == 0, 0, key)
    return xp.where(x.negative, -key, key)


@cache
def _partition(
    fmt: TableFormat, rounding: Rounding, fraction_bits: int, with_infinities: bool
) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Return the last key of every number but the highest, and the codes of all."""
    ordered = [(number.value, number.code) for number in fmt.ordered]
    if with_infinities:
        ordered = _with_infinities(fmt, ordered)
    # Even and odd codes are all that a tie looks at; what is beyond a number is what it is not.
    parities = [code & 1 for _, code in ordered]
    if with_infinities:
        parities[-1] = 1 - parities[-2]
        parities[0] = 1 - parities[1] if fmt.signed else parities[0]
    last = [
        _last_key(low, high, parities[i], parities[i + 1], rounding, fraction_bits)
        for i, ((low, _), (high, _)) in enumerate(pairwise(ordered))
    ]
    return np.array(last, np.int64), np.array([code for _, code in ordered], np.int32)


def _with_infinities(
    fmt: TableFormat, ordered: list[tuple[Fraction, int]]
) -> list[tuple[Fraction, int]]:
    assert fmt.beyond is not None
    beyond = Fraction(fmt.beyond)
    high, low = (
        fmt.nan_code if code is None else code for code in (fmt.inf_code, fmt.negative_inf_code)
    )
    above: list[Any] = [(beyond, fmt.negative_inf_code if high is None else high)]
    below: list[Any] = [(-beyond, fmt.inf_code if low is None else low)] if fmt.signed else []
    return [*below, *ordered, *above]


def _last_key(
    low: Fraction, high: Fraction, odd_low: int, odd_high: int, rounding: Rounding, bits: int
) -> int:
    """Return the largest key that is rounded to ``low`` and not to ``high``."""
    straddles = low < 0 < high
    if rounding is Rounding.RTP or (rounding is Rounding.RTZ and high <= 0):
        return _key_below(low, bits, inclusive=True)
    if rounding is Rounding.RTN or (rounding is Rounding.RTZ and low >= 0):
        return _key_below(high, bits, inclusive=False)
    low_is_larger = abs(low) > abs(high)
    to_low = low_is_larger
    if (rounding is not Rounding.RNA or straddles) and odd_low != odd_high:
        to_low = odd_high == 1
    return _key_below((low + high) / 2, bits, inclusive=to_low)


def _key_below(x: Fraction, bits: int, *, inclusive: bool) -> int:
    """Return the largest key whose numbers are below ``x``, or not above it."""
    if not x:
        return 0 if inclusive else -1
    numerator, denominator = abs(x).as_integer_ratio()
    exponent = numerator.bit_length() - denominator.bit_length()
    exponent -= abs(x) < Fraction(2) ** exponent
    scaled = abs(x) / Fraction(2) ** (exponent - bits)
    key = ((exponent + OFFSET - 1) << bits) + scaled.numerator // scaled.denominator
    exact = scaled.denominator == 1
    if x > 0:
        return key - (exact and not inclusive)
    return -key if exact and inclusive else -key - 1


def numbers_by_table(codes: Array, exponent: Array | int, fmt: TableFormat) -> Array:
    """Return the number of each code times ``2**exponent`` as float32, rounded (RNE) once."""
    xp = backend.namespace(codes)
    table = np.array([x + 0.0 if x != x else x for x in fmt.numbers], np.float32)
    pattern = xp.asarray(table.view(np.int32))[codes.astype("int32")]
    x = bit_patterns.fields(pattern)
    power = x.exponent - bit_patterns.FRACTION_BITS + exponent
    finite = bit_patterns.compose(x.negative, x.significand, power)
    special = (pattern & bit_patterns.MAGNITUDE_MASK) >= bit_patterns.INF
    return xp.where(special, pattern, finite.view(xp.int32)).view(xp.float32)
