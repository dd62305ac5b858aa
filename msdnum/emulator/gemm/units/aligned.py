"""Units that align a group of products and the accumulator, truncate, and sum exactly."""

from collections.abc import Sequence
from functools import reduce

import numpy as np

from msdnum.emulator import backend, bit_patterns
from msdnum.emulator.backend import Array
from msdnum.emulator.gemm.operands import OperandType, Prepared, significands_and_exponents
from msdnum.emulator.gemm.tiles import Arrays
from msdnum.emulator.gemm.units.moderate import (
    LOWEST_PRODUCT,
    exponent_of,
    largest_exponent,
    magnitude_of,
    nearest_fp16,
    scaled_sum,
    truncated_magnitude,
)
from msdnum.emulator.gemm.units.rounding import (
    EXPONENT_BIAS,
    PRODUCT_BIAS,
    Leading,
    leading_bits,
    limbs,
    nearest,
    power_of_two,
    significand_and_exponent,
    truncated,
    truncated_shift,
    unless_infinite,
    without_negative_zero,
)
from msdnum.emulator.gemm.units.sums import (
    EXACT_APART,
    EXACT_VALUES,
    Accumulator,
    Operands,
    OperandTypes,
    Operations,
    Range,
    Step,
    Sums,
    check_exact_products,
    plain_values,
    scale_by_power,
)
from msdnum.formats.accumulators import MatrixUnit
from msdnum.formats.elements import BINARY32

__all__ = ["AlignedSums", "ExponentSums", "aligned_sum"]

LOW_BITS = 8
"""Bits of the low limb of a sum of aligned products."""
ONE_LIMB = 25
"""Fraction bits with which an aligned product fits an int32; what lies below is a second sum."""


class ExponentSums(Sums[Accumulator]):
    """Sums that need the exponents of their elements, and products that binary32 holds."""

    def check(self, kinds: OperandTypes, segment: int) -> None:
        """Refuse elements of too many bits."""
        check_exact_products(self.accumulator.name, kinds)

    has_moderate_step = False
    """Whether there is a step for values of moderate exponents."""

    @property
    def lowest_product(self) -> int:
        """Return what that step needs."""
        return LOWEST_PRODUCT

    def depends_on_range(self, kinds: OperandTypes) -> bool:
        """Return whether values are as good as significands if their exponents are moderate."""
        return self.has_moderate_step

    def operands(self, a: Prepared, b: Prepared, kinds: OperandTypes, values: Range) -> Operands:
        """Return significands, below 2, or values, and biased exponents."""
        left, right = _exponents_apart(a, kinds[0]), _exponents_apart(b, kinds[1])
        if values is not Range.MODERATE:
            return Operands(left, right, EXACT_APART)
        return Operands([plain_values(a), left[1]], [plain_values(b), right[1]], EXACT_VALUES)


class AlignedSums(ExponentSums[MatrixUnit]):
    """Sums of a `MatrixUnit`."""

    @property
    def has_moderate_step(self) -> bool:  # type: ignore[override]
        """Whether an int32 holds an aligned product."""
        return self.accumulator.fraction_bits <= ONE_LIMB

    def step(self, operations: Operations, kinds: OperandTypes) -> tuple[Step, int]:
        """Return the step of one group."""
        unit = self.accumulator

        def step(c: Array, a: Arrays, b: Arrays) -> Array:
            return unless_infinite(c, _rounded(_sum(c, a, b, unit), unit))

        def moderate(c: Array, a: Arrays, b: Arrays) -> Array:
            return _moderate(c, a, b, unit)

        return moderate if operations is EXACT_VALUES else step, unit.group


def _moderate(c: Array, a: Arrays, b: Arrays, unit: MatrixUnit) -> Array:
    """Return the next c, of values."""
    narrow = unit.output != BINARY32
    if narrow:
        own = significand_and_exponent(c, unit.exponent_of_zero, unit.output.emin)[2]
    else:
        own = exponent_of(c)
    length, bits = a[0].shape[1], unit.fraction_bits
    xp = backend.namespace(c)
    top = xp.maximum(largest_exponent(a, b, range(length)), own)
    scale, exponent = power_of_two(bits - top), top - bits
    start = (c * scale).astype(np.int32)
    size = 1 << (29 - bits)
    if length > size:
        parts = [range(length)[i : i + size] for i in range(0, length, size)]
        sums = [limbs(scaled_sum(a, b, ks, scale), LOW_BITS) for ks in parts]
        high, low = limbs(start, LOW_BITS)
        for part_high, part_low in sums:
            high, low = high + part_high, low + part_low
        found = _rounded(leading_bits(high, low, LOW_BITS, exponent), unit)
        return unless_infinite(c, found) if narrow else found
    total = magnitude_of(scaled_sum(a, b, range(length), scale), start)
    if narrow:
        return unless_infinite(c, nearest_fp16(total, exponent))
    return truncated_magnitude(total, unit.result_bits, exponent)


def _rounded(x: Leading, unit: MatrixUnit) -> Array:
    if unit.output == BINARY32:
        return truncated(x, unit.result_bits)
    return without_negative_zero(nearest(x, unit.output))


def _sum(c: Array, a: Arrays, b: Arrays, unit: MatrixUnit) -> Leading:
    """Return the sum of c and the products of one group, truncated where they are aligned."""
    significand, exponent, own = significand_and_exponent(
        c, unit.exponent_of_zero, unit.output.emin
    )
    top = _largest_exponent(a[1], b[1], own)
    bits = min(unit.fraction_bits, ONE_LIMB)
    shift = exponent - top + bits - 23
    high, low = limbs(truncated_shift(significand, shift), LOW_BITS)
    # As many products as an int32 holds, each below 2**(bits + 2).
    size = 1 << (29 - bits)
    for start in range(0, a[0].shape[1], size):
        ks = range(a[0].shape[1])[start : start + size]
        part_high, part_low = limbs(aligned_sum(a, b, ks, top, bits), LOW_BITS)
        high, low = high + part_high, low + part_low
    width = unit.fraction_bits - bits
    if width:
        high, low = high + (low >> LOW_BITS), low & ((1 << LOW_BITS) - 1)
        rest = _truncated_rest(significand, shift, width) + _rests(a, b, top, width)
        low = (low << width) + rest
    return leading_bits(high, low, LOW_BITS + width, top - unit.fraction_bits)


def _rests(a: Arrays, b: Arrays, top: Array, width: int) -> Array:
    """Return the sum of the ``width`` bits below ``ONE_LIMB`` of the aligned products, int32."""
    offset = ONE_LIMB - PRODUCT_BIAS - top
    return sum(
        _rest(a[0][:, k, None] * b[0][k], a[1][:, k, None] + b[1][k] + offset, width)
        for k in range(a[0].shape[1])
    )


def _rest(product: Array, exponent: Array, width: int) -> Array:
    """Return ``width`` bits of ``product * 2**exponent`` below the point, truncated, signed."""
    scaled = _scaled(product, exponent)
    fraction = scaled - scaled.astype(np.int32).astype(np.float32)
    return (fraction * np.float32(1 << width)).astype(np.int32)


def _truncated_rest(integer: Array, shift: Array, width: int) -> Array:
    """Return ``width`` bits of ``integer * 2**shift`` below the point, truncated, signed."""
    xp = backend.namespace(integer)
    below = xp.maximum(-shift, 0)
    rest = xp.abs(integer) & ((1 << xp.minimum(below, 30)) - 1)
    found = rest << xp.maximum(width - below, 0) >> xp.clip(below - width, 0, 31)
    return xp.where(integer < 0, -found, found)


def aligned_sum(
    a: Sequence[Array], b: Sequence[Array], ks: Sequence[int], top: Array, fraction_bits: int
) -> Array:
    """Return the sum of products truncated to multiples of ``2**(top - fraction_bits)``, int32.

    Parameters
    ----------
    a, b : sequence of two arrays
        Significands (float32) and biased exponents (int32), (m, group) and (group, n).
    ks : sequence of int
        Which products of the group.
    top : Array of int32
        At least the exponent of every product, (m, n).
    fraction_bits : int
        At most 25.
    """
    offset = fraction_bits - PRODUCT_BIAS - top
    return sum(
        _shifted(a[0][:, k, None] * b[0][k], a[1][:, k, None] + b[1][k] + offset) for k in ks
    )


def _shifted(product: Array, exponent: Array) -> Array:
    """Return ``product * 2**exponent`` truncated to an integer; product below 4, exponent to 25."""
    return _scaled(product, exponent).astype(np.int32)


def _scaled(product: Array, exponent: Array) -> Array:
    """Return ``product * 2**exponent``; from an exponent of -40 down, something below 2**-38."""
    xp = backend.namespace(product)
    return product * power_of_two(xp.maximum(exponent, -40))


def _largest_exponent(ea: Array, eb: Array, start: Array) -> Array:
    """Return the larger of ``start``, the exponent of c or zero, and those of products."""
    xp = backend.namespace(ea)
    sums = (ea[:, k, None] + eb[k] for k in range(ea.shape[1]))
    return reduce(xp.maximum, sums, start + PRODUCT_BIAS) - PRODUCT_BIAS


def _exponents_apart(x: Prepared, kind: OperandType) -> Arrays:
    """Return significands, below 2, and biased exponents, at least emin for elements.

    A zero has the biased exponent 0, as what fills up k: never the largest.
    """
    xp = backend.namespace(x.elements)
    value, power = significands_and_exponents(x)
    own = bit_patterns.fields(value.view(np.int32)).exponent
    floats = xp.maximum(own + power, kind.emin)
    exponent = floats if kind.is_float else xp.maximum(own, kind.emin) + power
    significand = scale_by_power(value, power - exponent)
    return [significand, xp.where(value == 0, 0, exponent + EXPONENT_BIAS)]
