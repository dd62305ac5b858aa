"""The closed form once more, in mpmath, and what scale overhead gives the reported crossings."""

import mpmath
import pytest

from msdnum.trials.int_or_fp.closed_form import (
    RIVALRIES,
    bisect,
    crossover,
    qsnr_fp,
    qsnr_int,
    ratios,
)

GRIDS = {"MXFP8": (7, 3, 448), "MXFP6": (1, 3, 7.5), "MXFP4": (1, 1, 6), "NVFP4": (1, 1, 6)}
"""Bias, fraction bits and largest number."""


def ratio(name, rho, kappa):
    """Return the error of floats over the signal, the shares integrated numerically."""
    bias, bits, largest = GRIDS[name]
    scale = mpmath.mpf(rho) * kappa / largest
    normal = scale * mpmath.mpf(2) ** (1 - bias)
    share = 2 * mpmath.quad(lambda x: x * x * mpmath.npdf(x), [normal, normal + 2, 12])
    below = 2 * mpmath.quad(mpmath.npdf, [0, normal])
    return share / (24 * mpmath.mpf(4) ** bits) + (normal / 2**bits) ** 2 / 12 * below


@pytest.mark.parametrize("pair", RIVALRIES[:3], ids=lambda p: p.name)
def test_the_crossings_of_the_paper_are_those_of_rho_one_and_a_half(pair):
    def gain(kappa):
        integers = 478 + 602 * pair.integers.bits - 2000 * mpmath.log10(1.5 * kappa)
        return integers / 100 + 10 * mpmath.log10(ratio(pair.name.split(", ")[1], 1.5, kappa))

    found = mpmath.findroot(gain, pair.reported)
    assert abs(found - pair.reported) < 0.006
    assert crossover(pair, 1.5) == pytest.approx(float(found), abs=1e-6)
    level = -10 * mpmath.log10(ratio(pair.name.split(", ")[1], 1.5, found))
    assert mpmath.nstr(level, 4) == f"{pair.decibels:.2f}"


@pytest.mark.parametrize(
    ("rho", "crossing", "level"), [(1.05, "2.39", "21.14"), (1, "2.46", "21.31")]
)
def test_with_an_exact_maximum_it_is_rho_of_1_05_and_not_the_1_of_the_text(rho, crossing, level):
    pair = RIVALRIES[3]

    def integers(kappa):
        return 4.78 + 6.02 * 4 - 20 * mpmath.log10(rho * kappa) + 10 * mpmath.log10(16 / 15)

    def floats(kappa):
        spared = mpmath.mpf(kappa) ** 2 / 16 / 96
        return -10 * mpmath.log10(ratio("NVFP4", rho, kappa) - spared)

    found = mpmath.findroot(lambda kappa: integers(kappa) - floats(kappa), 2.4)
    assert mpmath.nstr(found, 3) == crossing
    assert mpmath.nstr(integers(found), 4) == level
    assert crossover(pair, rho) == pytest.approx(float(found), abs=1e-6)
    assert ratios(pair, rho, float(found)) == pytest.approx([float(integers(found))] * 2)


def test_integers_lose_six_decibels_for_each_doubling():
    assert qsnr_int(8, 1, 2) - qsnr_int(8, 1, 4) == pytest.approx(6.0206, abs=1e-4)
    at_2, at_4 = (qsnr_fp(RIVALRIES[0].floats, 1, kappa) for kappa in (2, 4))
    assert at_2 == pytest.approx(at_4, abs=1e-3)


def test_bisection_finds_a_zero():
    assert bisect(lambda x: 2 - x * x, 0, 3) == pytest.approx(2**0.5)
