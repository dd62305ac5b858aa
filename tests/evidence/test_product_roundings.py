"""Roundings of accumulators, counted by hand and by bound."""

from fractions import Fraction

import ml_dtypes
import numpy as np
import pytest

from msdnum import bounds
from msdnum.bounds.sums import Accumulation
from msdnum.emulator.decompositions import decompose
from msdnum.evidence import products
from msdnum.evidence.product_bounds import Right, exact_values, ranges, remainders, theorem_gemm
from msdnum.evidence.product_roundings import accumulation, combined, sum_roundings
from msdnum.formats.accumulators import (
    CDNA1_BF16,
    CDNA1_FP16,
    CDNA2,
    CDNA3_FP8,
    EXACT,
    HOPPER_FP8,
    HOPPER_FP8_PROMOTED,
    INT32,
    SEQUENTIAL,
    Blocks,
)
from msdnum.formats.elements import BINARY32
from msdnum.formats.modes import ScaleRule
from msdnum.formats.schemes import INT8_X2, MXFP4_X2, MXFP8_X1, covering_scheme
from msdnum.inputs import families
from msdnum.trials.msd import baselines


def test_roundings_by_hand():
    u, v = bounds.U32, Fraction(33, 2**13) + Fraction(1, 2**13)
    assert sum_roundings(SEQUENTIAL, 7) == Accumulation(6, u)
    assert sum_roundings(EXACT, 7) == sum_roundings(INT32, 7) == Accumulation(1, u)
    assert sum_roundings(Blocks(4, SEQUENTIAL), 10) == Accumulation(3 + 2, u)
    assert sum_roundings(CDNA1_FP16, 9) == Accumulation(3, u)
    assert sum_roundings(HOPPER_FP8, 65) == Accumulation(3, v, nearest=False)
    assert sum_roundings(CDNA3_FP8, 32) == Accumulation(2, Fraction(21, 2**24), nearest=False)
    # Four steps, and one more for seven roundings of binary32.
    assert sum_roundings(HOPPER_FP8_PROMOTED, 1024) == Accumulation(4 + 1, v, nearest=False)
    # Two segments of 127 sums, one sum across, two scales, one more term, one rounded scale.
    total = accumulation(SEQUENTIAL, 256, terms=2, scalings=2, segment=128, inputs=1)
    underflow = Fraction(2 * 2 * (128 + 2), 2**150)
    assert total == Accumulation(127 + 1 + 2 + 1 + 1, u, underflow=underflow)


def test_a_fused_unit_rounds_as_often_as_its_bound_says():
    """Every step but the first drops nearly half an ulp: the bound is nearly attained."""
    steps = 200
    a = np.zeros((1, 2 * steps), ml_dtypes.bfloat16)
    a[0, ::2] = 2.0**-24 * (1 - 2.0**-8)
    a[0, 0] = 1
    exact = a.astype(np.float64).sum()
    found = products.matmul(a, np.ones_like(a.T), accumulator=CDNA1_BF16)
    gamma = float(sum_roundings(CDNA1_BF16, 2 * steps).gamma)
    assert 0.9 * gamma * exact < exact - found[0, 0] <= gamma * exact


@pytest.mark.parametrize("dtype", [np.float16, ml_dtypes.bfloat16])
def test_what_a_unit_flushes_is_in_the_bound(dtype):
    """Subnormal numbers of FP16 are below 2**-14: the largest of them reach the bound."""
    rng, normal = np.random.default_rng(1), float(ml_dtypes.finfo(dtype).smallest_normal)
    worst = 0.0
    for _ in range(60):
        size = (1, int(rng.integers(1, 9)))
        x = (rng.uniform(1, 2, size) * normal * 2.0 ** rng.integers(-7, 7, size)).astype(dtype)
        w = (rng.uniform(1, 2, size[::-1]) / normal).astype(dtype)
        a, b = (x, w) if rng.random() < 0.5 else (w.T, x.T)
        found = float(products.matmul(a, b, accumulator=CDNA2)[0, 0])
        exact = float((a.astype(np.float64) @ b.astype(np.float64))[0, 0])
        right = Right(np.abs(b.astype(np.float64)), np.zeros(b.shape), normal=Fraction(normal))
        adding = accumulation(CDNA2, size[1], terms=1, scalings=0, segment=size[1])
        worst = max(worst, abs(found - exact) / theorem_gemm(a, None, right, adding)[0, 0])
    assert 0.9 < worst <= 1


def test_combined_covers_the_product_of_errors():
    small, large = Accumulation(9, Fraction(1, 64)), Accumulation(3, Fraction(1, 16))
    both = combined(small, large)
    exact = (1 + Fraction(1, 64)) ** 9 * (1 + Fraction(1, 16)) ** 3
    assert exact <= (1 + both.unit_roundoff) ** both.roundings <= 1 + both.gamma
    assert both.roundings == 3 + 3


def test_ranges_cover_blocks():
    x = np.array([[3, -5, 0.5, 0.25], [0, 0, 4, 1]], np.float32)
    assert ranges(x, INT8_X2).tolist() == [[5] * 4, [4] * 4]
    scheme = covering_scheme("x", *[MXFP4_X2.formats[0].element] * 2, block_size=2)
    assert ranges(x, scheme).tolist() == [[8, 8, 0.5, 0.5], [0, 0, 4, 4]]


def test_bounds_at_each_range_cover_remainders():
    x = families.family("student_t").generate((16, 256), rng=np.random.default_rng(2))
    floor = covering_scheme("floor", MXFP8_X1.formats[0].element, rule=ScaleRule.FLOOR)
    for scheme in (INT8_X2, MXFP4_X2, MXFP8_X1, floor):
        left = decompose(x, scheme)
        error = np.abs(left.remainder.astype(np.float64)) / left.denominator
        assert (error <= remainders(x, scheme)).all()


def test_exact_values_are_exact():
    w = families.family("normal").generate((256, 3), rng=np.random.default_rng(4), fmt=BINARY32)
    for name, quantize in baselines.WEIGHTS.items():
        weight = quantize(w, None)
        values = exact_values(weight)
        assert (values.astype(np.float32) == weight.dequantize()).all(), name
    inner = baselines.WEIGHTS["INT8"](w, None)
    scale = [Fraction(float(s)) for s in inner.scales().ravel()]
    code = int(inner.integers()[5, 2])
    assert Fraction(float(exact_values(inner)[5, 2])) == code * scale[2]


def test_the_bound_with_nothing_rounded_is_the_remainder():
    x = np.array([[1, -2]], np.float32)
    right = Right(np.array([[1.0], [0.5]]), np.zeros((2, 1)))
    bound = theorem_gemm(x, INT8_X2, right, bounds.EXACT)
    assert bound == pytest.approx(2 * 1.5 / 64516, rel=1e-9)
    assert (theorem_gemm(x, None, right, bounds.EXACT) == 0).all()
    rounded = Right(right.magnitudes, right.least, Fraction(1, 256))
    assert theorem_gemm(x, None, rounded, bounds.EXACT) == pytest.approx(2 / 256, rel=1e-9)


def test_units_that_align_count_subnormals_as_normal():
    """By hand: of two elements, what the powers of two they count as are above them."""
    x = np.array([[1, -2]], np.float32)
    right = Right(np.array([[1.0], [1.0]]), np.array([[0.5], [0.25]]))
    nearest, aligned = (
        Accumulation(2, Fraction(1, 64), to_nearest) for to_nearest in (True, False)
    )

    def excess(scheme):
        pair = (theorem_gemm(x, scheme, right, adding)[0, 0] for adding in (aligned, nearest))
        return np.subtract(*pair) / float(nearest.gamma)

    assert excess(None) == pytest.approx(1 * 0.5 + 2 * 0.25)
    # alpha is 2: E4M3 has 2**-6 / 2**8 of it, weights are 1.5 and 1.25, |x| is alpha/32 off.
    left = 1 * 0.5 + 2 * 0.25 + 2 / 32 * 0.75
    both = 2 * 2.0**-14 * (1.5 + 1.25)
    assert excess(MXFP8_X1) == pytest.approx(left + both)
