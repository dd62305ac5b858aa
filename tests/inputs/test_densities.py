"""Densities of families: those of SciPy and of mpmath, and of what the families draw."""

import mpmath
import numpy as np
import pytest
from scipy import stats

from msdnum.inputs import DENSITIES, FAMILIES

LAWS = {
    "uniform": stats.uniform(-1, 2),
    "normal": stats.norm(),
    "laplace": stats.laplace(),
    "student_t": stats.t(3),
}
POINTS = np.array([-40.0, -7.5, -1.0, -0.3, 0.0, 1e-9, 0.5, 0.999, 1.0, 2.5, 8.0, 300.0])


@pytest.mark.parametrize("name", DENSITIES)
def test_densities_are_those_of_scipy(name):
    own, law = DENSITIES[name], LAWS[name]
    assert own.pdf(POINTS) == pytest.approx(law.pdf(POINTS), rel=1e-13, abs=1e-300)
    assert own.cdf(POINTS) == pytest.approx(law.cdf(POINTS), rel=1e-12, abs=1e-300)
    q = np.array([1e-30, 1e-16, 1e-3, 0.01, 0.4999, 0.5, 0.77, 1 - 2.0**-40])
    assert own.ppf(q) == pytest.approx(law.ppf(q), rel=1e-9, abs=1e-12)
    assert own.ppf([0.0, 1.0]).tolist() == list(law.support())
    assert own.var() == pytest.approx(law.var())


@pytest.mark.parametrize("q", [1e-60, 1e-200, 1e-300])
def test_the_farthest_quantiles_of_student_are_not_cut(q):
    own = DENSITIES["student_t"]
    # The density nears 6 sqrt 3 / pi over u to the fourth, and its integral this over u cubed.
    expected = np.cbrt(2 * np.sqrt(3) / np.pi) / np.cbrt(q)
    assert own.ppf(q) == pytest.approx(-expected, rel=1e-9)


@pytest.mark.parametrize("u", ["0.3", "12", "34.7", "1e6"])
def test_the_tails_of_student_by_mpmath(u):
    with mpmath.workdps(40):
        t = mpmath.mpf(u) / mpmath.sqrt(3)
        expected = 2 / mpmath.pi * (mpmath.acot(t) - t / (1 + t * t))
    found = DENSITIES["student_t"].above(np.array([float(u)]))
    assert found[0] == pytest.approx(float(expected), rel=1e-10)


@pytest.mark.parametrize("name", DENSITIES)
def test_families_draw_from_their_densities(name):
    x = FAMILIES[name].generate((1, 20_000), rng=np.random.default_rng(5))
    for u in (-1.5, -0.2, 0.4, 0.9):
        assert (x <= u).mean() == pytest.approx(float(DENSITIES[name].cdf(u)), abs=0.015)
