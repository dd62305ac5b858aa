"""Ranges of values: where plain binary32 arithmetic is exact but for the roundings of sums."""

from collections.abc import Callable
from typing import Any

from msdnum.emulator import backend, bit_patterns
from msdnum.emulator.backend import Array
from msdnum.emulator.gemm import accumulation
from msdnum.emulator.gemm.operands import Prepared, exponent_bounds, exponent_range
from msdnum.emulator.gemm.plans import Pair
from msdnum.emulator.gemm.units.moderate import LOWEST_TOP
from msdnum.emulator.gemm.units.sums import Range
from msdnum.formats.accumulators import AnyAccumulator

__all__ = ["in_either_range", "in_range", "start_in_range"]


def in_either_range(in_range: Any, run: Callable[[Range], Array]) -> Array:
    """Run as the range has it, which JAX may not know before there are values."""
    if not backend.is_traced(in_range):
        return run(Range.MODERATE if in_range else Range.ANY)
    import jax

    return jax.lax.cond(in_range, lambda: run(Range.MODERATE), lambda: run(Range.ANY))


def in_range(a: Prepared, b: Prepared, kinds: Pair, accumulator: AnyAccumulator) -> Any:
    """Return whether all products and sums of products are normal and none overflows.

    False where the accumulator does not ask, True where the kinds leave no doubt.
    """
    if not accumulation.depends_on_range(accumulator, kinds):
        return False
    if all(k.bounded for k in kinds):
        return True
    if not backend.is_jax(a.elements) and a.scales is None and b.scales is None:
        bounds = exponent_bounds(a, kinds[0]), exponent_bounds(b, kinds[1])
        if _is_moderate(*bounds, kinds, accumulator):
            return True
    return _is_moderate(exponent_range(a), exponent_range(b), kinds, accumulator)


def _is_moderate(a: Any, b: Any, kinds: Pair, accumulator: AnyAccumulator) -> Any:
    """Return whether values with exponents from the lowest to the highest of a side are."""
    (low_a, high_a), (low_b, high_b) = a, b
    unit = sum(k.precision - 1 for k in kinds)
    carry = 2 + kinds[0].length.bit_length()
    return (
        (low_a + low_b - unit >= bit_patterns.EMIN)
        & (low_a + low_b >= accumulation.lowest_product(accumulator))
        & (high_a + high_b + carry <= 126)
        & (low_a >= bit_patterns.EMIN) & (low_b >= bit_patterns.EMIN)
        & (high_a <= 126) & (high_b <= 126)
    )  # fmt: skip


def start_in_range(c: Array | None) -> Any:
    """Return whether sums with c can neither overflow nor be subnormal, c in place of products."""
    if c is None:
        return True
    xp = backend.namespace(c)
    # A sum is a multiple of the last bit of c, also in units of what is aligned to 2**LOWEST_TOP.
    magnitude = xp.abs(c)
    moderate = (magnitude >= 2.0**LOWEST_TOP) & (magnitude <= 2.0**100)
    return (moderate | (c.view("int32") == 0)).all()
