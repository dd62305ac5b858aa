"""Units that sum small groups exactly and align them by the exponents of their scales."""

import operator
from functools import reduce

import numpy as np

from msdnum.emulator import backend, bit_patterns
from msdnum.emulator.backend import Array
from msdnum.emulator.gemm.operands import Prepared
from msdnum.emulator.gemm.tiles import Arrays
from msdnum.emulator.gemm.units.rounding import (
    leading_bits,
    significand_and_exponent,
    truncated,
    unless_infinite,
)
from msdnum.emulator.gemm.units.sums import (
    EXACT_APART,
    Operands,
    OperandTypes,
    Operations,
    Range,
    Step,
    Sums,
    check_shared,
    scale_by_power,
)
from msdnum.formats.accumulators import GroupedUnit
from msdnum.formats.elements import E2M1, E4M3, E8M0

__all__ = ["GroupedSums"]

LOW_BITS = 20
"""Bits of the low limb of a sum with up to 35 fraction bits."""


class GroupedSums(Sums[GroupedUnit]):
    """Sums of a `GroupedUnit`."""

    def check(self, kinds: OperandTypes, segment: int) -> None:
        """Refuse other operands than E2M1 with scales of 8 bits that no group straddles."""
        for k in kinds:
            if k.element != E2M1 or k.scale not in (E8M0, E4M3):
                raise ValueError(
                    f"accumulator {self.accumulator.name} needs E2M1 elements with E8M0 or E4M3 "
                    f"scales, got {k.name}"
                )
            check_shared(self.accumulator.name, self.accumulator.exact, k, segment)

    def depends_on_range(self, kinds: OperandTypes) -> bool:
        """Return False: scales are apart in any case."""
        return False

    def operands(self, a: Prepared, b: Prepared, kinds: OperandTypes, values: Range) -> Operands:
        """Return elements, significands of scales and exponents of scales."""
        return Operands(_scales_apart(a), _scales_apart(b), EXACT_APART)

    def step(self, operations: Operations, kinds: OperandTypes) -> tuple[Step, int]:
        """Return the step of one group."""
        unit = self.accumulator

        def step(c: Array, a: Arrays, b: Arrays) -> Array:
            return _next(c, a, b, unit)

        return step, unit.group


def _scales_apart(x: Prepared) -> Arrays:
    xp = backend.namespace(x.elements)
    elements = x.elements.astype(np.float32)
    if x.scales is None:
        assert x.exponents is not None
        return [elements, xp.ones(elements.shape, np.float32), x.exponents]
    exponent = xp.maximum(bit_patterns.fields(x.scales.view(np.int32)).exponent, -6)
    return [elements, scale_by_power(x.scales, -exponent), exponent]


def _next(c: Array, a: Arrays, b: Arrays, unit: GroupedUnit) -> Array:
    xp = backend.namespace(c)
    significand, exponent, top = significand_and_exponent(c, unit.exponent_of_zero)
    addends = [(significand, exponent - 23)]
    for start in range(0, a[0].shape[1], unit.exact):
        total, exponent, counts = _exact_group(a, b, start, unit.exact)
        addends.append((total, exponent - 8))
        top = xp.maximum(top, xp.where(counts, exponent, unit.exponent_of_zero))
    parts = [_split(total, place - top + unit.fraction_bits) for total, place in addends]
    high, low = (sum(limb) for limb in zip(*parts, strict=True))
    found = leading_bits(high, low, LOW_BITS, top - unit.fraction_bits)
    return unless_infinite(c, truncated(found, 23))


def _exact_group(a: Arrays, b: Arrays, start: int, size: int) -> tuple[Array, Array, Array]:
    """Return the sum of a group in units of ``2**(exponent - 8)``, and whether it counts."""
    ks = range(start, min(start + size, a[0].shape[1]))
    products = [a[0][:, k, None] * b[0][k] for k in ks]
    scale = a[1][:, start, None] * b[1][start]
    # E2M1 products are multiples of 1/4, scale significands of 1/8: below 2**20 in all.
    total = (sum(products) * scale * np.float32(2**8)).astype(np.int32)
    # The sum can be zero where products are not.
    nonzero = reduce(operator.or_, [p.view(np.int32) for p in products])
    counts = ((nonzero & bit_patterns.MAGNITUDE_MASK) != 0) & (scale != 0)
    return total, a[2][:, start, None] + b[2][start], counts


def _split(integer: Array, shift: Array) -> tuple[Array, Array]:
    """Return ``integer * 2**shift``, truncated, in limbs of the same sign; shift at most 27."""
    xp = backend.namespace(integer)
    magnitude = xp.abs(integer)
    left, right = xp.clip(shift, 0, 27), xp.clip(-shift, 0, 31)
    kept = magnitude >> right
    high = kept >> xp.maximum(LOW_BITS - left, 0) << xp.maximum(left - LOW_BITS, 0)
    low = kept << left & ((1 << LOW_BITS) - 1)
    return xp.where(integer < 0, -high, high), xp.where(integer < 0, -low, low)
