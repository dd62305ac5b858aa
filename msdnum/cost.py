"""What a GEMM on quantized weights costs: bytes, vector and matrix operations, seconds. Exact.

The model of the paper (sections 4.4.3 and 4.4.4), as far as it is known, with every choice a field:

- Three resources work side by side: HBM, the vector unit, the matrix unit. Each is busy for what it
  has to do divided by its rate. On-chip memory is free, large enough and never in the way.
- A kernel in ``tiles`` equal tiles, each through one resource after another, takes
  ``max + (sum - max) / tiles`` of the three times: their sum in one tile, their maximum in the limit.
- Every operand crosses HBM as often as its method says, and otherwise once.
- The scales of a block count as bits of its elements; one scale per row or channel counts as none,
  as in the paper's 5Md and 2Md.

Sizes are integers and rates are rational, so times and ratios are Fractions: 5/2 is 5/2.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum, unique
from fractions import Fraction
from typing import Protocol

from msdnum.formats import BF16, BlockFormat, ElementFormat
from msdnum.machines import Machine, Route, Unit, unit_of

__all__ = [
    "PIPELINED", "UNPIPELINED", "Attention", "Dequantize", "Efficiency", "Gemm", "Method",
    "MultiScale", "Operand", "Reads", "Roofline", "Scenario", "Stages", "VectorWork", "Workload",
    "cache_traffic_ratio", "in_tiles", "operand", "relative_gemm_time",
]  # fmt: skip

Number = Fraction | int

ACCUMULATOR_BITS = 32
"""A product of the matrix unit: int32 or binary32."""


def _check_count(**counts: int) -> None:
    for name, count in counts.items():
        if isinstance(count, bool) or not isinstance(count, int) or count < 1:
            raise ValueError(f"{name} must be a positive integer, got {count!r}")


def _check_nonnegative(**numbers: Number) -> None:
    for name, number in numbers.items():
        if not isinstance(number, Fraction | int) or number < 0:
            raise ValueError(f"{name} must be a nonnegative integer or Fraction, got {number!r}")


# Shapes


@dataclass(frozen=True)
class Gemm:
    """``count`` products of activations (m, k) and quantized weights (k, n).

    Parameters
    ----------
    m, k, n : int
        Rows of the activations, inner length, columns.
    count : int
        How many of them, each with weights of its own.
    input_bits, output_bits : int
        HBM bits of an activation and of a result; 0 where it stays on chip.

    Raises
    ------
    ValueError
        If a size is not a positive integer, or a width negative.
    """

    m: int
    k: int
    n: int
    count: int = 1
    input_bits: int = 16
    output_bits: int = 16

    def __post_init__(self) -> None:
        """Refuse empty shapes."""
        _check_count(m=self.m, k=self.k, n=self.n, count=self.count)
        _check_nonnegative(input_bits=self.input_bits, output_bits=self.output_bits)

    @property
    def inputs(self) -> int:
        """Number of activations."""
        return self.count * self.m * self.k

    @property
    def weights(self) -> int:
        """Number of weights."""
        return self.count * self.k * self.n

    @property
    def outputs(self) -> int:
        """Number of results."""
        return self.count * self.m * self.n

    @property
    def operations(self) -> int:
        """Matrix operations of one pass, two for each multiply-add."""
        return 2 * self.count * self.m * self.k * self.n

    @property
    def gemms(self) -> tuple["Gemm", ...]:
        """Itself: a workload of one."""
        return (self,)


@dataclass(frozen=True)
class Attention:
    """The two GEMMs of attention over a quantized cache; softmax costs every method the same.

    Parameters
    ----------
    length : int
        Tokens in the cache, the paper's M.
    channels : int
        Of a head, the paper's d.
    batch : int
        Sequences, each with a cache of its own.
    heads : int
        Key and value heads.
    queries : int
        Query rows that share a key head: query tokens times query heads per key head.

    Raises
    ------
    ValueError
        If one is not a positive integer.
    """

    length: int
    channels: int
    batch: int = 1
    heads: int = 1
    queries: int = 1

    def __post_init__(self) -> None:
        """Refuse empty shapes."""
        _check_count(
            length=self.length,
            channels=self.channels,
            batch=self.batch,
            heads=self.heads,
            queries=self.queries,
        )

    @property
    def gemms(self) -> tuple[Gemm, ...]:
        """Scores, then values; the softmax weights between them stay on chip."""
        count = self.batch * self.heads
        scores = Gemm(self.queries, self.channels, self.length, count, output_bits=0)
        values = Gemm(self.queries, self.length, self.channels, count, input_bits=0)
        return scores, values


Workload = Gemm | Attention


# Methods


@dataclass(frozen=True)
class Operand:
    """Bits of an element in HBM, its share of the scale included, and the unit that takes it."""

    bits: Number
    unit: Unit

    def __post_init__(self) -> None:
        """Refuse a negative width."""
        _check_nonnegative(bits=self.bits)


def operand(fmt: ElementFormat | BlockFormat) -> Operand:
    """Return what an element of a format costs: MXFP4 has 4 + 8/32 bits.

    Raises
    ------
    ValueError
        If no matrix unit takes the format.
    """
    if not isinstance(fmt, BlockFormat):
        return Operand(Fraction(fmt.bits), unit_of(fmt))
    scale = Fraction(fmt.scale.bits, fmt.block_size) if fmt.block_size else Fraction(0)
    return Operand(fmt.element.bits + scale, unit_of(fmt.element))


@unique
class Reads(Enum):
    """How often the matrix unit's weights are read from HBM."""

    PER_PASS = "once for each pass, the paper's 2Md"
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

    dequantize: Number = 3
    amax: Number = 2
    term: Number = 3
    combine: Number = 2

    def __post_init__(self) -> None:
        """Refuse negative work."""
        _check_nonnegative(
            dequantize=self.dequantize, amax=self.amax, term=self.term, combine=self.combine
        )


class Method(Protocol):
    """A way to multiply activations with quantized weights."""

    @property
    def units(self) -> tuple[Unit, ...]:
        """Kinds of the operands of the matrix unit."""

    def hbm_bytes(self, gemm: Gemm) -> Fraction:
        """Bytes that cross HBM, both directions."""

    def vector_operations(self, gemm: Gemm) -> Fraction:
        """Operations of the vector unit."""

    def matrix_operations(self, gemm: Gemm) -> int:
        """Operations of the matrix unit."""


def _activation_bits(gemm: Gemm) -> int:
    return gemm.inputs * gemm.input_bits + gemm.outputs * gemm.output_bits


@dataclass(frozen=True)
class Dequantize:
    """The baseline: the vector unit lifts the weights, the matrix unit multiplies them.

    Parameters
    ----------
    weight : Operand
        As stored.
    route : Route
        How lifted weights reach the matrix unit; through HBM they are written and read.
    compute : Operand
        As multiplied.
    work : VectorWork
        Its ``dequantize`` counts.
    """

    weight: Operand
    route: Route
    compute: Operand = field(default_factory=lambda: operand(BF16))
    work: VectorWork = field(default_factory=VectorWork)

    @property
    def weight_bits(self) -> Number:
        """HBM bits for each weight."""
        round_trip = 2 * self.compute.bits if self.route is Route.HBM else 0
        return self.weight.bits + round_trip

    @property
    def units(self) -> tuple[Unit, ...]:
        """Kinds of the operands of the matrix unit."""
        return (self.compute.unit,)

    def hbm_bytes(self, gemm: Gemm) -> Fraction:
        """Bytes that cross HBM, both directions."""
        return Fraction(gemm.weights * self.weight_bits + _activation_bits(gemm)) / 8

    def vector_operations(self, gemm: Gemm) -> Fraction:
        """Operations of the vector unit."""
        return Fraction(gemm.weights * self.work.dequantize)

    def matrix_operations(self, gemm: Gemm) -> int:
        """Operations of the matrix unit."""
        return gemm.operations


@dataclass(frozen=True)
class MultiScale:
    """MSD: the vector unit decomposes the activations, the matrix unit takes the weights as stored.

    Parameters
    ----------
    weight, term : Operand
        Weights and terms of the activations; the slower of the two units sets the rate.
    passes : int
        Terms.
    reads : Reads
        How often weights are read.
    route : Route
        How terms reach the matrix unit and its products the vector unit.
    work : VectorWork
        Its ``amax``, ``term`` and ``combine`` count.

    Raises
    ------
    ValueError
        If ``passes`` is not a positive integer.
    """

    weight: Operand
    term: Operand
    passes: int = 2
    reads: Reads = Reads.PER_PASS
    route: Route = Route.ON_CHIP
    work: VectorWork = field(default_factory=VectorWork)

    def __post_init__(self) -> None:
        """Refuse no pass at all."""
        _check_count(passes=self.passes)

    @property
    def weight_bits(self) -> Number:
        """HBM bits for each weight."""
        return self.weight.bits * (self.passes if self.reads is Reads.PER_PASS else 1)

    @property
    def units(self) -> tuple[Unit, ...]:
        """Kinds of the operands of the matrix unit."""
        return self.weight.unit, self.term.unit

    def hbm_bytes(self, gemm: Gemm) -> Fraction:
        """Bytes that cross HBM, both directions."""
        bits = gemm.weights * self.weight_bits + _activation_bits(gemm) + self._handed_over(gemm)
        return Fraction(bits) / 8

    def _handed_over(self, gemm: Gemm) -> Number:
        if self.route is Route.ON_CHIP:
            return 0
        each_pass = gemm.inputs * self.term.bits + gemm.outputs * ACCUMULATOR_BITS
        return 2 * self.passes * each_pass

    def vector_operations(self, gemm: Gemm) -> Fraction:
        """Operations of the vector unit."""
        decompose = gemm.inputs * (self.work.amax + self.passes * self.work.term)
        return Fraction(decompose + gemm.outputs * self.passes * self.work.combine)

    def matrix_operations(self, gemm: Gemm) -> int:
        """Operations of the matrix unit."""
        return self.passes * gemm.operations


# Time


PIPELINED = Fraction(0)
"""The limit of many tiles: the slowest resource hides the others."""
UNPIPELINED = Fraction(1)
"""One tile: one resource after another."""


def in_tiles(tiles: int) -> Fraction:
    """Return the share of the hidden times that filling and draining expose, ``1 / tiles``.

    Raises
    ------
    ValueError
        If ``tiles`` is not a positive integer.
    """
    _check_count(tiles=tiles)
    return Fraction(1, tiles)


@dataclass(frozen=True)
class Stages:
    """Seconds for which each resource is busy."""

    memory: Fraction
    vector: Fraction
    matrix: Fraction

    @property
    def times(self) -> tuple[Fraction, Fraction, Fraction]:
        """All three, in the order of a tile."""
        return self.memory, self.vector, self.matrix

    @property
    def bottleneck(self) -> str:
        """Name of the longest, the first of equals."""
        return max(("memory", "vector", "matrix"), key=lambda name: getattr(self, name))

    def latency(self, fill: Fraction) -> Fraction:
        """Return the seconds that all of them take: ``max + fill * (sum - max)``."""
        longest = max(self.times)
        return longest + fill * (sum(self.times) - longest)


@dataclass(frozen=True)
class Efficiency:
    """Shares of the peak rates that are reached. A data sheet promises 1, kernels reach less.

    Raises
    ------
    ValueError
        If one is not in (0, 1].
    """

    bandwidth: Number = 1
    vector: Number = 1
    matrix: Number = 1

    def __post_init__(self) -> None:
        """Refuse shares that are none."""
        for name, share in vars(self).items():
            if not isinstance(share, Fraction | int) or not 0 < share <= 1:
                raise ValueError(f"{name} must be a Fraction or 1 in (0, 1], got {share!r}")


@dataclass(frozen=True)
class Scenario:
    """A workload, done in some way on some machine.

    Parameters
    ----------
    machine : Machine
        Its rates.
    workload : Gemm or Attention
        What is done.
    method : Method
        How.
    fill : Fraction
        PIPELINED, UNPIPELINED or ``in_tiles(tiles)``.
    efficiency : Efficiency
        Shares of the peak rates.

    Raises
    ------
    ValueError
        If ``fill`` is not in [0, 1]; from its properties, if a rate is unknown or missing.
    """

    machine: Machine
    workload: Workload
    method: Method
    fill: Fraction = PIPELINED
    efficiency: Efficiency = field(default_factory=Efficiency)

    def __post_init__(self) -> None:
        """Refuse a share that is none."""
        if not isinstance(self.fill, Fraction | int) or not 0 <= self.fill <= 1:
            raise ValueError(f"fill must be a Fraction in [0, 1], got {self.fill!r}")

    @property
    def hbm_bytes(self) -> Fraction:
        """Bytes that cross HBM, both directions."""
        return _total(map(self.method.hbm_bytes, self.workload.gemms))

    @property
    def vector_operations(self) -> Fraction:
        """Operations of the vector unit."""
        return _total(map(self.method.vector_operations, self.workload.gemms))

    @property
    def matrix_operations(self) -> Fraction:
        """Operations of the matrix unit."""
        return _total(map(self.method.matrix_operations, self.workload.gemms))

    @property
    def stages(self) -> Stages:
        """Seconds for which each resource is busy."""
        machine, share = self.machine, self.efficiency
        return Stages(
            self.hbm_bytes / (machine.peak("bandwidth") * share.bandwidth),
            self.vector_operations / (machine.peak("vector") * share.vector),
            self.matrix_operations / (machine.rate(*self.method.units) * share.matrix),
        )

    @property
    def latency(self) -> Fraction:
        """Seconds from the first byte to the last."""
        return self.stages.latency(self.fill)

    @property
    def stall(self) -> Fraction:
        """Seconds of the latency that are there only because the vector unit has work to do."""
        stages = self.stages
        without = Stages(stages.memory, Fraction(0), stages.matrix)
        return stages.latency(self.fill) - without.latency(self.fill)

    @property
    def roofline(self) -> "Roofline":
        """Where the workload lies under the roofs of the machine."""
        machine, stages = self.machine, self.stages
        peak = machine.rate(*self.method.units) * self.efficiency.matrix
        bandwidth = machine.peak("bandwidth") * self.efficiency.bandwidth
        useful = sum(gemm.operations for gemm in self.workload.gemms)
        return Roofline(
            intensity=self.matrix_operations / self.hbm_bytes,
            ridge=peak / bandwidth,
            attainable=self.matrix_operations / max(stages.times),
            useful=useful / max(stages.times),
            bottleneck=stages.bottleneck,
        )


def _total(numbers: Iterable[Number]) -> Fraction:
    return sum(numbers, Fraction(0))


@dataclass(frozen=True)
class Roofline:
    """A point under the roofs.

    Parameters
    ----------
    intensity : Fraction
        Matrix operations for each byte of HBM.
    ridge : Fraction
        Intensity from which the matrix unit, and not HBM, is the limit.
    attainable : Fraction
        Matrix operations per second when pipelined.
    useful : Fraction
        The same, every multiply-add counted in one pass only.
    bottleneck : str
        Which roof: memory, vector or matrix.
    """

    intensity: Fraction
    ridge: Fraction
    attainable: Fraction
    useful: Fraction
    bottleneck: str


# The paper's two ratios


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
