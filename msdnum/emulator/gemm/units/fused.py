"""Units that add a few products to the accumulator exactly and round once."""

from msdnum.emulator import backend
from msdnum.emulator.gemm.exact_sums import fused_step
from msdnum.emulator.gemm.operands import Prepared, significands_and_exponents
from msdnum.emulator.gemm.units.sums import (
    EXACT_APART,
    Operands,
    OperandTypes,
    Operations,
    Range,
    Step,
    Sums,
    check_exact_products,
)
from msdnum.formats.accumulators import FusedUnit

__all__ = ["FusedSums"]


class FusedSums(Sums[FusedUnit]):
    """Sums of a `FusedUnit`."""

    def check(self, kinds: OperandTypes, segment: int) -> None:
        """Refuse elements of too many bits."""
        check_exact_products(self.accumulator.name, kinds)

    def depends_on_range(self, kinds: OperandTypes) -> bool:
        """Return False: exponents are apart in any case."""
        return False

    def operands(self, a: Prepared, b: Prepared, kinds: OperandTypes, values: Range) -> Operands:
        """Return elements and exponents."""
        backend.require_float64(a.elements, f"a sum of {self.accumulator.name}")
        return Operands(significands_and_exponents(a), significands_and_exponents(b), EXACT_APART)

    def step(self, operations: Operations, kinds: OperandTypes) -> tuple[Step, int]:
        """Return the step of one group."""
        return fused_step, self.accumulator.group
