"""Models of what matrix units are not: chains in binary64, and integers in 32 bits."""

import mpmath
import numpy as np
import pytest

from msdnum.device.dot_families import FAMILIES_OF_DOTS, Dots, draw_dots
from msdnum.device.instructions import TENSOR_CORES
from msdnum.device.layouts import BINARY64
from msdnum.device.unit_models import fused_chains, modelled
from msdnum.formats.accumulators import HOPPER


def chain(a, b, c):
    return fused_chains(Dots(np.float64([a]), np.float64([b]), np.float64([[c]])))[0, 0]


def test_a_multiply_add_is_rounded_once():
    x = 1 + 2.0**-30
    assert chain([x], [x], -1.0) == 2.0**-29 + 2.0**-60
    assert x * x - 1 == 2.0**-29


@pytest.mark.parametrize(
    ("a", "b", "c", "expected"),
    [
        (-0.0, 1.0, -0.0, -0.0),
        (-0.0, 1.0, 0.0, 0.0),
        (2.0, 3.0, -6.0, 0.0),
        (-(2.0**-600), 2.0**-600, 0.0, -0.0),
        (-(2.0**-600), 2.0**-600, 2.0**-1074, 2.0**-1074),
        (2.0**600, 2.0**600, 0.0, np.inf),
        (2.0**600, 2.0**600, -np.inf, -np.inf),
        (np.inf, 0.0, 1.0, np.nan),
        (np.inf, -1.0, np.inf, np.nan),
        (np.nan, 1.0, 1.0, np.nan),
    ],
)
def test_zeros_and_ends_of_the_range_are_those_of_ieee_754(a, b, c, expected):
    found = chain([a], [b], c)
    np.testing.assert_equal(found, expected)
    assert np.isnan(expected) or np.signbit(found) == np.signbit(expected)


def test_a_chain_is_what_mpmath_rounds():
    """In the normal range, where mpmath's precision is binary64's."""
    given = draw_dots("mixed exponents", BINARY64, BINARY64, BINARY64, (6, 6, 8), 4)
    context = mpmath.mp.clone()
    context.prec = 53
    for i, j in np.ndindex(6, 6):
        total = context.mpf(given.c[i, j])
        for x, y in zip(given.a[i].tolist(), given.b[j].tolist(), strict=True):
            with context.workprec(2200):
                exact = context.mpf(x) * context.mpf(y) + total
            total = +exact
        assert float(total) == fused_chains(given)[i, j]


def test_integers_wrap_or_are_clamped_after_every_instruction():
    a, b = np.full((1, 64), 127, np.int8), np.full((1, 64), 127, np.int8)
    b[0, 32:] = -127
    given = Dots(a, b, np.array([[2**31 - 1]], np.int32))
    wrapped = modelled(TENSOR_CORES["mma.m16n8k32.s32.s8.s8"], given)
    clamped = modelled(TENSOR_CORES["mma.m16n8k32.satfinite.s32.s8.s8"], given)
    assert wrapped[0, 0] == 2**31 - 1
    assert clamped[0, 0] == 2**31 - 1 - 32 * 127 * 127
    more = Dots(a[:, :32], a[:, :32], given.c)
    assert modelled(TENSOR_CORES["wgmma.m64n8k32.s32.s8.s8"], more)[0, 0] == 32 * 127**2 - 2**31 - 1


def test_the_ordinary_units_stand_for_rationals_where_they_are_reached():
    given = draw_dots("ordinary", BINARY64, BINARY64, BINARY64, (2, 2, 4), 1)
    of = TENSOR_CORES["mma.m8n8k4.f64.f64.f64"]
    asked = []

    def multiply(name, operands):
        asked.append(name)
        return operands.c

    assert modelled(of, given, multiply) is given.c
    assert asked == ["fma.rn.f64"]


@pytest.mark.parametrize("family", FAMILIES_OF_DOTS)
def test_a_matrix_unit_is_what_products_emulate(family):
    of = TENSOR_CORES["mma.m16n8k16.f32.f16.f16"]
    assert of.model == HOPPER
    one = Dots(*(np.ones((1, 16), np.float16),) * 2, np.float32([[2.0**25]]))
    assert modelled(of, one)[0, 0] == 2.0**25 + 16
