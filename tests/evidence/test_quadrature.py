"""Expected errors: exact for uniform numbers, and what sampling finds within its own interval."""

from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from scipy import stats

from msdnum import errors, formats, quantize
from msdnum.evidence.quadrature import expected_errors, expected_rounding
from msdnum.formats import ScaleRule

FP4 = replace(formats.NVFP4, name="FP4", tensor_scale=False)
INT8_32 = replace(formats.INT8_GROUP, name="INT8_32", block_size=32)
FORMATS = (
    *(replace(formats.MXFP4, rule=rule) for rule in ScaleRule.powers_of_two()),
    replace(formats.MXINT8, rule=ScaleRule.CEIL),
    formats.MXFP8_E4M3,
    FP4,
    INT8_32,
)
DISTRIBUTIONS = (stats.norm(), stats.t(4), stats.uniform(-1, 3), stats.laplace(0.5))


@pytest.mark.parametrize("fmt", FORMATS, ids=lambda fmt: f"{fmt.name} {fmt.rule.name}")
@pytest.mark.parametrize("law", DISTRIBUTIONS, ids=lambda law: law.dist.name)
def test_sampling_agrees_within_its_own_interval(fmt, law):
    """Within four standard errors of the mean over 2,000 rows, each independent of the others."""
    x = law.rvs((2000, 128), random_state=7).astype(np.float32)
    error = np.abs(quantize(x, fmt).dequantize().astype(float) - x)
    found = expected_errors(fmt, law)
    for sampled, expected in (
        (error**2, found.square),
        (error, found.absolute),
        (error / np.abs(x), found.relative),
        (x.astype(float) ** 2, found.signal),
        (np.abs(x), found.magnitude),
    ):
        rows = sampled.mean(axis=1)
        assert abs(rows.mean() - expected) < 4 * rows.std() / len(rows) ** 0.5


def test_bits_are_those_of_large_samples():
    law = stats.norm(1)
    x = law.rvs(1 << 19, random_state=3).astype(np.float32)
    y = quantize(x, formats.MXFP8_E4M3).dequantize()
    for name, bits in expected_errors(formats.MXFP8_E4M3, law).bits.items():
        assert errors.EFFECTIVE_BITS[name](x, y) == pytest.approx(bits, abs=0.02)


def squares(low, high, scale):
    """Return the integral of the squared error of E2M1 over an interval, in fractions."""
    numbers = sorted({Fraction(v) * scale for v in formats.E2M1.values})
    middles = [(a + b) / 2 for a, b in pairwise(numbers)]
    cuts = [min(low, -9 * scale), *middles, max(high, 9 * scale)]
    total = Fraction(0)
    for v, (left, right) in zip(numbers, pairwise(cuts), strict=True):
        a, b = max(left, low), min(right, high)
        if a < b:
            total += ((b - v) ** 3 - (a - v) ** 3) / 3
    return total


@pytest.mark.parametrize("scale", [Fraction(1, 4), Fraction(1), Fraction(3, 7)])
def test_uniform_numbers_are_exact_in_fractions(scale):
    found = expected_rounding(formats.E2M1, float(scale), stats.uniform(-8, 13))
    exact = squares(Fraction(-8), Fraction(5), scale) / 13
    assert found.square == pytest.approx(float(exact), rel=1e-12)
    assert found.mean == pytest.approx(-1.5)


def test_blocks_of_uniform_numbers_are_exact_in_fractions():
    """Of n numbers in [0, 1): over the place of the largest, binade by binade (FLOOR)."""
    for n in (2, 5):
        total = Fraction(0)
        for k in range(1, 40):
            low, high, scale = Fraction(1, 2**k), Fraction(2, 2**k), Fraction(1, 2 ** (k + 2))
            # One number is anywhere, the largest of the others in the binade or below it.
            inside = high ** (n - 1) - low ** (n - 1)
            total += squares(Fraction(0), low, scale) * inside
            total += squares(low, high, scale) * high ** (n - 1)
        found = expected_errors(replace(formats.MXFP4, block_size=n), stats.uniform())
        assert found.square == pytest.approx(float(total), rel=1e-10)


def test_a_limit_leaves_the_others_out():
    found = expected_rounding(formats.E4M3, 2.0**-6, stats.norm(), 1.5)
    truncated = expected_rounding(formats.E4M3, 2.0**-6, stats.truncnorm(-1.5, 1.5))
    assert found.signal == pytest.approx(truncated.signal, rel=1e-9)
    assert found.square == pytest.approx(truncated.square, rel=1e-9)


def test_rows_of_no_size_are_refused():
    with pytest.raises(ValueError, match="fmt must have a block size, got None for INT8_ROW"):
        expected_errors(formats.INT8_ROW, stats.norm())


def test_scales_that_are_searched_have_no_integral():
    """With one of two divisors MXFP4 errs less than without: nothing is integrated in its place."""
    searched = replace(formats.MXFP4, name="searched", search=formats.EVERY_SCALE)
    with pytest.raises(ValueError, match="fmt must not search its scales"):
        expected_errors(searched, stats.norm())
