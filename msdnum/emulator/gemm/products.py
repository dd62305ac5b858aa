"""Emulated GEMM: products of low-bit terms, accumulated, scaled and added as hardware would."""

import operator
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache, reduce
from typing import Any, TypeAlias

import numpy as np

from msdnum.emulator import argument_checks, backend, binary32
from msdnum.emulator.backend import Array
from msdnum.emulator.gemm import accumulation
from msdnum.emulator.gemm.batches import Factors, arrays, batched, flat, mapped, one_by_one
from msdnum.emulator.gemm.checks import check_dimensions, checked
from msdnum.emulator.gemm.exact_sums import rounded_sum
from msdnum.emulator.gemm.inf_and_nan import TermPair, finite, with_specials
from msdnum.emulator.gemm.inf_and_nan_by_steps import sum_by_steps, with_nan_of_unit
from msdnum.emulator.gemm.operands import Prepared, prepare, significands_and_exponents
from msdnum.emulator.gemm.outputs import as_output, rounded_to
from msdnum.emulator.gemm.plans import (
    Kinds,
    Operand,
    Pair,
    Plan,
    check_one_accumulator,
    check_operands,
    check_pairs,
    checked_start,
    checked_terms,
    codes,
    kinds_of,
    needs_values,
    planned,
    segment,
)
from msdnum.emulator.gemm.ranges import in_either_range, in_range, start_in_range
from msdnum.emulator.gemm.recombination import (
    Addition,
    Recombination,
    Scaling,
    Schedule,
    full,
    triangular,
)
from msdnum.emulator.gemm.row_threads import in_row_threads, parts_of_rows
from msdnum.emulator.gemm.tiles import cut
from msdnum.emulator.gemm.units.sums import Range
from msdnum.emulator.jax_settings import under_own_settings
from msdnum.emulator.quantized_arrays import QuantizedArray
from msdnum.formats.accumulators import SEQUENTIAL, AnyAccumulator, Exact
from msdnum.formats.elements import FloatFormat
from msdnum.formats.modes import InfAndNan

__all__ = [
    "Addition", "Operand", "Recombination", "Scaling", "Schedule", "full", "matmul", "transposed",
    "triangular",
]  # fmt: skip


@under_own_settings
def matmul(
    a: Operand,
    b: Operand,
    *,
    c: Any = None,
    output: FloatFormat | None = None,
    inf_and_nan: InfAndNan = InfAndNan.OF_THE_SUM,
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
    c : Array of float32, float16 or bfloat16, optional
        What the accumulator starts from, in place of +0: of the shape of the result; float16 where
        the accumulator holds FP16, bfloat16 where it holds BF16, and numbers of its format where
        that is another (with JAX, traced numbers are not looked at).
    output : FloatFormat, optional
        BINARY32, or FP16 for a unit that has it: then every step rounds its wide sum once to FP16,
        as an instruction does whose C and D are FP16, which is not the binary32 result rounded.
    inf_and_nan : InfAndNan
        Of the sum; or of each step, for a `MatrixUnit`, `GroupedUnit`, `Cdna3Unit`, `FusedUnit` or
        `PairwiseUnit`: an overflow and a later Inf of the other sign are NaN, and NaN is NVIDIA's
        0x7fffffff, or 0x7fff in FP16, for its units.
    accumulator : Accumulator
        See ``accumulators``.
    recombination : Recombination, optional
        Scaling and addition of the terms.
    schedule : Schedule, optional
        Pairs of terms; by default all of them, the most significant first.

    Returns
    -------
    Array of float32, or of float16 for the output FP16
        Shape (..., m, n); leading dimensions are broadcast. Where a product is Inf or NaN, or a
        scale is NaN, as ``inf_and_nan`` says.

    Raises
    ------
    TypeError
        If an operand is none of these, NumPy and JAX arrays are mixed, or c is not of the format
        that the accumulator holds.
    ValueError
        If shapes do not match, blocks do not lie along k or do not line up with each other, the
        accumulator is not defined for the elements, int32 could overflow, the schedule names a
        term that is not there, EXACT needs values or 64-bit types that are not there, the
        accumulator cannot start from c or has not this output, or there is not one accumulator
        that would: several terms not CHAINED, or scales outside.

    Notes
    -----
    The scale of a term in exact INT8 arithmetic, ``amax / (127 * 254**i)``, is rounded once to
    binary32. binary32 elements whose products do not fit binary32 have them rounded first.

    Source: paper, section 3; theorem gemm.

    Examples
    --------
    >>> from msdnum import BLOCK_FORMATS, SCHEMES, accumulators, decompose_terms, matmul, quantize
    >>> a, b = np.float32([[2.0**24, 1, -(2.0**24)]]), np.ones((3, 1), np.float32)
    >>> matmul(a, b), matmul(a, b, accumulator=accumulators.EXACT)
    (array([[0.]], dtype=float32), array([[1.]], dtype=float32))

    A weight in MXFP4, and activations as they are, in one MXFP4 term, and in two:

    >>> x = np.float32([[0.7] * 32])
    >>> w = quantize(np.ones((32, 1), np.float32), BLOCK_FORMATS["MXFP4"], axis=0)
    >>> one = decompose_terms(x, SCHEMES["MXFP4_X1"])
    >>> two = decompose_terms(x, SCHEMES["MXFP4_X2"])
    >>> [float(matmul(given, w)[0, 0]) for given in (x, one, two)]
    [22.40000343322754, 24.0, 22.5]
    """
    left, right = checked_terms(a, "a"), checked_terms(b, "b")
    schedule = full(len(left), len(right)) if schedule is None else schedule
    plan = planned(accumulator, recombination or Recombination(), schedule, output, inf_and_nan)
    kinds = kinds_of(left, -1, "a", accumulator), kinds_of(right, -2, "b", accumulator)
    check_operands(left, right)
    check_pairs(plan, kinds)
    start = checked_start(c, _shape(left, right), plan, codes(left[0]))
    if start is not None or output is not None or plan.is_stepwise:
        check_one_accumulator(plan)
    on_jax = backend.is_jax(codes(left[0]))
    if on_jax and not needs_values(plan, kinds):
        parts = parts_of_rows(left, right, start)
        if parts == 1:
            return _jitted()(left, right, start, kinds, plan)
        return in_row_threads(
            lambda left, c: _jitted()(left, right, c, kinds, plan), left, start, parts
        )
    return _matmul(left, right, start, kinds, plan)


Terms: TypeAlias = tuple[Any, ...]


@cache
def _jitted() -> Callable[..., Array]:
    import jax

    barrier: Any = jax.lax.optimization_barrier

    def product(left: Terms, right: Terms, c: Array | None, kinds: Kinds, plan: Plan) -> Array:
        # XLA misreads a constant that is transposed outside and seen as integers in a loop inside.
        left, right = barrier((left, right))
        return _matmul(left, right, c, kinds, plan)

    return jax.jit(product, static_argnums=(3, 4))


def _shape(left: Terms, right: Terms) -> tuple[int, ...]:
    batch = np.broadcast_shapes(left[0].shape[:-2], right[0].shape[:-2])
    return (*batch, left[0].shape[-2], right[0].shape[-1])


def _matmul(left: Terms, right: Terms, c: Array | None, kinds: Kinds, plan: Plan) -> Array:
    a = [prepare(t, k, -1) for t, k in zip(left, kinds[0], strict=True)]
    b = [prepare(t, k, -2) for t, k in zip(right, kinds[1], strict=True)]
    shape = _shape(left, right)

    def product(a: Factors, b: Factors, c: Array | None) -> Array:
        return _matrix(a, b, c, kinds, plan)

    if len(right[0].shape) == 2:
        c = None if c is None else c.reshape(-1, shape[-1])
        result = product([flat(x) for x in a], b, c)
    else:
        a, b = [batched(x, shape[:-2]) for x in a], [batched(x, shape[:-2]) for x in b]
        c = None if c is None else c.reshape(-1, *shape[-2:])
        looped = backend.is_jax(a[0].elements) and not needs_values(plan, kinds)
        result = (mapped if looped else one_by_one)(product, a, b, c)
    result = as_output(result.reshape(shape), plan.output)
    return with_nan_of_unit(result, plan.accumulator) if plan.is_stepwise else result


# ------------------------------------------------------------------------------------------------
# One matrix
# ------------------------------------------------------------------------------------------------


def _matrix(a: Factors, b: Factors, c: Array | None, kinds: Kinds, plan: Plan) -> Array:
    if c is not None or plan.has_one_accumulator:
        result = _chained(a, b, c, kinds, plan)
    else:
        result = _separate(a, b, kinds, plan)
    xp = backend.namespace(result)
    return xp.where(xp.isnan(result), np.float32(np.nan), result)


def _separate(a: Factors, b: Factors, kinds: Kinds, plan: Plan) -> Array:
    recombination, total = plan.recombination, None
    for i, j in plan.schedule.pairs:
        found = _pair(a[i], b[j], (kinds[0][i], kinds[1][j]), plan)
        found = rounded_to(found, recombination.precision)
        total = found if total is None else binary32.add(total, found)
        total = rounded_to(total, recombination.precision)
    return total


def _chained(a: Factors, b: Factors, c: Array | None, kinds: Kinds, plan: Plan) -> Array:
    if any(x.outer is not None for x in (*a, *b)):
        raise ValueError(
            "addition CHAINED, c, output FP16 and OF_EACH_STEP need scales inside: E8M0, or E4M3 "
            "without tensor scale"
        )
    operands = [(a[i], b[j], (kinds[0][i], kinds[1][j])) for i, j in plan.schedule.pairs]
    if plan.is_stepwise:
        return sum_by_steps(operands, c, plan.accumulator)
    return with_specials(_chain(operands, c, plan.accumulator), operands, c)


def _chain(operands: list[TermPair], c: Array | None, accumulator: AnyAccumulator) -> Array:
    if isinstance(accumulator, Exact):
        left, right = (
            _joined([x for x, _, _ in operands], 1),
            _joined([y for _, y, _ in operands], 0),
        )
        return rounded_sum(left, right)
    # One accumulator, one arithmetic: what a pair leaves may be out of the next one's range.
    ranges = [in_range(*x, accumulator) for x in operands]
    start = None if c is None else finite(c)

    def run(values: Range) -> Array:
        total = start
        for operand in operands:
            total = accumulation.accumulate(*operand, accumulator, values, total)
        return total

    return in_either_range(reduce(operator.and_, [*ranges, start_in_range(start)]), run)


def _joined(factors: Sequence[Prepared], axis: int) -> Prepared:
    values, exponents = zip(*[significands_and_exponents(x) for x in factors], strict=True)
    xp = backend.namespace(values[0])
    return Prepared(xp.concatenate(values, axis), xp.concatenate(exponents, axis), None, None, None)


def _pair(a: Prepared, b: Prepared, kinds: Pair, plan: Plan) -> Array:
    """Return the scaled product of two terms."""
    scaling, size = plan.recombination.scaling, segment(kinds)
    if size == kinds[0].length:
        total = _core(a, b, kinds, plan.accumulator)
        return _scale(total, a.outer, b.outer, scaling)
    whole = kinds[0].length // size
    zero = backend.namespace(a.elements).zeros(
        (a.elements.shape[0], b.elements.shape[1]), np.float32
    )

    def add_segment(i: Any, total: Array, length: int = size) -> Array:
        return binary32.add(total, _segment_sum(a, b, kinds, i * size, length, plan))

    total = backend.loop(whole, add_segment, zero)
    if kinds[0].length % size:
        total = add_segment(whole, total, kinds[0].length % size)
    row = a.outer if kinds[0].outside is None else None
    column = b.outer if kinds[1].outside is None else None
    return _scale(total, row, column, scaling)


def _segment_sum(a: Prepared, b: Prepared, kinds: Pair, start: Any, size: int, plan: Plan) -> Array:
    """Return the sum over one segment of k times the scales that belong to it alone."""
    x = arrays(a._replace(outer=None), lambda v: cut(v, start, size, 1))
    y = arrays(b._replace(outer=None), lambda v: cut(v, start, size, 0))
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
    found = in_either_range(
        in_range(a, b, kinds, accumulator),
        lambda values: accumulation.accumulate(a, b, kinds, accumulator, values, None),
    )
    return with_specials(found.astype(np.float32), [(a, b, kinds)], None)


@under_own_settings
def transposed(x: QuantizedArray) -> QuantizedArray:
    """Return the transpose of the last two axes: a weight (n, k) with blocks along k, as b.

    Raises
    ------
    ValueError
        If ``x`` has fewer than two dimensions.

    Examples
    --------
    >>> from msdnum import BLOCK_FORMATS, matmul, quantize
    >>> from msdnum.emulator.gemm import transposed
    >>> stored = np.ones((3, 32), np.float32)  # (n, k), as layers store it
    >>> w = quantize(stored, BLOCK_FORMATS["MXFP4"])
    >>> matmul(np.ones((1, 32), np.float32), transposed(w))
    array([[32., 32., 32.]], dtype=float32)
    """
    argument_checks.check_mode("x", x, QuantizedArray)
    check_dimensions(x.shape, "x")
    x = checked(x, "x")
    xp = backend.namespace(x.codes)
    axis = x.axis if x.axis is None or x.axis < -2 else -3 - x.axis
    scales = x.scale_codes if x.axis is None else xp.swapaxes(x.scale_codes, -1, -2)
    return replace(x, codes=xp.swapaxes(x.codes, -1, -2), scale_codes=scales, axis=axis)
