"""Steps on values of moderate exponents: the bits of the careful ones, on NumPy and under jit."""

import jax
import ml_dtypes
import numpy as np
import pytest

from msdnum.emulator.gemm.operands import cut_to_taken, kind, prepare
from msdnum.emulator.gemm.units.kinds import sums_of
from msdnum.emulator.gemm.units.moderate import LOWEST_PRODUCT, magnitude_of, truncated_magnitude
from msdnum.emulator.gemm.units.sums import Range
from msdnum.formats.accumulators import (
    ALL_ACCUMULATORS,
    ARM_BFMMLA,
    CDNA3,
    FMA32,
    HOPPER,
    INSTRUCTIONS,
    INTEL_AMX_BF16,
    INTEL_AMX_FP16,
    INTEL_AMX_TF32,
    X86_BF16,
    Cdna3Unit,
    LanesUnit,
    MatrixUnit,
    Pairwise,
    SumRounding,
)
from msdnum.formats.elements import FP16

UNITS = {**ALL_ACCUMULATORS, **INSTRUCTIONS}
LEAN = [u for u in UNITS.values() if sums_of(u).lowest_product == LOWEST_PRODUCT]


def hostile(unit, rng, rows=24, k=67):
    """Return two sides of moderate exponents, with sums that cancel, zeros and tiny products."""
    wide = 6 if unit.output == FP16 else 14
    sides = []
    for _ in range(2):
        x = rng.choice([-1.0, 1.0], (rows, k)) * (1 + rng.integers(0, 128, (rows, k)) / 128)
        x = x * np.exp2(rng.integers(-wide, wide, (rows, 1)) + rng.integers(-wide, 3, (rows, k)))
        sides.append(np.where(rng.random((rows, k)) < 0.2, 0, x))
    a, b = sides
    a[:, 40:60], b[:, 40:60] = -a[:, :20], b[:, :20]
    a[::5, 30:40] = 0
    of = np.float16 if unit.output == FP16 else ml_dtypes.bfloat16
    taken = {fmt.name for fmt in unit.takes}
    of = np.float32 if "TF32" in taken else of
    return a.astype(of), np.ascontiguousarray(b.T.astype(of))


def found(unit, values, a, b, c, run=lambda f, *x: f(*x)):
    """Return the patterns of c plus the products, by the steps for values of a range."""
    kinds = tuple(cut_to_taken(kind(x, i, "x"), unit.takes) for x, i in ((a, -1), (b, -2)))

    def product(a, b, c):
        left, right = prepare(a, kinds[0], -1), prepare(b, kinds[1], -2)
        return sums_of(unit).accumulate(left, right, kinds, values, c)

    with np.errstate(all="ignore"):
        return np.asarray(run(product, a, b, c)).view(np.uint32)


def agree(unit, seed):
    rng = np.random.default_rng(seed)
    a, b = hostile(unit, rng)
    for c in (np.zeros((24, 24), np.float32), start(unit, rng, (24, 24))):
        moderate, careful = (found(unit, values, a, b, c) for values in Range)
        np.testing.assert_array_equal(moderate, careful)


def start(unit, rng, shape):
    lowest, highest = (-20, 14) if unit.output == FP16 else (-89, 20)
    c = np.exp2(rng.integers(lowest, highest, shape)) * rng.uniform(-2, 2, shape)
    c = np.where(rng.random(shape) < 0.3, 0, c).astype(np.float32)
    return c.astype(np.float16).astype(np.float32) if unit.output == FP16 else c


@pytest.mark.parametrize("unit", LEAN, ids=lambda u: u.name)
def test_values_give_the_bits_of_significands(unit):
    agree(unit, 3)


@pytest.mark.parametrize("unit", [HOPPER, CDNA3], ids=lambda u: u.name)
def test_jax_gives_them_too(unit):
    rng = np.random.default_rng(4)
    a, b = hostile(unit, rng, 8)
    c = start(unit, rng, (8, 8))
    on_jax = [jax.numpy.asarray(x) for x in (a, b, c)]
    moderate = found(unit, Range.MODERATE, *on_jax, run=lambda f, *x: jax.jit(f)(*x))
    np.testing.assert_array_equal(moderate, found(unit, Range.ANY, a, b, c))


def test_every_aligned_unit_of_25_bits_has_such_a_step():
    assert {"HOPPER", "VOLTA", "CDNA3", "BLACKWELL_MX", "CDNA3_FNUZ", "HOPPER_FP16"} <= {
        u.name for u in LEAN
    }
    assert not sums_of(Cdna3Unit("other", 4, 1, 23, 30)).has_moderate_step
    assert not sums_of(MatrixUnit("wide", 4, 27)).has_moderate_step


def test_a_magnitude_of_32_bits_is_truncated():
    x, y = np.int32([2**31 - 1, -(2**31) + 1, 5]), np.int32([2**31 - 1, -(2**31) + 1, -12])
    total = magnitude_of(x, y)
    assert total.bits.tolist() == [2**32 - 2, 2**32 - 2, 7]
    assert total.negative.tolist() == [False, True, True]
    result = truncated_magnitude(total, 23, np.int32([0, 0, -3]))
    assert result.tolist() == [float(2**32 - 2**8), -float(2**32 - 2**8), -0.875]


NATIVE = [
    INTEL_AMX_BF16, INTEL_AMX_FP16, INTEL_AMX_TF32, X86_BF16, ARM_BFMMLA, FMA32,
    Pairwise(rounding=SumRounding.TO_ODD), LanesUnit("three", 6, 3, rounding=SumRounding.TO_ODD),
]  # fmt: skip


@pytest.mark.parametrize("unit", NATIVE, ids=lambda u: u.name)
def test_binary32_arithmetic_gives_the_bits_of_integers(unit):
    agree(unit, 5)


def test_jax_rounds_to_odd_too():
    rng = np.random.default_rng(6)
    a, b = hostile(ARM_BFMMLA, rng, 8)
    c = start(ARM_BFMMLA, rng, (8, 8))
    on_jax = [jax.numpy.asarray(x) for x in (a, b, c)]
    moderate = found(ARM_BFMMLA, Range.MODERATE, *on_jax, run=lambda f, *x: jax.jit(f)(*x))
    np.testing.assert_array_equal(moderate, found(ARM_BFMMLA, Range.ANY, a, b, c))
