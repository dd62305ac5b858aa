"""Units whose lanes add products one after the other, and sums in any format and rounding."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from msdnum.emulator import backend, bit_patterns
from msdnum.emulator.backend import Array
from msdnum.emulator.gemm.operands import OperandType, Prepared, significands_and_exponents
from msdnum.emulator.gemm.tiles import Arrays, slices
from msdnum.emulator.gemm.units.binary32 import tree
from msdnum.emulator.gemm.units.exact_additions import added, as_number, limbs_of, product_of
from msdnum.emulator.gemm.units.rounding import moved_to_odd
from msdnum.emulator.gemm.units.sums import (
    EXACT_APART,
    EXACT_VALUES,
    Operands,
    OperandTypes,
    Operations,
    Range,
    Step,
    Sums,
    are_exact,
    fold_steps,
    plain_values,
)
from msdnum.formats.chained_units import ChainUnit, LanesUnit
from msdnum.formats.elements import BINARY32, FloatFormat
from msdnum.formats.own_units import SumRounding

__all__ = ["ChainSums", "LanesSums", "Rounded", "RoundedPairwiseSums", "RoundedSequentialSums"]

NATIVE = (SumRounding.NEAREST_EVEN, SumRounding.TO_ODD)
"""Roundings of sums that binary32's own arithmetic gives, or what it leaves."""


@dataclass(frozen=True)
class Rounded:
    """Products and additions rounded to a format, float32 in and out.

    Parameters
    ----------
    fmt : FloatFormat
        What they are rounded to.
    rounding : SumRounding
        How that is done.
    flushes : bool
        Whether results that are subnormal once they are rounded become a zero of their sign.
    """

    fmt: FloatFormat
    rounding: SumRounding
    flushes: bool = False

    def product(self, a: Arrays, b: Arrays, k: int) -> Array:
        """Return the products of column k of the left side and row k of the right."""
        return as_number(_exact(a, b, k), self.fmt, self.rounding, flushes=self.flushes)

    def add(self, c: Array, x: Array) -> Array:
        """Return the sum, also of infinities."""
        xp = backend.namespace(x)
        finite = xp.isfinite(x)
        number = xp.where(finite, x.view(np.int32), 0).view(np.float32)
        total = added(c, limbs_of(number), self.fmt, self.rounding, flushes=self.flushes)
        with np.errstate(invalid="ignore"):
            infinite = c + x
        return xp.where(finite, total.view(np.int32), infinite.view(np.int32)).view(np.float32)

    def add_product(self, c: Array, a: Arrays, b: Arrays, k: int) -> Array:
        """Return ``c + a_k b_k``, rounded once."""
        return added(c, _exact(a, b, k), self.fmt, self.rounding, flushes=self.flushes)


@dataclass(frozen=True)
class Native:
    """The same to binary32 by its own arithmetic: exact products, none and no sum subnormal.

    Parameters
    ----------
    to_odd : bool
        Whether sums are rounded to odd rather than to nearest.
    """

    to_odd: bool

    def product(self, a: Arrays, b: Arrays, k: int) -> Array:
        """Return the products of column k of the left side and row k of the right."""
        return a[0][:, k, None] * b[0][k]

    def add(self, c: Array, x: Array) -> Array:
        """Return the rounded sum."""
        total = c + x
        if not self.to_odd:
            return total
        part = total - c
        return moved_to_odd(total, (c - (total - part)) + (x - part))

    def add_product(self, c: Array, a: Arrays, b: Arrays, k: int) -> Array:
        """Return ``c + a_k b_k``, rounded once."""
        return self.add(c, self.product(a, b, k))


def _exact(a: Arrays, b: Arrays, k: int) -> Any:
    return product_of(a[0][:, k, None], b[0][k], a[1][:, k, None] + b[1][k])


class ApartSums(Sums[Any]):
    """Sums whose operands are elements and exponents, or values where binary32 does the rest."""

    has_moderate_step = True
    """Whether steps of values are those of the accumulator where products are exact."""

    def depends_on_range(self, kinds: OperandTypes) -> bool:
        """Return whether there are such steps; otherwise every operation is on integers."""
        unit = self.accumulator
        native = unit.output == BINARY32 and unit.rounding in NATIVE
        return self.has_moderate_step and native and are_exact(kinds)

    def operands(self, a: Prepared, b: Prepared, kinds: OperandTypes, values: Range) -> Operands:
        """Return elements and exponents, or values."""
        if values is Range.MODERATE:
            return Operands([plain_values(a)], [plain_values(b)], EXACT_VALUES)
        return Operands(significands_and_exponents(a), significands_and_exponents(b), EXACT_APART)

    def arithmetic(self, operations: Operations) -> Rounded | Native:
        """Return the additions for operands of these operations."""
        if operations is EXACT_VALUES:
            return Native(self.accumulator.rounding is SumRounding.TO_ODD)
        return self.rounded

    @property
    def rounded(self) -> Rounded:
        """Operations of the accumulator."""
        return Rounded(self.accumulator.output, self.accumulator.rounding)


class RoundedSequentialSums(ApartSums):
    """Sums of a `Sequential` of another format or rounding, or of FMAs."""

    def step(self, operations: Operations, kinds: OperandTypes) -> tuple[Step, int]:
        """Return the addition of one product."""
        rounded, fused = self.arithmetic(operations), self.accumulator.fused

        def step(c: Array, a: Arrays, b: Arrays) -> Array:
            if fused:
                return rounded.add_product(c, a, b, 0)
            return rounded.add(c, rounded.product(a, b, 0))

        return step, 1


class RoundedPairwiseSums(ApartSums):
    """Sums of a `Pairwise` of another format or rounding: a tree over all of k."""

    def step(self, operations: Operations, kinds: OperandTypes) -> tuple[Step, int]:
        """Return the whole tree."""
        return _tree_step(self.arithmetic(operations), None), kinds[0].length

    def fold(
        self, operations: Operations, kinds: OperandTypes, a: Arrays, b: Arrays, c: Array
    ) -> Array:
        """Return c plus the tree, whatever the length of k."""
        return self.step(operations, kinds)[0](c, a, b)


class FlushingSums(ApartSums):
    """Sums of a unit to which subnormal elements, and subnormal sums, may be zeros."""

    accumulator: LanesUnit | ChainUnit

    @property
    def rounded(self) -> Rounded:
        """Operations of the unit."""
        unit = self.accumulator
        return Rounded(unit.output, unit.rounding, unit.flushes_results)

    def operands(self, a: Prepared, b: Prepared, kinds: OperandTypes, values: Range) -> Operands:
        """Return elements and exponents, without subnormal numbers where they count as zero."""
        if self.accumulator.flushes_inputs and values is not Range.MODERATE:
            a, b = (_flushed_elements(x, k) for x, k in zip((a, b), kinds, strict=True))
        return super().operands(a, b, kinds, values)

    def fold(
        self, operations: Operations, kinds: OperandTypes, a: Arrays, b: Arrays, c: Array
    ) -> Array:
        """Return c after all steps, a subnormal c as a zero where it counts as one."""
        step, size = self.step(operations, kinds)
        unit = self.accumulator
        start = _flushed(c, unit.output.min_normal) if unit.flushes_results else c
        return fold_steps(step, size, a, b, start)


def _flushed_elements(x: Prepared, kind: OperandType) -> Prepared:
    """Replace the subnormal numbers of a float format by zeros of their sign."""
    if x.exponents is None or not kind.is_float:
        return x
    pattern = x.elements.view(np.int32)
    kept = backend.namespace(pattern).where(x.exponents < kind.emin, pattern & -1 << 31, pattern)
    return x._replace(elements=kept.view(np.float32))


def _flushed(c: Array, least: float) -> Array:
    """Replace what is below a normal number by a zero of its sign."""
    pattern = c.view(np.int32)
    small = (pattern & bit_patterns.MAGNITUDE_MASK) < int(np.float32(least).view(np.int32))
    kept = backend.namespace(pattern).where(small, pattern & -1 << 31, pattern)
    return kept.view(np.float32)


class LanesSums(FlushingSums):
    """Sums of a `LanesUnit`."""

    accumulator: LanesUnit

    def step(self, operations: Operations, kinds: OperandTypes) -> tuple[Step, int]:
        """Return the step of one group."""
        unit = self.accumulator
        return _tree_step(self.arithmetic(operations), unit.lanes, fused=unit.fused), unit.group


class ChainSums(FlushingSums):
    """Sums of a `ChainUnit`."""

    accumulator: ChainUnit

    def step(self, operations: Operations, kinds: OperandTypes) -> tuple[Step, int]:
        """Return the FMAs of one group."""
        unit, rounded = self.accumulator, self.arithmetic(operations)

        def step(c: Array, a: Arrays, b: Arrays) -> Array:
            for k in unit.order:
                if k < a[0].shape[1]:
                    c = rounded.add_product(c, a, b, k)
            return c

        return step, unit.group


def _tree_step(
    rounded: Rounded | Native, lanes: int | None, *, fused: bool = False
) -> Callable[[Array, Arrays, Arrays], Array]:
    """Return the step that adds a tree of lanes, each of one product if there is no number."""

    def step(c: Array, a: Arrays, b: Arrays) -> Array:
        length = a[0].shape[1]
        count = length if lanes is None else min(lanes, length)
        if fused:
            zero = backend.namespace(c).zeros_like(c)
            sums = tuple(rounded.add_product(zero, a, b, k) for k in range(count))
        else:
            sums = tuple(rounded.product(a, b, k) for k in range(count))

        def extended(sums: tuple[Array, ...], x: Arrays, y: Arrays) -> tuple[Array, ...]:
            """Add one product to each of the lanes, as far as there are any."""
            ks = range(x[0].shape[1])
            if fused:
                further = [rounded.add_product(sums[k], x, y, k) for k in ks]
            else:
                further = [rounded.add(sums[k], rounded.product(x, y, k)) for k in ks]
            return (*further, *sums[len(ks) :])

        # In a loop: JAX would compile long lanes for minutes.
        def body(i: Any, sums: tuple[Array, ...]) -> tuple[Array, ...]:
            return extended(sums, *slices(a, b, (i + 1) * count, count))

        whole, rest = divmod(length, count)
        sums = backend.loop(whole - 1, body, sums)
        if rest:
            sums = extended(sums, *slices(a, b, whole * count, rest))
        return rounded.add(c, tree(list(sums), rounded.add))

    return step
