"""Plans: what is decided and checked of a product before there are values."""

from dataclasses import dataclass
from itertools import chain
from typing import Any, TypeAlias

import numpy as np

from msdnum.emulator import backend, bit_patterns
from msdnum.emulator.argument_checks import check_mode
from msdnum.emulator.backend import Array
from msdnum.emulator.decompositions import Decomposition
from msdnum.emulator.floats import as_floats
from msdnum.emulator.gemm import accumulation
from msdnum.emulator.gemm.checks import as_operand
from msdnum.emulator.gemm.operands import OperandType, cut_to_taken, kind
from msdnum.emulator.gemm.outputs import rounded_to
from msdnum.emulator.gemm.recombination import Addition, Recombination, Schedule
from msdnum.emulator.gemm.units.kinds import sums_of
from msdnum.emulator.quantized_arrays import QuantizedArray
from msdnum.emulator.zero_points import AsymmetricArray
from msdnum.formats.accumulators import (
    AnyAccumulator,
    Cdna3Unit,
    Exact,
    FusedUnit,
    GroupedUnit,
    MatrixUnit,
    PairwiseUnit,
    in_format,
)
from msdnum.formats.elements import BF16, BINARY32, FP16, FloatFormat
from msdnum.formats.modes import InfAndNan

__all__ = [
    "ARRAYS_OF", "Kinds", "Operand", "Pair", "Plan", "check_one_accumulator", "check_operands",
    "check_pairs", "checked_start", "checked_terms", "codes", "kinds_of", "needs_values", "planned",
    "segment",
]  # fmt: skip

Operand: TypeAlias = Any
"""A Decomposition, a tuple of terms, or one term: a QuantizedArray, an AsymmetricArray or an array
of float32, bfloat16 or float16. Plain numbers of int8, int4, or a float of ``ml_dtypes`` of at most
8 bits, are elements whose scale is 1."""
Pair: TypeAlias = tuple[OperandType, OperandType]
Kinds: TypeAlias = tuple[tuple[OperandType, ...], tuple[OperandType, ...]]


@dataclass(frozen=True)
class Plan:
    """All that is decided before there are values."""

    accumulator: AnyAccumulator
    recombination: Recombination
    schedule: Schedule
    output: FloatFormat | None = None
    """Of the result; None: binary32, whatever the accumulator holds."""
    inf_and_nan: InfAndNan = InfAndNan.OF_THE_SUM

    @property
    def is_chained(self) -> bool:
        """Whether all pairs of terms share one accumulator."""
        return self.recombination.addition is Addition.CHAINED

    @property
    def is_stepwise(self) -> bool:
        """Whether each step decides about Inf and NaN."""
        return self.inf_and_nan is InfAndNan.OF_EACH_STEP

    @property
    def has_one_accumulator(self) -> bool:
        """Whether something needs one accumulator for all products, with or without a c."""
        return self.is_chained or self.is_stepwise or self.output not in (None, BINARY32)


HAVE_STEPS = MatrixUnit, GroupedUnit, Cdna3Unit, FusedUnit, PairwiseUnit
"""Kinds of units of which a source says what each step makes of Inf and NaN."""


def planned(
    accumulator: AnyAccumulator,
    recombination: Recombination,
    schedule: Schedule,
    output: FloatFormat | None,
    inf_and_nan: InfAndNan = InfAndNan.OF_THE_SUM,
) -> Plan:
    """Return the plan with an accumulator that gives this output."""
    sums_of(accumulator)
    check_mode("inf_and_nan", inf_and_nan, InfAndNan)
    if inf_and_nan is InfAndNan.OF_EACH_STEP and not isinstance(accumulator, HAVE_STEPS):
        known = ", ".join(kind.__name__ for kind in HAVE_STEPS)
        raise ValueError(
            f"inf_and_nan must be OF_THE_SUM for accumulator {accumulator.name}: OF_EACH_STEP is "
            f"for the steps of a {known}"
        )
    if output is not None:
        check_mode("output", output, FloatFormat)
        accumulator = in_format(accumulator, output)
    return Plan(accumulator, recombination, schedule, output, inf_and_nan)


def _terms(x: Operand, name: str) -> tuple[Any, ...]:
    if isinstance(x, Decomposition):
        return x.terms
    terms = x if isinstance(x, tuple) else (x,)
    if not terms:
        raise ValueError(f"{name} must have at least one term")
    return terms


def checked_terms(x: Operand, name: str) -> tuple[Any, ...]:
    """Return the terms of a side, or raise with the name of the argument."""
    return tuple(as_operand(term, name) for term in _terms(x, name))


def kinds_of(
    terms: tuple[Any, ...], axis: int, name: str, accumulator: AnyAccumulator
) -> tuple[OperandType, ...]:
    """Return what is known of the terms of a side before they have values."""
    return tuple(cut_to_taken(kind(term, axis, name), accumulator.takes) for term in terms)


def codes(term: Any) -> Array:
    """Return the array of a term that says which library it belongs to."""
    if isinstance(term, AsymmetricArray):
        return term.quantized.codes
    return term.codes if isinstance(term, QuantizedArray) else term


def check_operands(left: tuple[Any, ...], right: tuple[Any, ...]) -> None:
    """Raise unless the terms of both sides have shapes and a library that fit."""
    if len({backend.is_jax(codes(t)) for t in left + right}) > 1:
        raise TypeError("a and b must both be NumPy or both JAX arrays, got one of each")
    for name, terms in (("a", left), ("b", right)):
        if len({t.shape for t in terms}) > 1:
            raise ValueError(f"{name} must have terms of one shape, got {[t.shape for t in terms]}")
    if left[0].shape[-1] != right[0].shape[-2]:
        raise ValueError(
            f"b must have {left[0].shape[-1]} rows to match a, got shape {right[0].shape}"
        )
    try:
        np.broadcast_shapes(left[0].shape[:-2], right[0].shape[:-2])
    except ValueError:
        raise ValueError(
            f"a and b must have leading dimensions that broadcast, "
            f"got shapes {left[0].shape} and {right[0].shape}"
        ) from None


def check_pairs(plan: Plan, kinds: Kinds) -> None:
    """Raise unless every pair of terms is there, and the accumulator takes it."""
    if not isinstance(plan.recombination, Recombination) or not isinstance(plan.schedule, Schedule):
        raise TypeError("recombination must be a Recombination and schedule a Schedule")
    left, right = kinds
    for i, j in plan.schedule.pairs:
        if i >= len(left) or j >= len(right):
            raise ValueError(
                f"schedule must name terms below ({len(left)}, {len(right)}), got {(i, j)}"
            )
        pair = left[i], right[j]
        accumulation.check_accumulator(plan.accumulator, pair, segment(pair))


def segment(kinds: Pair) -> int:
    """Return the length of k over which the scales outside do not change."""
    sizes = sorted(k.outside for k in kinds if k.outside is not None)
    if len(sizes) == 2 and sizes[1] % sizes[0]:
        raise ValueError(
            f"a and b must have blocks along k that line up, got {sizes[0]} and {sizes[1]}"
        )
    return sizes[0] if sizes else kinds[0].length


def needs_values(plan: Plan, kinds: Kinds) -> bool:
    """Return whether the plan cannot be traced: exact sums of floats."""
    return isinstance(plan.accumulator, Exact) and not all(k.integer for k in chain(*kinds))


def checked_start(c: Any, shape: tuple[int, ...], plan: Plan, like: Array) -> Array | None:
    """Return c as float32, of the shape of the result; None where there is none.

    Raises
    ------
    TypeError
        If it is no array of floats of a format that the accumulator holds, or NumPy's beside JAX's.
    ValueError
        If its shape is another, a number is none of the accumulator's format, or the accumulator or
        the plan leaves no place for it.
    """
    if c is None:
        return None
    c = as_floats(c, "c")
    if backend.is_jax(c) != backend.is_jax(like):
        raise TypeError("c must be a NumPy or a JAX array as a and b are, got the other")
    if c.shape != shape:
        raise ValueError(f"c must have the shape {shape} of the result, got {c.shape}")
    sums = sums_of(plan.accumulator)
    if not sums.takes_start:
        raise ValueError(
            f"c must be None for accumulator {plan.accumulator.name}, which has no steps: "
            f"add c to the product"
        )
    return _as_held(c, plan.accumulator)


ARRAYS_OF = {FP16: "float16", BF16: "bfloat16"}
"""Formats that arrays have a type for."""


def _as_held(c: Array, accumulator: AnyAccumulator) -> Array:
    """Return c as float32 if its numbers are such as the accumulator holds."""
    held = accumulator.output
    dtype = ARRAYS_OF.get(held, str(c.dtype))
    if str(c.dtype) != dtype:
        raise TypeError(
            f"c must be {dtype} for accumulator {accumulator.name}, which holds {held.name}, "
            f"got {c.dtype}: round it once, .astype('{dtype}')"
        )
    numbers = bit_patterns.as_pattern(c, "c").view(np.float32)
    if held != BINARY32 and held not in ARRAYS_OF and not backend.is_traced(numbers):
        rounded, xp = rounded_to(numbers, held), backend.namespace(numbers)
        if not (xp.isnan(numbers) | (rounded == numbers)).all():
            raise ValueError(
                f"c must have numbers of {held.name}, which accumulator {accumulator.name} holds: "
                f"round it once, msdnum.round_to(c, accumulator.output)"
            )
    return numbers


def check_one_accumulator(plan: Plan) -> None:
    """Raise unless c has an accumulator to start, and the output and the steps have one."""
    if len(plan.schedule.pairs) > 1 and not plan.is_chained:
        raise ValueError(
            "c, output and inf_and_nan need one accumulator for all pairs of terms: "
            "recombination=Recombination(addition=Addition.CHAINED)"
        )
