"""Inf and NaN decided in each step: witnesses by hand, an oracle of one step, JAX."""

import math
from fractions import Fraction

import jax
import ml_dtypes
import numpy as np
import pytest

from msdnum.emulator.blocks import quantize
from msdnum.emulator.gemm.products import matmul, transposed
from msdnum.formats.accumulators import (
    BLACKWELL_MXFP4,
    CDNA1_BF16,
    CDNA2,
    CDNA3,
    EXACT,
    HOPPER,
    HOPPER_FP16,
    SEQUENTIAL,
    Blocks,
)
from msdnum.formats.blocks import MXFP4
from msdnum.formats.elements import BF16, FP16
from msdnum.formats.modes import InfAndNan
from msdnum.spec.accumulators import factor, inner_product
from tests.support.selection import quick

STEPS = InfAndNan.OF_EACH_STEP
INF, NAN, TOP = np.inf, np.nan, 2.0**127
NVIDIA, QUIET = 0x7FFFFFFF, 0x7FC00000


def row(numbers, dtype=ml_dtypes.bfloat16):
    return np.array([numbers], np.float64).astype(dtype)


def dot(a, b, unit, rule=STEPS, c=None, dtype=ml_dtypes.bfloat16):
    held = np.float16 if unit.output == FP16 else np.float32
    start = None if c is None else np.full((1, 1), c, held)
    output = FP16 if unit.output == FP16 else None
    found = matmul(row(a, dtype), row(b, dtype).T.copy(), c=start, accumulator=unit,
                   output=output, inf_and_nan=rule)  # fmt: skip
    return found.view(f"uint{8 * found.itemsize}").item()


ZEROS = [0] * 15


@pytest.mark.parametrize(
    ("unit", "a", "b", "expected", "of_sum"),
    [
        (HOPPER, [TOP, *ZEROS, -INF], [2, *ZEROS, 1], NVIDIA, 0xFF800000),
        (HOPPER, [TOP, -INF], [2, 1], 0xFF800000, 0xFF800000),
        (HOPPER, [INF, -INF], [1, 1], NVIDIA, QUIET),
        (CDNA1_BF16, [TOP, 0, -INF], [2, 0, 1], QUIET, 0xFF800000),
        (CDNA1_BF16, [TOP, -INF], [2, 1], 0xFF800000, 0xFF800000),
        (CDNA2, [TOP, -INF], [2, 1], QUIET, 0xFF800000),
        (CDNA3, [TOP, -INF], [2, 1], QUIET, 0xFF800000),
        (CDNA3, [TOP, TOP, -INF], [1, 1, 1], 0xFF800000, 0xFF800000),
    ],
    ids=lambda x: getattr(x, "name", ""),
)
def test_an_overflow_counts_where_the_unit_has_one(unit, a, b, expected, of_sum):
    """In a sum that is aligned products do not overflow, the step does; AMD's products do."""
    assert dot(a, b, unit) == expected
    assert dot(a, b, unit, InfAndNan.OF_THE_SUM) == of_sum


@pytest.mark.parametrize(
    ("unit", "c", "a", "expected"),
    [
        (HOPPER, INF, 1, 0x7F800000), (HOPPER, INF, -INF, NVIDIA), (HOPPER, NAN, 1, NVIDIA),
        (CDNA3, -INF, INF, QUIET), (HOPPER_FP16, INF, -INF, 0x7FFF), (HOPPER_FP16, INF, 1, 0x7C00),
    ],
    ids=lambda x: getattr(x, "name", ""),
)  # fmt: skip
def test_c_is_an_addend_of_the_first_step(unit, c, a, expected):
    dtype = np.float16 if unit == HOPPER_FP16 else ml_dtypes.bfloat16
    assert dot([a], [1], unit, c=c, dtype=dtype) == expected


def test_a_nan_scale_is_the_nan_of_the_unit():
    a = quantize(np.full((1, 32), NAN, np.float32), MXFP4)
    found = matmul(a, transposed(a), accumulator=BLACKWELL_MXFP4, inf_and_nan=STEPS)
    assert found.view(np.uint32) == NVIDIA


def one_by_one(a, b, unit):
    """Return the sum, step by step: Inf and NaN as Python has them, numbers as specified."""
    total = 0.0
    for start in range(0, len(a), unit.group):
        xs, ys = a[start : start + unit.group], b[start : start + unit.group]
        products = [x * y for x, y in zip(xs, ys, strict=True)]
        special = sum(p for p in (*products, total) if not math.isfinite(p))
        if special != 0:
            total = special
            continue
        left, right = ([factor(Fraction(v), BF16) for v in side] for side in (xs, ys))
        try:
            total = float(inner_product(left, right, unit, Fraction(total)))
        except ValueError:
            total = math.copysign(INF, sum(products) + total)
    return total


def hostile(rng):
    x = np.ldexp(rng.choice([-1.0, 1.0, 1.5], (12, 40)), rng.integers(-3, 4, (12, 40)))
    special = rng.choice([TOP, -TOP, INF, -INF, NAN], x.shape, p=[0.4, 0.4, 0.09, 0.09, 0.02])
    return np.where(rng.random(x.shape) < 0.04, special, x).astype(ml_dtypes.bfloat16)


@pytest.mark.parametrize("unit", [HOPPER, CDNA1_BF16], ids=lambda u: u.name)
def test_every_step_is_decided_on_its_own(unit):
    rng = np.random.default_rng(2)
    a, b = hostile(rng), hostile(rng)
    found = matmul(a, b.T.copy(), accumulator=unit, inf_and_nan=STEPS)
    other = matmul(a, b.T.copy(), accumulator=unit)
    assert (np.isnan(found) & ~np.isnan(other)).sum() > 0
    expected = [
        [one_by_one(x.astype(float).tolist(), y.astype(float).tolist(), unit) for y in b] for x in a
    ]
    np.testing.assert_array_equal(found.astype(float), expected)


@pytest.mark.parametrize("unit", quick([HOPPER, CDNA2, CDNA3], {"CDNA3"}), ids=lambda u: u.name)
def test_jax_decides_alike(unit):
    rng = np.random.default_rng(3)
    a, b = hostile(rng), hostile(rng).T.copy()
    found = matmul(a, b, accumulator=unit, inf_and_nan=STEPS)
    jitted = jax.jit(lambda x, y: matmul(x, y, accumulator=unit, inf_and_nan=STEPS))(a, b)
    np.testing.assert_array_equal(np.asarray(jitted).view(np.uint32), found.view(np.uint32))


@pytest.mark.parametrize("unit", [SEQUENTIAL, EXACT, Blocks(32, HOPPER)], ids=lambda u: u.name)
def test_units_of_which_no_source_says_it_are_refused(unit):
    with pytest.raises(ValueError, match=r"must be OF_THE_SUM for accumulator .* a MatrixUnit"):
        dot([1], [1], unit)
    with pytest.raises(TypeError, match="inf_and_nan must be one of OF_THE_SUM, OF_EACH_STEP"):
        matmul(row([1]), row([1]), inf_and_nan="each")
