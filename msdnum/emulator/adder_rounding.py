"""Rounding of float elements by binary32's own adder, in a fraction of the integer operations.

``v + 2**(e + 23 - m)`` with ``2**e <= v < 2**(e + 1)`` has an ulp of ``2**(e - m)``: the adder
rounds v to m fraction bits, to nearest, ties to even, and the low bits of the sum are the code.
"""

import numpy as np

from msdnum.emulator import backend, bit_patterns
from msdnum.emulator.backend import Array
from msdnum.emulator.bit_patterns import BIAS, EMIN, ETA_EXPONENT, FRACTION_BITS, INF
from msdnum.emulator.codes import storage_dtype
from msdnum.emulator.machine_modes import flushes_subnormals
from msdnum.formats.elements import FloatFormat
from msdnum.formats.modes import Rounding

__all__ = ["codes_by_adder", "suits_adder"]

LOWEST = -80
"""Exponent of the smallest quantum: far above what the product with a scale may lose."""


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
        return _in_place(pattern, exponent, fmt).astype(storage_dtype(fmt))
    xp, m = backend.namespace(pattern), fmt.fraction_bits
    with np.errstate(all="ignore"):
        v = _quotients(pattern & bit_patterns.MAGNITUDE_MASK, exponent)
        binade = xp.maximum(v.view(np.int32) & INF, (fmt.emin + BIAS) << FRACTION_BITS)
        adder = binade + ((FRACTION_BITS - m) << FRACTION_BITS)
        count = (v + adder.view(np.float32)).view(np.int32) - adder
    # Above the binade of the subnormal numbers each step of the exponent is 2**m codes.
    above = (binade - ((fmt.emin + BIAS) << FRACTION_BITS)) >> (FRACTION_BITS - m)
    magnitude = xp.minimum(count + above, fmt.max_code)
    sign = (pattern >> 31) & (1 << (fmt.bits - 1))
    return (magnitude | sign).astype(storage_dtype(fmt))


def _in_place(pattern: Array, exponent: Array, fmt: FloatFormat) -> Array:
    """Return the same codes as int32 by the same steps, with three arrays for all that NumPy makes.

    A new array for each step would take twice as long: it is not in the cache.
    """
    m, lowest = fmt.fraction_bits, (fmt.emin + BIAS) << FRACTION_BITS
    codes = pattern & bit_patterns.MAGNITUDE_MASK
    with np.errstate(all="ignore"):
        v = codes.view(np.float32)
        v *= _power(np, -exponent)
        above = codes & INF
        np.maximum(above, lowest, out=above)
        adder = above + ((FRACTION_BITS - m) << FRACTION_BITS)
        v += adder.view(np.float32)
    codes -= adder
    above -= lowest
    above >>= FRACTION_BITS - m
    codes += above
    np.minimum(codes, fmt.max_code, out=codes)
    sign = np.right_shift(pattern, 31, out=adder)
    sign &= 1 << (fmt.bits - 1)
    codes |= sign
    return codes


def _quotients(magnitude: Array, exponent: Array) -> Array:
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
