"""Costs against numbers worked out by hand, a simulated pipeline and a formula written twice."""

from dataclasses import replace
from fractions import Fraction
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from msdnum.cost.latency import PIPELINED, UNPIPELINED, Efficiency, Scenario, Stages, in_tiles
from msdnum.cost.machines import ASCEND_910B2, H100, MACHINES, Quantity, Route, Unit
from msdnum.cost.sensitivity import elasticity, latency_at, parameters, pays, tornado
from msdnum.cost.work import (
    Dequantize,
    MultiScale,
    Reads,
    StoredOperand,
    VectorWork,
    vector_crossover,
)
from msdnum.cost.workloads import Attention, Gemm
from tests.support.costs import (
    BASELINE,
    CACHE,
    EIGHT,
    HBM,
    MSD,
    ON_CHIP,
    SMALL,
    TOY,
    quantity,
    scenarios,
    workloads,
)

IDLE = VectorWork(0, 0, 0, 0)


# Latency


def test_latency_by_hand():
    stages = BASELINE.stages
    assert stages.times == (Fraction("2.08"), Fraction("9.6"), Fraction("0.128"), 0)
    assert stages.bottleneck == "vector"
    assert BASELINE.latency == Fraction("9.6")
    assert replace(BASELINE, fill=UNPIPELINED).latency == Fraction("11.808")
    assert replace(BASELINE, fill=in_tiles(4)).latency == Fraction("10.152")
    assert BASELINE.stall == Fraction("7.52")
    assert replace(BASELINE, fill=UNPIPELINED).stall == Fraction("9.6")
    assert MSD.stages.times == (Fraction("1.12"), Fraction("12.8"), Fraction("0.128"), 0)


def simulated(stages, tiles):
    """Run equal tiles through the resources, each taking one tile at a time."""
    free = [Fraction(0)] * 4
    for _ in range(tiles):
        done = Fraction(0)
        for place, time in enumerate(stages.times):
            free[place] = done = max(done, free[place]) + time / tiles
    return free[-1]


times = st.fractions(0, 100, max_denominator=20)


@given(st.builds(Stages, times, times, times, times), st.integers(1, 30))
def test_the_closed_form_is_the_pipeline(stages, tiles):
    assert stages.latency(in_tiles(tiles)) == simulated(stages, tiles)


@given(scenarios)
def test_limits_of_pipelining(scenario):
    stages = scenario.stages
    hidden = scenario.latency - scenario.waiting
    assert replace(scenario, fill=PIPELINED, waiting=0).latency == max(stages.times)
    assert replace(scenario, fill=UNPIPELINED, waiting=0).latency == sum(stages.times)
    assert max(stages.times) <= hidden <= sum(stages.times) <= 4 * max(stages.times)
    assert 0 <= scenario.stall <= stages.vector


@given(workloads, st.sampled_from([TOY, ASCEND_910B2, H100]))
def test_one_pass_is_dequantizing_for_nothing_to_the_same_format(workload, machine):
    free = Dequantize(EIGHT, ON_CHIP, EIGHT, IDLE)
    one = MultiScale(EIGHT, EIGHT, 1, work=IDLE)
    assert Scenario(machine, workload, free).stages == Scenario(machine, workload, one).stages
    assert Scenario(machine, workload, free, UNPIPELINED).stall == 0


@given(workloads)
def test_pipelined_two_int8_passes_never_beat_free_dequantization_on_chip(workload):
    """Twice the rate, twice the work: a tie for the matrix unit, a loss everywhere else."""
    baseline = Dequantize(EIGHT, ON_CHIP, work=IDLE)
    faster = Scenario(ASCEND_910B2, workload, baseline).latency
    assert faster <= Scenario(ASCEND_910B2, workload, MultiScale(EIGHT, EIGHT, work=IDLE)).latency


COSTS = ("workload.", "method.", "fill")


@given(scenarios, st.data())
def test_latency_is_monotonic(scenario, data):
    path = data.draw(st.sampled_from(parameters(scenario)))
    before, after = scenario.latency, latency_at(scenario, path, Fraction(3, 2))
    assert before <= after if path.startswith(COSTS) else before >= after


# Roofline


@given(scenarios)
def test_roofline(scenario):
    roof = scenario.roofline
    peak = scenario.machine.rate(*scenario.method.units) * scenario.efficiency.matrix
    under = min(peak, roof.intensity * peak / roof.ridge)
    assert roof.attainable <= under
    assert roof.attainable == under or roof.bottleneck in ("vector", "cache")
    assert (roof.intensity < roof.ridge) == (scenario.stages.memory > scenario.stages.matrix)
    assert roof.useful * getattr(scenario.method, "passes", 1) == roof.attainable


def test_roofline_by_hand():
    roof = replace(BASELINE, machine=replace(TOY, vector=quantity(10**6))).roofline
    assert (roof.intensity, roof.ridge) == (Fraction(128, 208), 10)
    assert roof.attainable == roof.useful == Fraction(12800, 208)
    assert roof.bottleneck == "memory"


# Wrong use


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda: Gemm(0, 1, 1), "m must be a positive integer, got 0"),
        (lambda: Gemm(1, 2.0, 1), "k must be a positive integer, got 2.0"),
        (lambda: Gemm(1, 1, True), "n must be a positive integer, got True"),
        (lambda: Gemm(1, 1, 1, input_bits=-1), "input_bits must be a nonnegative integer or"),
        (lambda: Attention(1, 0), "channels must be a positive integer, got 0"),
        (lambda: MultiScale(EIGHT, EIGHT, 0), "passes must be a positive integer, got 0"),
        (
            lambda: StoredOperand(-1, Unit.INT8),
            "bits must be a nonnegative integer or Fraction, got -1",
        ),
        (lambda: VectorWork(0.5), "dequantize must be a nonnegative integer or Fraction, got 0.5"),
        (lambda: in_tiles(0), "tiles must be a positive integer, got 0"),
        (lambda: replace(BASELINE, fill=Fraction(2)), r"fill must be a Fraction in \[0, 1\]"),
        (lambda: replace(BASELINE, fill=0.5), r"fill must be a Fraction in \[0, 1\]"),
        (lambda: Efficiency(bandwidth=0), r"bandwidth must be a Fraction or 1 in \(0, 1\], got 0"),
        (lambda: Efficiency(matrix=2), r"matrix must be a Fraction or 1 in \(0, 1\], got 2"),
        (lambda: Quantity(Fraction(-1), "x"), "value must not be negative, got -1"),
        (lambda: Quantity(Fraction(1), " "), "source must say where 1 is from, got nothing"),
        (lambda: TOY.peak("fp64"), "name must be one of bandwidth, .*, got 'fp64'"),
        (lambda: TOY.peak("fp6"), "fp6 of toy must be known here, but it is not"),
        (lambda: TOY.peak("int4"), "toy has no int4 unit: made up"),
        (lambda: elasticity(BASELINE, "method.passes"), "path must be one of .*'method.passes'"),
        (lambda: latency_at(BASELINE, "workload.m", Fraction(0)), "factor must be positive, got 0"),
        (lambda: latency_at(BASELINE, "m", Fraction(1)), "path must be one of workload.m, .*'m'"),
        (lambda: tornado(BASELINE, MSD, Fraction(1)), "swing must be above 1, got 1"),
        (lambda: pays(BASELINE, MSD, "fill"), "path must be that of a workload's or method's"),
        (lambda: pays(BASELINE, MSD, "nothing"), "path must be one of workload.m, .*'nothing'"),
        (
            lambda: pays(BASELINE, replace(MSD, workload=Gemm(3, 4, 8)), "workload.m"),
            "workload.m must be the same positive number in both, got {2, 3}",
        ),
        (
            lambda: vector_crossover(
                SMALL, Dequantize(EIGHT, HBM), MultiScale(EIGHT, EIGHT, work=IDLE)
            ),
            "work must have an operation for each element",
        ),
    ],
)
def test_wrong_use_gets_one_sentence(wrong, message):
    with pytest.raises(ValueError, match=message):
        wrong()


def test_every_scenario_of_int8_has_a_time_where_the_machine_has_the_unit():
    for machine, route in product(MACHINES.values(), Route):
        known = route is not Route.CACHE or machine.cache is not None
        if machine.has(Unit.INT8) and known:
            scenario = Scenario(machine, SMALL, MultiScale(EIGHT, EIGHT, route=route))
            assert scenario.latency > 0


# A cache between HBM and the units, and what nothing hides


def test_lifted_weights_through_a_cache_take_its_time_by_hand():
    through = replace(BASELINE, method=Dequantize(EIGHT, CACHE))
    assert through.hbm_bytes == 32 + 48
    assert through.cache_bytes == 32 * 4
    assert through.stages.times == (
        Fraction("0.8"), Fraction("9.6"), Fraction("0.128"), Fraction(128, 300),
    )  # fmt: skip
    half = replace(through, efficiency=Efficiency(cache=Fraction(1, 2)))
    assert half.stages.cache == Fraction(256, 300)
    slow = replace(through, machine=replace(TOY, cache=quantity(1)))
    assert slow.stages.bottleneck == "cache"


def test_a_pass_may_have_its_weights_from_the_cache():
    again = replace(MSD, method=MultiScale(EIGHT, EIGHT, 3, Reads.CACHED))
    assert again.hbm_bytes == 32 + 48
    assert again.cache_bytes == 2 * 32
    once = replace(MSD, method=MultiScale(EIGHT, EIGHT, 3, Reads.ONCE))
    assert (once.hbm_bytes, once.cache_bytes) == (32 + 48, 0)


def test_scales_of_groups_make_every_group_a_sum_of_its_own():
    of_groups = MultiScale(EIGHT, EIGHT, 2, route=HBM, sums=4)
    one = MultiScale(EIGHT, EIGHT, 2, route=HBM)
    assert of_groups.hbm_bytes(SMALL) - one.hbm_bytes(SMALL) == 2 * 2 * 3 * 16 * 4
    assert of_groups.vector_operations(SMALL) - one.vector_operations(SMALL) == 2 * 2 * 3 * 16
    through = MultiScale(EIGHT, EIGHT, 2, route=CACHE, sums=4)
    handed_over = of_groups.hbm_bytes(SMALL) - through.hbm_bytes(SMALL)
    assert through.cache_bytes(SMALL) == handed_over


def test_waiting_is_hidden_by_nothing():
    assert replace(BASELINE, waiting=5).latency == Fraction("14.6")
    assert replace(BASELINE, waiting=5).stall == BASELINE.stall
    with pytest.raises(ValueError, match="waiting must be a nonnegative integer or Fraction"):
        replace(BASELINE, waiting=-1)


def test_a_rate_that_is_not_known_is_needed_only_where_something_goes_that_way():
    scenario = Scenario(H100, SMALL, Dequantize(EIGHT, CACHE))
    with pytest.raises(ValueError, match="cache of H100 SXM must be known"):
        _ = scenario.latency
    assert replace(scenario, method=Dequantize(EIGHT, ON_CHIP)).latency > 0
