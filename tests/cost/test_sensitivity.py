"""Sensitivity: elasticities by differences, crossovers by a scan."""

import math
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from msdnum.cost.latency import PIPELINED, UNPIPELINED, Scenario, in_tiles
from msdnum.cost.machines import ASCEND_910B2, ASCEND_910B4, Route
from msdnum.cost.sensitivity import OpenRange, elasticity, latency_at, parameters, pays, tornado
from msdnum.cost.work import Dequantize, MultiScale, Reads, VectorWork, operand
from msdnum.cost.workloads import Attention, Gemm
from msdnum.formats.blocks import INT4_GROUP
from msdnum.formats.elements import INT4
from tests.support.costs import (
    BASELINE,
    CACHE,
    CACHED,
    EIGHT,
    HBM,
    MSD,
    ON_CHIP,
    SMALL,
    TOY,
    multiscales,
    scenarios,
    works,
)

# Sensitivity


def test_parameters_are_the_numbers_of_the_scenario():
    assert set(parameters(MSD)) == {
        "workload.m", "workload.k", "workload.n", "workload.count", "workload.input_bits",
        "workload.output_bits", "method.weight.bits", "method.term.bits", "method.passes",
        "method.work.dequantize", "method.work.amax", "method.work.term", "method.work.combine",
        "method.sums", "efficiency.bandwidth", "efficiency.vector", "efficiency.matrix",
        "efficiency.cache", "fill",
    }  # fmt: skip


SIZES = ("m", "k", "n", "count", "length", "channels", "batch", "heads", "queries", "passes")


@given(scenarios, st.data(), st.integers(1, 5))
def test_a_scaled_latency_is_the_latency_of_what_is_scaled(scenario, data, factor):
    counts = [p for p in parameters(scenario) if p.partition(".")[2] in SIZES]
    path = data.draw(st.sampled_from(counts))
    owner, name = path.split(".")
    record = getattr(scenario, owner)
    larger = replace(record, **{name: getattr(record, name) * factor})
    assert (
        latency_at(scenario, path, Fraction(factor)) == replace(scenario, **{owner: larger}).latency
    )


@given(scenarios)
def test_elasticities_of_rates_add_up_to_what_is_not_waited_for(scenario):
    busy = [time for time in scenario.stages.times if time]
    assume(len(set(busy)) == len(busy))
    rates = [path for path in parameters(scenario) if path.startswith("efficiency.")]
    hidden = (scenario.latency - scenario.waiting) / scenario.latency
    assert sum(elasticity(scenario, path) for path in rates) == -hidden


@given(scenarios, st.data())
def test_elasticity_is_the_central_log_difference(scenario, data):
    """Of a smooth mixture that the kinks cannot disturb: the unpipelined latency."""
    smooth = replace(scenario, fill=UNPIPELINED)
    path = data.draw(st.sampled_from(parameters(smooth)))
    assume(path != "fill")
    step = Fraction(1, 10**6)
    up, down = (latency_at(smooth, path, 1 + s) for s in (step, -step))
    slope = math.log(up / down) / math.log((1 + step) / (1 - step))
    assert float(elasticity(smooth, path)) == pytest.approx(slope, abs=1e-6)


def test_elasticities_by_hand():
    assert elasticity(BASELINE, "efficiency.vector") == -1
    assert elasticity(BASELINE, "efficiency.bandwidth") == 0
    assert elasticity(BASELINE, "workload.m") == 0
    assert elasticity(BASELINE, "workload.n") == 1
    unpipelined = replace(BASELINE, fill=UNPIPELINED)
    assert elasticity(unpipelined, "efficiency.bandwidth") == -Fraction("2.08") / Fraction("11.808")
    assert elasticity(unpipelined, "method.work.dequantize") == Fraction("9.6") / Fraction("11.808")
    assert elasticity(replace(BASELINE, fill=in_tiles(4)), "fill") == Fraction("0.552") / Fraction(
        "10.152"
    )


def test_at_a_kink_the_elasticity_is_that_of_the_slower_side():
    tied = Scenario(TOY, SMALL, Dequantize(EIGHT, HBM, work=VectorWork(Fraction("0.65"))))
    assert tied.stages.memory == tied.stages.vector
    assert elasticity(tied, "method.work.dequantize") == 1
    assert elasticity(tied, "method.weight.bits") == Fraction(32, 208)


def test_tornado():
    bars = tornado(BASELINE, MSD)
    speedup = BASELINE.latency / MSD.latency
    assert [bar.spread for bar in bars] == sorted((bar.spread for bar in bars), reverse=True)
    by_name = {bar.parameter: bar for bar in bars}
    dequantize = by_name["method.work.dequantize"]
    assert (dequantize.low, dequantize.high) == (speedup / 2, speedup * 2)
    assert dequantize.elasticity == 1
    assert by_name["workload.m"].elasticity == -1
    assert "efficiency.vector" not in by_name or by_name["efficiency.vector"].elasticity == 0
    assert "efficiency.matrix" not in by_name


# Crossovers: a second formula, in integers, and a scan


def times_again(scenario, m, n, passes):
    """Write the two methods out, for INT8 and one Gemm, without any of the code under test."""
    k, method, peak = scenario.workload.k, scenario.method, scenario.machine.peak
    share, work = scenario.efficiency, method.work
    size, cached = 2 * m * (k + n), 0
    if isinstance(method, Dequantize):
        size += k * n * (5 if method.route is HBM else 1)
        cached = 4 * k * n if method.route is CACHE else 0
        vector, matrix, rate = k * n * work.dequantize, 2 * m * k * n, peak("bf16")
    else:
        size += k * n * (passes if method.reads is Reads.PER_PASS else 1)
        if method.reads is Reads.CACHED:
            cached += (passes - 1) * k * n
        handed_over = passes * (2 * m * k + 8 * m * n * method.sums)
        if method.route is HBM:
            size += handed_over
        if method.route is CACHE:
            cached += handed_over
        results = m * n * method.sums
        vector = m * k * (work.amax + passes * work.term) + results * passes * work.combine
        matrix, rate = 2 * m * k * n * passes, peak("int8")
    seconds = [
        Fraction(size) / (peak("bandwidth") * share.bandwidth),
        Fraction(vector) / (peak("vector") * share.vector),
        Fraction(matrix) / (rate * share.matrix),
        Fraction(cached) / (peak("cache") * share.cache),
    ]
    return scenario.waiting + scenario.fill * sum(seconds) + (1 - scenario.fill) * max(seconds)


@given(
    st.sampled_from(CACHED),
    st.builds(Gemm, st.integers(1, 40), st.integers(1, 300), st.integers(1, 40)),
    st.builds(Dequantize, st.just(EIGHT), st.sampled_from(Route), work=works),
    multiscales,
    st.sampled_from([PIPELINED, in_tiles(8), UNPIPELINED]),
    st.sampled_from(["m", "n", "passes"]),
)
def test_crossovers_are_those_of_a_scan(machine, gemm, baseline, multiscale, fill, name):
    first, second = (Scenario(machine, gemm, method, fill) for method in (baseline, multiscale))
    found = pays(first, second, "method.passes" if name == "passes" else f"workload.{name}")
    for value in range(1, 81):
        point = {"m": gemm.m, "n": gemm.n, "passes": multiscale.passes} | {name: value}
        faster = times_again(first, **point) > times_again(second, **point)
        assert faster == any(value in interval for interval in found), (value, found)
    assert all(a.stop <= b.start for a, b in pairwise(found))


# k = n = 4096: the baseline moves 5 k^2 + 4 m k bytes at 1.6 T/s, two passes are 4 m k^2 operations
# at 707.7888 T/s.
MATRIX_BOUND = Fraction(5 * 4096) / Fraction("1.6") / (
    Fraction(4 * 4096) / Fraction("707.7888") - 4 / Fraction("1.6")
)  # fmt: skip


@pytest.mark.parametrize(
    ("route", "reads", "fill", "expected"),
    [
        (HBM, Reads.PER_PASS, PIPELINED, (OpenRange(Fraction(0), MATRIX_BOUND),)),
        (ON_CHIP, Reads.PER_PASS, PIPELINED, ()),
        (ON_CHIP, Reads.ONCE, PIPELINED, ()),
        (ON_CHIP, Reads.ONCE, UNPIPELINED, (OpenRange(Fraction(0), Fraction(1024)),)),
    ],
)
def test_where_msd_stops_paying_on_a_910b2(route, reads, fill, expected):
    gemm = Gemm(1, 4096, 4096)
    first = Scenario(ASCEND_910B2, gemm, Dequantize(EIGHT, route), fill)
    second = Scenario(ASCEND_910B2, gemm, MultiScale(EIGHT, EIGHT, 2, reads), fill)
    assert pays(first, second, "workload.m") == expected


def three_digits(machine, route, reads):
    """Return INT4 weights in groups of 128, lifted or against three INT4 digits, pipelined."""
    weight, gemm = operand(INT4_GROUP), Gemm(1, 4096, 4096)
    multiscale = MultiScale(weight, operand(INT4), 3, reads, route)
    return (Scenario(machine, gemm, method) for method in (Dequantize(weight, route), multiscale))


def test_msd_may_stop_and_begin_again():
    """Where the baseline's matrix unit is slower than the two ways of the terms through HBM."""
    found = pays(*three_digits(ASCEND_910B2, HBM, Reads.PER_PASS), "workload.m")
    stop = (Fraction("36.25") - Fraction("12.75")) / 8 * 4096 / 27
    again = Fraction("12.75") / 8 * 4096 / Fraction("1.6")
    again /= 2 * 4096 / Fraction("353.8944") - 31 / Fraction("1.6")
    assert found == (OpenRange(Fraction(0), stop), OpenRange(again, None))


def test_a_tie_at_one_point_is_no_gain():
    """At 96 rows lifting weights, multiplying them and the bytes of MSD take equally long."""
    pair = list(three_digits(ASCEND_910B4, ON_CHIP, Reads.ONCE))
    tie = Fraction(96)
    assert pays(*pair, "workload.m") == (OpenRange(Fraction(0), tie), OpenRange(tie, None))
    assert latency_at(pair[0], "workload.m", tie) == latency_at(pair[1], "workload.m", tie)


def test_five_passes_through_hbm_are_one_too_many():
    gemm = Gemm(1, 4096, 4096)
    first = Scenario(ASCEND_910B2, gemm, Dequantize(EIGHT, HBM))
    second = Scenario(ASCEND_910B2, gemm, MultiScale(EIGHT, EIGHT))
    assert pays(first, second, "method.passes") == (OpenRange(Fraction(0), Fraction(5)),)


def test_a_longer_cache_never_turns_the_verdict_when_only_the_cache_counts():
    first, second = (
        Scenario(ASCEND_910B2, Attention(100, 128), method)
        for method in (Dequantize(EIGHT, HBM), MultiScale(EIGHT, EIGHT))
    )
    (interval,) = pays(first, second, "workload.length")
    assert interval.stop is None


def test_a_range_is_open():
    assert 2 in OpenRange(Fraction(1), None)
    assert 1 not in OpenRange(Fraction(1), Fraction(2))
    assert 2 not in OpenRange(Fraction(1), Fraction(2))
