"""Work of a product with quantized weights: bytes of HBM, vector operations, matrix operations.

A method says which; every choice that the paper leaves open is a field of it. Common to all:

- Every operand crosses HBM as often as its method says, and otherwise once. On-chip memory is free
  and large enough. Through a cache is between the two: what goes that way takes the cache's time.
- The scales of a block count as bits of its elements; one scale per row or channel counts as none,
  as in the paper's 5Md and 2Md.

Sizes are integers, so ratios are Fractions: 5/2 is 5/2.
"""

from dataclasses import dataclass, field
from enum import Enum, unique
from fractions import Fraction
from typing import Protocol

from msdnum.cost.machines import Machine, Route, Unit, unit_of
from msdnum.cost.workloads import Gemm, Rational, check_count, check_nonnegative
from msdnum.display import html
from msdnum.formats.blocks import BlockFormat
from msdnum.formats.elements import BF16, ElementFormat

__all__ = [
    "Dequantize", "MultiScale", "Plan", "Reads", "StoredOperand", "VectorWork",
    "cache_traffic_ratio", "operand", "relative_gemm_time", "vector_crossover",
]  # fmt: skip

ACCUMULATOR_BITS = 32
"""A product of the matrix unit: int32 or binary32."""


@dataclass(frozen=True)
class StoredOperand:
    """Bits of an element in HBM, its share of the scale included, and the unit that takes it."""

    bits: Rational
    unit: Unit

    def __post_init__(self) -> None:
        """Refuse a negative width."""
        check_nonnegative(bits=self.bits)


def operand(fmt: ElementFormat | BlockFormat) -> StoredOperand:
    """Return what an element of a format costs: MXFP4 has 4 + 8/32 bits.

    Raises
    ------
    ValueError
        If no matrix unit takes the format.

    Examples
    --------
    >>> from msdnum.cost import operand
    >>> from msdnum.formats import MXFP4
    >>> operand(MXFP4)
    StoredOperand(bits=Fraction(17, 4), unit=<Unit.FP4: 'fp4'>)
    """
    if not isinstance(fmt, BlockFormat):
        return StoredOperand(Fraction(fmt.bits), unit_of(fmt))
    scale = Fraction(fmt.scale.bits, fmt.block_size) if fmt.block_size else Fraction(0)
    return StoredOperand(fmt.element.bits + scale, unit_of(fmt.element))


@unique
class Reads(Enum):
    """How often the matrix unit's weights are read from HBM."""

    PER_PASS = "once for each pass, the paper's 2Md"
    CACHED = "once; each further pass has them from the cache between HBM and the units"
    ONCE = "once; all passes over a tile follow each other while it is on chip"


@dataclass(frozen=True)
class VectorWork:
    """Vector operations; conventions of ours, since the paper's are not known.

    Parameters
    ----------
    dequantize : Fraction or int
        For each weight: convert, multiply by the scale, round to BF16.
    amax : Fraction or int
        For each activation, once: magnitude, maximum.
    term : Fraction or int
        For each activation and pass: scale, round, subtract.
    combine : Fraction or int
        For each result and pass: convert, multiply-add.

    Raises
    ------
    ValueError
        If one is negative.
    """

    dequantize: Rational = 3
    amax: Rational = 2
    term: Rational = 3
    combine: Rational = 2

    def __post_init__(self) -> None:
        """Refuse negative work."""
        check_nonnegative(
            dequantize=self.dequantize, amax=self.amax, term=self.term, combine=self.combine
        )


class Plan(Protocol):
    """A way to multiply activations with quantized weights."""

    @property
    def units(self) -> tuple[Unit, ...]:
        """Kinds of the operands of the matrix unit."""

    def hbm_bytes(self, gemm: Gemm) -> Fraction:
        """Bytes that cross HBM, both directions."""

    def cache_bytes(self, gemm: Gemm) -> Fraction:
        """Bytes that go to the cache between HBM and the units, and come back."""

    def vector_operations(self, gemm: Gemm) -> Fraction:
        """Operations of the vector unit."""

    def matrix_operations(self, gemm: Gemm) -> int:
        """Operations of the matrix unit."""


def _activation_bits(gemm: Gemm) -> int:
    return gemm.inputs * gemm.input_bits + gemm.outputs * gemm.output_bits


@dataclass(frozen=True)
class Dequantize(html.Shown):
    """The baseline: the vector unit lifts the weights, the matrix unit multiplies them.

    Parameters
    ----------
    weight : StoredOperand
        Weights as they are stored.
    route : Route
        How lifted weights reach the matrix unit; through HBM or a cache they are written and read.
    compute : StoredOperand
        Weights as they are multiplied.
    work : VectorWork
        Its ``dequantize`` counts.
    """

    weight: StoredOperand
    route: Route
    compute: StoredOperand = field(default_factory=lambda: operand(BF16))
    work: VectorWork = field(default_factory=VectorWork)

    @property
    def weight_bits(self) -> Rational:
        """HBM bits for each weight."""
        return self.weight.bits + self._round_trip(Route.HBM)

    def _round_trip(self, route: Route) -> Rational:
        return 2 * self.compute.bits if self.route is route else 0

    @property
    def units(self) -> tuple[Unit, ...]:
        """Kinds of the operands of the matrix unit."""
        return (self.compute.unit,)

    def hbm_bytes(self, gemm: Gemm) -> Fraction:
        """Bytes that cross HBM, both directions."""
        return Fraction(gemm.weights * self.weight_bits + _activation_bits(gemm)) / 8

    def cache_bytes(self, gemm: Gemm) -> Fraction:
        """Bytes that go to the cache between HBM and the units, and come back."""
        return Fraction(gemm.weights * self._round_trip(Route.CACHE)) / 8

    def vector_operations(self, gemm: Gemm) -> Fraction:
        """Operations of the vector unit."""
        return Fraction(gemm.weights * self.work.dequantize)

    def matrix_operations(self, gemm: Gemm) -> int:
        """Operations of the matrix unit."""
        return gemm.operations


@dataclass(frozen=True)
class MultiScale(html.Shown):
    """MSD: the vector unit decomposes the activations, the matrix unit takes the weights as stored.

    Parameters
    ----------
    weight, term : StoredOperand
        Weights and terms of the activations; the slower of the two units sets the rate.
    passes : int
        Number of terms of the activations.
    reads : Reads
        How often weights are read.
    route : Route
        How terms reach the matrix unit and its products the vector unit.
    work : VectorWork
        Its ``amax``, ``term`` and ``combine`` count.
    sums : Fraction or int
        Sums of each result and pass that are scaled by themselves, and so go to the vector unit: k
        over the length of a group whose weights share a scale. One where a column has one scale,
        and where the matrix unit itself takes the scales.

    Raises
    ------
    ValueError
        If ``passes`` is not a positive integer.
    """

    weight: StoredOperand
    term: StoredOperand
    passes: int = 2
    reads: Reads = Reads.PER_PASS
    route: Route = Route.ON_CHIP
    work: VectorWork = field(default_factory=VectorWork)
    sums: Rational = 1

    def __post_init__(self) -> None:
        """Refuse no pass at all, and fewer than no sums."""
        check_count(passes=self.passes)
        check_nonnegative(sums=self.sums)

    @property
    def weight_bits(self) -> Rational:
        """HBM bits for each weight."""
        return self.weight.bits * (self.passes if self.reads is Reads.PER_PASS else 1)

    @property
    def units(self) -> tuple[Unit, ...]:
        """Kinds of the operands of the matrix unit."""
        return self.weight.unit, self.term.unit

    def hbm_bytes(self, gemm: Gemm) -> Fraction:
        """Bytes that cross HBM, both directions."""
        handed_over = self._handed_over(gemm, Route.HBM)
        bits = gemm.weights * self.weight_bits + _activation_bits(gemm) + handed_over
        return Fraction(bits) / 8

    def cache_bytes(self, gemm: Gemm) -> Fraction:
        """Bytes that go to the cache between HBM and the units, and come back."""
        again = self.passes - 1 if self.reads is Reads.CACHED else 0
        bits = again * gemm.weights * self.weight.bits + self._handed_over(gemm, Route.CACHE)
        return Fraction(bits) / 8

    def _handed_over(self, gemm: Gemm, route: Route) -> Rational:
        if self.route is not route:
            return 0
        each_pass = gemm.inputs * self.term.bits + gemm.outputs * self.sums * ACCUMULATOR_BITS
        return 2 * self.passes * each_pass

    def vector_operations(self, gemm: Gemm) -> Fraction:
        """Operations of the vector unit."""
        decompose = gemm.inputs * (self.work.amax + self.passes * self.work.term)
        combine = gemm.outputs * self.sums * self.passes * self.work.combine
        return Fraction(decompose + combine)

    def matrix_operations(self, gemm: Gemm) -> int:
        """Operations of the matrix unit."""
        return self.passes * gemm.operations


def cache_traffic_ratio(baseline: Dequantize, multiscale: MultiScale) -> Fraction:
    """Return HBM bytes of the cache alone, baseline over MSD: 5/2 with the paper's assumptions.

    The paper's 5Md is INT8 through HBM to BF16, its 2Md two passes that read INT8 each. Dequantized
    on chip, the cache is read once: 1Md, and the ratio is 1/2.

    Source: the paper, section 4.4.4 (C6).
    """
    return Fraction(baseline.weight_bits) / Fraction(multiscale.weight_bits)


def relative_gemm_time(machine: Machine, first: MultiScale, second: MultiScale) -> Fraction:
    """Return matrix-unit time, first over second: 1 for two FP4 passes and one FP8 pass (C4).

    That is ``passes1 / passes2 * rate2 / rate1``, and so 1 exactly when the FP4 unit runs at twice
    the rate of the FP8 unit.

    Raises
    ------
    ValueError
        If the machine lacks a unit, or its rate is not known.
    """
    passes = Fraction(first.passes, second.passes)
    return passes * machine.rate(*second.units) / machine.rate(*first.units)


def vector_crossover(gemm: Gemm, baseline: Dequantize, multiscale: MultiScale) -> Fraction:
    """Return the rows m from which MSD gives the vector unit more to do than dequantization.

    Dequantization works on k*n weights whatever m is, MSD on m*k activations and m*n results, so
    m = dequantize*k*n / (k*(amax + passes*term) + n*passes*combine). ``gemm.m`` does not count.

    Raises
    ------
    ValueError
        If MSD gives it nothing to do.
    """
    row = Gemm(1, gemm.k, gemm.n)
    work = multiscale.vector_operations(row)
    if not work:
        raise ValueError(f"work must have an operation for each element, got {multiscale.work}")
    return baseline.vector_operations(row) / work
