"""Errors in closed form once more: by quadrature, by another formula over amax, and by sampling."""

from dataclasses import replace

import mpmath
import numpy as np
import pytest
from scipy import stats

from msdnum import quantize
from msdnum.evidence.quadrature import expected_errors
from msdnum.formats.elements import E4M3
from msdnum.formats.other_elements import UE5M3
from msdnum.trials.finer.claims.anomalies import median_amax
from msdnum.trials.finer.distributions import DISTRIBUTIONS
from msdnum.trials.finer.errors import block_errors, last_anomaly
from msdnum.trials.finer.formats import BY_E4M3, BY_UE5M3

E2M1 = np.array([0, 0.5, 1, 1.5, 2, 3, 4, 6])
BINADES = [(8 + m) * 2.0 ** (e - 3) for e in range(-6, 9) for m in range(8)]
SCALES = np.array([*(m * 2.0**-9 for m in range(8)), *BINADES[:-1]])

LAWS = {
    "uniform": lambda s: stats.uniform(-(3**0.5) * s, 12**0.5 * s),
    "normal": lambda s: stats.norm(scale=s),
    "Laplace": lambda s: stats.laplace(scale=s / 2**0.5),
    "Student t, 3": lambda s: stats.t(3, scale=s / 3**0.5),
}
"""By name and standard deviation."""
CROSSINGS = {"uniform": 0.02371, "normal": 0.01939, "Laplace": 0.01675, "Student t, 3": 0.01472}
"""Below these sigmas blocks of 8 err more than those of 16, as the page has it."""


def integrated(name, sigma, size, fmt=BY_E4M3):
    """Return the error over the variance by the toolkit's quadrature over cells."""
    found = expected_errors(replace(fmt, block_size=size), LAWS[name](sigma))
    return found.square / sigma**2


def nearest(x, numbers):
    """Return the nearest of some numbers; ties have no probability here."""
    i = np.clip(np.searchsorted(numbers, x), 1, len(numbers) - 1)
    return np.where(x - numbers[i - 1] < numbers[i] - x, numbers[i - 1], numbers[i])


def by_quadrature(sigma, size, n=2400, below_scale=np.inf):
    """Integrate over amax: it errs itself, and the other K - 1 are normal numbers below it.

    Only blocks whose scale is smaller than ``below_scale`` and not zero count, if it is given.
    """
    a = (np.arange(n) + 0.5) * (6.5 / n)
    density = np.sqrt(2 / np.pi) * np.exp(-a * a / 2)
    below = np.array([float(mpmath.erf(v / mpmath.sqrt(2))) for v in a])
    scale = nearest(a * sigma / 6, SCALES)[:, None] / sigma
    t = (np.arange(n) + 0.5) / n
    x = a[:, None] * t
    safe = np.where(scale > 0, scale, 1)
    errors = (x - np.where(scale > 0, nearest(x / safe, E2M1) * safe, 0)) ** 2
    others = (errors * np.sqrt(2 / np.pi) * np.exp(-x * x / 2)).mean(axis=1) * a / below
    own = (a - np.where(scale > 0, nearest(a[:, None] / safe, E2M1) * safe, 0)[:, 0]) ** 2
    weight = size * density * below ** (size - 1) * (6.5 / n)
    counts = (
        np.ones(n)
        if below_scale == np.inf
        else (scale > 0)[:, 0] & (scale[:, 0] * sigma < below_scale)
    )
    return float(np.sum(counts * weight * ((size - 1) / size * others + own / size)))


@pytest.mark.parametrize(("sigma", "size"), [(0.01, 8), (0.3, 16)])
def test_errors_by_quadrature_over_amax(sigma, size):
    found = block_errors(DISTRIBUTIONS["normal"], sigma, size, E4M3).total
    assert found == pytest.approx(by_quadrature(sigma, size), rel=2e-3)


@pytest.mark.parametrize("name", LAWS)
def test_errors_and_crossings_by_the_quadrature_of_the_toolkit(name):
    of, near = DISTRIBUTIONS[name], CROSSINGS[name]
    for sigma, size in ((0.005, 4), (0.3, 32)):
        found = block_errors(of, sigma, size, E4M3).total
        assert found == pytest.approx(integrated(name, sigma, size), rel=1e-11)
    assert last_anomaly(of, 8, 16, E4M3) == pytest.approx(near, abs=5e-6)
    for sigma, finer_is_worse in ((near * 0.999, True), (near * 1.001, False)):
        assert (integrated(name, sigma, 8) > integrated(name, sigma, 16)) == finer_is_worse


@pytest.mark.parametrize("sigma", [0.02, 0.01])
def test_most_of_the_error_is_in_blocks_with_subnormal_scales_by_quadrature(sigma):
    found = block_errors(DISTRIBUTIONS["normal"], sigma, 8, E4M3)
    share = by_quadrature(sigma, 8, below_scale=2.0**-6) / by_quadrature(sigma, 8)
    assert found.subnormal / found.total == pytest.approx(share, abs=2e-3)
    assert share > 0.84


def test_ue5m3_is_within_0_12_percent_of_e4m3_and_a_tensor_scale_by_quadrature():
    """The worst of the four distributions, uniform: a tensor scale takes its end to 6 times 448."""
    other = integrated("uniform", 2688 / 3**0.5, 8)
    ratios = [integrated("uniform", 2.0**-k, 8, BY_UE5M3) / other for k in range(1, 11)]
    assert max(ratios) - 1 == pytest.approx(0.0012, abs=5e-5)
    assert min(ratios) > 0.9988


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_errors_of_emulated_blocks(name):
    x = (DISTRIBUTIONS[name].draw(np.random.default_rng(2), 1 << 15) * 0.012).astype(np.float32)
    found = quantize(x, BY_E4M3, block_size=8).dequantize()
    expected = block_errors(DISTRIBUTIONS[name], 0.012, 8, E4M3).total
    assert np.mean((found - x) ** 2) / 0.012**2 == pytest.approx(expected, rel=0.03)


def test_parts_by_scale_and_zero_scales():
    found = block_errors(DISTRIBUTIONS["normal"], 2.0**-12, 8, E4M3)
    assert found.zero == pytest.approx(found.total) == pytest.approx(1)
    without = block_errors(DISTRIBUTIONS["normal"], 2.0**-12, 8, E4M3, nonzero=True)
    assert without.zero == pytest.approx(without.total)
    assert 0.5 < without.total < 2
    wide = block_errors(DISTRIBUTIONS["normal"], 0.3, 8, E4M3)
    assert wide.normal == pytest.approx(wide.total)


def test_ue5m3_is_e4m3_eight_binades_further_down():
    of = DISTRIBUTIONS["Laplace"]
    coarse, fine = (last_anomaly(of, 8, 16, f, binades=16) for f in (E4M3, UE5M3))
    assert fine * 256 == pytest.approx(coarse, rel=1e-6)


def test_the_median_of_amax():
    u = median_amax(DISTRIBUTIONS["normal"], 1 << 20)
    assert float(mpmath.erf(u / mpmath.sqrt(2)) ** (1 << 20)) == pytest.approx(0.5, rel=1e-6)
