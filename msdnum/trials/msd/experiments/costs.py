"""The cost models in numbers: tables of traffic, latency, crossovers and sensitivity.

Closed forms without a seed: a table is the same wherever it is made.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, fields, replace
from fractions import Fraction
from itertools import chain, product

from msdnum.cost.latency import PIPELINED, UNPIPELINED, Scenario
from msdnum.cost.machines import (
    ASCEND_910B2,
    ASCEND_950PR,
    B200,
    H100,
    MACHINES,
    Machine,
    Quantity,
    Route,
    Unit,
)
from msdnum.cost.published import MEASUREMENTS, Measurement
from msdnum.cost.sensitivity import pays, tornado
from msdnum.cost.work import (
    Dequantize,
    MultiScale,
    Reads,
    StoredOperand,
    cache_traffic_ratio,
    operand,
    relative_gemm_time,
)
from msdnum.cost.workloads import Attention, Gemm, Workload
from msdnum.formats.blocks import INT4_GROUP, MXFP4, MXFP8_E4M3
from msdnum.formats.elements import BF16, INT4, INT8
from msdnum.ledger.findings import Table

__all__ = [
    "CACHE", "FEW_ROWS", "INT4_X3", "INT8_TWICE", "LAYER", "MXFP4_TWICE", "TABLES", "CostCase",
    "Setting", "number", "two_fp4_passes",
]  # fmt: skip

Row = tuple[str, ...]
Pair = tuple[Scenario, Scenario]

LAYER = Gemm(1, 4096, 4096)
"""A square layer of a 7B model, one token."""
FEW_ROWS = Gemm(16, 4096, 4096)
"""The same, with as many tokens as the matrix unit takes at once."""
CACHE = Attention(length=4096, channels=128, heads=8, queries=4)
"""Grouped-query attention of an 8B model, one token."""

ROUTES = (Route.HBM, Route.ON_CHIP)
READS = (Reads.PER_PASS, Reads.ONCE)
"""What the paper leaves open; a cache between the two is beside measurements alone."""
ROWS = tuple(2**i for i in range(13))
LENGTHS = tuple(2**i for i in range(7, 18))
SHOWN = (ASCEND_910B2, ASCEND_950PR, H100, B200)
FILLS = {"pipelined": PIPELINED, "unpipelined": UNPIPELINED}


@dataclass(frozen=True)
class Setting:
    """A weight format with the terms that meet it.

    Parameters
    ----------
    name : str
        Name in tables.
    weight, term : StoredOperand
        Weights as stored and terms of the activations.
    passes : int
        Number of terms of the activations.
    """

    name: str
    weight: StoredOperand
    term: StoredOperand
    passes: int

    def runs_on(self, machine: Machine) -> bool:
        """Return whether the machine is known to have both units."""
        return machine.has(self.weight.unit) and machine.has(self.term.unit)

    def methods(self, route: Route, reads: Reads) -> tuple[Dequantize, MultiScale]:
        """Return baseline and MSD; data goes between the units the same way in both."""
        multiscale = MultiScale(self.weight, self.term, self.passes, reads, route)
        return Dequantize(self.weight, route), multiscale


INT8_TWICE = Setting("INT8 x2", operand(INT8), operand(INT8), 2)
INT4_X3 = Setting("INT4 x3", operand(INT4_GROUP), operand(INT4), 3)
"""Three 4-bit digits, as CANN has them."""
MXFP4_TWICE = Setting("MXFP4 x2", operand(MXFP4), operand(MXFP4), 2)
SETTINGS = (INT8_TWICE, INT4_X3, MXFP4_TWICE)


def number(value: Fraction | int) -> str:
    """Write a number with six digits."""
    return f"{float(value):.6g}"


@dataclass(frozen=True)
class CostCase:
    """A setting on a machine, under the assumptions that the paper leaves open.

    Parameters
    ----------
    machine : Machine
        Machine whose peak rates are taken.
    setting : Setting
        Formats and passes.
    route : Route
        How data goes between vector and matrix unit, in both methods.
    reads : Reads
        How often MSD reads weights.
    fill : str
        A key of ``FILLS``.
    """

    machine: Machine
    setting: Setting
    route: Route
    reads: Reads = Reads.PER_PASS
    fill: str = "pipelined"

    @property
    def names(self) -> Row:
        """Cells of a table."""
        return (
            self.machine.name, self.setting.name, self.route.name, self.reads.name, self.fill,
        )  # fmt: skip

    def scenarios(self, workload: Workload) -> Pair:
        """Return baseline and MSD."""
        baseline, multiscale = self.setting.methods(self.route, self.reads)
        fill = FILLS[self.fill]
        return (
            Scenario(self.machine, workload, baseline, fill),
            Scenario(self.machine, workload, multiscale, fill),
        )


NAMES = ("machine", "setting", "route", "reads", "fill")


def _cases(
    machines: Iterable[Machine], reads: Iterable[Reads] = READS, fills: Iterable[str] = FILLS
) -> Iterator[CostCase]:
    cases = product(machines, SETTINGS, ROUTES, reads, fills)
    return (CostCase(*case) for case in cases if case[1].runs_on(case[0]))


# Machines


def two_fp4_passes(machine: Machine) -> Fraction:
    """Return matrix-unit time of two MXFP4 passes over that of one MXFP8 pass (C4).

    Raises
    ------
    ValueError
        If the machine has no FP4 unit.
    """
    four, eight = operand(MXFP4), operand(MXFP8_E4M3)
    return relative_gemm_time(machine, MultiScale(four, four, 2), MultiScale(four, eight, 1))


def _two_int8_passes(machine: Machine) -> Fraction:
    eight, sixteen = operand(INT8), operand(BF16)
    return relative_gemm_time(machine, MultiScale(eight, eight, 2), MultiScale(sixteen, sixteen, 1))


def machines() -> Table:
    """Return two passes against one, by machine."""
    header = ("machine", "route", "two_fp4_over_fp8", "two_int8_over_bf16", "bf16_ops_per_byte")
    return Table(header, tuple(map(_machine_row, MACHINES.values())))


def _machine_row(machine: Machine) -> Row:
    four = number(two_fp4_passes(machine)) if machine.has(Unit.FP4) else "no FP4 unit"
    eight = number(_two_int8_passes(machine)) if machine.has(Unit.INT8) else "INT8 not known"
    ridge = machine.rate(Unit.BF16) / machine.peak("bandwidth")
    return machine.name, machine.route.name, four, eight, number(ridge)


def sources() -> Table:
    """Return every number of every machine with its source."""
    return Table(("machine", "field", "value", "source"), tuple(_sources()))


def _sources() -> Iterator[Row]:
    for machine in MACHINES.values():
        yield machine.name, "route", machine.route.name, machine.route_source
        for member in fields(machine):
            value = getattr(machine, member.name)
            if isinstance(value, Quantity):
                yield machine.name, member.name, number(value.value), value.source
            elif value is None:
                yield machine.name, member.name, "", "not known"


# Traffic


def traffic() -> Table:
    """Return HBM bits for each weight or element of the cache, and their ratio (C6)."""
    header = ("setting", "baseline_route", "msd_reads", "baseline_bits", "msd_bits", "ratio")
    return Table(header, tuple(_traffic()))


def _traffic() -> Iterator[Row]:
    for setting, route, reads in product(SETTINGS, ROUTES, READS):
        baseline, multiscale = setting.methods(route, reads)
        bits = (number(baseline.weight_bits), number(multiscale.weight_bits))
        ratio = cache_traffic_ratio(baseline, multiscale)
        yield setting.name, route.name, reads.name, *bits, number(ratio)


# Latency

COMPARED = (
    "baseline_us", "msd_us", "speedup", "traffic_ratio", "baseline_bottleneck", "msd_bottleneck",
)  # fmt: skip


def _compared(baseline: Scenario, multiscale: Scenario) -> Row:
    return (
        number(baseline.latency * 10**6),
        number(multiscale.latency * 10**6),
        number(baseline.latency / multiscale.latency),
        number(baseline.hbm_bytes / multiscale.hbm_bytes),
        baseline.stages.bottleneck,
        multiscale.stages.bottleneck,
    )


def batch() -> Table:
    """Return latency of a layer against its rows."""
    rows = (
        (*case.names, str(m), *_compared(*case.scenarios(Gemm(m, LAYER.k, LAYER.n))))
        for case in _cases(SHOWN)
        for m in ROWS
    )
    return Table((*NAMES, "m", *COMPARED), tuple(rows))


def length() -> Table:
    """Return latency of attention over a quantized cache against its length."""
    rows = (
        (*case.names, str(n), *_compared(*case.scenarios(replace(CACHE, length=n))))
        for case in _cases(SHOWN)
        for n in LENGTHS
    )
    return Table((*NAMES, "length", *COMPARED), tuple(rows))


def crossovers() -> Table:
    """Return where MSD is strictly faster: rows of a layer, length of a cache, passes."""
    return Table(
        (*NAMES, "rows", "length", "passes"), tuple(map(_crossover_row, _cases(MACHINES.values())))
    )


def _crossover_row(case: CostCase) -> Row:
    layer, cache = case.scenarios(LAYER), case.scenarios(CACHE)
    rows, passes = _ranges(layer, "workload.m"), _ranges(layer, "method.passes")
    return *case.names, rows, _ranges(cache, "workload.length"), passes


def _ranges(pair: Pair, path: str) -> str:
    found = pays(*pair, path)
    ends = ((r.start, "inf" if r.stop is None else number(r.stop)) for r in found)
    return " and ".join(f"{number(start)} to {stop}" for start, stop in ends) or "never"


def sensitivity() -> Table:
    """Return what halving and doubling each assumption does to the speedup at 16 rows."""
    header = (*NAMES, "speedup", "parameter", "elasticity", "halved", "doubled")
    return Table(header, tuple(_sensitivity()))


def _sensitivity() -> Iterator[Row]:
    for case in _cases(SHOWN, [Reads.PER_PASS]):
        baseline, multiscale = case.scenarios(FEW_ROWS)
        speedup = number(baseline.latency / multiscale.latency)
        for bar in tornado(baseline, multiscale):
            numbers = map(number, (bar.elasticity, bar.low, bar.high))
            yield *case.names, speedup, bar.parameter, *numbers


def roofline() -> Table:
    """Return the points of a layer under the roofs, baseline and MSD, against its rows."""
    header = (*NAMES, "method", "m", "intensity", "ridge", "attainable", "useful", "bottleneck")
    return Table(header, tuple(_roofline()))


def _roofline() -> Iterator[Row]:
    for case, m in product(_cases(SHOWN, [Reads.PER_PASS], ["pipelined"]), ROWS):
        pair = case.scenarios(Gemm(m, LAYER.k, LAYER.n))
        for method, scenario in zip(("dequantize", "MSD"), pair, strict=True):
            roof = scenario.roofline
            numbers = (roof.intensity, roof.ridge, roof.attainable, roof.useful)
            yield *case.names, method, str(m), *map(number, numbers), roof.bottleneck


# Measurements of others


def published() -> Table:
    """Return what others measured, beside what the model says under each assumption."""
    header = (
        "measurement", "source", "machine", "shape", "kind", "low", "high", "not_stated",
        "assumption", "predicted", "standing",
    )  # fmt: skip
    rows = chain.from_iterable(map(_published_rows, MEASUREMENTS.values()))
    return Table(header, tuple(rows))


def _published_rows(of: Measurement) -> Iterator[Row]:
    measured = (
        of.name, of.source, of.machine or "not stated", of.shape or "not stated", of.kind.name,
        number(of.low), number(of.high), of.not_stated,
    )  # fmt: skip
    predictions = tuple(of.predict())
    for prediction in predictions:
        value = "without end" if prediction.value is None else number(prediction.value)
        yield *measured, prediction.assumption, value, of.standing(prediction).value
    if not predictions:
        yield *measured, "", "", "no such machine or kernel here"


TABLES: dict[str, Callable[[], Table]] = {
    "cost_machines": machines,
    "cost_sources": sources,
    "cost_traffic": traffic,
    "cost_batch": batch,
    "cost_length": length,
    "cost_crossovers": crossovers,
    "cost_sensitivity": sensitivity,
    "cost_roofline": roofline,
    "published": published,
}
"""By the name of the file in ``figures/msd/tables``."""
