"""Matrix units at the ends of the range, and started from a c: where models of hardware differ.

The oracle is ``spec_accumulate``; the numbers written out are those of MMA-Sim 2.1.1.
"""

from dataclasses import replace

import numpy as np
import pytest

from msdnum.formats.accumulators import (
    AMPERE,
    BLACKWELL,
    CDNA2,
    CDNA3,
    CDNA3_FP8,
    HOPPER,
    HOPPER_FP8,
    VOLTA,
    Cdna3Unit,
    MatrixUnit,
    PairwiseUnit,
)
from tests.support.gemm_oracle import FLOATS, float_numbers
from tests.support.matrix_units import BF16, dot, judged, p, same_on_jax, started_dot, starts
from tests.support.selection import quick


@pytest.mark.parametrize(
    ("unit", "exponents", "count", "expected"),
    [
        (HOPPER, (-76, -76), 8, 1),
        (BLACKWELL, (-76, -76), 8, 1),
        (AMPERE, (-76, -75), 4, 1),
        # Without a floor for c there would be 2 more bits.
        (HOPPER, (-79, -80), 8, 0),
    ],
    ids=lambda x: getattr(x, "name", None),
)
def test_a_zero_accumulator_has_a_lower_exponent_than_a_subnormal_one(
    unit, exponents, count, expected
):
    a, b = ([p(e)] * count for e in exponents)
    assert dot(a, b, unit) == expected
    assert dot(a, b, replace(unit, exponent_of_zero=-126)) == 0


@pytest.mark.parametrize("unit", [VOLTA, AMPERE, HOPPER], ids=lambda u: u.name)
def test_a_truncated_negative_sum_is_positive_zero(unit):
    assert dot([-p(-75)], [p(-75)], unit) == 0
    assert started_dot([0], [0], unit, -0.0) == 0


def test_an_infinite_product_meets_an_accumulator_that_has_overflowed():
    """A sum of finite products overflows in the first step; the second has the other infinity."""
    a = [p(127)] * 8 + [-p(127)] + [0] * 7
    b = [1.5] * 8 + [2] + [0] * 7
    assert dot(a, b, CDNA3) == 0x7FC00000
    assert dot(a[:8], b[:8], CDNA3) == 0x7F800000


# ------------------------------------------------------------------------------------------------
# Against the specification
# ------------------------------------------------------------------------------------------------


def bottom(rng, shape):
    """Exponents about half of those where binary32 ends."""
    return np.ldexp(rng.standard_normal(shape), rng.integers(-82, -60, shape))


def top(rng, shape):
    return np.ldexp(rng.uniform(-2, 2, shape), rng.integers(54, 64, shape))


def everywhere(rng, shape):
    return np.ldexp(rng.uniform(-2, 2, shape), rng.integers(-133, 64, shape))


def near_one(rng, shape):
    return np.ldexp(rng.uniform(-2, 2, shape), rng.integers(-14, 4, shape))


FAMILIES = {"bottom": bottom, "top": top, "everywhere": everywhere, "near one": near_one}


def hostile(family, shape, rng):
    """Return numbers of a family, some of them zeros and some that cancel their neighbours."""
    x = FAMILIES[family](rng, shape)
    x[rng.random(shape) < 0.1] = 0
    x[..., 1::2] = np.where(rng.random(x[..., 1::2].shape) < 0.2, -x[..., :-1:2], x[..., 1::2])
    return np.clip(x, -p(127), p(127)).astype(BF16)


UNITS = [
    VOLTA, AMPERE, HOPPER, HOPPER_FP8, CDNA2, PairwiseUnit("of two", 2), CDNA3, CDNA3_FP8,
    MatrixUnit("narrow", 5, 7, 4), MatrixUnit("low", 3, 20, exponent_of_zero=-300),
    MatrixUnit("wide", 18, 34), MatrixUnit("widest", 5, 40, exponent_of_zero=-140),
    MatrixUnit("a bit more", 4, 26, 13),
    Cdna3Unit("no more bits", 8, 2, 24, 24), Cdna3Unit("few bits", 6, 3, 2, 31),
    Cdna3Unit("many bits", 4, 1, 25, 27, drops_accumulator=True),
]  # fmt: skip


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("unit", UNITS, ids=lambda u: u.name)
def test_units_are_as_specified_from_any_accumulator(unit, family):
    rng = np.random.default_rng(sum(map(ord, unit.name + family)))
    a, b = (hostile(family, (8, 2 * unit.group + 1), rng) for _ in range(2))
    left, right = (float_numbers(x, FLOATS["bfloat16"]) for x in (a, b))
    c = starts(left, right, rng)
    finite = judged(a, b.T.copy(), unit, c, left, right)
    assert finite >= (16 if family in ("top", "everywhere") else 64)


@pytest.mark.parametrize(
    "unit",
    quick(UNITS[:8] + UNITS[10:12], {"AMPERE", "HOPPER", "CDNA3", "widest"}),
    ids=lambda u: u.name,
)
def test_units_have_the_same_bits_on_jax_from_any_accumulator(unit):
    rng = np.random.default_rng(5)
    families = (("bottom", 10), ("top", 10), ("everywhere", 20))
    a, b = (
        np.concatenate([hostile(name, (n, 2 * unit.group + 1), rng) for name, n in families])
        for _ in range(2)
    )
    left, right = (float_numbers(x, FLOATS["bfloat16"]) for x in (a, b))
    same_on_jax(a, b.T.copy(), unit, starts(left, right, rng))
