"""One step of each matrix unit: addends aligned in fixed point, summed exactly, rounded once.

Integer operations, and products and powers of two that float32 holds: the same bits everywhere.
"""

import operator
from collections.abc import Sequence
from functools import reduce

import numpy as np

from msdnum.emulator import backend, bit_patterns
from msdnum.emulator.backend import Array
from msdnum.formats.accumulators import Cdna3Unit, GroupedUnit, MatrixUnit

__all__ = [
    "EXPONENT_BIAS", "cdna3_step", "grouped_step", "matrix_unit_step", "with_infinite_products",
]  # fmt: skip

EXPONENT_BIAS = 2000
"""Of the exponents of elements, so that 0 is below all exponents that there are."""
PRODUCT_BIAS = 2 * EXPONENT_BIAS

EMIN = bit_patterns.EMIN
NARROW = 8
"""Bits of the low limb of a sum of aligned products."""
WIDE = 20
"""Bits of the low limb of a sum with up to 35 fraction bits."""


def matrix_unit_step(c: Array, a: Sequence[Array], b: Sequence[Array], unit: MatrixUnit) -> Array:
    """Return the next accumulator, after ``unit.group`` products.

    Parameters
    ----------
    c : Array of float32
        Shape (m, n).
    a, b : sequence of two arrays
        Significands (float32) and biased exponents (int32), (m, group) and (group, n).
    unit : MatrixUnit
    """
    significand, exponent = _significand(c, unit.exponent_of_zero)
    top = _largest_exponent(a[1], b[1], exponent)
    high, low = _limbs(_truncate(significand, exponent - top + unit.fraction_bits - 23))
    # As many products as an int32 holds, each below 2**(fraction_bits + 2).
    size = 1 << (29 - unit.fraction_bits)
    for start in range(0, a[0].shape[1], size):
        part = _aligned_sum(a, b, range(a[0].shape[1])[start : start + size], top, unit)
        part_high, part_low = _limbs(part)
        high, low = high + part_high, low + part_low
    return _rounded(c, high, low, NARROW, top - unit.fraction_bits, unit.result_bits)


def _aligned_sum(
    a: Sequence[Array],
    b: Sequence[Array],
    ks: Sequence[int],
    top: Array,
    unit: MatrixUnit | Cdna3Unit,
) -> Array:
    """Return the sum of products truncated to multiples of ``2**(top - fraction_bits)``, int32."""
    offset = unit.fraction_bits - PRODUCT_BIAS - top
    return sum(
        _shifted(a[0][:, k, None] * b[0][k], a[1][:, k, None] + b[1][k] + offset) for k in ks
    )


def _shifted(product: Array, exponent: Array) -> Array:
    """Return ``product * 2**exponent`` truncated to an integer; product below 4, exponent to 25."""
    xp = backend.namespace(product)
    return (product * _power(xp.maximum(exponent, -40))).astype(np.int32)


def _power(exponent: Array) -> Array:
    return (exponent + bit_patterns.BIAS << bit_patterns.FRACTION_BITS).view(np.float32)


def _largest_exponent(ea: Array, eb: Array, start: Array) -> Array:
    """Return the larger of ``start``, the exponent of c or zero, and those of products."""
    xp = backend.namespace(ea)
    sums = (ea[:, k, None] + eb[k] for k in range(ea.shape[1]))
    return reduce(xp.maximum, sums, start + PRODUCT_BIAS) - PRODUCT_BIAS


def _significand(c: Array, exponent_of_zero: int = EMIN) -> tuple[Array, Array]:
    """Return the signed integer significand s and the exponent e, c = s * 2**(e - 23).

    Subnormal numbers have the exponent -126, zeros what is given.
    """
    xp = backend.namespace(c)
    pattern = c.view(np.int32)
    field = (pattern & bit_patterns.MAGNITUDE_MASK) >> bit_patterns.FRACTION_BITS
    magnitude = pattern & bit_patterns.FRACTION_MASK
    magnitude = xp.where(field > 0, magnitude | bit_patterns.IMPLICIT_BIT, magnitude)
    exponent = xp.maximum(field, 1) - bit_patterns.BIAS
    if exponent_of_zero != EMIN:
        exponent = xp.where(magnitude == 0, exponent_of_zero, exponent)
    return xp.where(pattern < 0, -magnitude, magnitude), exponent


def _truncate(integer: Array, shift: Array) -> Array:
    """Return ``integer * 2**shift`` truncated; shift at most 2."""
    xp = backend.namespace(integer)
    magnitude = xp.abs(integer) << xp.maximum(shift, 0) >> xp.clip(-shift, 0, 31)
    return xp.where(integer < 0, -magnitude, magnitude)


def _limbs(integer: Array) -> tuple[Array, Array]:
    return integer >> NARROW, integer & ((1 << NARROW) - 1)


def grouped_step(c: Array, a: Sequence[Array], b: Sequence[Array], unit: GroupedUnit) -> Array:
    """Return the next accumulator, after ``unit.group`` products.

    Parameters
    ----------
    c : Array of float32
        Shape (m, n).
    a, b : sequence of three arrays
        Elements (float32), significands (float32) and exponents (int32) of their scales.
    unit : GroupedUnit
    """
    xp = backend.namespace(c)
    significand, top = _significand(c, unit.exponent_of_zero)
    addends = [(significand, top - 23)]
    for start in range(0, a[0].shape[1], unit.exact):
        ks = range(start, min(start + unit.exact, a[0].shape[1]))
        products = [a[0][:, k, None] * b[0][k] for k in ks]
        scale = a[1][:, start, None] * b[1][start]
        # E2M1 products are multiples of 1/4, scale significands of 1/8: below 2**20 in all.
        total = (sum(products) * scale * np.float32(2**8)).astype(np.int32)
        exponent = a[2][:, start, None] + b[2][start]
        addends.append((total, exponent - 8))
        # The sum can be zero where products are not.
        nonzero = reduce(operator.or_, [p.view(np.int32) for p in products])
        counts = ((nonzero & bit_patterns.MAGNITUDE_MASK) != 0) & (scale != 0)
        top = xp.maximum(top, xp.where(counts, exponent, unit.exponent_of_zero))
    limbs = [_split(total, place - top + unit.fraction_bits) for total, place in addends]
    high, low = (sum(limb) for limb in zip(*limbs, strict=True))
    return _rounded(c, high, low, WIDE, top - unit.fraction_bits, 23)


def _split(integer: Array, shift: Array) -> tuple[Array, Array]:
    """Return ``integer * 2**shift``, truncated, in limbs of the same sign; shift at most 27."""
    xp = backend.namespace(integer)
    magnitude = xp.abs(integer)
    left, right = xp.clip(shift, 0, 27), xp.clip(-shift, 0, 31)
    truncated = magnitude >> right
    high = truncated >> xp.maximum(WIDE - left, 0) << xp.maximum(left - WIDE, 0)
    low = truncated << left & ((1 << WIDE) - 1)
    return xp.where(integer < 0, -high, high), xp.where(integer < 0, -low, low)


def cdna3_step(c: Array, a: Sequence[Array], b: Sequence[Array], unit: Cdna3Unit) -> Array:
    """Return the next accumulator where products are finite; see ``with_infinite_products``.

    Parameters as for ``matrix_unit_step``.
    """
    xp = backend.namespace(c)
    f, sums, tops = unit.fraction_bits, [], []
    for part in range(unit.parts):
        ks = range(a[0].shape[1])[part :: unit.parts]
        exponents = [a[1][:, k, None] + b[1][k] for k in ks] or [xp.zeros_like(c, np.int32)]
        tops.append(reduce(xp.maximum, exponents) - PRODUCT_BIAS)
        sums.append(_aligned_sum(a, b, ks, tops[-1], unit))
    joint = reduce(xp.maximum, tops)
    total = sum(s >> xp.minimum(joint - top, 31) for s, top in zip(sums, tops, strict=True))
    significand, exponent = _significand(c)
    top = xp.maximum(joint, exponent)
    # In units of 2**(top - sum_bits - 1), of which ``low`` has those below 2**(top - f).
    extra, down = unit.sum_bits + 1 - f, top - joint
    low = total << xp.maximum(extra - down, 0) >> xp.clip(down - extra, 0, 31) & (1 << extra) - 1
    high = (total >> xp.minimum(down, 31)) + _lowered_accumulator(significand, exponent, top, unit)
    # Rounded down to ``sum_bits`` below its own exponent, at least -126.
    length = _bit_length(high ^ (high >> 31))
    drop = xp.maximum(xp.maximum(length - f, EMIN + 1 - top), 0)
    past = xp.maximum(drop - extra, 0)
    high, low = high >> past << past, low & (-1 << drop)
    return _rounded(c, high, low, extra, top - unit.sum_bits - 1, 23, nearest=True)


def _lowered_accumulator(significand: Array, exponent: Array, top: Array, unit: Cdna3Unit) -> Array:
    """Return c rounded down to an integer in units of ``2**(top - fraction_bits)``."""
    xp = backend.namespace(significand)
    shift = exponent - top + unit.fraction_bits - 23
    aligned = significand << xp.maximum(shift, 0) >> xp.clip(-shift, 0, 31)
    if unit.drops_accumulator:
        aligned = xp.where(exponent < top - unit.fraction_bits - 1, 0, aligned)
    return aligned


def with_infinite_products(
    result: Array, c: Array, a: Sequence[Array], b: Sequence[Array]
) -> Array:
    """Return ``result``, but where products are 2**128 or more, c and those as infinities.

    Parameters
    ----------
    result : Array of float32
        What a step makes of finite products, (m, n).
    c, a, b
        What the step was given, as for ``matrix_unit_step``.
    """
    possible = a[1].max() + b[1].max() >= 127 + PRODUCT_BIAS

    def replaced() -> Array:
        xp = backend.namespace(c)
        total = xp.zeros_like(c)
        for k in range(a[0].shape[1]):
            exponent = xp.clip(a[1][:, k, None] + b[1][k] - PRODUCT_BIAS, 0, 250)
            # Two powers that binary32 has, even where it has no number for the product.
            product = a[0][:, k, None] * b[0][k] * _power(exponent >> 1)
            product = product * _power(exponent - (exponent >> 1))
            total = total + xp.where(xp.isinf(product), product, np.float32(0))
        return xp.where(total == 0, result, c + total)

    if not backend.is_jax(possible):
        return replaced() if possible else result
    import jax

    return jax.lax.cond(possible, replaced, lambda: result)


def _rounded(
    c: Array,
    high: Array,
    low: Array,
    base: int,
    exponent: Array,
    result_bits: int,
    nearest: bool = False,
) -> Array:
    """Return ``(high * 2**base + low) * 2**exponent`` in float32, unless c is already Inf."""
    xp = backend.namespace(c)
    high, low = high + (low >> base), low & ((1 << base) - 1)
    negative = high < 0
    borrow = negative & (low != 0)
    high = xp.where(negative, -high - borrow, high)
    low = xp.where(borrow, (1 << base) - low, low)
    # The 27 highest bits, the rest in ``sticky``.
    length = _bit_length(high)
    drop = xp.maximum(length - 27, 0)
    take = xp.clip(27 - length, 0, base)
    head = (high >> drop << take) | (low >> base - take)
    rest = (high & ((1 << drop) - 1)) | (low & ((1 << base - take) - 1))
    place = exponent + base - take + drop
    shift = xp.maximum(_bit_length(head) - (result_bits + 1), EMIN - result_bits - place)
    shift = xp.clip(shift, 0, 28)
    doubled = head << 1 | (rest != 0)
    rounded = bit_patterns.shift_rne(doubled, shift + 1) if nearest else head >> shift
    # To nearest, a negative number can become -0; truncated, it is +0.
    negative = negative & (nearest | (rounded != 0))
    result = bit_patterns.compose(negative, rounded, place + shift)
    overflowed = (c.view(np.int32) & bit_patterns.MAGNITUDE_MASK) >= bit_patterns.INF
    return xp.where(overflowed, c.view(np.int32), result.view(np.int32)).view(np.float32)


def _bit_length(n: Array) -> Array:
    """Return the bit length of a nonnegative int32."""
    xp = backend.namespace(n)
    high = n >> 8
    return xp.where(high > 0, _small_bit_length(high) + 8, _small_bit_length(n))


def _small_bit_length(n: Array) -> Array:
    xp = backend.namespace(n)
    field = n.astype(np.float32).view(np.int32) >> bit_patterns.FRACTION_BITS
    return xp.where(n == 0, 0, field - 126)
