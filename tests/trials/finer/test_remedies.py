"""Remedies once more: blocks in fractions, and the headline numbers by distributions of sums."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from scipy import stats

from msdnum import spec
from msdnum.evidence.quadrature import expected_errors
from msdnum.formats import ScaleSearch
from msdnum.trials.finer.distributions import DISTRIBUTIONS
from msdnum.trials.finer.formats import BY_E4M3, BY_UE5M3
from msdnum.trials.finer.remedies import (
    METHODS,
    drawn,
    finer_and_worse,
    rises,
    sampled_errors,
    squared_error,
)


def in_fractions(values, divisors, nonzero=True):
    """Return the least squared error of a block among the candidate scales."""
    values = [Fraction(float(v)) for v in values]
    fmt = replace(BY_E4M3, search=ScaleSearch(divisors, nonzero=nonzero))
    code, codes = spec.quantize_block(values, fmt)
    scale = spec.decode(code, BY_E4M3.scale)
    restored = [spec.decode(c, BY_E4M3.element) * scale for c in codes]
    return sum((v - r) ** 2 for v, r in zip(values, restored, strict=True))


def test_halves_that_err_more_than_the_whole_in_fractions():
    block, halves, whole, count = finer_and_worse("both")
    assert count == 10**4
    assert in_fractions(block, (6, 4)) == Fraction(whole) == Fraction(9, 16)
    split = sum(in_fractions(half, (6, 4)) for half in (block[:2], block[2:]))
    assert split == Fraction(halves) == Fraction(17, 16)


def test_among_all_scales_halves_never_err_more_in_fractions():
    rng = np.random.default_rng(4)
    for _ in range(6):
        block = rng.integers(-40, 40, 4) / 64
        halves = sum(in_fractions(half, None) for half in (block[:2], block[2:]))
        assert halves <= in_fractions(block, None)


@pytest.mark.parametrize("method", METHODS)
def test_each_block_in_fractions(method):
    x = np.round(drawn(DISTRIBUTIONS["normal"], 0.01, 8, 3) * 4096).astype(np.float32) / 4096
    found = squared_error(x, BY_E4M3, method, 4).reshape(2, 4).sum(axis=1)
    for block, error in zip(x.reshape(2, 4), found, strict=True):
        assert Fraction(float(error)) == in_fractions(block, *METHODS[method])


def test_rises_compares_neighbours():
    assert rises({2: 3.0, 4: 2.0, 8: 4.0}) == 1.5


def test_errors_are_over_the_mean_square():
    x = np.float32([6, 5, 0, 0])
    assert sampled_errors(x, BY_E4M3, "amax / 6", (4,)) == {4: 1 / 61}
    assert sampled_errors(x, BY_E4M3, "four over six", (4,)) == {4: 0.25 / 61}


E2M1 = np.array([0, 0.5, 1, 1.5, 2, 3, 4, 6])
SCALES = np.array([(8 + m) * 2.0 ** (e - 3) for e in range(-6, 9) for m in range(8)][:-1])
SCALES = np.array([*(m * 2.0**-9 for m in range(1, 8)), *SCALES])
"""Those of E4M3 without zero."""


def nearest(x, numbers):
    """Return the nearest of some numbers; ties have no probability here."""
    i = np.clip(np.searchsorted(numbers, x), 1, len(numbers) - 1)
    return np.where(x - numbers[i - 1] < numbers[i] - x, numbers[i - 1], numbers[i])


def squares(x, scale):
    return (nearest(x / scale, E2M1) * scale - x) ** 2


def least_of_two_scales(law, size, steps=300, cells=600, bins=1024):
    """Return the expected error over the variance with the better of ``amax / 6`` and ``amax / 4``.

    Beside an amax the others are independent: by how much they err more with the second scale has
    one distribution each, and that of their sum is its convolution with itself.
    """
    total, top = 0.0, min(law.ppf(1 - 1e-9), 12 * law.std())
    for amax in (np.arange(steps) + 0.5) * (top / steps):
        six, four = (nearest(amax / divisor, SCALES) for divisor in (6, 4))
        x = amax * (np.arange(cells) + 0.5) / cells
        chance = law.pdf(x)
        chance /= chance.sum()
        error = squares(amax, six) + (size - 1) * chance @ squares(x, six)
        if four != six:
            more = squares(x, four) - squares(x, six)
            place = (more - more.min()) * (bins / np.ptp(more))
            left = np.minimum(place.astype(int), bins - 1)
            mass = np.bincount(left, chance * (left + 1 - place), bins + 1)
            mass += np.bincount(left + 1, chance * (place - left), bins + 1)
            many = np.fft.irfft(np.fft.rfft(mass, 2 * size * bins) ** (size - 1))
            sums = np.arange(len(many)) * (np.ptp(more) / bins) + (size - 1) * more.min()
            error += many @ np.minimum(sums + squares(amax, four) - squares(amax, six), 0)
        density = 2 * size * law.pdf(amax) * (2 * law.cdf(amax) - 1) ** (size - 1)
        total += density * error / size * top / steps
    return total / law.var()


def test_uniform_numbers_rise_by_6_percent_at_0_0136():
    law = stats.uniform(-(3**0.5) * 0.0136, 12**0.5 * 0.0136)
    two, four = (least_of_two_scales(law, size) for size in (2, 4))
    assert two / four == pytest.approx(1.06, abs=0.005)
    x = drawn(DISTRIBUTIONS["uniform"], 0.0136, 1 << 15, 5)
    found = sampled_errors(x, BY_E4M3, "both", (2, 4))
    assert list(found.values()) == pytest.approx([two, four], rel=0.02)


@pytest.mark.parametrize(("sigma", "times"), [(0.01, 1.2), (0.02, 0.925)])
def test_e4m3_with_both_beside_ue5m3(sigma, times):
    """1.2 times the error at sigma 0.01, 0.92 times at 0.02."""
    law = stats.norm(scale=sigma)
    both = least_of_two_scales(law, 16)
    plain = expected_errors(replace(BY_UE5M3, block_size=16), law).square / sigma**2
    assert both / plain == pytest.approx(times, abs=0.01)
    x = drawn(DISTRIBUTIONS["normal"], sigma, 1 << 15, 5)
    assert sampled_errors(x, BY_E4M3, "both", (16,))[16] == pytest.approx(both, rel=0.02)
