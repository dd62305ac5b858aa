"""How many slices: the bound holds on exact products, and the count is the least that has it."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from msdnum.emulator.gemm import ozaki
from msdnum.evidence import ozaki_count, ozaki_error, slices_needed
from msdnum.exact import rationals


def matrices(shape, spread, seed):
    rng = np.random.default_rng(seed)
    return rng.normal(size=shape) * 2.0 ** rng.integers(-spread, spread + 1, size=shape)


def worst(a, b, count):
    """Return the largest error of an entry over the product of magnitudes, by fractions."""
    found = ozaki.matmul(a, b, count)
    left = rationals.product(a, b).minus(found)
    return left.over(rationals.product(abs(a), abs(b))).max()


@pytest.mark.parametrize("spread", [0, 5, 20, 40])
@pytest.mark.parametrize("count", [1, 2, 5, 9])
def test_the_bound_holds_entry_by_entry(spread, count):
    a, b = matrices((5, 40), spread, count), matrices((40, 4), 2, spread)
    a[1], b[:, 2] = 0, 0
    a[2, 3] = 0
    needed = slices_needed(a, b, 1.0)
    assert worst(a, b, count) <= ozaki_error(count, needed.width, needed.ratio)


@pytest.mark.parametrize(("spread", "target"), [(0, 1e-13), (10, 1e-12), (40, 1e-9), (40, 1e-2)])
def test_the_count_is_enough_and_the_least_with_its_bound(spread, target):
    a, b = matrices((6, 64), spread, 1), matrices((64, 6), 0, 2)
    needed = slices_needed(a, b, target)
    assert worst(a, b, needed.count) <= needed.bound <= Fraction(target)
    assert ozaki_error(needed.count - 1, needed.width, needed.ratio) > Fraction(target)


def test_rows_that_span_80_binades_need_more_than_normal_ones():
    """A case of people's: 8 slices serve normal data, but not rows over 2**80."""
    powers = 2.0 ** np.linspace(-40, 40, 64).round()
    a, b = matrices((6, 64), 0, 1), matrices((64, 6), 0, 2)
    wide, inverse = a * powers, b / powers[:, None]
    assert slices_needed(a, b, 1e-13).count <= 8
    needed = slices_needed(wide, inverse, 1e-12)
    assert needed.count >= 14
    assert worst(wide, inverse, 8) > 1e-9
    assert worst(wide, inverse, needed.count) <= needed.bound


def test_what_cannot_be_reached_is_said():
    with pytest.raises(ValueError, match=r"target must be at least \S+, what \d+ slices of 7 bits"):
        ozaki_count(7, 2**80, 1e-17)
    with pytest.raises(ValueError, match="arguments must be at least 1"):
        ozaki_error(0, 7, 1)
    with pytest.raises(ValueError, match="must be matrices that match"):
        slices_needed(np.ones((2, 3)), np.ones((2, 3)), 1e-9)
    assert slices_needed(np.zeros((2, 3)), np.ones((3, 2)), 1e-9).ratio == 1


@given(st.integers(2, 30), st.integers(0, 60), st.integers(1, 7))
def test_more_slices_never_bound_worse_until_additions_do(count, spread, width):
    ratio = Fraction(2) ** spread
    additions = Fraction(200 * count * count, 2**53)
    more, fewer = ozaki_error(count, width, ratio), ozaki_error(count - 1, width, ratio)
    assert more <= fewer + additions
    assert ozaki_error(count, width, 2 * ratio) >= more


@pytest.mark.parametrize("width", [1, 3, 7])
def test_slices_add_up_to_so_many_times_the_number(width):
    """What the bound on partial sums rests on: c = 2 + 1 / (1 - 2**-width), nearly attained."""
    halves = np.array([[1.0, 0.5 + 2.0**-30, 2.0**-9 + 2.0**-40, 3.0**-5]]) / 2
    x = np.concatenate([halves, np.random.default_rng(5).normal(size=(1, 500))], axis=1)
    x /= abs(x).max()
    found, exponents = ozaki.slices(x, 40, width)
    size = sum(
        np.abs(digit.astype(float)) * 2.0 ** (float(exponents[0]) - width * (i + 1) + 1)
        for i, digit in enumerate(found)
    )
    assert (size <= (2 + 1 / (1 - 2.0**-width)) * abs(x)).all()
