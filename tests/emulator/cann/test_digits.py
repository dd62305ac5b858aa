"""Digits of the CANN kernels, against fractions."""

from fractions import Fraction

import numpy as np
import pytest

from msdnum.emulator.cann.digits import VARIANTS, Division, Fusion, Switches, divide, multiply_add
from tests.support.cann import ORACLES, RNG, fl


def pairs(count):
    amax = np.exp2(RNG.uniform(-3, 3, count)).astype(np.float32)
    x = amax * RNG.uniform(-1, 1, count).astype(np.float32) ** 3
    x[0], x[1], x[2] = amax[0], -amax[1], 0
    return np.clip(x, -amax, amax)[:, None], amax[:, None]


@pytest.mark.parametrize("name", VARIANTS)
@pytest.mark.parametrize("division", [Division.NEAREST, Division.RECIPROCAL])
def test_digits(name, division):
    variant = VARIANTS[name]
    x, amax = pairs(150)
    found = variant.decompose(x, amax, Switches(division))
    for i in range(len(x)):
        a, m = Fraction(float(x[i, 0])), Fraction(float(amax[i, 0]))
        expected = ORACLES[name](a, m, division)
        clamped = [min(max(d, -variant.largest - 1), variant.largest) for d in expected]
        assert [int(d[i, 0]) for d in found] == clamped


def test_short_k_divides():
    assert VARIANTS["multicore"].division is Division.RECIPROCAL
    assert VARIANTS["multicore_short_k"].division is Division.NEAREST


def test_divisions():
    x, y = np.float32([1.96875]), np.float32([1.9765625])
    exact = divide(x, y, Division.NEAREST)
    assert divide(x, y, Division.ULP_BELOW) == np.nextafter(exact, np.float32(0))
    assert divide(x, y, Division.ULP_ABOVE) == np.nextafter(exact, np.float32(2))
    assert divide(-x, y, Division.ULP_ABOVE) == -divide(x, y, Division.ULP_ABOVE)
    assert [divide(np.float32([0]), y, d) for d in Division] == [0] * 4


def test_fused_multiply_add_rounds_once():
    a, b, c = (RNG.standard_normal(400).astype(np.float32) for _ in range(3))
    c[:200] = -(a * b)[:200]
    c[200:250] *= np.float32(2**-30)
    found = multiply_add(a, b, c, Fusion.FUSED)
    for x, y, z, w in zip(a, b, c, found, strict=True):
        assert fl(Fraction(float(x)) * Fraction(float(y)) + Fraction(float(z))) == w
    assert (found != multiply_add(a, b, c, Fusion.SEPARATE)).any()


@pytest.mark.parametrize("c", [2.0**-80, -(2.0**-80), 0])
@pytest.mark.parametrize("a", [1 + 2.0**-12, 1 + 3 * 2.0**-12])
def test_fused_multiply_add_next_to_a_tie(a, c):
    """The product is half-way between two binary32 numbers; c decides, or even."""
    a, c = np.float32([a]), np.float32([c])
    b = np.float32([1 + 2.0**-12])
    expected = fl(Fraction(float(a[0])) * Fraction(float(b[0])) + Fraction(float(c[0])))
    assert multiply_add(a, b, c, Fusion.FUSED)[0] == expected


def test_verdicts_do_not_depend_on_the_scale():
    """One variant, another binade of amax: the same digits."""
    amax, x = pairs(500)[::-1]
    for power in (2.0**-40, 2.0**60):
        for variant in VARIANTS.values():
            same = variant.decompose(x * np.float32(power), amax * np.float32(power))
            for p, q in zip(variant.decompose(x, amax), same, strict=True):
                np.testing.assert_array_equal(p, q)


def test_an_all_zero_row_divides_zero_by_zero():
    zero = np.zeros((1, 2), np.float32)
    digits = VARIANTS["split_k_int8"].decompose(zero, np.zeros((1, 1), np.float32))
    assert [d.tolist() for d in digits] == [[[0, 0]], [[0, 0]]]
