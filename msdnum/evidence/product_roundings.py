"""Roundings of accumulators: how often each rounds, how much, and what is lost by underflow."""

import math
from dataclasses import replace
from fractions import Fraction

from msdnum import bounds
from msdnum.bounds.sums import Accumulation, NoGammaError
from msdnum.evidence.own_unit_bounds import OwnSum, own_roundings, own_underflow
from msdnum.formats.accumulators import (
    AnyAccumulator,
    Blocks,
    Cdna3Unit,
    Exact,
    FusedUnit,
    GroupedUnit,
    Int32,
    MatrixUnit,
    PairwiseUnit,
)
from msdnum.formats.elements import BINARY32
from msdnum.formats.own_units import DesignedUnit

__all__ = ["accumulation", "combined", "sum_roundings", "sum_underflow"]

HALF_UNDERFLOW = Fraction(BINARY32.eta) / 2
MIN_NORMAL = Fraction(BINARY32.min_normal)


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
    bounded = all(stage.bounded for stage in stages)
    return Accumulation(sum(counts), u, nearest, bounded=bounded)


def sum_roundings(accumulator: AnyAccumulator, n: int) -> Accumulation:
    """Return how often an exact product is rounded on its way into a binary32 sum of ``n``.

    Parameters
    ----------
    accumulator : Accumulator
        An exact sum counts as rounded once, where it is converted to binary32.
    n : int
        Number of products in a sum.

    Notes
    -----
    A fused unit rounds the exact sum of accumulator and group once; the products of the first group
    meet all of these roundings.

    A step of a matrix unit errs by the truncation of each addend, relative to the largest of the
    powers of two that they are aligned to. Such a power can exceed a product of subnormal
    elements: ``theorem_gemm`` counts those as normal. An exact group is aligned to the power of its
    scales even where its products cancel: they count with their magnitudes, not with their sum.

    Raises
    ------
    NoGammaError
        If the roundings are so many, or so large, that nothing bounds them; it is a ValueError.
    """
    if isinstance(accumulator, OwnSum):
        return own_roundings(accumulator, n)
    match accumulator:
        case Exact() | Int32():
            return Accumulation(1)
        case Blocks(size, inner, rounds, output):
            across = Accumulation(-(-n // size) - 1, Fraction(output.unit_roundoff))
            inside = sum_roundings(inner, min(size // rounds, n))
            return combined(*[inside] * rounds, across)
        case FusedUnit(group=group):
            return Accumulation(-(-n // group))
        case PairwiseUnit(group=group):
            return Accumulation(-(-n // group) + group.bit_length() - 1)
        case MatrixUnit(group=group, fraction_bits=bits):
            return bounds.matrix_unit(n, group, bits, _result_bits(accumulator))
        case GroupedUnit(group=group, exact=exact, fraction_bits=bits):
            return bounds.matrix_unit(-(-n // exact), group // exact, bits)
        case Cdna3Unit(group=group):
            return Accumulation(-(-n // group), _cdna3_step(accumulator), nearest=False)


def _result_bits(unit: MatrixUnit) -> int:
    """Return b, for a relative error of at most 2**-b by what the sum of a step becomes."""
    return unit.result_bits if unit.output == BINARY32 else unit.output.precision


def _cdna3_step(unit: Cdna3Unit) -> Fraction:
    """Return the relative error of a step, rounded up to a multiple of ``2**-fraction_bits``.

    Products, sums of parts and c are rounded to that many bits, their sum first to one more than
    ``sum_bits`` and then to these, at last to binary32.
    """
    aligned = Fraction(unit.group + unit.parts + 1, 2**unit.fraction_bits)
    lowered = Fraction(1, 2**unit.sum_bits)
    step = (1 + aligned + lowered / 2) * (1 + lowered) * (1 + bounds.U32) - 1
    return Fraction(math.ceil(step * 2**unit.fraction_bits), 2**unit.fraction_bits)


def accumulation(
    accumulator: AnyAccumulator, k: int, *, terms: int, scalings: int, segment: int, inputs: int = 0
) -> Accumulation:
    """Return the roundings of a whole product of ``terms`` separate terms.

    Parameters
    ----------
    accumulator : Accumulator
        Accumulator of the products.
    k : int
        Inner dimension of the product.
    terms : int
        Results that are added.
    scalings : int
        Multiplications by binary32 scales.
    segment : int
        Length of k over which outside scales do not change; segments are added in binary32.
    inputs : int
        Roundings of a factor before it is used: the scale of an exact INT8 term, or a product of
        two binary32 numbers.

    Returns
    -------
    Accumulation
        Not bounded where so many roundings of that size leave no bound.
    """
    size, segments = min(segment, k), -(-k // segment)
    after = scalings + segments - 1 + terms - 1 + inputs
    inner = accumulator.inner if isinstance(accumulator, Blocks) else accumulator
    try:
        found = combined(sum_roundings(accumulator, size), Accumulation(after))
    except NoGammaError:
        return Accumulation(0, nearest=False, bounded=False)
    each = sum_underflow(accumulator, size) + scalings * HALF_UNDERFLOW
    flushes = isinstance(inner, PairwiseUnit) or getattr(inner, "flushes_inputs", False)
    return replace(
        found,
        underflow=terms * segments * each,
        flushes=flushes,
        flushes_elements=flushes and isinstance(inner, DesignedUnit),
        largest=Fraction(min(inner.output.max_finite, accumulator.output.max_finite)),
    )


def sum_underflow(accumulator: AnyAccumulator, n: int) -> Fraction:
    """Return the absolute error of a sum of ``n`` products by results that are subnormal.

    A binary32 operation that rounds to nearest errs by at most ``2**-150``; additions that do are
    exact there. A unit that aligns, to 2**-126 where all addends are smaller, truncates each addend
    and each result; one that flushes loses up to ``2**-126`` of each.
    """
    if isinstance(accumulator, OwnSum):
        return own_underflow(accumulator, n)
    match accumulator:
        case Int32():
            return Fraction(0)
        case Exact():
            return HALF_UNDERFLOW
        case Blocks(size, inner, rounds):
            return -(-n // size) * rounds * sum_underflow(inner, min(size // rounds, n))
        case FusedUnit(group=group):
            return -(-n // group) * HALF_UNDERFLOW
        case PairwiseUnit():
            return 2 * n * MIN_NORMAL
        case MatrixUnit(group=group, fraction_bits=bits, output=output):
            step = _step_underflow(group + 1, bits, _result_bits(accumulator))
            return -(-n // group) * step * Fraction(output.min_normal) / MIN_NORMAL
        case GroupedUnit(group=group, exact=exact, fraction_bits=bits):
            return -(-n // group) * _step_underflow(group // exact + 1, bits, 23)
        case Cdna3Unit(group=group):
            return -(-n // group) * (_cdna3_step(accumulator) * MIN_NORMAL + HALF_UNDERFLOW)


def _step_underflow(addends: int, fraction_bits: int, result_bits: int) -> Fraction:
    lost = addends * MIN_NORMAL / (1 << fraction_bits)
    return lost + MIN_NORMAL / (1 << result_bits)
