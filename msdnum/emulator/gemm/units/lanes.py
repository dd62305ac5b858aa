"""Units whose lanes add products one after the other, and sums in any format and rounding."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from msdnum.emulator import backend, bit_patterns
from msdnum.emulator.backend import Array
from msdnum.emulator.gemm.operands import Prepared, significands_and_exponents
from msdnum.emulator.gemm.tiles import Arrays
from msdnum.emulator.gemm.units.binary32 import tree
from msdnum.emulator.gemm.units.exact_additions import added, as_number, limbs_of, product_of
from msdnum.emulator.gemm.units.flushed import without_subnormal, without_subnormals
from msdnum.emulator.gemm.units.sums import (
    CAREFUL,
    Operands,
    OperandTypes,
    Operations,
    Range,
    Step,
    Sums,
    fold_steps,
)
from msdnum.formats.elements import FloatFormat
from msdnum.formats.own_units import LanesUnit, SumRounding

__all__ = ["LanesSums", "Rounded", "RoundedPairwiseSums", "RoundedSequentialSums"]


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
        Whether subnormal results become a zero of their sign.
    """

    fmt: FloatFormat
    rounding: SumRounding
    flushes: bool = False

    def product(self, a: Arrays, b: Arrays, k: int) -> Array:
        """Return the products of column k of the left side and row k of the right."""
        return self._kept(as_number(_exact(a, b, k), self.fmt, self.rounding))

    def add(self, c: Array, x: Array) -> Array:
        """Return the sum, also of infinities."""
        xp = backend.namespace(x)
        finite = xp.isfinite(x)
        number = xp.where(finite, x.view(np.int32), 0).view(np.float32)
        total = added(c, limbs_of(number), self.fmt, self.rounding)
        with np.errstate(invalid="ignore"):
            return self._kept(xp.where(finite, total, c + x))

    def add_product(self, c: Array, a: Arrays, b: Arrays, k: int) -> Array:
        """Return ``c + a_k b_k``, rounded once."""
        return self._kept(added(c, _exact(a, b, k), self.fmt, self.rounding))

    def _kept(self, x: Array) -> Array:
        if not self.flushes:
            return x
        xp = backend.namespace(x)
        small = xp.abs(x) < np.float32(self.fmt.min_normal)
        pattern = xp.where(small, x.view(np.int32) & -1 << 31, x.view(np.int32))
        # A comparison of subnormal numbers is one of zeros where they are flushed: zeros, too.
        return pattern.view(np.float32)


def _exact(a: Arrays, b: Arrays, k: int) -> Any:
    return product_of(a[0][:, k, None], b[0][k], a[1][:, k, None] + b[1][k])


class ApartSums(Sums[Any]):
    """Sums whose operands are elements and exponents, of any range."""

    def depends_on_range(self, kinds: OperandTypes) -> bool:
        """Return False: every operation is on integers."""
        return False

    def operands(self, a: Prepared, b: Prepared, kinds: OperandTypes, values: Range) -> Operands:
        """Return elements and exponents."""
        return Operands(significands_and_exponents(a), significands_and_exponents(b), CAREFUL)

    @property
    def rounded(self) -> Rounded:
        """Operations of the accumulator."""
        return Rounded(self.accumulator.output, self.accumulator.rounding)


class RoundedSequentialSums(ApartSums):
    """Sums of a `Sequential` of another format or rounding, or of FMAs."""

    def step(self, operations: Operations, kinds: OperandTypes) -> tuple[Step, int]:
        """Return the addition of one product."""
        rounded, fused = self.rounded, self.accumulator.fused

        def step(c: Array, a: Arrays, b: Arrays) -> Array:
            if fused:
                return rounded.add_product(c, a, b, 0)
            return rounded.add(c, rounded.product(a, b, 0))

        return step, 1


class RoundedPairwiseSums(ApartSums):
    """Sums of a `Pairwise` of another format or rounding: a tree over all of k."""

    def step(self, operations: Operations, kinds: OperandTypes) -> tuple[Step, int]:
        """Return the whole tree."""
        return _tree_step(self.rounded, None), kinds[0].length

    def fold(
        self, operations: Operations, kinds: OperandTypes, a: Arrays, b: Arrays, c: Array
    ) -> Array:
        """Return c plus the tree, whatever the length of k."""
        return self.step(operations, kinds)[0](c, a, b)


class LanesSums(ApartSums):
    """Sums of a `LanesUnit`."""

    accumulator: LanesUnit

    @property
    def rounded(self) -> Rounded:
        """Operations of the unit."""
        unit = self.accumulator
        return Rounded(unit.output, unit.rounding, unit.flushes)

    def operands(self, a: Prepared, b: Prepared, kinds: OperandTypes, values: Range) -> Operands:
        """Return elements and exponents, without subnormal numbers where they count as zero."""
        if self.accumulator.flushes:
            a, b = (without_subnormals(x, k) for x, k in zip((a, b), kinds, strict=True))
        return super().operands(a, b, kinds, values)

    def step(self, operations: Operations, kinds: OperandTypes) -> tuple[Step, int]:
        """Return the step of one group."""
        return _tree_step(self.rounded, self.accumulator.lanes), self.accumulator.group

    def fold(
        self, operations: Operations, kinds: OperandTypes, a: Arrays, b: Arrays, c: Array
    ) -> Array:
        """Return c after all steps, a subnormal c as +0 where it counts as zero."""
        step, size = self.step(operations, kinds)
        start = without_subnormal(c) if self.accumulator.flushes else c
        return fold_steps(step, size, a, b, start)


def _tree_step(rounded: Rounded, lanes: int | None) -> Callable[[Array, Arrays, Arrays], Array]:
    """Return the step that adds a tree of lanes, each of one product if there is no number."""

    def step(c: Array, a: Arrays, b: Arrays) -> Array:
        length = a[0].shape[1]
        count = length if lanes is None else min(lanes, length)
        sums = []
        for lane in range(count):
            total = rounded.product(a, b, lane)
            for k in range(lane + count, length, count):
                total = rounded.add(total, rounded.product(a, b, k))
            sums.append(total)
        return rounded.add(c, tree(sums, rounded.add))

    return step


def is_small(pattern: Array) -> Array:
    """Return where patterns are of zeros and subnormal numbers of binary32."""
    return (pattern & bit_patterns.MAGNITUDE_MASK) < bit_patterns.IMPLICIT_BIT
