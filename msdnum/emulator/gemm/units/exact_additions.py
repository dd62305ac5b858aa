"""Additions and products of two numbers, exact and then rounded once: any format, any rounding.

Numbers are two limbs, ``(high * 2**24 + low) * 2**exponent``, so that the product of two binary32
significands fits, and everything is an operation on int32.
"""

from typing import NamedTuple

import numpy as np

from msdnum.emulator import backend, bit_patterns
from msdnum.emulator.backend import Array
from msdnum.emulator.gemm.units.rounding import leading_bits, rounded
from msdnum.formats.elements import FloatFormat
from msdnum.formats.own_units import SumRounding

__all__ = ["Limbs", "added", "as_number", "limbs_of", "product_of"]

BASE = 24
MASK = (1 << BASE) - 1
LOWEST = -100_000
"""Exponent of a zero: below all others."""


class Limbs(NamedTuple):
    """A magnitude of at most 48 bits, ``high * 2**24 + low`` times a power of two, and a sign."""

    negative: Array
    high: Array
    low: Array
    exponent: Array


def limbs_of(x: Array) -> Limbs:
    """Return finite float32 numbers in limbs, the leading bit at ``2**47`` where there is one."""
    xp = backend.namespace(x)
    parts = bit_patterns.fields(x.view(np.int32))
    zero = parts.significand == 0
    exponent = xp.where(zero, LOWEST, parts.exponent - 47)
    return Limbs(parts.negative, parts.significand, xp.zeros_like(parts.significand), exponent)


def product_of(a: Array, b: Array, exponent: Array) -> Limbs:
    """Return the exact ``a * b * 2**exponent`` of finite float32 numbers."""
    xp = backend.namespace(a)
    x, y = (bit_patterns.fields(v.view(np.int32)) for v in (a, b))
    (x1, x0), (y1, y0) = ((v.significand >> 12, v.significand & 0xFFF) for v in (x, y))
    middle = x1 * y0 + x0 * y1
    low = ((middle & 0xFFF) << 12) + x0 * y0
    high = x1 * y1 + (middle >> 12) + (low >> BASE)
    zero = (x.significand == 0) | (y.significand == 0)
    exponent = xp.where(zero, LOWEST, x.exponent + y.exponent + exponent - 46)
    return Limbs(x.negative != y.negative, high, low & MASK, exponent)


def as_number(x: Limbs, fmt: FloatFormat, rounding: SumRounding, *, flushes: bool = False) -> Array:
    """Return a number rounded to a format, as float32, a zero with its sign."""
    leading = leading_bits(x.high, x.low, BASE, x.exponent)
    leading = leading._replace(negative=x.negative)
    return rounded(leading, fmt, rounding, negative_zero=x.negative, flushes=flushes)


def added(
    c: Array, x: Limbs, fmt: FloatFormat, rounding: SumRounding, *, flushes: bool = False
) -> Array:
    """Return ``c + x``, rounded once, as float32; c of the format where it is Inf or NaN."""
    xp = backend.namespace(c)
    pattern = c.view(np.int32)
    infinite = (pattern & bit_patterns.MAGNITUDE_MASK) >= bit_patterns.INF
    own = limbs_of(xp.where(infinite, 0, pattern).view(np.float32))
    top = xp.maximum(own.exponent, x.exponent)
    (high, low, lost), (other_high, other_low, other_lost) = (_below(v, top) for v in (own, x))
    high, low = high + other_high, low + other_low
    # Both are rounded down, at most one of them in fact: half a unit stands for what it has lost.
    leading = leading_bits(high, low << 1 | lost | other_lost, BASE + 1, top - 3)
    zero = (high == 0) & (low == 0) & ~(lost | other_lost)
    both = own.negative & x.negative
    if rounding is SumRounding.DOWN:
        both = own.negative | x.negative
    negative = xp.where(zero, both, leading.negative)
    leading = leading._replace(negative=negative)
    found = rounded(leading, fmt, rounding, negative_zero=negative, flushes=flushes)
    return xp.where(infinite, pattern, found.view(np.int32)).view(np.float32)


def _below(x: Limbs, top: Array) -> tuple[Array, Array, Array]:
    """Return signed limbs in units of ``2**(top - 2)``, rounded down, and whether that lost any."""
    xp = backend.namespace(x.high)
    # Two bits of room below: of two numbers that differ so much, none is lost in a cancellation.
    high, low = x.high << 2 | x.low >> BASE - 2, x.low << 2 & MASK
    distance, lost = top - x.exponent, xp.zeros_like(high) != 0
    for i in range(3):
        shift = xp.clip(distance - i * BASE, 0, BASE)
        lost = lost | ((low & ((1 << shift) - 1)) != 0)
        low = low >> shift | (high & ((1 << shift) - 1)) << BASE - shift
        high = high >> shift
    low = low + (x.negative & lost)
    return xp.where(x.negative, -high, high), xp.where(x.negative, -low, low), lost
