"""Blocks of k, each summed from zero: exactly, or by another accumulator."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from msdnum.emulator import backend
from msdnum.emulator.backend import Array
from msdnum.emulator.gemm.exact_sums import float64_dot, scaled_float64
from msdnum.emulator.gemm.float_products import check_exact_sums, dot
from msdnum.emulator.gemm.operands import Prepared
from msdnum.emulator.gemm.outputs import rounded_to
from msdnum.emulator.gemm.tiles import Arrays, Tiling
from msdnum.emulator.gemm.units.sums import (
    EXACT_VALUES,
    Operands,
    OperandTypes,
    Operations,
    Range,
    RangedSums,
    Step,
    Sums,
    check_shared,
    scale_by_power,
)
from msdnum.formats.accumulators import Blocks

__all__ = ["BlockSums", "ExactBlockSums"]

FLOAT32_INTEGERS = 1 << 24
FLOAT64_INTEGERS = 1 << 53
CACHED_SUMS = 1 << 18
"""Entries of NumPy's accumulator that stay in a cache beside as many sums of a block."""


@dataclass(frozen=True)
class BlockSums(Sums[Blocks]):
    """Blocks summed by ``inner``."""

    inner: Sums[Any]

    def check(self, kinds: OperandTypes, segment: int) -> None:
        """Ask the inner accumulator."""
        self.inner.check(kinds, min(self.accumulator.size, segment))

    @property
    def lowest_product(self) -> int:
        """Ask the inner accumulator."""
        return self.inner.lowest_product

    def depends_on_range(self, kinds: OperandTypes) -> bool:
        """Ask the inner accumulator."""
        return self.inner.depends_on_range(kinds)

    def operands(self, a: Prepared, b: Prepared, kinds: OperandTypes, values: Range) -> Operands:
        """Return those of the inner accumulator."""
        return self.inner.operands(a, b, kinds, values)

    def step(self, operations: Operations, kinds: OperandTypes) -> tuple[Step, int]:
        """Sum a block from zero, then add the sum."""

        def step(c: Array, a: Arrays, b: Arrays) -> Array:
            total = backend.namespace(c).zeros_like(c)
            for ks in _rounds(a[0].shape[1], self.accumulator.rounds):
                x, y = [v[:, ks] for v in a], [v[ks] for v in b]
                total = self.inner.fold(operations, kinds, x, y, total)
            return rounded_to(operations.add(c, total), self.accumulator.output)

        return step, min(self.accumulator.size, kinds[0].length)


def _rounds(length: int, rounds: int) -> Iterator[Any]:
    """Yield which products of a block each round takes; what has none is left out."""
    if rounds == 1:
        yield slice(None)
        return
    for r in range(rounds):
        ks = [k for k in range(length) if k // 2 % rounds == r]
        if ks:
            yield np.array(ks)


class ExactBlockSums(RangedSums[Blocks]):
    """Blocks summed exactly, each rounded to binary32."""

    tiling = Tiling.BLAS

    def check(self, kinds: OperandTypes, segment: int) -> None:
        """Refuse blocks that straddle scales, and sums that binary64 does not hold."""
        name, size = self.accumulator.name, self.accumulator.size
        for k in kinds:
            if k.is_float:
                raise ValueError(f"accumulator {name} needs shared scales, got {k.name}")
            check_shared(name, size, k, segment)
        if _largest_sum(min(size, segment), kinds) > FLOAT64_INTEGERS:
            raise ValueError(
                f"accumulator {name} needs sums of 53 bits, got {kinds[0].name} by {kinds[1].name}"
            )

    def fold(
        self, operations: Operations, kinds: OperandTypes, a: Arrays, b: Arrays, c: Array
    ) -> Array:
        """Return c after all blocks; NumPy takes a few rows through all of them in the cache."""
        size = min(self.accumulator.size, kinds[0].length)
        narrow = _largest_sum(size, kinds) <= FLOAT32_INTEGERS
        if narrow and operations is EXACT_VALUES and not backend.is_jax(c):
            check_exact_sums(False, str(a[0].dtype))
            return _fold_in_cache(a[0], b[0], c, size)
        return super().fold(operations, kinds, a, b, c)

    def step(self, operations: Operations, kinds: OperandTypes) -> tuple[Step, int]:
        """Add the rounded sum of a block."""
        total = _exact_block(self.accumulator.size, operations, kinds)

        def step(c: Array, a: Arrays, b: Arrays) -> Array:
            return operations.add(c, total(a, b))

        return step, min(self.accumulator.size, kinds[0].length)


def _fold_in_cache(a: Array, b: Array, c: Array, size: int) -> Array:
    """Return c plus the exact sum of each block, one after another, rounded once each."""
    result, (m, k) = c.copy(), a.shape
    rows = max(1, CACHED_SUMS // c.shape[1])
    product = np.empty((min(rows, m), c.shape[1]), np.float32)
    for i in range(0, m, rows):
        part = result[i : i + rows]
        total = product[: len(part)]
        for start in range(0, k, size):
            # Rows of the slice are far apart: BLAS would miss a page with each.
            left = np.ascontiguousarray(a[i : i + rows, start : start + size], np.float32)
            np.matmul(left, b[start : start + size], out=total)
            np.add(part, total, out=part)
    return result


def _exact_block(
    size: int, operations: Operations, kinds: OperandTypes
) -> Callable[[Arrays, Arrays], Array]:
    """Return the function that sums a block exactly and rounds to binary32."""
    narrow = _largest_sum(size, kinds) <= FLOAT32_INTEGERS

    def total(a: Arrays, b: Arrays) -> Array:
        exact = (dot if narrow else float64_dot)(a[0], b[0])
        if operations is EXACT_VALUES:
            return exact.astype(np.float32, copy=False)
        exponent = a[1][:, :1] + b[1][:1]
        return (scale_by_power if narrow else scaled_float64)(exact, exponent)

    return total


def _largest_sum(size: int, kinds: OperandTypes) -> int:
    """Return the largest exact sum of a block in units of its products."""
    total = min(size, kinds[0].length)
    for k in kinds:
        total *= k.largest << k.scale_precision
    return total
