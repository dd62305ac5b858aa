"""Emulated GEMM: products of low-bit terms, accumulated, scaled and added as hardware would."""

import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache, reduce
from itertools import chain
from math import prod
from typing import Any, TypeAlias

import numpy as np

from msdnum.emulator import argument_checks, backend, binary32, bit_patterns, elements
from msdnum.emulator.backend import Array
from msdnum.emulator.decompositions import Decomposition
from msdnum.emulator.gemm import accumulation
from msdnum.emulator.gemm.checks import as_operand, check_dimensions, checked
from msdnum.emulator.gemm.exact_sums import rounded_sum
from msdnum.emulator.gemm.inf_and_nan import TermPair, with_specials
from msdnum.emulator.gemm.operands import (
    OperandType,
    Prepared,
    exponent_range,
    kind,
    prepare,
    significands_and_exponents,
)
from msdnum.emulator.gemm.recombination import (
    Addition,
    Recombination,
    Scaling,
    Schedule,
    full,
    triangular,
)
from msdnum.emulator.gemm.tiles import cut, loop
from msdnum.emulator.gemm.units.sums import Range
from msdnum.emulator.jax_settings import under_own_settings
from msdnum.emulator.quantized_arrays import QuantizedArray
from msdnum.emulator.zero_points import AsymmetricArray
from msdnum.formats.accumulators import SEQUENTIAL, AnyAccumulator, Exact
from msdnum.formats.elements import BINARY32, FloatFormat
from msdnum.formats.modes import Overflow

__all__ = [
    "Addition", "Operand", "Recombination", "Scaling", "Schedule", "full", "matmul", "transposed",
    "triangular",
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


@under_own_settings
def matmul(
    a: Operand,
    b: Operand,
    *,
    accumulator: AnyAccumulator = SEQUENTIAL,
    recombination: Recombination | None = None,
    schedule: Schedule | None = None,
) -> Array:
    """Multiply, accumulating over k as ``accumulator`` does. Every bit of the result is defined.

    A scale of at most 8 bits (E8M0, E4M3, E5M2) is part of the products that are accumulated. A
    wider one (FP16, BF16, binary32), or of a wider range, is outside, as a binary32 number: one
    that is the same for all of k (a row of a, a column of b, a tensor) multiplies the sum over k;
    one that changes along k multiplies the sum of each of its blocks, converted to binary32, and
    these are added from +0 in binary32, in the order of k. In a product with an outside scale that
    changes along k the accumulator works within one block.

    Parameters
    ----------
    a : Operand
        Shape (..., m, k). Blocks along the last axis, or one for the whole tensor.
    b : Operand
        Shape (..., k, n). Blocks along the last but one axis; see ``transposed``.
    accumulator : Accumulator
        See ``accumulators``.
    recombination : Recombination, optional
        Scaling and addition of the terms.
    schedule : Schedule, optional
        Pairs of terms; by default all of them, the most significant first.

    Returns
    -------
    Array of float32
        Shape (..., m, n); leading dimensions are broadcast. Where a product is Inf or NaN, or a
        scale is NaN, as IEEE 754 has it for the sum, whatever the accumulator; NaN is the positive
        quiet NaN.

    Raises
    ------
    TypeError
        If an operand is none of these, or NumPy and JAX arrays are mixed.
    ValueError
        If shapes do not match, blocks do not lie along k or do not line up with each other, the
        accumulator is not defined for the elements, int32 could overflow, the schedule names a
        term that is not there, or EXACT needs values or 64-bit types that are not there.

    Notes
    -----
    The scale of a term in exact INT8 arithmetic, ``amax / (127 * 254**i)``, is rounded once to
    binary32. binary32 elements whose products do not fit binary32 have them rounded first.

    Source: paper, section 3; theorem gemm.
    """
    left, right = _checked_terms(a, "a"), _checked_terms(b, "b")
    schedule = full(len(left), len(right)) if schedule is None else schedule
    plan = Plan(accumulator, recombination or Recombination(), schedule)
    kinds = tuple(kind(t, -1, "a") for t in left), tuple(kind(t, -2, "b") for t in right)
    _check_operands(left, right)
    _check_pairs(plan, kinds)
    on_jax = backend.is_jax(_codes(left[0]))
    if on_jax and not _needs_values(plan, kinds):
        return _jitted()(left, right, kinds, plan)
    return _matmul(left, right, kinds, plan)


@cache
def _jitted() -> Callable[..., Array]:
    import jax

    barrier: Any = jax.lax.optimization_barrier

    def product(left: tuple[Any, ...], right: tuple[Any, ...], kinds: Kinds, plan: Plan) -> Array:
        # XLA misreads a constant that is transposed outside and seen as integers in a loop inside.
        left, right = barrier((left, right))
        return _matmul(left, right, kinds, plan)

    return jax.jit(product, static_argnums=(2, 3))


def _terms(x: Operand, name: str) -> tuple[Any, ...]:
    if isinstance(x, Decomposition):
        return x.terms
    terms = x if isinstance(x, tuple) else (x,)
    if not terms:
        raise ValueError(f"{name} must have at least one term")
    return terms


def _checked_terms(x: Operand, name: str) -> tuple[Any, ...]:
    return tuple(as_operand(term, name) for term in _terms(x, name))


def _codes(term: Any) -> Array:
    if isinstance(term, AsymmetricArray):
        return term.quantized.codes
    return term.codes if isinstance(term, QuantizedArray) else term


def _check_operands(left: tuple[Any, ...], right: tuple[Any, ...]) -> None:
    if len({backend.is_jax(_codes(t)) for t in left + right}) > 1:
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


def _check_pairs(plan: Plan, kinds: Kinds) -> None:
    if not isinstance(plan.recombination, Recombination) or not isinstance(plan.schedule, Schedule):
        raise TypeError("recombination must be a Recombination and schedule a Schedule")
    left, right = kinds
    for i, j in plan.schedule.pairs:
        if i >= len(left) or j >= len(right):
            raise ValueError(
                f"schedule must name terms below ({len(left)}, {len(right)}), got {(i, j)}"
            )
        pair = left[i], right[j]
        accumulation.check_accumulator(plan.accumulator, pair, _segment(pair))


def _segment(kinds: Pair) -> int:
    """Return the length of k over which the scales outside do not change."""
    sizes = sorted(k.outside for k in kinds if k.outside is not None)
    if len(sizes) == 2 and sizes[1] % sizes[0]:
        raise ValueError(
            f"a and b must have blocks along k that line up, got {sizes[0]} and {sizes[1]}"
        )
    return sizes[0] if sizes else kinds[0].length


def _needs_values(plan: Plan, kinds: Kinds) -> bool:
    """Return whether the plan cannot be traced: exact sums of floats."""
    return isinstance(plan.accumulator, Exact) and not all(k.integer for k in chain(*kinds))


# ------------------------------------------------------------------------------------------------
# Batches
# ------------------------------------------------------------------------------------------------

Factors: TypeAlias = list[Prepared]


def _matmul(left: tuple[Any, ...], right: tuple[Any, ...], kinds: Kinds, plan: Plan) -> Array:
    a = [prepare(t, k, -1) for t, k in zip(left, kinds[0], strict=True)]
    b = [prepare(t, k, -2) for t, k in zip(right, kinds[1], strict=True)]
    shape = (*left[0].shape[:-1], right[0].shape[-1])
    if len(right[0].shape) == 2:
        return _matrix([_flat(x) for x in a], b, kinds, plan).reshape(shape)
    batch = np.broadcast_shapes(left[0].shape[:-2], right[0].shape[:-2])
    a, b = [_batched(x, batch) for x in a], [_batched(x, batch) for x in b]
    result = _map(lambda a, b: _matrix(a, b, kinds, plan), a, b, _needs_values(plan, kinds))
    return result.reshape(*batch, *shape[-2:])


def _arrays(x: Prepared, function: Callable[[Array], Array]) -> Prepared:
    return Prepared(*[None if v is None else function(v) for v in x])


def _flat(x: Prepared) -> Prepared:
    """Make one matrix of a batch of left factors."""
    xp = backend.namespace(x.elements)
    batch = x.elements.shape[:-2]

    def rows(v: Array) -> Array:
        if batch and v.ndim > 2 and v.size > 1:
            v = xp.broadcast_to(v, (*batch, *v.shape[-2:]))
        return v.reshape(-1, v.shape[-1]) if v.ndim > 2 else v

    return _arrays(x, rows)


def _batched(x: Prepared, batch: tuple[int, ...]) -> Prepared:
    xp = backend.namespace(x.elements)

    def stacked(v: Array) -> Array:
        v = v.reshape((1, 1)) if v.ndim == 0 else v
        return xp.broadcast_to(v, (*batch, *v.shape[-2:])).reshape(prod(batch), *v.shape[-2:])

    return _arrays(x, stacked)


def _map(
    function: Callable[[Factors, Factors], Array], a: Factors, b: Factors, concrete: bool
) -> Array:
    """Apply ``function`` to every member of the batch, one after the other."""
    xp = backend.namespace(a[0].elements)
    if backend.is_jax(a[0].elements) and not concrete:
        import jax

        return jax.lax.map(lambda operands: function(*operands), (a, b))
    members = range(a[0].elements.shape[0])
    return xp.stack([function(_member(a, i), _member(b, i)) for i in members])


def _member(factors: Factors, i: int) -> Factors:
    return [_arrays(x, lambda v: v[i]) for x in factors]


# ------------------------------------------------------------------------------------------------
# One matrix
# ------------------------------------------------------------------------------------------------


def _matrix(a: Factors, b: Factors, kinds: Kinds, plan: Plan) -> Array:
    chained = plan.recombination.addition is Addition.CHAINED
    result = (_chained if chained else _separate)(a, b, kinds, plan)
    xp = backend.namespace(result)
    return xp.where(xp.isnan(result), np.float32(np.nan), result)


def _separate(a: Factors, b: Factors, kinds: Kinds, plan: Plan) -> Array:
    recombination, total = plan.recombination, None
    for i, j in plan.schedule.pairs:
        found = _pair(a[i], b[j], (kinds[0][i], kinds[1][j]), plan)
        found = _round(found, recombination.precision)
        total = found if total is None else binary32.add(total, found)
        total = _round(total, recombination.precision)
    return total


def _round(x: Array, precision: FloatFormat) -> Array:
    if precision == BINARY32:
        return x
    return elements.decode(elements.encode(x, precision, overflow=Overflow.OVERFLOW), precision)


def _chained(a: Factors, b: Factors, kinds: Kinds, plan: Plan) -> Array:
    if any(x.outer is not None for x in (*a, *b)):
        raise ValueError("addition CHAINED needs scales inside: E8M0, or E4M3 without tensor scale")
    operands = [(a[i], b[j], (kinds[0][i], kinds[1][j])) for i, j in plan.schedule.pairs]
    return with_specials(_chain(operands, plan.accumulator), operands)


def _chain(operands: list[TermPair], accumulator: AnyAccumulator) -> Array:
    if isinstance(accumulator, Exact):
        left, right = (
            _joined([x for x, _, _ in operands], 1),
            _joined([y for _, y, _ in operands], 0),
        )
        return rounded_sum(left, right)
    # One accumulator, one arithmetic: what a pair leaves may be out of the next one's range.
    in_range = reduce(operator.and_, [_in_range(*x, accumulator) for x in operands])

    def run(values: Range) -> Array:
        total = None
        for operand in operands:
            total = accumulation.accumulate(*operand, accumulator, values, total)
        return total

    return _in_either_range(in_range, run)


def _joined(factors: Sequence[Prepared], axis: int) -> Prepared:
    values, exponents = zip(*[significands_and_exponents(x) for x in factors], strict=True)
    xp = backend.namespace(values[0])
    return Prepared(xp.concatenate(values, axis), xp.concatenate(exponents, axis), None, None, None)


def _pair(a: Prepared, b: Prepared, kinds: Pair, plan: Plan) -> Array:
    """Return the scaled product of two terms."""
    scaling, size = plan.recombination.scaling, _segment(kinds)
    if size == kinds[0].length:
        total = _core(a, b, kinds, plan.accumulator)
        return _scale(total, a.outer, b.outer, scaling)
    whole = kinds[0].length // size
    zero = backend.namespace(a.elements).zeros(
        (a.elements.shape[0], b.elements.shape[1]), np.float32
    )

    def add_segment(i: Any, total: Array, length: int = size) -> Array:
        return binary32.add(total, _segment_sum(a, b, kinds, i * size, length, plan))

    total = loop(whole, add_segment, zero)
    if kinds[0].length % size:
        total = add_segment(whole, total, kinds[0].length % size)
    row = a.outer if kinds[0].outside is None else None
    column = b.outer if kinds[1].outside is None else None
    return _scale(total, row, column, scaling)


def _segment_sum(a: Prepared, b: Prepared, kinds: Pair, start: Any, size: int, plan: Plan) -> Array:
    """Return the sum over one segment of k times the scales that belong to it alone."""
    x = _arrays(a._replace(outer=None), lambda v: cut(v, start, size, 1))
    y = _arrays(b._replace(outer=None), lambda v: cut(v, start, size, 0))
    inner = replace(kinds[0], length=size), replace(kinds[1], length=size)
    found = _core(x, y, inner, plan.accumulator)
    row = column = None
    if kinds[0].outside is not None:
        row = cut(a.outer, start // kinds[0].outside, 1, 1)
    if kinds[1].outside is not None:
        column = cut(b.outer, start // kinds[1].outside, 1, 0)
    return _scale(found, row, column, plan.recombination.scaling)


def _scale(c: Array, row: Array | None, column: Array | None, scaling: Scaling) -> Array:
    if row is not None and column is not None and scaling is Scaling.PRODUCT:
        return binary32.multiply(c, binary32.multiply(row, column))
    ordered = (column, row) if scaling is Scaling.COLUMN_THEN_ROW else (row, column)
    for scale in ordered:
        if scale is not None:
            c = binary32.multiply(c, scale)
    return c


def _core(a: Prepared, b: Prepared, kinds: Pair, accumulator: AnyAccumulator) -> Array:
    """Return the sum of products in binary32, by plain arithmetic where that is exact."""
    found = _in_either_range(
        _in_range(a, b, kinds, accumulator),
        lambda values: accumulation.accumulate(a, b, kinds, accumulator, values, None),
    )
    return with_specials(found.astype(np.float32), [(a, b, kinds)])


def _in_either_range(in_range: Any, run: Callable[[Range], Array]) -> Array:
    if not backend.is_traced(in_range):
        return run(Range.MODERATE if in_range else Range.ANY)
    import jax

    return jax.lax.cond(in_range, lambda: run(Range.MODERATE), lambda: run(Range.ANY))


def _in_range(a: Prepared, b: Prepared, kinds: Pair, accumulator: AnyAccumulator) -> Any:
    """Return whether all products and sums of products are normal and none overflows.

    False where the accumulator does not ask, True where the kinds leave no doubt.
    """
    if not accumulation.depends_on_range(accumulator, kinds):
        return False
    if all(k.bounded for k in kinds):
        return True
    (low_a, high_a), (low_b, high_b) = exponent_range(a), exponent_range(b)
    unit = sum(k.precision - 1 for k in kinds)
    carry = 2 + kinds[0].length.bit_length()
    return (
        (low_a + low_b - unit >= bit_patterns.EMIN)
        & (high_a + high_b + carry <= 126)
        & (low_a >= bit_patterns.EMIN) & (low_b >= bit_patterns.EMIN)
        & (high_a <= 126) & (high_b <= 126)
    )  # fmt: skip


@under_own_settings
def transposed(x: QuantizedArray) -> QuantizedArray:
    """Return the transpose of the last two axes: a weight (n, k) with blocks along k, as b.

    Raises
    ------
    ValueError
        If ``x`` has fewer than two dimensions.
    """
    argument_checks.check_mode("x", x, QuantizedArray)
    check_dimensions(x.shape, "x")
    x = checked(x, "x")
    xp = backend.namespace(x.codes)
    axis = x.axis if x.axis is None or x.axis < -2 else -3 - x.axis
    scales = x.scale_codes if x.axis is None else xp.swapaxes(x.scale_codes, -1, -2)
    return replace(x, codes=xp.swapaxes(x.codes, -1, -2), scale_codes=scales, axis=axis)
