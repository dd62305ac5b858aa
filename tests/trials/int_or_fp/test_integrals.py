"""Integrals once more: partial moments of the normal law, cell by cell, in mpmath."""

import math
from itertools import pairwise

import mpmath
import pytest

from msdnum.formats.elements import E2M1, E4M3, INT8_SYMMETRIC
from msdnum.formats.modes import ScaleRule
from msdnum.trials.int_or_fp.closed_form import RIVALRIES
from msdnum.trials.int_or_fp.integrals import PHASES, crest_factor, exact_crossover, exact_qsnr

E4M3_NUMBERS = [m * 2.0**-9 for m in range(8)]
E4M3_NUMBERS += [(8 + m) * 2.0**e for e in range(-9, 6) for m in range(8)]
NUMBERS = {
    E2M1: [0, 0.5, 1, 1.5, 2, 3, 4, 6],
    E4M3: [x for x in E4M3_NUMBERS if x <= 448],
    INT8_SYMMETRIC: list(range(128)),
}


def moments(a, b):
    """Return the integrals of 1, x and x**2 times the normal density, by parts."""
    p, q = mpmath.npdf(a), mpmath.npdf(b)
    mass = mpmath.ncdf(b) - mpmath.ncdf(a)
    return mass, p - q, mass + a * p - b * q


def by_cells(element, scale, kappa):
    """Return error and signal of normal numbers in [0, kappa], times the same mass."""
    numbers = [mpmath.mpf(v) * scale for v in NUMBERS[element]]
    middles = [(a + b) / 2 for a, b in pairwise(numbers)]
    cuts = [mpmath.mpf(0), *[m for m in middles if m < kappa], mpmath.mpf(kappa)]
    error = signal = mpmath.mpf(0)
    for v, (a, b) in zip(numbers, pairwise(cuts), strict=False):
        zero, one, two = moments(a, b)
        error += two - 2 * v * one + v * v * zero
        signal += two
    return error, signal


@pytest.mark.parametrize("element", NUMBERS, ids=lambda e: e.name)
@pytest.mark.parametrize("kappa", [1.3, 4.0, 9.0])
def test_one_scale_by_partial_moments(element, kappa):
    with mpmath.workdps(30):
        error, signal = by_cells(element, mpmath.mpf(kappa) / NUMBERS[element][-1], kappa)
        expected = float(10 * mpmath.log10(signal / error))
    assert exact_qsnr(element, ScaleRule.AMAX, kappa) == pytest.approx(expected, abs=1e-8)


def test_a_rule_is_the_mean_over_places_in_the_binade():
    kappa, error, signal = 7.99, 0, 0
    for k in range(PHASES):
        amax = 2 ** ((k + 0.5) / PHASES)
        scale = mpmath.mpf(2) ** math.ceil(math.log2(amax / 127))
        found = by_cells(INT8_SYMMETRIC, scale * kappa / amax, kappa)
        error, signal = error + found[0], signal + found[1]
    expected = float(10 * mpmath.log10(signal / error))
    assert exact_qsnr(INT8_SYMMETRIC, ScaleRule.RCEIL, kappa) == pytest.approx(expected, abs=1e-8)


def test_crossings_lie_where_both_have_the_same_ratio():
    pair = RIVALRIES[3]
    found = exact_crossover(pair, ScaleRule.AMAX)
    assert found == pytest.approx(2.603, abs=0.002)
    gap = [
        exact_qsnr(pair.integers, ScaleRule.AMAX, k) - exact_qsnr(pair.floats, ScaleRule.AMAX, k)
        for k in (found - 0.01, found + 0.01)
    ]
    assert gap[0] > 0 > gap[1]


def test_a_block_of_32_is_never_beyond_the_root_of_32():
    assert crest_factor(7.55, 32) == pytest.approx(7.55 / math.sqrt((7.55**2 + 31) / 32))
    assert crest_factor(1e9, 32) == pytest.approx(math.sqrt(32))
