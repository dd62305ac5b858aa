"""The error curve: as published, and reproducible."""

from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest

from msdnum import exact
from msdnum.emulator.gemm import ozaki
from msdnum.emulator.gemm.products import full, triangular
from msdnum.trials.ozaki.experiments import CATALOGUE, curve, spread
from tests.support.ozaki import rng

WIDTH = 7


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
