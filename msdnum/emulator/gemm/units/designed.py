"""Units whose parameters are data: alignment, its rounding, a sticky bit, c early or late."""

from collections.abc import Sequence
from functools import reduce
from typing import NamedTuple

import numpy as np

from msdnum.emulator import backend, bit_patterns
from msdnum.emulator.backend import Array
from msdnum.emulator.gemm.operands import Prepared
from msdnum.emulator.gemm.tiles import Arrays
from msdnum.emulator.gemm.units.aligned import ExponentSums
from msdnum.emulator.gemm.units.cdna3 import with_infinite_products
from msdnum.emulator.gemm.units.rounding import (
    PRODUCT_BIAS,
    goes_up,
    leading_bits,
    limbs,
    power_of_two,
    rounded,
    significand_and_exponent,
    unless_infinite,
    without_subnormal_sums,
)
from msdnum.emulator.gemm.units.sums import Operands, OperandTypes, Operations, Range, Step
from msdnum.formats.own_units import DesignedUnit

__all__ = ["DesignedSums"]

LOW_BITS = 8
"""Bits of the low limb of a sum."""
NOWHERE = -1_000_000
"""Exponent of a product that is zero."""


class Sum(NamedTuple):
    """A sum of aligned addends in two limbs, and whether anything was lost."""

    high: Array
    low: Array
    lost: Array


class DesignedSums(ExponentSums[DesignedUnit]):
    """Sums of a `DesignedUnit`."""

    def operands(self, a: Prepared, b: Prepared, kinds: OperandTypes, values: Range) -> Operands:
        """Return significands and biased exponents, without subnormal elements if these are 0."""
        found = super().operands(a, b, kinds, values)
        if not self.accumulator.flushes_inputs:
            return found
        return found._replace(left=_normal(found.left), right=_normal(found.right))

    def step(self, operations: Operations, kinds: OperandTypes) -> tuple[Step, int]:
        """Return the step of one group."""
        unit = self.accumulator

        def step(c: Array, a: Arrays, b: Arrays) -> Array:
            result = _next(_flushed(c, unit), a, b, unit)
            if unit.bounded_products and not all(k.bounded for k in kinds):
                return with_infinite_products(result, c, a, b)
            return result

        return step, unit.group


def _normal(side: Arrays) -> Arrays:
    """Return a side in which subnormal elements, whose significand is below 1, are zeros."""
    xp = backend.namespace(side[0])
    small = xp.abs(side[0]) < 1
    return [xp.where(small, np.float32(0), side[0]), xp.where(small, 0, side[1])]


def _flushed(x: Array, unit: DesignedUnit) -> Array:
    return without_subnormal_sums(x, unit.output) if unit.flushes_results else x


def _next(c: Array, a: Arrays, b: Arrays, unit: DesignedUnit) -> Array:
    products, exponents = _products(a, b, unit)
    total, top = (_late if unit.late else _early)(c, products, exponents, unit)
    low = total.low << 1 | total.lost if unit.sticky else total.low << 1
    leading = leading_bits(total.high, low, LOW_BITS + 1, top - unit.fraction_bits - 1)
    found = rounded(leading, unit.output, unit.rounding)
    return unless_infinite(c, _flushed(found, unit))


def _products(a: Arrays, b: Arrays, unit: DesignedUnit) -> tuple[list[Array], list[Array]]:
    """Return products of significands, below 4, and their exponents; NOWHERE for zeros."""
    xp = backend.namespace(a[0])
    products, exponents = [], []
    for k in range(a[0].shape[1]):
        product = a[0][:, k, None] * b[0][k]
        exponent = a[1][:, k, None] + b[1][k] - PRODUCT_BIAS
        if unit.normalized:
            own = bit_patterns.fields(product.view(np.int32)).exponent
            product = product * power_of_two(xp.where(product == 0, 0, -own))
            exponent = exponent + own
        products.append(product)
        exponents.append(xp.where(product == 0, NOWHERE, exponent))
    return products, exponents


def _early(
    c: Array, products: list[Array], exponents: list[Array], unit: DesignedUnit
) -> tuple[Sum, Array]:
    xp = backend.namespace(c)
    value, exponent, own = _accumulator(c, unit)
    top = reduce(xp.maximum, exponents, xp.maximum(own, unit.zero))
    return _aligned([*products, value], [*exponents, exponent], top, unit), top


def _late(
    c: Array, products: list[Array], exponents: list[Array], unit: DesignedUnit
) -> tuple[Sum, Array]:
    xp = backend.namespace(c)
    sums, tops, lost = [], [], xp.zeros_like(c) != 0
    for p in range(min(unit.parts, len(products))):
        own = reduce(xp.maximum, exponents[p :: unit.parts])
        part = _aligned(products[p :: unit.parts], exponents[p :: unit.parts], own, unit)
        sums.append((part.high << LOW_BITS) + part.low)
        tops.append(own)
        lost = lost | part.lost
    joint = reduce(xp.maximum, tops)
    total = xp.zeros_like(sums[0])
    for part, own in zip(sums, tops, strict=True):
        moved, some = _lowered(part, joint - own, unit)
        total, lost = total + moved, lost | some
    value, exponent, own = _accumulator(c, unit)
    top = xp.maximum(joint, own)
    total, some = _lowered(total, top - joint, unit)
    start = _aligned([value], [exponent], top, unit)
    high, low = limbs(total, LOW_BITS)
    return Sum(high + start.high, low + start.low, lost | some | start.lost), top


def _accumulator(c: Array, unit: DesignedUnit) -> tuple[Array, Array, Array]:
    """Return c as a significand below 2 with its exponent, and the exponent it is aligned by."""
    significand, exponent, own = significand_and_exponent(c, unit.zero, unit.output.emin)
    xp = backend.namespace(c)
    own = xp.where(significand == 0, unit.zero, own)
    return significand.astype(np.float32) * np.float32(2.0**-23), exponent, own


def _aligned(
    values: Sequence[Array], exponents: Sequence[Array], top: Array, unit: DesignedUnit
) -> Sum:
    """Return the sum of numbers rounded to multiples of ``2**(top - fraction_bits)``."""
    high, low, lost = 0, 0, False
    for value, exponent in zip(values, exponents, strict=True):
        integer, some = _integer(value, exponent - top + unit.fraction_bits, unit)
        upper, lower = limbs(integer, LOW_BITS)
        high, low, lost = high + upper, low + lower, lost | some
    return Sum(high, low, lost)


def _integer(value: Array, shift: Array, unit: DesignedUnit) -> tuple[Array, Array]:
    """Return ``value * 2**shift`` as an integer, rounded, and whether that changed it.

    The value is 0 or from 2**-46 to 4, the shift at most 27, so that nothing is subnormal.
    """
    xp = backend.namespace(value)
    magnitude = xp.abs(value) * power_of_two(xp.clip(shift, -70, 27))
    below = xp.floor(magnitude)
    rest = magnitude - below
    kept = below.astype(np.int32)
    kept = kept + goes_up(unit.alignment, rest, np.float32(0.5), kept & 1, value < 0)
    return xp.where(value < 0, -kept, kept), rest != 0


def _lowered(total: Array, distance: Array, unit: DesignedUnit) -> tuple[Array, Array]:
    """Return an integer over ``2**distance``, rounded, and whether that changed it."""
    xp = backend.namespace(total)
    # Beyond 30 places all that there is is less than half: a magnitude is below 2**30.
    magnitude, shift = xp.abs(total), xp.clip(distance, 0, 30)
    kept = magnitude >> shift
    tail, half = magnitude - (kept << shift), xp.maximum(np.int32(1) << shift >> 1, 1)
    far = distance > 30
    tail = xp.where(far, xp.minimum(magnitude, 1), tail)
    kept, half = xp.where(far, 0, kept), xp.where(far, 2, half)
    kept = kept + goes_up(unit.alignment, tail, half, kept & 1, total < 0)
    return xp.where(total < 0, -kept, kept), tail != 0
