"""Two numbers, added or multiplied and rounded once, beside fractions and beside NumPy."""

from fractions import Fraction

import numpy as np
import pytest

from msdnum.emulator.gemm.units.exact_additions import added, as_number, limbs_of, product_of
from msdnum.formats.elements import BINARY32, FP16
from msdnum.formats.own_units import SumRounding
from msdnum.spec.own_units import rounded_sum

RNG = np.random.default_rng(11)
EVEN = SumRounding.NEAREST_EVEN


def patterns(count):
    x = RNG.integers(0, 1 << 32, count, np.uint32)
    x[::3] = x[::3] & 0x87FFFFFF | 0x38000000  # near 1, so that many pairs meet
    x[::7] &= 0x807FFFFF
    x[::11] &= 0x80000000
    return np.where((x & 0x7F800000) == 0x7F800000, x & 0xBFFFFFFF, x).view(np.float32)


A, B = patterns(20_000), patterns(20_000)
ZERO = np.zeros(20_000, np.int32)


def test_sums_and_products_to_nearest_are_those_of_numpy():
    with np.errstate(all="ignore"):
        expected = [A + B, A * B]
    found = [
        added(A, limbs_of(B), BINARY32, EVEN),
        as_number(product_of(A, B, ZERO), BINARY32, EVEN),
    ]
    for x, y in zip(found, expected, strict=True):
        np.testing.assert_array_equal(x.view(np.uint32), y.view(np.uint32))


@pytest.mark.parametrize("mode", SumRounding)
@pytest.mark.parametrize("fmt", [BINARY32, FP16], ids=lambda f: f.name)
def test_every_rounding_is_that_of_fractions(mode, fmt):
    a, b, c = A[:300], B[:300], patterns(300)
    small = np.clip(c, -(2.0**14), 2.0**14).astype(np.float16).astype(np.float32)
    start = c if fmt == BINARY32 else small
    found = added(start, product_of(a, b, ZERO[:300]), fmt, mode)
    for x, y, s, f in zip(a, b, start, found, strict=True):
        total = Fraction(float(s)) + Fraction(float(x)) * Fraction(float(y))
        try:
            assert Fraction(float(f)) == rounded_sum(total, fmt, mode)
        except (ValueError, OverflowError):
            assert np.isinf(f)


def test_opposite_numbers_leave_a_zero_whose_sign_is_that_of_the_rounding():
    x = np.float32([1.5, -0.0, -0.0, 0.0])
    y = np.float32([-1.5, -0.0, 0.0, -0.0])
    signs = [np.signbit(added(x, limbs_of(y), BINARY32, mode)) for mode in (EVEN, SumRounding.DOWN)]
    np.testing.assert_array_equal(signs, [[False, True, False, False], [True, True, True, True]])


def test_infinities_stay():
    x = np.float32([np.inf, -np.inf, np.nan])
    found = added(x, limbs_of(np.float32([1, 2, 3])), BINARY32, EVEN)
    np.testing.assert_array_equal(found, x)
