"""Theorem gemm applied to an emulated product: every rounding counted, for each accumulator.

Nothing here looks at a result. The operands enter by their magnitudes and ranges alone.
"""

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from msdnum import blocks, bounds
from msdnum.accumulators import (
    AnyAccumulator,
    Blocks,
    Cdna3Unit,
    Exact,
    FusedUnit,
    GroupedUnit,
    Int32,
    MatrixUnit,
    Pairwise,
    PairwiseUnit,
    Sequential,
)
from msdnum.blocks import QuantizedArray
from msdnum.bounds import Accumulation
from msdnum.decompose import Scheme
from msdnum.formats import E8M0, FloatFormat, IntegerFormat
from msdnum.modes import Arithmetic, ScaleRule
from msdnum.promises import coverings
from msdnum.zeropoint import AsymmetricArray

__all__ = [
    "Right", "accumulation", "combined", "exact_values", "ranges", "residuals",
    "sum_roundings", "theorem_gemm",
]  # fmt: skip

Floats: TypeAlias = NDArray[np.float64]
Weight: TypeAlias = QuantizedArray | AsymmetricArray

U32 = bounds.U32
SLACK = 1 + 2.0**-40
"""Covers the roundings of the binary64 sums below: k terms, each off by 2**-53."""


# Roundings


def combined(*stages: Accumulation) -> Accumulation:
    """Return one accumulation that covers the roundings of all stages, one after the other.

    A rounding of relative error v is no worse than ``v / (u - u**2 / 2)`` roundings of the largest
    error u, since ``log(1 + v) <= v`` and ``u - u**2 / 2 <= log(1 + u)``.
    """
    u = max(stage.unit_roundoff for stage in stages)
    counts = (
        stage.roundings
        if stage.unit_roundoff == u
        else math.ceil(stage.roundings * stage.unit_roundoff / (u - u * u / 2))
        for stage in stages
    )
    nearest = all(stage.nearest for stage in stages)
    return Accumulation(sum(counts), u, nearest)


def sum_roundings(accumulator: AnyAccumulator, n: int) -> Accumulation:
    """Return how often an exact product is rounded on its way into a binary32 sum of ``n``.

    Parameters
    ----------
    accumulator : Accumulator
        An exact sum counts as rounded once, where it is converted to binary32.
    n : int
        Products.

    Notes
    -----
    A fused unit rounds the exact sum of accumulator and group once; the products of the first group
    meet all of these roundings.

    A step of a matrix unit errs by the truncation of each addend, relative to the largest of the
    powers of two that they are aligned to. Such a power can exceed a product of subnormal
    elements: ``theorem_gemm`` counts those as normal. An exact group is aligned to the power of its
    scales even where its products cancel: they count with their magnitudes, not with their sum. A
    zero is aligned to no more than ``2**-126``, below which nothing is promised anyway.
    """
    match accumulator:
        case Exact() | Int32():
            return Accumulation(1)
        case Sequential():
            return bounds.sequential(n)
        case Pairwise():
            return bounds.pairwise_sum(n)
        case Blocks(size, inner):
            across = Accumulation(-(-n // size) - 1)
            return combined(sum_roundings(inner, min(size, n)), across)
        case FusedUnit(group=group):
            return Accumulation(-(-n // group))
        case PairwiseUnit(group=group):
            return Accumulation(-(-n // group) + group.bit_length() - 1)
        case MatrixUnit(group=group, fraction_bits=bits, result_bits=result):
            return bounds.matrix_unit(n, group, bits, result)
        case GroupedUnit(group=group, exact=exact, fraction_bits=bits):
            return bounds.matrix_unit(-(-n // exact), group // exact, bits)
        case Cdna3Unit(group=group):
            return Accumulation(-(-n // group), _cdna3_step(accumulator), nearest=False)


def _cdna3_step(unit: Cdna3Unit) -> Fraction:
    """Return the relative error of a step, rounded up to a multiple of ``2**-fraction_bits``.

    Products, sums of parts and c are rounded to that many bits, their sum first to one more than
    ``sum_bits`` and then to these, at last to binary32.
    """
    aligned = Fraction(unit.group + unit.parts + 1, 2**unit.fraction_bits)
    lowered = Fraction(1, 2**unit.sum_bits)
    step = (1 + aligned + lowered / 2) * (1 + lowered) * (1 + U32) - 1
    return Fraction(math.ceil(step * 2**unit.fraction_bits), 2**unit.fraction_bits)


def accumulation(
    accumulator: AnyAccumulator, k: int, *, terms: int, scalings: int, segment: int, inputs: int = 0
) -> Accumulation:
    """Return the roundings of a whole product of ``terms`` separate terms.

    Parameters
    ----------
    accumulator : Accumulator
        Of the products.
    k : int
        Inner dimension.
    terms : int
        Results that are added.
    scalings : int
        Multiplications by binary32 scales.
    segment : int
        Length of k over which outside scales do not change; segments are added in binary32.
    inputs : int
        Roundings of a factor before it is used: the scale of an exact INT8 term, or a product of
        two binary32 numbers.
    """
    after = scalings + -(-k // segment) - 1 + terms - 1 + inputs
    return combined(sum_roundings(accumulator, min(segment, k)), Accumulation(after))


# Data


def residuals(scheme: Scheme) -> tuple[Fraction, ...]:
    """Return the bound on the remainder after each term of a scheme, relative to the range.

    MXFP8 under FLOOR saturates: elements up to 512 become 448, 1/8 of the covering alpha.
    """
    elements = tuple(fmt.element for fmt in scheme.formats)
    rule = scheme.formats[0].rule
    if scheme.arithmetic is Arithmetic.FLOAT32:
        return tuple(bounds.int8_decomposition_float32(1, n + 1) for n in range(len(elements)))
    if rule is ScaleRule.FLOOR:
        if len(elements) != 1 or elements[0].max_finite != 448:
            raise ValueError(f"scheme must be one E4M3 term under FLOOR, got {scheme.name!r}")
        return (Fraction(1, 8),)
    return tuple(
        bounds.mixed_decomposition(elements[: n + 1], 1, rule=rule) for n in range(len(elements))
    )


def ranges(x: NDArray[Any], scheme: Scheme) -> Floats:
    """Return alpha, or M, of the block of each element of ``x``, of its shape."""
    fmt, axis = blocks.resolve(x, scheme.formats[0], -1, None, None)
    rows = blocks.split(np.abs(x).astype(np.float64), fmt, axis)
    amax = rows.max(axis=-1, keepdims=True)
    span = coverings(amax) if fmt.scale == E8M0 else amax
    joined: Floats = blocks.join(np.broadcast_to(span, rows.shape), x.shape, axis)
    return joined


def exact_values(weight: Weight) -> Floats:
    """Return the numbers that codes and scales stand for, in binary64, nothing rounded."""
    inner = weight.quantized if isinstance(weight, AsymmetricArray) else weight
    if isinstance(inner.format.element, FloatFormat):
        wide: Floats = inner.dequantize().astype(np.float64)
        return wide
    rows = inner.rows(weight.integers()).astype(np.float64)
    scaled = rows * inner.column(inner.scales()).astype(np.float64)
    values: Floats = blocks.join(scaled, inner.shape, inner.axis)
    return values


@dataclass(frozen=True, eq=False)
class Right:
    """The right factor of a product, as the bound sees it.

    Parameters
    ----------
    magnitudes : ndarray of float64
        Of the weight, (k, n).
    least : ndarray of float64
        Smallest normal number of each element's format, times its scale, which counts as normal,
        too; zeros for integers.
    error : Fraction
        Relative error of the weight as it is used: half a unit of BF16 where it was rounded to it.
    """

    magnitudes: Floats
    least: Floats
    error: Fraction = Fraction(0)

    @classmethod
    def of(cls, weight: Weight) -> "Right":
        """Describe a quantized weight."""
        inner = weight.quantized if isinstance(weight, AsymmetricArray) else weight
        magnitudes = np.abs(exact_values(weight))
        if isinstance(inner.format.element, IntegerFormat):
            return cls(magnitudes, np.zeros_like(magnitudes))
        tensor_scale = 1.0 if inner.tensor_scale is None else float(inner.tensor_scale)
        normal = inner.format.scale.min_normal * tensor_scale
        scales = np.maximum(inner.column(inner.scales()).astype(np.float64), normal)
        rows = np.broadcast_to(scales, inner.rows(inner.codes).shape)
        least = blocks.join(rows, inner.shape, inner.axis)
        return cls(magnitudes, least * inner.format.element.min_normal)


def theorem_gemm(
    x: NDArray[Any], scheme: Scheme | None, right: Right, adding: Accumulation
) -> Floats:
    """Return the bound on the error of every entry of a product, against exact arithmetic.

    Parameters
    ----------
    x : ndarray
        The left factor before it is decomposed, (m, k).
    scheme : Scheme or None
        How it is decomposed; None: it is multiplied as it is.
    right : Right
        The right factor.
    adding : Accumulation
        All roundings of sums and scalings.

    Notes
    -----
    Source: theorem gemm, with the error of the weight as its second part. Where the unit aligns
    by exponents (``nearest`` is False), elements count with at least the smallest normal number.
    Hypothesis: nothing underflows in binary32.
    """
    a, b = np.abs(x).astype(np.float64), right.magnitudes
    losses = (Fraction(0),) if scheme is None else residuals(scheme)
    span = a if scheme is None else ranges(x, scheme)
    bound = bounds.gemm(losses, adding)
    reach = a @ b
    spread = reach if scheme is None else span @ b
    total = float(bound.product) * reach + float(bound.amax) * spread
    if right.error:
        kept = 1 + adding.gamma
        total = total + float(right.error * kept) * (reach + float(losses[-1]) * spread)
    if not adding.nearest:
        total = total + float(adding.gamma) * _alignment(a, span, scheme, right)
    result: Floats = total * SLACK
    return result


def _alignment(a: Floats, span: Floats, scheme: Scheme | None, right: Right) -> Floats:
    """Return by how much powers of two aligned to can exceed the magnitudes, summed over k."""
    elements = () if scheme is None else tuple(fmt.element for fmt in scheme.formats)
    losses = () if scheme is None else residuals(scheme)
    carried = 2 * sum(losses[:-1], Fraction(0)) + sum(losses[-1:], Fraction(0))
    reached = (Fraction(1), *losses)
    smallest = sum(
        (
            reached[i] * Fraction(element.min_normal) / 2**element.emax
            for i, element in enumerate(elements)
            if isinstance(element, FloatFormat)
        ),
        Fraction(0),
    )
    left = a + float(carried) * span
    both = right.magnitudes + right.least
    excess = left @ right.least
    return excess if not smallest else excess + float(smallest) * (span @ both)
