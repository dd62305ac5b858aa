"""Roundings of units of one's own, and of sums in any format: what theorem gemm asks of them.

Each step of such a sum is counted as the theorem counts those of other units. That it covers late
units, sticky bits and every rounding is shown here on paper: an addend that is rounded to a
multiple errs by less than that multiple, whatever the rounding, and a sum by less than its last
bit.
"""

import math
from fractions import Fraction
from typing import TypeAlias

from msdnum import bounds
from msdnum.bounds.sums import Accumulation
from msdnum.formats.accumulators import PAIRWISE, SEQUENTIAL
from msdnum.formats.chained_units import ChainUnit, LanesUnit, OwnUnit
from msdnum.formats.elements import FloatFormat
from msdnum.formats.own_units import (
    NEAREST,
    DesignedUnit,
    Pairwise,
    Sequential,
    StepUnit,
    SumRounding,
)

__all__ = ["OwnSum", "own_roundings", "own_underflow"]

OwnSum: TypeAlias = Sequential | Pairwise | OwnUnit


def own_roundings(accumulator: OwnSum, n: int) -> Accumulation:
    """Return how often an exact product is rounded on its way into a sum of ``n``.

    A unit whose step has no known error is not bounded.
    """
    steps = 1 if isinstance(accumulator, Sequential | Pairwise) else -(-n // accumulator.group)
    match accumulator:
        case _ if accumulator == SEQUENTIAL:
            return bounds.sequential(n)
        case _ if accumulator == PAIRWISE:
            return bounds.pairwise_sum(n)
        case Sequential(output, rounding, fused):
            return _each(n + (not fused), output, rounding)
        case Pairwise(output, rounding):
            return _each(2 + (n - 1).bit_length(), output, rounding)
        case LanesUnit(group=group, lanes=lanes, output=output, rounding=rounding):
            depth = 1 + group // lanes - 1 + (lanes - 1).bit_length()
            return _each(steps + depth, output, rounding)
        case ChainUnit(output=output, rounding=rounding):
            return _each(n, output, rounding)
        case DesignedUnit():
            return Accumulation(steps, _designed_step(accumulator), nearest=False)
        case StepUnit():
            error = accumulator.error_of_step()
            if error is None:
                return Accumulation(0, nearest=False, bounded=False)
            return Accumulation(steps, error, nearest=False)


def _last_bit(output: FloatFormat, rounding: SumRounding) -> Fraction:
    """Return the relative error of a rounding."""
    return Fraction(1, 2 ** (output.fraction_bits + (rounding in NEAREST)))


def _each(roundings: int, output: FloatFormat, rounding: SumRounding) -> Accumulation:
    return Accumulation(roundings, _last_bit(output, rounding), nearest=rounding in NEAREST)


def _addends(unit: DesignedUnit) -> int:
    """Return how many multiples of the last aligned bit a step can lose."""
    late = 2 * unit.parts + 1 if unit.late else 0
    return unit.group + 1 + late + unit.sticky


def _designed_step(unit: DesignedUnit) -> Fraction:
    """Return the relative error of a step, rounded up to a multiple of ``2**-fraction_bits``."""
    aligned = Fraction(_addends(unit), 2**unit.fraction_bits)
    step = (1 + aligned) * (1 + _last_bit(unit.output, unit.rounding)) - 1
    return Fraction(math.ceil(step * 2**unit.fraction_bits), 2**unit.fraction_bits)


def own_underflow(accumulator: OwnSum, n: int) -> Fraction:
    """Return the absolute error of a sum of ``n`` products by results that are subnormal."""
    if accumulator in (SEQUENTIAL, PAIRWISE):
        return n * Fraction(accumulator.output.eta) / 2
    if isinstance(accumulator, StepUnit):
        return Fraction(0)
    least = Fraction(accumulator.output.min_normal)
    match accumulator:
        case DesignedUnit():
            each = least * _addends(accumulator) / 2**accumulator.fraction_bits
            each += least if accumulator.flushes_results else Fraction(accumulator.output.eta)
            return Fraction(-(-n // accumulator.group) * 2 * each)
        case (
            LanesUnit(group=group, flushes_results=flushes)
            | ChainUnit(group=group, flushes_results=flushes)
        ):
            each = least if flushes else Fraction(accumulator.output.eta)
            return (2 * n + 2 * -(-n // group)) * each
        case _:
            return 2 * n * Fraction(accumulator.output.eta)
