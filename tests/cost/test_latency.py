"""Costs against numbers worked out by hand, a simulated pipeline and a formula written twice."""

import math
from dataclasses import fields, replace
from fractions import Fraction
from itertools import pairwise, product

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from msdnum.cost.latency import PIPELINED, UNPIPELINED, Efficiency, Scenario, Stages, in_tiles
from msdnum.cost.machines import (
    ASCEND_910B2,
    ASCEND_910B4,
    ASCEND_950PR,
    B200,
    B300,
    H100,
    H200,
    MACHINES,
    MI300X,
    MI355X,
    Machine,
    Quantity,
    Route,
    Unit,
    unit_of,
)
from msdnum.cost.sensitivity import Range, elasticity, latency_at, parameters, pays, tornado
from msdnum.cost.work import (
    Dequantize,
    MultiScale,
    Operand,
    Reads,
    VectorWork,
    cache_traffic_ratio,
    operand,
    relative_gemm_time,
    vector_crossover,
)
from msdnum.cost.workloads import Attention, Gemm
from msdnum.formats.blocks import INT4_GROUP, INT8_ROW, MXFP4, MXFP6_E2M3, MXFP8_E4M3, NVFP4
from msdnum.formats.elements import (
    BF16,
    BINARY32,
    E2M1,
    E4M3,
    E5M2,
    FP16,
    INT4,
    INT8,
    INT8_SYMMETRIC,
)

EIGHT, FOUR = operand(INT8), operand(MXFP4)
HBM, ON_CHIP = Route.HBM, Route.ON_CHIP
IDLE = VectorWork(0, 0, 0, 0)


def quantity(number):
    return Quantity(Fraction(number), "made up")


TOY = Machine(
    "toy", HBM, "made up",
    bandwidth=quantity(100), vector=quantity(10), bf16=quantity(1000), fp8=quantity(2000),
    fp6=None, fp4=quantity(4000), int8=quantity(2000), int4=quantity(0),
)  # fmt: skip
SMALL = Gemm(2, 4, 8)
BASELINE = Scenario(TOY, SMALL, Dequantize(EIGHT, HBM))
MSD = Scenario(TOY, SMALL, MultiScale(EIGHT, EIGHT))

sizes = st.integers(1, 10**5)
shares = st.fractions(0, 1, max_denominator=50).filter(bool)
works = st.builds(VectorWork, *[st.fractions(0, 9, max_denominator=4)] * 4)
workloads = st.one_of(
    st.builds(Gemm, sizes, sizes, sizes, st.integers(1, 9)),
    st.builds(Attention, sizes, sizes, st.integers(1, 9), st.integers(1, 9), st.integers(1, 99)),
)
baselines = st.builds(
    Dequantize, st.sampled_from([EIGHT, FOUR]), st.sampled_from(Route), work=works
)
multiscales = st.builds(
    MultiScale,
    st.just(EIGHT),
    st.just(EIGHT),
    st.integers(1, 6),
    st.sampled_from(Reads),
    st.sampled_from(Route),
    works,
)
scenarios = st.builds(
    Scenario,
    st.sampled_from([TOY, ASCEND_910B2, H100, B300]),
    workloads,
    st.one_of(baselines, multiscales),
    st.one_of(st.sampled_from([PIPELINED, UNPIPELINED]), shares),
    st.builds(Efficiency, shares, shares, shares),
)


# C6: 5Md against 2Md


@pytest.mark.parametrize(
    ("route", "reads", "ratio"),
    [
        (HBM, Reads.PER_PASS, Fraction(5, 2)),
        (HBM, Reads.ONCE, Fraction(5)),
        (ON_CHIP, Reads.PER_PASS, Fraction(1, 2)),
        (ON_CHIP, Reads.ONCE, Fraction(1)),
    ],
)
def test_the_papers_ratio_and_its_assumptions(route, reads, ratio):
    assert (
        cache_traffic_ratio(Dequantize(EIGHT, route), MultiScale(EIGHT, EIGHT, 2, reads)) == ratio
    )


def test_five_and_two_bytes_for_each_element_of_the_cache():
    scores, values = Attention(length=1000, channels=128).gemms
    cache = replace(scores, input_bits=0)
    assert Dequantize(EIGHT, HBM).hbm_bytes(cache) == 5 * 1000 * 128
    assert MultiScale(EIGHT, EIGHT).hbm_bytes(cache) == 2 * 1000 * 128
    assert Dequantize(EIGHT, HBM).hbm_bytes(values) == 5 * 1000 * 128 + 2 * 128
    assert scores.weights == values.weights == 128_000


def test_the_round_trip_in_other_formats():
    ratio = cache_traffic_ratio(Dequantize(FOUR, HBM), MultiScale(FOUR, FOUR))
    assert ratio == (Fraction(17, 4) + 32) / Fraction(17, 2)
    to_fp8 = Dequantize(FOUR, HBM, compute=operand(E4M3))
    assert cache_traffic_ratio(to_fp8, MultiScale(FOUR, FOUR)) == Fraction(81, 34)


@given(st.sampled_from([EIGHT, FOUR, operand(INT4)]), st.integers(1, 9), st.sampled_from(Reads))
def test_dequantizing_on_chip_always_gains_less(weight, passes, reads):
    multiscale = MultiScale(weight, EIGHT, passes, reads)
    ratios = [cache_traffic_ratio(Dequantize(weight, r), multiscale) for r in (ON_CHIP, HBM)]
    assert ratios[0] < ratios[1]
    assert ratios[0] == (Fraction(1, passes) if reads is Reads.PER_PASS else 1)


def test_up_to_means_that_queries_and_results_cost_as_well():
    def ratio(length):
        workload = Attention(length, 128, queries=8)
        methods = Dequantize(EIGHT, HBM), MultiScale(EIGHT, EIGHT)
        baseline, multiscale = (Scenario(TOY, workload, m).hbm_bytes for m in methods)
        return baseline / multiscale

    ratios = [ratio(2**i) for i in range(20)]
    assert ratios == sorted(ratios)
    assert ratios[0] == Fraction((5 * 256 + 32 * 128), (2 * 256 + 32 * 128))
    assert Fraction(5, 2) - Fraction(1, 10**4) < ratios[-1] < Fraction(5, 2)


# C4: two FP4 passes against one FP8 pass


@pytest.mark.parametrize(
    ("machine", "ratio"),
    [
        (ASCEND_950PR, Fraction(1)),
        (B200, Fraction(1)),
        (MI355X, Fraction(1)),
        (B300, Fraction(9, 14)),
    ],
)
def test_two_fp4_passes_against_one_fp8_pass(machine, ratio):
    two, one = MultiScale(FOUR, FOUR, 2), MultiScale(FOUR, operand(MXFP8_E4M3), 1)
    assert relative_gemm_time(machine, two, one) == ratio
    assert (ratio == 1) == (machine.rate(Unit.FP4) == 2 * machine.rate(Unit.FP8))


@pytest.mark.parametrize("machine", [ASCEND_910B2, H100, H200, MI300X])
def test_a_machine_without_fp4_says_so(machine):
    assert not machine.has(Unit.FP4)
    with pytest.raises(ValueError, match=rf"{machine.name} has no fp4 unit: \w+"):
        relative_gemm_time(machine, MultiScale(FOUR, FOUR), MultiScale(EIGHT, EIGHT, 1))


def test_an_unknown_rate_is_named():
    scenario = Scenario(ASCEND_950PR, SMALL, MultiScale(EIGHT, EIGHT))
    with pytest.raises(ValueError, match="int8 of Ascend 950PR must be known"):
        _ = scenario.latency
    assert not ASCEND_950PR.has(Unit.INT8)


# Machines


@pytest.mark.parametrize("machine", MACHINES.values(), ids=lambda machine: machine.name)
def test_every_number_has_a_source(machine):
    numbers = [
        value for f in fields(machine) if isinstance(value := getattr(machine, f.name), Quantity)
    ]
    assert len(numbers) >= 5
    assert all(len(number.source) > 10 for number in numbers)
    assert machine.route_source
    assert machine.peak("bandwidth") < machine.peak("vector") < machine.peak("bf16")
    assert any(machine.has(unit) for unit in (Unit.INT8, Unit.FP8))


@pytest.mark.parametrize(
    ("machine", "name", "tera"),
    [
        (ASCEND_910B2, "bf16", 353.9),
        (ASCEND_910B2, "int8", 707.8),
        (ASCEND_910B2, "vector", 11.06 / 2),
        (ASCEND_950PR, "bf16", 432.5),
        (ASCEND_950PR, "fp4", 1730.2),
        (ASCEND_950PR, "vector", 27.03 / 2),
        (H100, "bf16", 989.4),
        (H100, "int8", 1978.9),
        (H100, "vector", 66.9 / 2),
        (MI300X, "fp8", 2614.9),
        (MI300X, "vector", 163.4 / 2),
        (MI355X, "fp4", 10066.3),
        (MI355X, "vector", 157.3 / 2),
    ],
)
def test_derived_rates_are_those_of_the_data_sheets(machine, name, tera):
    assert float(machine.peak(name)) / 1e12 == pytest.approx(tera, rel=1e-4, abs=0.05)


def test_units_of_formats():
    assert [unit_of(f) for f in (INT8, INT8_SYMMETRIC, E2M1, E5M2, FP16, BF16)] == [
        Unit.INT8, Unit.INT8, Unit.FP4, Unit.FP8, Unit.BF16, Unit.BF16,
    ]  # fmt: skip
    with pytest.raises(ValueError, match="got 'BINARY32'"):
        unit_of(BINARY32)


@pytest.mark.parametrize(
    ("fmt", "bits"),
    [
        (INT8, 8),
        (BF16, 16),
        (MXFP4, Fraction(17, 4)),
        (MXFP6_E2M3, Fraction(25, 4)),
        (MXFP8_E4M3, Fraction(33, 4)),
        (NVFP4, Fraction(9, 2)),
        (INT4_GROUP, Fraction(17, 4)),
        (INT8_ROW, 8),
    ],
)
def test_bits_of_an_element_with_its_share_of_the_scale(fmt, bits):
    assert operand(fmt).bits == bits


# Bytes and operations by hand


def test_bytes_by_hand():
    gemm = Gemm(16, 4096, 4096)
    assert Dequantize(EIGHT, HBM).hbm_bytes(gemm) == 5 * 16_777_216 + 2 * 131_072
    assert Dequantize(EIGHT, ON_CHIP).hbm_bytes(gemm) == 16_777_216 + 2 * 131_072
    assert MultiScale(EIGHT, EIGHT).hbm_bytes(gemm) == 2 * 16_777_216 + 2 * 131_072
    handed = 2 * 2 * (65_536 + 4 * 65_536)
    through = MultiScale(EIGHT, EIGHT, route=HBM)
    assert through.hbm_bytes(gemm) == 2 * 16_777_216 + 2 * 131_072 + handed
    assert MultiScale(FOUR, FOUR, 3, Reads.ONCE).hbm_bytes(gemm) == 8_912_896 + 2 * 131_072


def test_operations_by_hand():
    gemm = Gemm(2, 4, 8, count=3)
    assert (gemm.inputs, gemm.weights, gemm.outputs, gemm.operations) == (24, 96, 48, 384)
    assert Dequantize(EIGHT, HBM).vector_operations(gemm) == 3 * 96
    assert MultiScale(EIGHT, EIGHT).vector_operations(gemm) == 24 * (2 + 2 * 3) + 48 * 2 * 2
    assert Dequantize(EIGHT, HBM).matrix_operations(gemm) == 384
    assert MultiScale(EIGHT, EIGHT, 3).matrix_operations(gemm) == 3 * 384


def test_attention_is_two_products():
    scores, values = Attention(1000, 128, batch=2, heads=4, queries=8).gemms
    assert (scores.m, scores.k, scores.n, scores.count) == (8, 128, 1000, 8)
    assert (values.m, values.k, values.n, values.count) == (8, 1000, 128, 8)
    assert (scores.input_bits, scores.output_bits) == (16, 0)
    assert (values.input_bits, values.output_bits) == (0, 16)


@given(st.integers(1, 2000), st.integers(1, 2000), works, st.integers(1, 5))
def test_the_vector_unit_works_more_from_the_crossover_on(k, n, work, passes):
    baseline, multiscale = (
        Dequantize(EIGHT, HBM, work=work),
        MultiScale(EIGHT, EIGHT, passes, work=work),
    )
    assume(multiscale.vector_operations(Gemm(1, k, n)))
    crossover = vector_crossover(Gemm(7, k, n), baseline, multiscale)
    for m in (math.floor(crossover), math.ceil(crossover), math.ceil(crossover) + 1):
        if m > 0:
            gemm = Gemm(m, k, n)
            more = multiscale.vector_operations(gemm) - baseline.vector_operations(gemm)
            assert (more > 0) == (m > crossover)
            assert (more < 0) == (m < crossover)


def test_the_vector_crossover_by_hand():
    gemm = Gemm(1, 4096, 4096)
    crossover = vector_crossover(gemm, Dequantize(EIGHT, HBM), MultiScale(EIGHT, EIGHT))
    assert crossover == 1024  # 3 * 4096 / (2 + 2 * 3 + 2 * 2)


# Latency


def test_latency_by_hand():
    stages = BASELINE.stages
    assert stages.times == (Fraction("2.08"), Fraction("9.6"), Fraction("0.128"))
    assert stages.bottleneck == "vector"
    assert BASELINE.latency == Fraction("9.6")
    assert replace(BASELINE, fill=UNPIPELINED).latency == Fraction("11.808")
    assert replace(BASELINE, fill=in_tiles(4)).latency == Fraction("10.152")
    assert BASELINE.stall == Fraction("7.52")
    assert replace(BASELINE, fill=UNPIPELINED).stall == Fraction("9.6")
    assert MSD.stages.times == (Fraction("1.12"), Fraction("12.8"), Fraction("0.128"))


def simulated(stages, tiles):
    """Run equal tiles through the three resources, each taking one tile at a time."""
    free = [Fraction(0)] * 3
    for _ in range(tiles):
        done = Fraction(0)
        for place, time in enumerate(stages.times):
            free[place] = done = max(done, free[place]) + time / tiles
    return free[-1]


times = st.fractions(0, 100, max_denominator=20)


@given(st.builds(Stages, times, times, times), st.integers(1, 30))
def test_the_closed_form_is_the_pipeline(stages, tiles):
    assert stages.latency(in_tiles(tiles)) == simulated(stages, tiles)


@given(scenarios)
def test_limits_of_pipelining(scenario):
    stages = scenario.stages
    assert replace(scenario, fill=PIPELINED).latency == max(stages.times)
    assert replace(scenario, fill=UNPIPELINED).latency == sum(stages.times)
    assert max(stages.times) <= scenario.latency <= sum(stages.times) <= 3 * max(stages.times)
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
    assert roof.attainable == under or roof.bottleneck == "vector"
    assert (roof.intensity < roof.ridge) == (scenario.stages.memory > scenario.stages.matrix)
    assert roof.useful * getattr(scenario.method, "passes", 1) == roof.attainable


def test_roofline_by_hand():
    roof = replace(BASELINE, machine=replace(TOY, vector=quantity(10**6))).roofline
    assert (roof.intensity, roof.ridge) == (Fraction(128, 208), 10)
    assert roof.attainable == roof.useful == Fraction(12800, 208)
    assert roof.bottleneck == "memory"


# Sensitivity


def test_parameters_are_the_numbers_of_the_scenario():
    assert set(parameters(MSD)) == {
        "workload.m", "workload.k", "workload.n", "workload.count", "workload.input_bits",
        "workload.output_bits", "method.weight.bits", "method.term.bits", "method.passes",
        "method.work.dequantize", "method.work.amax", "method.work.term", "method.work.combine",
        "efficiency.bandwidth", "efficiency.vector", "efficiency.matrix", "fill",
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
def test_elasticities_of_rates_add_up_to_minus_one(scenario):
    assume(len(set(scenario.stages.times)) == 3)
    rates = ("efficiency.bandwidth", "efficiency.vector", "efficiency.matrix")
    assert sum(elasticity(scenario, path) for path in rates) == -1


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
    size = 2 * m * (k + n)
    if isinstance(method, Dequantize):
        size += k * n * (5 if method.route is HBM else 1)
        vector, matrix, rate = k * n * work.dequantize, 2 * m * k * n, peak("bf16")
    else:
        size += k * n * (passes if method.reads is Reads.PER_PASS else 1)
        if method.route is HBM:
            size += passes * (2 * m * k + 8 * m * n)
        vector = m * k * (work.amax + passes * work.term) + m * n * passes * work.combine
        matrix, rate = 2 * m * k * n * passes, peak("int8")
    seconds = [
        Fraction(size) / (peak("bandwidth") * share.bandwidth),
        Fraction(vector) / (peak("vector") * share.vector),
        Fraction(matrix) / (rate * share.matrix),
    ]
    return scenario.fill * sum(seconds) + (1 - scenario.fill) * max(seconds)


@given(
    st.sampled_from([TOY, ASCEND_910B2, H100, B300]),
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
        (HBM, Reads.PER_PASS, PIPELINED, (Range(Fraction(0), MATRIX_BOUND),)),
        (ON_CHIP, Reads.PER_PASS, PIPELINED, ()),
        (ON_CHIP, Reads.ONCE, PIPELINED, ()),
        (ON_CHIP, Reads.ONCE, UNPIPELINED, (Range(Fraction(0), Fraction(1024)),)),
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
    assert found == (Range(Fraction(0), stop), Range(again, None))


def test_a_tie_at_one_point_is_no_gain():
    """At 96 rows lifting weights, multiplying them and the bytes of MSD take equally long."""
    pair = list(three_digits(ASCEND_910B4, ON_CHIP, Reads.ONCE))
    tie = Fraction(96)
    assert pays(*pair, "workload.m") == (Range(Fraction(0), tie), Range(tie, None))
    assert latency_at(pair[0], "workload.m", tie) == latency_at(pair[1], "workload.m", tie)


def test_five_passes_through_hbm_are_one_too_many():
    gemm = Gemm(1, 4096, 4096)
    first = Scenario(ASCEND_910B2, gemm, Dequantize(EIGHT, HBM))
    second = Scenario(ASCEND_910B2, gemm, MultiScale(EIGHT, EIGHT))
    assert pays(first, second, "method.passes") == (Range(Fraction(0), Fraction(5)),)


def test_a_longer_cache_never_turns_the_verdict_when_only_the_cache_counts():
    first, second = (
        Scenario(ASCEND_910B2, Attention(100, 128), method)
        for method in (Dequantize(EIGHT, HBM), MultiScale(EIGHT, EIGHT))
    )
    (interval,) = pays(first, second, "workload.length")
    assert interval.stop is None


def test_a_range_is_open():
    assert 2 in Range(Fraction(1), None)
    assert 1 not in Range(Fraction(1), Fraction(2))
    assert 2 not in Range(Fraction(1), Fraction(2))


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
        (lambda: Operand(-1, Unit.INT8), "bits must be a nonnegative integer or Fraction, got -1"),
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
            "work must have an operation of MSD",
        ),
    ],
)
def test_wrong_use_gets_one_sentence(wrong, message):
    with pytest.raises(ValueError, match=message):
        wrong()


def test_every_scenario_of_int8_has_a_time_where_the_machine_has_the_unit():
    for machine, route in product(MACHINES.values(), Route):
        if machine.has(Unit.INT8):
            scenario = Scenario(machine, SMALL, MultiScale(EIGHT, EIGHT, route=route))
            assert scenario.latency > 0
