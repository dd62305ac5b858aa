"""Units that are given by their step in fractions: entry by entry, in Python."""

from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from msdnum.emulator import backend
from msdnum.emulator.backend import Array
from msdnum.emulator.gemm.operands import Prepared, significands_and_exponents
from msdnum.emulator.gemm.units.sums import (
    EXACT_APART,
    Operands,
    OperandTypes,
    Operations,
    Range,
    Step,
    Sums,
)
from msdnum.formats.own_units import StepUnit

__all__ = ["SteppedSums"]


class SteppedSums(Sums[StepUnit]):
    """Sums of a `StepUnit`."""

    def depends_on_range(self, kinds: OperandTypes) -> bool:
        """Return False: fractions have no range."""
        return False

    def operands(self, a: Prepared, b: Prepared, kinds: OperandTypes, values: Range) -> Operands:
        """Return elements and exponents."""
        return Operands(significands_and_exponents(a), significands_and_exponents(b), EXACT_APART)

    def step(self, operations: Operations, kinds: OperandTypes) -> tuple[Step, int]:
        """Return a step on arrays, of JAX through a callback."""
        unit = self.accumulator

        def step(c: Array, a: Any, b: Any) -> Array:
            if not backend.is_jax(c):
                return _entries(unit, c, *a, *b)
            import jax

            shape: Any = jax.ShapeDtypeStruct  # as a function it has no types
            shape = shape(c.shape, c.dtype)
            return jax.pure_callback(lambda *x: _entries(unit, *x), shape, c, *a, *b)

        return step, unit.group


def _entries(unit: StepUnit, *arrays: Any) -> NDArray[np.float32]:
    """Apply the step to every entry of c; one that is infinite stays."""
    c, x, ex, y, ey = (np.asarray(v) for v in arrays)
    left = [_numbers(row, e) for row, e in zip(x, ex, strict=True)]
    right = [_numbers(column, e) for column, e in zip(y.T, ey.T, strict=True)]
    found = np.array(c, np.float32)
    for i, j in np.ndindex(found.shape):
        if np.isfinite(found[i, j]):
            found[i, j] = _next(unit, Fraction(float(found[i, j])), left[i], right[j])
    return found


def _numbers(x: Any, exponent: Any) -> list[Fraction]:
    finite = np.where(np.isfinite(x), x, 0)
    return [
        Fraction(float(v)) * Fraction(2) ** int(e) for v, e in zip(finite, exponent, strict=True)
    ]


def _next(unit: StepUnit, c: Fraction, a: list[Fraction], b: list[Fraction]) -> float:
    found = unit.step(c, a, b)
    number = np.float32(float(found))
    if Fraction(float(number)) != found:
        raise ValueError(
            f"step of {unit.name} must return a number of {unit.output.name}, got {found}: round "
            f"it there"
        )
    return float(number)
