"""Units that sum products first and add the accumulator late, each rounded down."""

from functools import reduce

import numpy as np

from msdnum.emulator import backend
from msdnum.emulator.backend import Array
from msdnum.emulator.gemm.tiles import Arrays
from msdnum.emulator.gemm.units.aligned import ExponentSums, aligned_sum
from msdnum.emulator.gemm.units.moderate import exponent_of, largest_exponent, scaled_sum
from msdnum.emulator.gemm.units.rounding import (
    EMIN,
    PRODUCT_BIAS,
    bit_length,
    leading_bits,
    nearest,
    power_of_two,
    significand_and_exponent,
    unless_infinite,
)
from msdnum.emulator.gemm.units.sums import EXACT_VALUES, OperandTypes, Operations, Step
from msdnum.formats.accumulators import Cdna3Unit
from msdnum.formats.elements import BINARY32

__all__ = ["Cdna3Sums", "with_infinite_products"]


class Cdna3Sums(ExponentSums[Cdna3Unit]):
    """Sums of a `Cdna3Unit`."""

    @property
    def has_moderate_step(self) -> bool:  # type: ignore[override]
        """Whether the numbers of bits are those of the hardware."""
        return (self.accumulator.fraction_bits, self.accumulator.sum_bits) == (24, 31)

    def step(self, operations: Operations, kinds: OperandTypes) -> tuple[Step, int]:
        """Return the step of one group."""
        unit = self.accumulator

        def step(c: Array, a: Arrays, b: Arrays) -> Array:
            result = _of_finite_products(c, a, b, unit)
            if all(k.bounded for k in kinds):
                return result
            return with_infinite_products(result, c, a, b)

        def moderate(c: Array, a: Arrays, b: Arrays) -> Array:
            return _moderate(c, a, b, unit)

        return moderate if operations is EXACT_VALUES else step, unit.group


def _moderate(c: Array, a: Arrays, b: Arrays, unit: Cdna3Unit) -> Array:
    """Return the next c, of values, for 24 and 31 bits."""
    xp = backend.namespace(c)
    sums, tops = [], []
    for part in range(min(unit.parts, a[0].shape[1])):
        ks = range(a[0].shape[1])[part :: unit.parts]
        tops.append(largest_exponent(a, b, ks))
        sums.append(scaled_sum(a, b, ks, power_of_two(24 - tops[-1])))
    joint = reduce(xp.maximum, tops)
    total = sum(s >> xp.minimum(joint - top, 31) for s, top in zip(sums, tops, strict=True))
    own = exponent_of(c)
    top = xp.maximum(joint, own)
    down = top - joint
    # In units of 2**(top - 24), and the 8 bits below.
    start = xp.floor(c * power_of_two(24 - top)).astype(np.int32)
    start = xp.where((start == 0) & (c < 0), -1, start)
    if unit.drops_accumulator:
        start = xp.where(own < top - 25, 0, start)
    high = (total >> xp.minimum(down, 31)) + start
    low = total << xp.maximum(8 - down, 0) >> xp.clip(down - 8, 0, 31) & 0xFF
    return _nearest(high, low, top)


def _nearest(high: Array, low: Array, top: Array) -> Array:
    """Return ``high + low / 2**8`` times ``2**(top - 24)``, down to 31 fraction bits, then RNE.

    The conversion of an int32 rounds so; where 8 bits more do not fit, two or one do, the last of
    which says whether there was anything below.
    """
    xp = backend.namespace(high)
    magnitude = high ^ (high >> 31)
    small, large = magnitude < 1 << 23, magnitude >= 1 << 24
    drop = xp.maximum(bit_length(magnitude) - 24, 0)
    middle = high << 2 | low >> 6 | ((low & 63) != 0)
    found = xp.where(large, high << 1 | (low >> drop != 0), middle)
    found = xp.where(small, high << 8 | low, found)
    below = xp.where(small, np.int32(8), xp.where(large, np.int32(1), np.int32(2)))
    return found.astype(np.float32) * power_of_two(top - 24 - below)


def _of_finite_products(c: Array, a: Arrays, b: Arrays, unit: Cdna3Unit) -> Array:
    xp = backend.namespace(c)
    f, (total, joint) = unit.fraction_bits, _sum_of_products(c, a, b, unit)
    significand, exponent, _ = significand_and_exponent(c)
    top = xp.maximum(joint, exponent)
    # In units of 2**(top - sum_bits - 1), of which ``low`` has those below 2**(top - f).
    extra, down = unit.sum_bits + 1 - f, top - joint
    low = total << xp.maximum(extra - down, 0) >> xp.clip(down - extra, 0, 31) & (1 << extra) - 1
    high = (total >> xp.minimum(down, 31)) + _lowered_accumulator(significand, exponent, top, unit)
    # Rounded down to ``sum_bits`` below its own exponent, at least -126.
    length = bit_length(high ^ (high >> 31))
    drop = xp.maximum(xp.maximum(length - f, EMIN + 1 - top), 0)
    past = xp.maximum(drop - extra, 0)
    high, low = high >> past << past, low & (-1 << drop)
    found = leading_bits(high, low, extra, top - unit.sum_bits - 1)
    return unless_infinite(c, nearest(found, BINARY32))


def _sum_of_products(c: Array, a: Arrays, b: Arrays, unit: Cdna3Unit) -> tuple[Array, Array]:
    """Return the sum of all parts as an integer in units of ``2**(e - fraction_bits)``, and e."""
    xp = backend.namespace(c)
    sums, tops = [], []
    for part in range(unit.parts):
        ks = range(a[0].shape[1])[part :: unit.parts]
        exponents = [a[1][:, k, None] + b[1][k] for k in ks] or [xp.zeros_like(c, np.int32)]
        tops.append(reduce(xp.maximum, exponents) - PRODUCT_BIAS)
        sums.append(aligned_sum(a, b, ks, tops[-1], unit.fraction_bits))
    joint = reduce(xp.maximum, tops)
    total = sum(s >> xp.minimum(joint - top, 31) for s, top in zip(sums, tops, strict=True))
    return total, joint


def _lowered_accumulator(significand: Array, exponent: Array, top: Array, unit: Cdna3Unit) -> Array:
    """Return c rounded down to an integer in units of ``2**(top - fraction_bits)``."""
    xp = backend.namespace(significand)
    shift = exponent - top + unit.fraction_bits - 23
    aligned = significand << xp.maximum(shift, 0) >> xp.clip(-shift, 0, 31)
    if unit.drops_accumulator:
        aligned = xp.where(exponent < top - unit.fraction_bits - 1, 0, aligned)
    return aligned


def with_infinite_products(result: Array, c: Array, a: Arrays, b: Arrays) -> Array:
    """Return ``result``, but where products are 2**128 or more, c and those as infinities."""
    possible = a[1].max() + b[1].max() >= 127 + PRODUCT_BIAS

    def replaced() -> Array:
        xp = backend.namespace(c)
        total = xp.zeros_like(c)
        for k in range(a[0].shape[1]):
            exponent = xp.clip(a[1][:, k, None] + b[1][k] - PRODUCT_BIAS, 0, 250)
            # Two powers that binary32 has, even where it has no number for the product.
            product = a[0][:, k, None] * b[0][k] * power_of_two(exponent >> 1)
            product = product * power_of_two(exponent - (exponent >> 1))
            total = total + xp.where(xp.isinf(product), product, np.float32(0))
        return xp.where(total == 0, result, c + total)

    if not backend.is_jax(possible):
        return replaced() if possible else result
    import jax

    return jax.lax.cond(possible, replaced, lambda: result)
