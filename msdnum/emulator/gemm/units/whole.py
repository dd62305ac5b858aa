"""Sums that have no steps: exact ones, rounded once, and integers in 32 bits."""

from typing import TypeVar

from msdnum.emulator.backend import Array
from msdnum.emulator.gemm.exact_sums import integer_dot, largest_k, rounded_sum
from msdnum.emulator.gemm.operands import Prepared
from msdnum.emulator.gemm.units.sums import (
    Operands,
    OperandTypes,
    Operations,
    Range,
    Step,
    Sums,
    are_integers,
)
from msdnum.formats.accumulators import Exact, Int32, Int32Overflow

__all__ = ["ExactSums", "Int32Sums"]

WithoutSteps = TypeVar("WithoutSteps", Exact, Int32)


class WholeSums(Sums[WithoutSteps]):
    """A sum that is computed as a whole."""

    takes_start = False

    def depends_on_range(self, kinds: OperandTypes) -> bool:
        """Return False: the range of the values changes nothing."""
        return False

    def operands(self, a: Prepared, b: Prepared, kinds: OperandTypes, values: Range) -> Operands:
        """Refuse: there are no steps that would take them."""
        raise AssertionError(f"{self.accumulator.name} has no steps")

    def step(self, operations: Operations, kinds: OperandTypes) -> tuple[Step, int]:
        """Refuse: there are none."""
        raise AssertionError(f"{self.accumulator.name} has no steps")


class ExactSums(WholeSums[Exact]):
    """The exact sum: of floats rounded once, of integers an integer."""

    def accumulate(
        self, a: Prepared, b: Prepared, kinds: OperandTypes, values: Range, c: Array | None
    ) -> Array:
        """Return float32, or int32 or int64 for integers."""
        if are_integers(kinds):
            return integer_dot(a.elements, b.elements, kinds, None)
        return rounded_sum(a, b)


class Int32Sums(WholeSums[Int32]):
    """Integers in 32 bits."""

    def check(self, kinds: OperandTypes, segment: int) -> None:
        """Refuse other elements, and sums that could overflow where that is an error."""
        names = f"{kinds[0].name} by {kinds[1].name}"
        if not are_integers(kinds):
            raise ValueError(
                f"accumulator {self.accumulator.name} needs integer elements with BINARY32 "
                f"scales, got {names}"
            )
        largest, overflow = largest_k(kinds), self.accumulator.overflow
        if overflow is Int32Overflow.REFUSE and segment > largest:
            raise ValueError(
                f"k must be at most {largest} for {names} to fit int32, got {segment}: "
                f"use INT32_SATURATE, INT32_WRAP or EXACT"
            )
        if overflow is Int32Overflow.SATURATE and self.accumulator.group > largest:
            raise ValueError(
                f"group must be at most {largest} for {names} to fit int32, "
                f"got {self.accumulator.group}"
            )

    def accumulate(
        self, a: Prepared, b: Prepared, kinds: OperandTypes, values: Range, c: Array | None
    ) -> Array:
        """Return int32."""
        return integer_dot(a.elements, b.elements, kinds, self.accumulator)
