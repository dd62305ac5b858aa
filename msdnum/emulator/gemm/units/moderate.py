"""Aligned sums of values of moderate exponents: fewer operations, the same bits.

A product of values times ``2**(fraction_bits - top)`` is what is truncated to an integer; no
exponent has to be composed for it. Where every product that is not zero is at least ``2**-60`` or
so, every power of two here is a normal number, and none of the sums is subnormal or overflows.
"""

from collections.abc import Sequence
from functools import reduce
from typing import NamedTuple

import numpy as np

from msdnum.emulator import backend, bit_patterns
from msdnum.emulator.backend import Array
from msdnum.emulator.gemm.tiles import Arrays
from msdnum.emulator.gemm.units.rounding import PRODUCT_BIAS, power_of_two
from msdnum.formats.elements import FP16

__all__ = [
    "LOWEST_PRODUCT", "LOWEST_TOP", "Magnitude", "exponent_of", "largest_exponent",
    "magnitude_of", "nearest_fp16", "scaled_sum", "truncated_magnitude",
]  # fmt: skip

LOWEST_PRODUCT = -60
"""Least exponent of a product. A sum is then a multiple of ``2**-92``, c too."""
LOWEST_TOP = -90
"""Least exponent that anything is aligned to: c is a multiple of its unit, whatever c is."""


class Magnitude(NamedTuple):
    """A sum of 32 bits without its sign, uint32."""

    negative: Array
    bits: Array


def exponent_of(c: Array) -> Array:
    """Return the exponents of normal numbers, and something below all exponents for zeros."""
    field = (c.view(np.int32) & bit_patterns.MAGNITUDE_MASK) >> bit_patterns.FRACTION_BITS
    return field - bit_patterns.BIAS


def largest_exponent(a: Arrays, b: Arrays, ks: Sequence[int]) -> Array:
    """Return the largest exponent of products, LOWEST_TOP if that is larger."""
    xp = backend.namespace(a[1])
    largest = reduce(xp.maximum, (a[1][:, k, None] + b[1][k] for k in ks))
    return xp.maximum(largest - PRODUCT_BIAS, LOWEST_TOP)


def scaled_sum(a: Arrays, b: Arrays, ks: Sequence[int], scale: Array) -> Array:
    """Return the sum of products times a power of two, each truncated to an integer, int32."""
    return sum((a[0][:, k, None] * b[0][k] * scale).astype(np.int32) for k in ks)


def magnitude_of(x: Array, y: Array) -> Magnitude:
    """Return the sum of two int32 whose magnitudes are below 2**31, and in all below 2**32."""
    xp = backend.namespace(x)
    total = x + y
    wrapped = ((total ^ x) & (total ^ y)) < 0
    negative = xp.where(wrapped, x, total) < 0
    return Magnitude(negative, xp.where(negative, -total, total).view(np.uint32))


def _dropped(x: Magnitude, kept: int) -> tuple[Array, Array]:
    """Return the leading bits, as int32, and how many are below them."""
    xp = backend.namespace(x.bits)
    above = (x.bits >> np.uint32(kept)).view(np.int32).astype(np.float32).view(np.int32)
    drop = xp.maximum((above >> bit_patterns.FRACTION_BITS) - (bit_patterns.BIAS - 1), 0)
    return (x.bits >> drop.view(np.uint32)).view(np.int32), drop


def truncated_magnitude(x: Magnitude, fraction_bits: int, exponent: Array) -> Array:
    """Return the sum times ``2**exponent``, truncated to a significand; at least 2**-126."""
    kept, drop = _dropped(x, fraction_bits + 1)
    result = kept.astype(np.float32) * power_of_two(exponent + drop)
    sign = x.negative.astype(np.int32) << 31
    return (result.view(np.int32) | sign).view(np.float32)


def nearest_fp16(x: Magnitude, exponent: Array) -> Array:
    """Return the sum times ``2**exponent``, rounded to FP16 (RNE), zero as +0, as float32.

    Of more than 24 bits the last is set where one below it is. The adder rounds to a multiple of
    the last bit of FP16, beside a number as much larger as binary32 has bits.
    """
    xp = backend.namespace(x.bits)
    large = x.bits >> np.uint32(24) != 0
    short = (x.bits >> np.uint32(8)) | ((x.bits & np.uint32(255)) != 0)
    kept = xp.where(large, short, x.bits).view(np.int32).astype(np.float32)
    value = kept * power_of_two(exponent + xp.where(large, np.int32(8), np.int32(0)))
    shift = np.float32(1.5) * power_of_two(xp.maximum(exponent_of(value), FP16.emin) + 13)
    rounded = (value + shift) - shift
    rounded = xp.where(rounded > FP16.max_finite, np.float32(np.inf), rounded)
    return xp.where(x.negative & (rounded > 0), -rounded, rounded)
