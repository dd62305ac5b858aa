from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest

from msdnum import exact
from msdnum.emulator.gemm import ozaki
from msdnum.emulator.gemm.products import full, triangular
from msdnum.trials.ozaki.bounds import ozaki as bound
from msdnum.trials.ozaki.experiments import CATALOGUE, curve, spread

WIDTH = 7


def rng():
    return np.random.default_rng(0)


@pytest.mark.parametrize(
    ("k", "width"), [(1, 7), (2**17, 7), (2**17 + 1, 6), (2**19 + 1, 5), (2**29, 1)]
)
def test_slices_are_as_wide_as_int32_allows(k, width):
    assert ozaki.slice_width(k) == width
    assert k * (2 ** (width - 1)) ** 2 <= 2**31 - 1


def test_slices_leave_half_a_unit_of_the_last():
    x = spread((5, 40), 3, rng())
    x[0] = 0
    for count in (1, 2, 5, 10):
        found, exponents = ozaki.slices(x, count, WIDTH)
        for i, row in enumerate(x):
            unit = Fraction(2) ** (int(exponents[i]) + 1 - WIDTH)
            for k, value in enumerate(row):
                digits = [int(s[i, k]) for s in found]
                assert max(map(abs, digits)) <= 2 ** (WIDTH - 1)
                total = sum(d * unit / 2 ** (WIDTH * j) for j, d in enumerate(digits))
                last = unit / 2 ** (WIDTH * (count - 1))
                assert abs(Fraction(float(value)) - total) <= last / 2


def test_enough_slices_give_the_correctly_rounded_product_of_integers():
    a, b = (rng().integers(-(2**20), 2**20, (6, 6)).astype(np.float64) for _ in range(2))
    found = ozaki.matmul(a, b, 4, full(4, 4))
    np.testing.assert_array_equal(found, exact.product(a, b).to_float64())


@pytest.mark.parametrize("phi", [0.1, 1, 2, 4])
def test_the_published_error_curve(phi):
    """Seven bits a slice, down to binary64; a wider exponent range starts later."""
    rows = list(curve(64, phi, range(1, 14), rng()))
    assert all(row["error"] <= row["bound"] for row in rows)
    errors = [row["backward_componentwise"] for row in rows]
    falling = [y / x for x, y in pairwise(errors) if x < 0.1 and y > 1e-14]
    assert np.exp(np.mean(np.log(falling))) == pytest.approx(2.0**-7, rel=0.6)
    assert errors[-1] < 2.0**-51


def test_a_wider_exponent_range_needs_more_slices():
    def needed(phi):
        rows = curve(48, phi, range(1, 14), rng())
        return next(r["slices"] for r in rows if r["backward_componentwise"] < 1e-14)

    counts = [needed(phi) for phi in (0.1, 1, 2, 4)]
    assert counts == sorted(counts)
    assert counts[0] in (7, 8)
    assert counts[-1] >= counts[0] + 2


def test_the_bound_is_not_loose_by_more_than_the_sum_over_k():
    """All equal matrices whose remainders add up: half of the bound's first part."""
    x = np.full((4, 4), 1 - 2.0**-15)
    error = abs(exact.product(x, x).minus(ozaki.matmul(x, x, 2)).to_float64()).max()
    assert 4 * bound(2, 7) > error > 0


def test_the_table_is_reproducible():
    assert CATALOGUE["gemm_ozaki"].table(quick=True) == CATALOGUE["gemm_ozaki"].table(quick=True)


def test_the_triangle_costs_little_accuracy():
    a, b = spread((32, 32), 1, rng()), spread((32, 32), 1, rng())
    reference = exact.product(a, b).to_float64()
    errors = [
        abs(ozaki.matmul(a, b, 5, schedule) - reference).max()
        for schedule in (full(5, 5), triangular(5, 5))
    ]
    assert errors[0] < errors[1] < 2**7 * errors[0]


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
