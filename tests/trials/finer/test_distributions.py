"""Distributions: partial moments beside mpmath, and what is drawn beside both."""

import mpmath
import numpy as np
import pytest

from msdnum.trials.finer.distributions import DISTRIBUTIONS, truncated

DENSITIES = {
    "uniform": lambda x: mpmath.mpf(1) / mpmath.sqrt(3) if x <= mpmath.sqrt(3) else mpmath.mpf(0),
    "normal": lambda x: 2 * mpmath.npdf(x),
    "Laplace": lambda x: mpmath.sqrt(2) * mpmath.exp(-mpmath.sqrt(2) * x),
    "Student t, 3": lambda x: 4 / mpmath.pi / (1 + x * x) ** 2,
}


@pytest.mark.parametrize("name", DISTRIBUTIONS)
@pytest.mark.parametrize(("low", "high"), [(0, 0.3), (0.3, 1.5), (1.5, 8), (25, 60)])
def test_moments_by_mpmath(name, low, high):
    top = min(high, 3**0.5) if name == "uniform" else high
    found = DISTRIBUTIONS[name].within(np.array([float(low)]), np.array([float(high)]))
    for k, moment in enumerate(found):
        expected = 0 if top <= low else mpmath.quad(lambda x: x**k * DENSITIES[name](x), [low, top])  # noqa: B023
        assert moment[0] == pytest.approx(float(expected), rel=1e-9, abs=1e-15)


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_the_variance_is_one_and_what_is_drawn_has_it(name):
    of = DISTRIBUTIONS[name]
    zero, _, two = of.within(np.zeros(1), np.array([1e150]))
    assert (zero[0], two[0]) == pytest.approx((1, 1), rel=1e-12)
    x = np.abs(of.draw(np.random.default_rng(1), 100_000))
    for u in (0.2, 1.0, 2.5):
        assert (x <= u).mean() == pytest.approx(float(of.below(np.array([u]))[0]), abs=0.006)


def test_a_truncated_distribution_has_nothing_above():
    of = truncated(DISTRIBUTIONS["Student t, 3"], 4.0)
    inside = DISTRIBUTIONS["Student t, 3"].within(np.zeros(1), np.array([4.0]))
    assert of.below(np.array([4.0, 9.0])).tolist() == [1, 1]
    assert of.within(np.zeros(1), np.ones(1) * 9)[2][0] == pytest.approx(
        inside[2][0] / inside[0][0]
    )
