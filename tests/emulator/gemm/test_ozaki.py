"""Tests."""

import numpy as np
import pytest

from msdnum import exact
from msdnum.emulator.gemm import ozaki
from msdnum.emulator.gemm.products import full, triangular
from tests.support.ozaki import rng


@pytest.mark.parametrize(
    ("k", "width"), [(1, 7), (2**17, 7), (2**17 + 1, 6), (2**19 + 1, 5), (2**29, 1)]
)
def test_slices_are_as_wide_as_int32_allows(k, width):
    assert ozaki.slice_width(k) == width
    assert k * (2 ** (width - 1)) ** 2 <= 2**31 - 1


def test_enough_slices_give_the_correctly_rounded_product_of_integers():
    a, b = (rng().integers(-(2**20), 2**20, (6, 6)).astype(np.float64) for _ in range(2))
    found = ozaki.matmul(a, b, 4, full(4, 4))
    np.testing.assert_array_equal(found, exact.product(a, b).to_float64())


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ozaki.slice_width(0), "k must be at least 1"),
        (lambda: ozaki.slice_width(2**30), "k must be at most"),
        (lambda: ozaki.slices(np.ones((1, 1)), 0, 7), "count must be in 1..50"),
        (lambda: ozaki.slices(np.ones((1, 1)), 2, 8), "width must be in 1..7"),
        (lambda: ozaki.slices(np.ones(2), 2, 7), "x must have two dimensions"),
        (lambda: ozaki.matmul(np.ones((2, 3)), np.ones((2, 3)), 2), "match"),
        (lambda: ozaki.matmul(np.full((1, 1), np.nan), np.ones((1, 1)), 2), "a must be finite"),
        (lambda: ozaki.matmul(np.ones((1, 1)), np.full((1, 1), 2.0**-901), 2), "b must have magn"),
        (
            lambda: ozaki.matmul(np.ones((1, 1)), np.ones((1, 1)), 2, triangular(3, 3)),
            "schedule must name slices below 2, got 2",
        ),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=message):
        call()


ONE = np.ones((1, 1))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ozaki.matmul(ONE.astype(np.float32), ONE, 2), "a must be float64, got float32"),
        (lambda: ozaki.matmul(ONE, ONE, 2.5), "count must be"),
        (lambda: ozaki.matmul(ONE, ONE, 2, ((0, 0),)), "schedule must be"),
    ],
)
def test_other_types_are_refused(call, message):
    with pytest.raises(TypeError, match=message):
        call()


def test_a_product_out_of_range_is_inf():
    assert ozaki.matmul(ONE * 2.0**900, -ONE * 2.0**900, 2) == -np.inf


def test_a_short_triangle_takes_the_slices_it_names():
    a = b = np.array([[1 + 2.0**-8]])
    assert ozaki.matmul(a, b, 3, triangular(1, 1)) == 1
    assert ozaki.matmul(a, b, 3, full(2, 2)) == (1 + 2.0**-8) ** 2
