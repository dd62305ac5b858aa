"""Sums in fixed point and what becomes of them: significands, limbs, leading bits, roundings.

Integer operations, and powers of two that float32 holds: the same bits everywhere.
"""

from typing import NamedTuple

import numpy as np

from msdnum.emulator import backend, bit_patterns
from msdnum.emulator.backend import Array
from msdnum.formats.elements import FloatFormat
from msdnum.formats.own_units import SumRounding

__all__ = [
    "EMIN", "EXPONENT_BIAS", "HEAD", "PRODUCT_BIAS", "Leading", "bit_length", "goes_up",
    "leading_bits", "limbs", "moved_to_odd", "nearest", "power_of_two", "rounded",
    "significand_and_exponent", "truncated", "truncated_shift", "unless_infinite",
    "without_negative_zero", "without_subnormal_sums",
]  # fmt: skip

EMIN = bit_patterns.EMIN
EXPONENT_BIAS = 2000
"""Of the exponents of elements, so that 0 is below all exponents that there are."""
PRODUCT_BIAS = 2 * EXPONENT_BIAS
HEAD = 27
"""Leading bits of a sum that are kept as they are."""
FAR_BELOW = 64
"""Below a normal number, further than it has bits."""


class Leading(NamedTuple):
    """The leading bits of a sum: ``bits * 2**exponent``, and whether anything is below them."""

    negative: Array
    bits: Array
    inexact: Array
    exponent: Array


def moved_to_odd(total: Array, rest: Array) -> Array:
    """Return a sum rounded to odd, given it to nearest and what that rounding has left."""
    xp = backend.namespace(total)
    integer = np.int64 if total.dtype == np.float64 else np.int32
    pattern = total.view(integer)
    # The sign of what is left says which neighbour is next.
    towards = xp.where((rest < 0) == (total < 0), integer(1), integer(-1))
    odd = xp.where((rest != 0) & (pattern & 1 == 0), pattern + towards, pattern)
    return odd.view(total.dtype)


def power_of_two(exponent: Array) -> Array:
    """Return the float32 ``2**exponent``, a normal number."""
    return (exponent + bit_patterns.BIAS << bit_patterns.FRACTION_BITS).view(np.float32)


def significand_and_exponent(
    c: Array, exponent_of_zero: int = EMIN, emin: int = EMIN
) -> tuple[Array, Array, Array]:
    """Return the signed integer s and the exponent e, ``c = s * 2**(e - 23)``, and c's own.

    Its own exponent is at least ``emin``, that of its format, and what is given for a zero.
    """
    xp = backend.namespace(c)
    pattern = c.view(np.int32)
    field = (pattern & bit_patterns.MAGNITUDE_MASK) >> bit_patterns.FRACTION_BITS
    magnitude = pattern & bit_patterns.FRACTION_MASK
    magnitude = xp.where(field > 0, magnitude | bit_patterns.IMPLICIT_BIT, magnitude)
    exponent = xp.maximum(field, 1) - bit_patterns.BIAS
    own = exponent if emin == EMIN else xp.maximum(exponent, emin)
    if exponent_of_zero != emin:
        own = xp.where(magnitude == 0, exponent_of_zero, own)
    return xp.where(pattern < 0, -magnitude, magnitude), exponent, own


def truncated_shift(integer: Array, shift: Array) -> Array:
    """Return ``integer * 2**shift`` truncated; shift at most 2."""
    xp = backend.namespace(integer)
    magnitude = xp.abs(integer) << xp.maximum(shift, 0) >> xp.clip(-shift, 0, 31)
    return xp.where(integer < 0, -magnitude, magnitude)


def limbs(integer: Array, base: int) -> tuple[Array, Array]:
    """Return the integer over ``2**base``, rounded down, and the rest."""
    return integer >> base, integer & ((1 << base) - 1)


def leading_bits(high: Array, low: Array, base: int, exponent: Array) -> Leading:
    """Return the leading bits of ``(high * 2**base + low) * 2**exponent``."""
    xp = backend.namespace(high)
    high, low = high + (low >> base), low & ((1 << base) - 1)
    negative = high < 0
    borrow = negative & (low != 0)
    high = xp.where(negative, -high - borrow, high)
    low = xp.where(borrow, (1 << base) - low, low)
    length = bit_length(high)
    drop = xp.maximum(length - HEAD, 0)
    take = xp.clip(HEAD - length, 0, base)
    bits = (high >> drop << take) | (low >> base - take)
    rest = (high & ((1 << drop) - 1)) | (low & ((1 << base - take) - 1))
    return Leading(negative, bits, rest != 0, exponent + base - take + drop)


def _excess(x: Leading, fraction_bits: int, emin: int) -> Array:
    """Return how many bits are below the last of a significand with these fraction bits."""
    return backend.namespace(x.bits).minimum(_all_excess(x, fraction_bits, emin), HEAD + 1)


def _all_excess(x: Leading, fraction_bits: int, emin: int) -> Array:
    """Return the same, of numbers far below the subnormal ones more than there are bits."""
    xp = backend.namespace(x.bits)
    excess = xp.maximum(bit_length(x.bits) - (fraction_bits + 1), emin - fraction_bits - x.exponent)
    return xp.maximum(excess, 0)


def truncated(x: Leading, fraction_bits: int) -> Array:
    """Return the sum truncated to ``fraction_bits``, within float32; a zero is +0."""
    shift = _excess(x, fraction_bits, EMIN)
    rounded = x.bits >> shift
    return bit_patterns.compose(x.negative & (rounded != 0), rounded, x.exponent + shift)


def nearest(x: Leading, fmt: FloatFormat) -> Array:
    """Return the sum rounded once to a format of at most 24 bits (RNE), as float32."""
    shift = _excess(x, fmt.fraction_bits, fmt.emin)
    rounded = bit_patterns.shift_rne(x.bits << 1 | x.inexact, shift + 1)
    found = bit_patterns.compose(x.negative, rounded, x.exponent + shift)
    xp = backend.namespace(found)
    too_large = xp.abs(found) > np.float32(fmt.max_finite)
    return xp.where(too_large, xp.copysign(np.float32(np.inf), found), found)


def rounded(
    x: Leading,
    fmt: FloatFormat,
    rounding: SumRounding,
    *,
    negative_zero: Array | bool = False,
    flushes: bool = False,
) -> Array:
    """Return the sum rounded once to a format of at most 24 bits, as float32; overflow is Inf.

    A zero has the sign that is given, also one for a number that is subnormal once it is rounded.
    It is decided here: of a float32 result LLVM would ask whether it is zero by a comparison that
    takes subnormal numbers for zeros.
    """
    excess = _all_excess(x, fmt.fraction_bits, fmt.emin - (FAR_BELOW if flushes else 0))
    # Beyond that all bits are below half of the last.
    xp = backend.namespace(excess)
    shift = xp.minimum(excess, HEAD + 1)
    kept = x.bits >> shift
    tail = (x.bits - (kept << shift) << 1) | x.inexact
    kept = kept + goes_up(rounding, tail, 1 << shift, kept & 1, x.negative)
    if flushes:
        kept = xp.where(bit_length(kept) + x.exponent + excess <= fmt.emin, 0, kept)
    negative = xp.where(kept == 0, negative_zero, x.negative)
    found = bit_patterns.compose(negative, kept, x.exponent + excess)
    too_large = xp.abs(found) > np.float32(fmt.max_finite)
    return xp.where(too_large, xp.copysign(np.float32(np.inf), found), found)


def goes_up(rounding: SumRounding, tail: Array, half: Array, odd: Array, negative: Array) -> Array:
    """Return whether a magnitude goes up to the next, by what is below its last bit.

    Parameters
    ----------
    rounding : SumRounding
        To which neighbour.
    tail, half : Array
        What is below, not negative, and half of the last bit, in the same unit.
    odd : Array
        Last bit of the magnitude.
    negative : Array
        Whether the number is.
    """
    match rounding:
        case SumRounding.NEAREST_EVEN:
            return (tail > half) | ((tail == half) & (odd != 0))
        case SumRounding.NEAREST_AWAY:
            return tail >= half
        case SumRounding.TOWARDS_ZERO:
            return tail < 0
        case SumRounding.DOWN:
            return (tail > 0) & negative
        case SumRounding.UP:
            return (tail > 0) & ~negative
        case SumRounding.TO_ODD:
            return (tail > 0) & (odd == 0)


def without_negative_zero(x: Array) -> Array:
    """Return x with +0 for -0, for numbers none of which is subnormal in binary32."""
    return backend.namespace(x).where(x == 0, np.float32(0), x)


def without_subnormal_sums(x: Array, fmt: FloatFormat) -> Array:
    """Return float32 numbers of a format with +0 for zeros and subnormal ones."""
    xp = backend.namespace(x)
    pattern = x.view(np.int32)
    least = int(np.float32(fmt.min_normal).view(np.int32))
    small = (pattern & bit_patterns.MAGNITUDE_MASK) < least
    return xp.where(small, 0, pattern).view(np.float32)


def unless_infinite(c: Array, result: Array) -> Array:
    """Return the result, but c where it is Inf or NaN."""
    xp = backend.namespace(c)
    pattern = c.view(np.int32)
    infinite = (pattern & bit_patterns.MAGNITUDE_MASK) >= bit_patterns.INF
    return xp.where(infinite, pattern, result.view(np.int32)).view(np.float32)


def bit_length(n: Array) -> Array:
    """Return the bit length of a nonnegative int32."""
    xp = backend.namespace(n)
    high = n >> 8
    return xp.where(high > 0, _small_bit_length(high) + 8, _small_bit_length(n))


def _small_bit_length(n: Array) -> Array:
    xp = backend.namespace(n)
    field = n.astype(np.float32).view(np.int32) >> bit_patterns.FRACTION_BITS
    return xp.where(n == 0, 0, field - 126)
