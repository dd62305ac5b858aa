"""Rounding of float elements by binary32's own adder, in a fraction of the integer operations.

``v + 2**(e + 23 - m)`` with ``2**e <= v < 2**(e + 1)`` has an ulp of ``2**(e - m)``: the adder
rounds v to m fraction bits, to nearest, ties to even, and the low bits of the sum are the code.
"""

from collections.abc import Sequence

import numpy as np

from msdnum.emulator import backend, bit_patterns
from msdnum.emulator.backend import Array
from msdnum.emulator.bit_patterns import BIAS, EMIN, ETA_EXPONENT, FRACTION_BITS, INF
from msdnum.emulator.codes import storage_dtype
from msdnum.emulator.machine_modes import flushes_subnormals
from msdnum.formats.elements import FloatFormat
from msdnum.formats.modes import Rounding

__all__ = ["codes_by_adder", "quotients_by_powers", "suits_adder", "suits_terms", "terms_by_adder"]

LOWEST = -80
"""Exponent of the smallest quantum: far above what the product with a scale may lose."""
SPARE = LOWEST - EMIN - 2
"""Binades between what a product may lose and half of half of the smallest quantum."""
HIGHEST = BIAS - FRACTION_BITS - 4
"""Exponent of the largest number whose quotient, four times as large, has a finite adder."""


def suits_adder(pattern: Array, fmt: FloatFormat, rounding: Rounding) -> bool:
    """Return whether ``codes_by_adder`` gives the codes of these patterns.

    Parameters
    ----------
    pattern : Array of int32 or int64
        Binary32 or binary64 patterns.
    fmt : FloatFormat
        Format of the elements.
    rounding : Rounding
        Of the elements.
    """
    return (
        fmt.signed
        and fmt.subnormals
        and fmt.has_negative_zero
        and not fmt.ties_by_code
        # 2**-e is normal for every e up to 128 - emax: JAX takes subnormal factors for zero.
        and 1 < fmt.emax < -LOWEST
        and fmt.emin - fmt.fraction_bits > LOWEST
        and fmt.fraction_bits < FRACTION_BITS
        and rounding is Rounding.RNE
        and bit_patterns.width(pattern) is bit_patterns.BINARY32
        and (backend.is_jax(pattern) or not flushes_subnormals())
    )


def codes_by_adder(pattern: Array, exponent: Array, fmt: FloatFormat) -> Array:
    """Return the codes of ``x / 2**exponent``, rounded to nearest, ties to even, and saturated.

    Parameters
    ----------
    pattern : Array of int32
        Binary32 patterns of x, one row for each block. What becomes of Inf and NaN is not defined.
    exponent : Array of int32
        Of shape (rows, 1): -127 to ``128 - fmt.emax``, such that no quotient is above
        ``2**(fmt.emax + 2)``.
    fmt : FloatFormat
        As ``suits_adder`` wants it.
    """
    if not backend.is_jax(pattern):
        return _in_place(pattern, (exponent,), (fmt,))[0]
    with np.errstate(all="ignore"):
        magnitude, _ = _rounded(
            quotients_by_powers(pattern & bit_patterns.MAGNITUDE_MASK, exponent), fmt
        )
    sign = (pattern >> 31) & (1 << (fmt.bits - 1))
    return (magnitude | sign).astype(storage_dtype(fmt))


def suits_terms(pattern: Array, formats: Sequence[FloatFormat], drops: Sequence[int]) -> bool:
    """Return whether ``terms_by_adder`` gives the codes of terms of these formats.

    Parameters
    ----------
    pattern : Array of int32 or int64
        Binary32 or binary64 patterns.
    formats : sequence of FloatFormat
        Of the elements of each term.
    drops : sequence of int
        By how much the exponent of each scale but the first is below that of the one before.
    """
    suited = all(suits_adder(pattern, fmt, Rounding.RNE) for fmt in formats)
    # What is lost of a quotient below all normal numbers stays below half a quantum, and no
    # quotient and adder overflow.
    largest = max(fmt.emax for fmt in formats) + sum(drops)
    return suited and min(drops, default=0) >= 0 and sum(drops) < SPARE and largest < HIGHEST


def terms_by_adder(
    pattern: Array, exponents: Sequence[Array], formats: Sequence[FloatFormat]
) -> list[Array]:
    """Return the codes of terms: each rounds what those before it have left of x.

    What is left is exact by the spacing of the numbers. In JAX it stays a quotient, so that no
    subnormal number is met.

    Parameters
    ----------
    pattern : Array of int32
        As for ``codes_by_adder``.
    exponents : sequence of Array of int32
        Of the scale of each term, shape (rows, 1): as for ``codes_by_adder``, none above the one
        before it.
    formats : sequence of FloatFormat
        As ``suits_terms`` wants them.
    """
    if not backend.is_jax(pattern):
        return _in_place(pattern, exponents, formats)
    xp = backend.namespace(pattern)
    magnitude = pattern & bit_patterns.MAGNITUDE_MASK
    negative, nonzero, found = pattern < 0, magnitude != 0, []
    with np.errstate(all="ignore"):
        v = quotients_by_powers(magnitude, exponents[0])
        for i, fmt in enumerate(formats):
            code, taken = _rounded(v, fmt)
            sign = negative.astype(np.int32) << (fmt.bits - 1)
            found.append((code | sign).astype(storage_dtype(fmt)))
            if i == len(formats) - 1:
                break
            rest = v - taken
            # A quotient that was too small for binary32 has left all of x.
            nonzero = xp.where(taken == 0, nonzero, rest != 0)
            negative = (negative != (rest < 0)) & nonzero
            v = xp.abs(rest) * _power(xp, exponents[i] - exponents[i + 1])
    return found


def _rounded(v: Array, fmt: FloatFormat) -> tuple[Array, Array]:
    """Return the codes of quotients that are not negative, saturated, and the numbers of these."""
    xp, m = backend.namespace(v), fmt.fraction_bits
    lowest = (fmt.emin + BIAS) << FRACTION_BITS
    binade = xp.maximum(v.view(np.int32) & INF, lowest)
    pattern = binade + ((FRACTION_BITS - m) << FRACTION_BITS)
    adder = pattern.view(np.float32)
    total = v + adder
    # Above the binade of the subnormal numbers each step of the exponent is 2**m codes.
    above = (binade - lowest) >> (FRACTION_BITS - m)
    codes = xp.minimum(total.view(np.int32) - pattern + above, fmt.max_code)
    return codes, xp.minimum(total - adder, np.float32(fmt.max_finite))


def _in_place(
    pattern: Array, exponents: Sequence[Array], formats: Sequence[FloatFormat]
) -> list[Array]:
    """Return the same codes by the same steps, in few arrays for all that NumPy makes.

    A new array for each step would take twice as long: it is not in the cache.
    """
    above, adder, codes = (np.empty_like(pattern) for _ in range(3))
    found, last = [], len(formats) - 1
    with np.errstate(all="ignore"):
        for i, (fmt, exponent) in enumerate(zip(formats, exponents, strict=True)):
            left = pattern & bit_patterns.MAGNITUDE_MASK
            v, total = left.view(np.float32), codes.view(np.float32)
            v *= _power(np, -exponent)
            shift, lowest = FRACTION_BITS - fmt.fraction_bits, (fmt.emin + BIAS) << FRACTION_BITS
            np.bitwise_and(left, INF, out=above)
            np.maximum(above, _full(above, lowest), out=above)
            np.add(above, shift << FRACTION_BITS, out=adder)
            np.add(v, adder.view(np.float32), out=total)
            above -= lowest
            above >>= shift
            above += codes
            above -= adder
            np.minimum(above, _full(above, fmt.max_code), out=above)
            if i < last:
                total -= adder.view(np.float32)
                np.minimum(total, _full(total, fmt.max_finite), out=total)
            sign = np.right_shift(pattern, 31, out=adder)
            above |= np.bitwise_and(sign, 1 << (fmt.bits - 1), out=sign)
            found.append(above.astype(storage_dtype(fmt)))
            if i < last:
                pattern = _take_away(pattern, left, total, _power(np, exponent))
    return found


def _full(like: Array, number: float) -> Array:
    """Return an array of one number: NumPy compares arrays in vectors, one with a number not."""
    return np.full_like(like, number)


def _take_away(pattern: Array, left: Array, taken: Array, scale: Array) -> Array:
    """Return the patterns of what a term has left of x, in ``left``, which has the quotients."""
    rest = left.view(np.float32)
    rest -= taken
    rest *= scale
    left ^= pattern & ~bit_patterns.MAGNITUDE_MASK
    # A quotient below all normal numbers may not be exact, but then nothing is taken, and x is
    # left: selected by bits, for NumPy branches at each element that it selects by a mask.
    nothing = (taken == 0).view(np.int8).astype(np.int32)
    np.negative(nothing, out=nothing)
    nothing &= left ^ pattern
    left ^= nothing
    rest += 0
    return left


def quotients_by_powers(magnitude: Array, exponent: Array) -> Array:
    """Return magnitudes over powers of two: exact, or so small that they have the code 0."""
    xp = backend.namespace(magnitude)
    quotient = magnitude.view(np.float32) * _power(xp, -exponent)
    # JAX takes a subnormal number for zero, but not the integer that it is in units of 2**-149.
    unit = ETA_EXPONENT - exponent
    power = xp.where(unit < EMIN, np.float32(0), _power(xp, xp.clip(unit, EMIN, BIAS)))
    subnormal = magnitude.astype(np.float32) * power
    return xp.where(magnitude < bit_patterns.IMPLICIT_BIT, subnormal, quotient)


def _power(xp: Array, exponent: Array) -> Array:
    """Return ``2**exponent`` as float32, for -127 to 127."""
    normal = (exponent + BIAS) << FRACTION_BITS
    half_of_smallest = bit_patterns.IMPLICIT_BIT >> 1
    return xp.where(exponent < EMIN, half_of_smallest, normal).astype(np.int32).view(np.float32)
