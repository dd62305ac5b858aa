"""Work of a product against numbers worked out by hand: bytes, vector and matrix operations."""

import math
from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from msdnum.cost.latency import Scenario
from msdnum.cost.machines import ASCEND_950PR, B200, B300, MI355X, Unit
from msdnum.cost.work import (
    Dequantize,
    MultiScale,
    Reads,
    cache_traffic_ratio,
    operand,
    relative_gemm_time,
    vector_crossover,
)
from msdnum.cost.workloads import Attention, Gemm
from msdnum.formats.blocks import INT4_GROUP, INT8_ROW, MXFP4, MXFP6_E2M3, MXFP8_E4M3, NVFP4
from msdnum.formats.elements import BF16, E4M3, INT4, INT8
from tests.support.costs import EIGHT, FOUR, HBM, ON_CHIP, TOY, works

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
