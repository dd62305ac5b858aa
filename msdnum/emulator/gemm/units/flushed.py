"""Units that add a tree of products in binary32 with zeros for subnormal numbers."""

import numpy as np

from msdnum.emulator import backend, bit_patterns
from msdnum.emulator.backend import Array
from msdnum.emulator.gemm.operands import OperandType, Prepared
from msdnum.emulator.gemm.tiles import Arrays
from msdnum.emulator.gemm.units.binary32 import tree
from msdnum.emulator.gemm.units.sums import (
    Operands,
    OperandTypes,
    Operations,
    Range,
    RangedSums,
    Step,
    check_exact_products,
    fold_steps,
    product_at,
)
from msdnum.formats.accumulators import PairwiseUnit

__all__ = ["FlushedSums", "without_subnormal", "without_subnormals"]


class FlushedSums(RangedSums[PairwiseUnit]):
    """Sums of a `PairwiseUnit`."""

    def check(self, kinds: OperandTypes, segment: int) -> None:
        """Refuse elements of too many bits."""
        check_exact_products(self.accumulator.name, kinds)

    def operands(self, a: Prepared, b: Prepared, kinds: OperandTypes, values: Range) -> Operands:
        """Return both sides without the subnormal numbers of floats."""
        a, b = (without_subnormals(x, k) for x, k in zip((a, b), kinds, strict=True))
        return super().operands(a, b, kinds, values)

    def step(self, operations: Operations, kinds: OperandTypes) -> tuple[Step, int]:
        """Return the step of one group."""

        def step(c: Array, a: Arrays, b: Arrays) -> Array:
            terms = [_flush(product_at(operations, a, b, k)) for k in range(a[0].shape[1])]
            total = tree(terms, lambda x, y: _flush(operations.add(x, y)))
            return _flush(operations.add(c, total))

        return step, self.accumulator.group

    def fold(
        self, operations: Operations, kinds: OperandTypes, a: Arrays, b: Arrays, c: Array
    ) -> Array:
        """Return c after all steps, a subnormal c as +0."""
        step, size = self.step(operations, kinds)
        return fold_steps(step, size, a, b, without_subnormal(c))


def without_subnormals(x: Prepared, kind: OperandType) -> Prepared:
    """Replace the subnormal numbers of a float format by zeros."""
    if x.exponents is None or not kind.is_float:
        return x
    xp = backend.namespace(x.elements)
    return x._replace(elements=xp.where(x.exponents < kind.emin, np.float32(0), x.elements))


def _flush(x: Array) -> Array:
    xp = backend.namespace(x)
    pattern = x.view(np.int32)
    kept = xp.where(
        (pattern & bit_patterns.MAGNITUDE_MASK) < bit_patterns.IMPLICIT_BIT, -1 << 31, -1
    )
    return (pattern & kept.astype(np.int32)).view(np.float32)


def without_subnormal(c: Array) -> Array:
    """Return c with +0 for zeros and subnormal numbers."""
    xp = backend.namespace(c)
    pattern = c.view(np.int32)
    normal = (pattern & bit_patterns.MAGNITUDE_MASK) >= bit_patterns.IMPLICIT_BIT
    return xp.where(normal, pattern, 0).view(np.float32)
