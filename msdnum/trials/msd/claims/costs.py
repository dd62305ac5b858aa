"""Judge what the paper claims of cost, C4, C5, C6 and C8: it follows from the model, or does not.

Nothing here was measured by us. A row says under which assumptions the closed forms give what the
paper says; that hardware obeys them is what C8 leaves open. Rows of what others measured say which
assumptions they refute, and which they leave standing.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction
from functools import partial

from msdnum.cost.latency import Scenario
from msdnum.cost.machines import (
    ASCEND_910B2,
    ASCEND_910B4,
    B200,
    B300,
    MACHINES,
    Machine,
    Route,
    Unit,
)
from msdnum.cost.published import MEASUREMENTS, Kind, Measurement, Prediction
from msdnum.cost.sensitivity import Bar, pays, tornado
from msdnum.cost.work import MultiScale, Reads, cache_traffic_ratio, operand, vector_crossover
from msdnum.formats.blocks import MXFP4, MXFP8_E4M3
from msdnum.ledger.claims import Claim, Entry
from msdnum.ledger.findings import Evidence, Finding, Verdict
from msdnum.ledger.trial import Study
from msdnum.trials.msd.experiments.costs import (
    CACHE,
    FEW_ROWS,
    INT4_X3,
    INT8_TWICE,
    LAYER,
    MXFP4_TWICE,
    TABLES,
    CostCase,
    Setting,
    number,
    two_fp4_passes,
)

__all__ = ["C4", "C5", "C6", "C8", "c4", "c5", "c6", "c8"]

FOLLOWS, FAILS = Verdict.MODEL, Verdict.FAILS
PAPER_RATIO = Fraction(5, 2)
CANN_ROWS = 16
"""The most rows for which CANN takes MSD on a 910B4."""

C4 = Claim("C4", "two MXFP4 passes take the matrix unit as long as one MXFP8 pass", FOLLOWS)
C5 = Claim("C5", "MSD avoids the stall of the matrix unit behind dequantization", FOLLOWS)
C6 = Claim("C6", "MSD cuts the HBM traffic of the KV cache by up to 2.5x", FOLLOWS)
C8 = Claim("C8", "MSD is faster by untested models, and loses nothing beyond bounds", FOLLOWS)


def _finding(follows: bool, found: str, count: int, of: str, *notes: str) -> Finding:
    verdict = FOLLOWS if follows else FAILS
    return Finding(verdict, found, evidence=Evidence("closed form", count, of), notes=notes)


def _entry(
    claim: str, convention: str, promise: str, judge: Callable[[], Finding], follows: bool = True
) -> Entry:
    return Entry(claim, convention, promise, judge, expected=FOLLOWS if follows else FAILS)


# C4


def c4(study: Study) -> Iterator[Entry]:
    """Two FP4 passes against one FP8 pass, in the matrix unit and in a whole kernel."""
    yield _entry("C4", "FP4 unit at twice the rate of the FP8 unit", "1", _twice_the_rate)
    yield _entry("C4", "B300: FP4 at 28/9 of FP8", "1", partial(_passes, B300), follows=False)
    kernel = "B200, kernel, 1 row, weights read"
    per_pass, once = partial(_kernel, Reads.PER_PASS), partial(_kernel, Reads.ONCE)
    yield _entry("C4", f"{kernel} twice", "1", per_pass, follows=False)
    yield _entry("C4", f"{kernel} once", "1", once)
    rates = "FP4 at four times the rate of BF16, bound by it"
    yield _measured("C4", "measured: W4A4 experts beside BF16", EXPERTS, rates)


# Measurements of others

EXPERTS, LIFTING = "W4A4 beside BF16, experts, 16 tokens", "W4A16 beside FP16, best"
TOKENS, ROWS = "W8A16 beside BF16, tokens", "rows for which CANN takes digits"
KERNEL = "three digits, group 128"
UNITS = {Kind.TIME: " us", Kind.ROWS: " rows", Kind.RATIO: "x", Kind.WHOLE: "x"}


def _measured(claim: str, convention: str, name: str, assumption: str) -> Entry:
    """Return the row of a published measurement beside the prediction under an assumption."""
    of = MEASUREMENTS[name]
    (prediction,) = [p for p in of.predict() if p.assumption == assumption]
    value = "no end" if prediction.value is None else f"{float(prediction.value):.3g}"
    judge = partial(_beside, of, prediction)
    return Entry(claim, convention, f"{value}{UNITS[of.kind]}", judge, expected=Verdict.MEASURED)


def _beside(of: Measurement, prediction: Prediction) -> Finding:
    ends = dict.fromkeys(f"{float(end):g}" for end in (of.low, of.high))
    stands = of.standing(prediction).value
    return Finding(
        Verdict.MEASURED,
        f"{'-'.join(ends)}{UNITS[of.kind]}: {stands}",
        evidence=Evidence("known case", 1, "measurement of others"),
        notes=(
            f"{of.source}, {of.machine or 'machine not stated'}, {of.shape or 'shape not stated'}",
            f"the model: {prediction.assumption}",
            f"not stated: {of.not_stated}",
            of.kind.value,
        ),
    )


def _twice_the_rate() -> Finding:
    known = [machine for machine in MACHINES.values() if machine.has(Unit.FP4)]
    doubling = [m for m in known if m.rate(Unit.FP4) == 2 * m.rate(Unit.FP8)]
    follows = all((two_fp4_passes(m) == 1) == (m in doubling) for m in known)
    found = max(map(two_fp4_passes, doubling))
    note = f"so on {', '.join(machine.name for machine in doubling)}"
    finding = _finding(follows and found == 1, number(found), len(known), "machines", note)
    return replace(finding, ratio=found, table=TABLES["cost_machines"]())


def _passes(machine: Machine) -> Finding:
    found = two_fp4_passes(machine)
    note = "two passes are cheaper than one" if found < 1 else ""
    return replace(_finding(found == 1, number(found), 1, "machine", note), ratio=found)


def _kernel(reads: Reads) -> Finding:
    """Compare whole kernels at one row, where reading the weights is what takes the time."""
    four, eight = operand(MXFP4), operand(MXFP8_E4M3)
    two, one = MultiScale(four, four, 2, reads), MultiScale(four, eight, 1)
    scenarios = [Scenario(B200, LAYER, method) for method in (two, one)]
    found = scenarios[0].latency / scenarios[1].latency
    bottleneck = scenarios[0].stages.bottleneck
    return replace(
        _finding(found == 1, number(found), 2, "latencies", f"{bottleneck} is the bottleneck"),
        ratio=found,
    )


# C5


def c5(study: Study) -> Iterator[Entry]:
    """Stalls behind the vector unit, by pipelining, route and rows."""
    through = CostCase(ASCEND_910B2, INT8_TWICE, Route.HBM)
    unpipelined = replace(through, fill="unpipelined")
    four = CostCase(ASCEND_910B2, INT4_X3, Route.ON_CHIP)
    for name, case, rows, follows in (
        ("910B2, INT8, unpipelined, 16 rows", unpipelined, 16, True),
        ("910B2, INT8, unpipelined, 4096 rows", unpipelined, 4096, False),
        # As profiled on an Ascend 910 (arXiv:2601.16536): the round trip is what costs.
        ("910B2, INT8, pipelined, HBM, 16 rows", through, 16, False),
        ("910B2, INT4, pipelined, on chip, 16 rows", four, 16, True),
    ):
        yield _entry("C5", name, "a shorter stall", partial(_stall, case, rows), follows)
    for name, kernel, whole in (
        ("through HBM", "through HBM, pipelined", "through HBM, pipelined"),
        ("through L2", "through the L2 cache, pipelined", "through the L2 cache, pipelined"),
        ("through L2, serial", "through the L2 cache, one after another", ""),
        ("on chip", "stay on chip, pipelined", "stay on chip, pipelined"),
    ):
        lifted = "Ascend 910B2: lifted weights"
        yield _measured("C5", f"measured: W4A16, 910, {name}", LIFTING, f"{lifted} {kernel}")
        if whole:
            yield _measured("C5", f"measured: W8A16, tokens, {name}", TOKENS, f"{lifted} {whole}")


def _stall(case: CostCase, rows: int) -> Finding:
    layer = replace(LAYER, m=rows)
    before, after = case.scenarios(layer)
    shares = [f"{float(100 * s.stall / s.latency):.3g} %" for s in (before, after)]
    crossover = vector_crossover(layer, *case.setting.methods(case.route, case.reads))
    nothing = "" if before.stall else f"nothing to avoid: {before.stages.bottleneck} hides it"
    return _finding(
        after.stall < before.stall,
        " to ".join(shares),
        2,
        "latencies",
        f"the bottleneck is {before.stages.bottleneck} before, {after.stages.bottleneck} after",
        f"from {number(crossover)} rows on MSD gives the vector unit more to do",
        *filter(None, [nothing]),
    )


# C6


def c6(study: Study) -> Iterator[Entry]:
    """Bytes of the cache, by route and reads, and of all that attention reads and writes."""
    once = Reads.ONCE
    for name, setting, route, reads, follows in (
        ("cache, INT8, baseline through HBM", INT8_TWICE, Route.HBM, Reads.PER_PASS, True),
        ("cache, MXFP4, baseline through HBM", MXFP4_TWICE, Route.HBM, Reads.PER_PASS, True),
        ("cache, INT8, baseline on chip", INT8_TWICE, Route.ON_CHIP, Reads.PER_PASS, False),
        ("the same, MSD reads once for all passes", INT8_TWICE, Route.ON_CHIP, once, False),
    ):
        yield _entry("C6", name, "5/2", partial(_cache, setting, route, reads), follows)
    yield _entry("C6", "with queries and results, HBM, 2^17 tokens", "up to 5/2", _whole_attention)


def _cache(setting: Setting, route: Route, reads: Reads) -> Finding:
    methods = setting.methods(route, reads)
    found = cache_traffic_ratio(*methods)
    before, after = (number(Fraction(method.weight_bits) / 8) for method in methods)
    note = f"{before} Md against {after} Md bytes; a cache that holds what is lifted is on chip"
    finding = _finding(found >= PAPER_RATIO, str(found), 2, "byte counts", note)
    return replace(finding, ratio=found / PAPER_RATIO)


def _whole_attention() -> Finding:
    workload = replace(CACHE, length=2**17)
    methods = (
        INT8_TWICE.methods(Route.HBM, Reads.PER_PASS)[0],
        INT8_TWICE.methods(Route.ON_CHIP, Reads.PER_PASS)[1],
    )
    before, after = (Scenario(ASCEND_910B2, workload, method).hbm_bytes for method in methods)
    found = before / after
    note = "from below, the longer the cache the closer"
    finding = _finding(
        PAPER_RATIO * Fraction(99, 100) < found <= PAPER_RATIO,
        f"{float(found):.6f}",
        2,
        "byte counts",
        note,
    )
    return replace(finding, ratio=found / PAPER_RATIO)


# C8


def c8(study: Study) -> Iterator[Entry]:
    """Whether the verdict survives assumptions that are off, and what is known from the field."""
    for name, route, follows in (
        ("through HBM", Route.HBM, True),
        ("on chip", Route.ON_CHIP, False),
    ):
        judge = partial(_off_by_two, CostCase(ASCEND_910B2, INT8_TWICE, route))
        yield _entry("C8", f"each number off by 2, {name}, 16 rows", "speedup > 1", judge, follows)
    limit = f"at most {CANN_ROWS} rows"
    yield _entry("C8", "910B4, INT8, as CANN chooses MSD", limit, _field, follows=False)
    sums = "sums through HBM, weights read for each digit"
    for scales in ("a scale a column", "a scale for 128 weights"):
        name = f"measured: INT4 x3, {scales}"
        yield _measured("C8", name, ROWS, f"{ASCEND_910B4.name}: {sums}, {scales}")
    for machine in (ASCEND_910B2, ASCEND_910B4):
        name = f"measured: INT4 x3, 1 row, A2 as {machine.name.split()[1]}"
        yield _measured("C8", name, KERNEL, f"{machine.name}: {sums}")
    once = f"{ASCEND_910B2.name}: everything on chip, weights read once"
    yield _measured("C8", "measured: INT4 x3, 1 row, read once", KERNEL, once)


def _off_by_two(case: CostCase) -> Finding:
    baseline, multiscale = case.scenarios(FEW_ROWS)
    bars = tornado(baseline, multiscale)
    ends = [end for bar in bars for end in (bar.low, bar.high)]
    longest = ", ".join(f"{bar.parameter} ({_written(bar)})" for bar in bars[:3])
    return _finding(
        min(ends) > 1,
        f"{float(min(ends)):.3g} to {float(max(ends)):.3g}",
        len(bars),
        "parameters",
        f"{number(baseline.latency / multiscale.latency)} as assumed",
        f"most hangs on {longest}",
        "the route and the second read are no numbers: see C6",
    )


def _written(bar: Bar) -> str:
    return f"{float(bar.low):.3g} to {float(bar.high):.3g}"


def _field() -> Finding:
    pair = CostCase(ASCEND_910B4, INT8_TWICE, Route.HBM).scenarios(LAYER)
    (interval,) = pays(*pair, "workload.m")
    assert interval.stop is not None
    return _finding(
        interval.stop <= CANN_ROWS,
        f"below {number(interval.stop)} rows",
        1,
        "crossover",
        "the model has peak rates, no padded tiles and no launches",
    )
