"""Latency of a product with quantized weights: the paper's closed form, exact.

The model of decoupled units (the paper, section 4.4), as far as it is known:

- Three resources work side by side: HBM, the vector unit, the matrix unit, and a fourth, the cache
  between HBM and the units, where data goes that way. Each is busy for what it has to do divided by
  its rate.
- A kernel in T equal tiles, each through one resource after another, takes of these times
  ``max + (sum - max) / T``: their sum in one tile, their maximum in the limit.
- What no tile hides, launches and cores that wait for each other, is a time of its own: 0 unless a
  scenario says otherwise.

Rates are rational, so times are Fractions.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from fractions import Fraction

from msdnum.cost.machines import Machine
from msdnum.cost.work import Plan
from msdnum.cost.workloads import Rational, Workload, check_count, check_nonnegative
from msdnum.display import html

__all__ = ["PIPELINED", "UNPIPELINED", "Efficiency", "Roofline", "Scenario", "Stages", "in_tiles"]

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

    Examples
    --------
    >>> from msdnum.cost import in_tiles
    >>> in_tiles(8)
    Fraction(1, 8)
    """
    check_count(tiles=tiles)
    return Fraction(1, tiles)


@dataclass(frozen=True)
class Stages(html.Shown):
    """Seconds for which each resource is busy."""

    memory: Fraction
    vector: Fraction
    matrix: Fraction
    cache: Fraction = Fraction(0)

    @property
    def times(self) -> tuple[Fraction, Fraction, Fraction, Fraction]:
        """All four."""
        return self.memory, self.vector, self.matrix, self.cache

    @property
    def bottleneck(self) -> str:
        """Name of the longest, the first of equals."""
        return max(("memory", "vector", "matrix", "cache"), key=lambda name: getattr(self, name))

    def latency(self, fill: Fraction) -> Fraction:
        """Return the seconds that all of them take: ``max + fill * (sum - max)``."""
        longest = max(self.times)
        return longest + fill * (sum(self.times) - longest)


@dataclass(frozen=True)
class Efficiency(html.Shown):
    """Shares of the peak rates that are reached. A data sheet promises 1, kernels reach less.

    Raises
    ------
    ValueError
        If one is not in (0, 1].
    """

    bandwidth: Rational = 1
    vector: Rational = 1
    matrix: Rational = 1
    cache: Rational = 1

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
        Machine whose rates are taken.
    workload : Gemm or Attention
        What is to be computed.
    method : Plan
        Way in which it is done.
    fill : Fraction
        PIPELINED, UNPIPELINED or ``in_tiles(tiles)``.
    efficiency : Efficiency
        Shares of the peak rates.
    waiting : Fraction or int
        Seconds that nothing hides: launches, and cores that wait for each other.

    Raises
    ------
    ValueError
        If ``fill`` is not in [0, 1] or ``waiting`` negative; from its properties, if a rate is
        unknown or missing.
    """

    machine: Machine
    workload: Workload
    method: Plan
    fill: Fraction = PIPELINED
    efficiency: Efficiency = field(default_factory=Efficiency)
    waiting: Rational = 0

    def __post_init__(self) -> None:
        """Refuse a share that is none, and a negative time."""
        check_nonnegative(waiting=self.waiting)
        if not isinstance(self.fill, Fraction | int) or not 0 <= self.fill <= 1:
            raise ValueError(f"fill must be a Fraction in [0, 1], got {self.fill!r}")

    @property
    def hbm_bytes(self) -> Fraction:
        """Bytes that cross HBM, both directions."""
        return _total(map(self.method.hbm_bytes, self.workload.gemms))

    @property
    def cache_bytes(self) -> Fraction:
        """Bytes that go to the cache and come back, besides those that pass it on their way."""
        return _total(map(self.method.cache_bytes, self.workload.gemms))

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
            self._cached / share.cache,
        )

    @property
    def _cached(self) -> Fraction:
        """Seconds of the cache: its rate need not be known where nothing goes that way."""
        crossing = self.cache_bytes
        return crossing / self.machine.peak("cache") if crossing else Fraction(0)

    @property
    def latency(self) -> Fraction:
        """Seconds from the first byte to the last."""
        return self.stages.latency(self.fill) + self.waiting

    @property
    def stall(self) -> Fraction:
        """Seconds of the latency that are there only because the vector unit has work to do."""
        stages = self.stages
        without = replace(stages, vector=Fraction(0))
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

    def _repr_html_(self) -> str:
        parts = {name: t for name, t in vars(self.stages).items() if t or name != "cache"}
        busy = {f"{name} busy": _microseconds(t) for name, t in parts.items()}
        kind = html.small(type(self.method).__name__)
        shown = {
            "workload": self.workload,
            "HBM traffic": f"{float(self.hbm_bytes):,.0f} bytes",
            **busy,
            "latency": _microseconds(self.latency),
            "bottleneck": self.stages.bottleneck,
        }
        return html.record(html.Markup(f"{html.cell(self.machine)} {kind}"), shown)


def _microseconds(seconds: Fraction) -> str:
    return f"{float(seconds * 10**6):.4g} us"


def _total(numbers: Iterable[Rational]) -> Fraction:
    return sum(map(Fraction, numbers), Fraction(0))


@dataclass(frozen=True)
class Roofline(html.Shown):
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
        Which roof: memory, vector, matrix or cache.
    """

    intensity: Fraction
    ridge: Fraction
    attainable: Fraction
    useful: Fraction
    bottleneck: str
