"""Sums in any format and rounding, chains of FMAs and lanes: as specified, the same bits on JAX."""

from fractions import Fraction
from pathlib import Path
from shutil import which

import jax
import numpy as np
import pytest

from msdnum.emulator.gemm.operands import kind, prepare
from msdnum.emulator.gemm.products import matmul
from msdnum.emulator.gemm.units.kinds import sums_of
from msdnum.emulator.gemm.units.sums import Range
from msdnum.formats.accumulators import (
    ARM_BFMMLA,
    CDNA2,
    FMA32,
    INTEL_AMX_BF16,
    INTEL_AMX_FP16,
    INTEL_AMX_TF32,
    PAIRWISE,
    SEQUENTIAL,
    X86_BF16,
    ChainUnit,
    LanesUnit,
    Pairwise,
    Sequential,
    SumRounding,
)
from msdnum.formats.elements import BF16, BINARY32, FP16, FloatFormat, NonNumbers
from msdnum.spec.accumulators import factor, inner_product
from tests.emulator.gemm.units.test_aligned import FAMILIES, hostile
from tests.emulator.gemm.units.test_designed import in_output, judge
from tests.support.gemm_oracle import float_numbers
from tests.support.matrix_units import started, starts

CPUINFO = Path("/proc/cpuinfo")
FLAGS = CPUINFO.read_text().partition("flags")[2].split("\n")[0].split() if CPUINFO.exists() else []
E6M5 = FloatFormat("E6M5", 6, 5, specials=NonNumbers.IEEE)
SUMS = [
    *(Sequential(rounding=mode) for mode in SumRounding if mode is not SumRounding.NEAREST_EVEN),
    *(Sequential(FP16, mode) for mode in SumRounding), Sequential(E6M5), FMA32,
    Sequential(BF16, SumRounding.UP, fused=True), Pairwise(FP16), Pairwise(BF16, SumRounding.DOWN),
    Pairwise(rounding=SumRounding.TO_ODD), INTEL_AMX_BF16, ARM_BFMMLA,
    LanesUnit("three lanes", 6, 3), LanesUnit("half", 4, 4, FP16, SumRounding.TOWARDS_ZERO),
    LanesUnit("one lane", 5, 1, flushes_inputs=True, flushes_results=True),
    LanesUnit("fused FP16", 4, 2, FP16, fused=True, flushes_results=True),
    INTEL_AMX_FP16, INTEL_AMX_TF32, X86_BF16, ChainUnit("order", (2, 0, 1), BF16, SumRounding.DOWN),
]  # fmt: skip


def name_of(unit):
    return unit.name


def operands(unit, rng, rows=4, k=13):
    k = max(k, getattr(unit, "group", 1) + 3)
    families = [f for f in FAMILIES if f != "top" or unit.output == BINARY32]
    return [np.concatenate([hostile(f, (rows, k), rng) for f in families]) for _ in range(2)]


@pytest.mark.parametrize("unit", SUMS, ids=name_of)
def test_every_sum_is_as_specified(unit):
    rng = np.random.default_rng(sum(map(ord, unit.name)))
    a, b = operands(unit, rng)
    left, right = (float_numbers(x, BF16) for x in (a, b))
    c = in_output(starts(left, right, rng), unit)
    assert judge(started(a, b.T.copy(), unit, c), left, right, unit, c) >= 30


def same_on_jax(unit, run):
    rng = np.random.default_rng(7)
    a, b = operands(unit, rng, 3, 7)
    c = in_output(starts(*(float_numbers(x, BF16) for x in (a, b)), rng), unit)
    found = started(a, b.T.copy(), unit, c)
    on_jax = run(lambda a, b, c: started(a, b, unit, c))(*map(jax.numpy.asarray, (a, b.T, c)))
    same = np.asarray(on_jax).view(np.uint32) == found.view(np.uint32)
    assert (same | np.isnan(found)).all()


@pytest.mark.parametrize("unit", [SUMS[1], FMA32, SUMS[-2]], ids=name_of)
def test_jax_has_the_same_bits(unit):
    same_on_jax(unit, jax.jit)


@pytest.mark.long
@pytest.mark.parametrize("unit", SUMS, ids=name_of)
def test_jax_has_the_same_bits_of_every_sum_eager_and_jitted(unit):
    same_on_jax(unit, jax.jit)
    same_on_jax(unit, lambda f: f)


def test_a_chain_of_fmas_keeps_the_last_bit_of_a_binary32_product():
    x = np.float32(1 + 2.0**-12)
    a, b = np.array([[-(1 + 2.0**-11), x]], np.float32), np.array([[1], [x]], np.float32)
    assert matmul(a, b, accumulator=FMA32) == 2.0**-24
    assert matmul(a, b) == 0


def test_fmas_of_any_binary32_numbers_are_as_specified():
    rng = np.random.default_rng(2)
    x = [rng.integers(0, 1 << 32, (8, 6), np.uint32).view(np.float32) for _ in range(2)]
    a, b = (np.where(np.abs(v) < 2.0**60, v, np.float32(1.7)) for v in x)
    a, b = (np.where(np.isnan(v), np.float32(-3.3), v) for v in (a, b))
    b[:, 3] = np.float32(1 / 3)
    a[:, 4], b[:, 4] = -a[:, 3], b[:, 3]
    left, right = ([[factor(Fraction(float(v)), BINARY32) for v in row] for row in m]
                   for m in (a, b))  # fmt: skip
    found = matmul(a, b.T.copy(), accumulator=FMA32)
    for i, j in np.ndindex(found.shape):
        assert Fraction(float(found[i, j])) == inner_product(left[i], right[j], FMA32)


@pytest.mark.parametrize("general", [
    (SEQUENTIAL, "RoundedSequentialSums"), (PAIRWISE, "RoundedPairwiseSums"),
], ids=["sequential", "pairwise"])  # fmt: skip
def test_the_general_way_gives_what_the_special_one_gives(general):
    from msdnum.emulator.gemm.units import lanes

    unit, name = general
    rng = np.random.default_rng(4)
    a, b = operands(unit, rng)
    kinds = kind(a, -1, "a"), kind(b.T, -2, "b")
    left, right = prepare(a, kinds[0], -1), prepare(b.T.copy(), kinds[1], -2)
    c = np.zeros((len(a), len(b)), np.float32)
    found = getattr(lanes, name)(unit).accumulate(left, right, kinds, Range.ANY, c)
    expected = sums_of(unit).accumulate(left, right, kinds, Range.ANY, c)
    same = found.view(np.uint32) == expected.view(np.uint32)
    assert (same | (np.isnan(found) & np.isnan(expected))).all()


def test_four_lanes_that_flush_are_cdna2_but_for_signs_of_zero():
    rng = np.random.default_rng(9)
    a, b = operands(CDNA2, rng)
    c = starts(*(float_numbers(x, BF16) for x in (a, b)), rng)
    same = LanesUnit("CDNA2", 4, 4, flushes_inputs=True, flushes_results=True)
    found, expected = (started(a, b.T.copy(), unit, c) for unit in (same, CDNA2))
    np.testing.assert_array_equal(found, expected)


def test_the_units_of_intel_and_arm_are_what_their_manuals_say():
    one, tiny = np.float32(1), 2.0**-24
    a = np.array([[one, tiny, tiny, tiny]]).astype(np.float32)
    b = np.ones((4, 1), np.float32)
    import ml_dtypes

    a, b = a.astype(ml_dtypes.bfloat16), b.astype(ml_dtypes.bfloat16)
    # Even: fl(1 + 2**-24) = 1; odd: 2**-23; together one more than 1.
    assert matmul(a, b, accumulator=INTEL_AMX_BF16) == 1 + 2.0**-23
    # To odd: 1 + 2**-24 is 1 + 2**-23, and what comes after is odd again.
    assert matmul(a[:, :2], b[:2], accumulator=ARM_BFMMLA) == 1 + 2.0**-23
    half = np.array([[2.0**-127]]).astype(ml_dtypes.bfloat16)
    assert matmul(half, half * 0 + ml_dtypes.bfloat16(8), accumulator=ARM_BFMMLA) == 0


def test_a_product_below_every_normal_number_still_moves_a_fused_sum():
    import ml_dtypes

    a = np.array([[2.0**-70, 2.0**-63]]).astype(ml_dtypes.bfloat16)
    assert matmul(a, a.T, accumulator=X86_BF16) == np.float32(2.0**-126 + 2.0**-140)
    lanes = LanesUnit("lanes", 2, 1, flushes_results=True)
    a = a[:, ::-1]
    assert matmul(a, a.T, accumulator=lanes) == np.float32(2.0**-126)
    fused = LanesUnit("fused", 2, 1, fused=True, flushes_results=True)
    assert matmul(a, a.T, accumulator=fused) == np.float32(2.0**-126 + 2.0**-140)


def test_what_is_subnormal_after_it_is_rounded_becomes_a_zero_of_its_sign():
    """A normal number but for the last bit that exponents without an end would leave."""
    import ml_dtypes

    c = np.full((1, 1), -(2.0**-126), np.float32)
    for share, expected in ((0.5, 0x80800000), (0.75, 0x80000000)):
        a = np.array([[share * 2.0**-75, 0]]).astype(ml_dtypes.bfloat16)
        b = np.array([[2.0**-75], [0]]).astype(ml_dtypes.bfloat16)
        assert matmul(a, b, c=c, accumulator=X86_BF16).view(np.uint32) == expected


@pytest.mark.long
@pytest.mark.skipif("avx512_bf16" not in FLAGS or which("cc") is None, reason="no VDPBF16PS here")
def test_this_processor_has_the_same_bits():
    from benchmarks.x86_bf16 import compared

    assert compared(20_000) == (20_000, 20_000, [])
