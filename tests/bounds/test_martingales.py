"""Theorem gemm-martingale: over every outcome of stochastic sums, and on samples."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import example, given, target
from hypothesis import strategies as st

from msdnum import bounds, spec
from msdnum.emulator import elements
from msdnum.formats.elements import BF16
from msdnum.formats.modes import Overflow, Rounding


def neighbours(y, precision):
    """Return the numbers of that precision on either side of ``y``."""
    if y == 0:
        return y, y
    gap = Fraction(2) ** (spec.floor_log2(abs(y)) - precision + 1)
    return math.floor(y / gap) * gap, math.ceil(y / gap) * gap


def outcomes(addends, precision):
    """Return every outcome of a sum in order, as a dictionary from results to probabilities."""
    first, *rest = addends
    found = {first: Fraction(1)}
    for x in rest:
        after = {}
        for total, probability in found.items():
            y = total + x
            down, up = neighbours(y, precision)
            share = (y - down) / (up - down) if up > down else Fraction(0)
            for end, part in ((up, share), (down, 1 - share)):
                after[end] = after.get(end, 0) + probability * part
        found = {total: probability for total, probability in after.items() if probability}
    return found


@given(
    precision=st.integers(5, 8),
    addends=st.lists(st.integers(-999, 999).map(lambda n: Fraction(n, 64)), min_size=2, max_size=9),
    failure=st.sampled_from([0.9, 0.5, 0.1, 0.01]),
)
@example(precision=5, addends=[Fraction(1)] + [Fraction(1, 32)] * 3, failure=0.5)
def test_gemm_martingale(precision, addends, failure):
    """No model, no sample: all outcomes with their probabilities, in rational numbers."""
    bound = bounds.gemm_martingale([0], bounds.stochastic_sum(len(addends), precision), failure)
    found, exact = outcomes(addends, precision), sum(addends)
    assert sum(found.values()) == 1
    assert sum(p * (x - exact) for x, p in found.items()) == 0, "the mean is the exact sum"
    promised = bound.at(float(sum(map(abs, addends))), 0, 0)
    beyond = sum(p for x, p in found.items() if abs(x - exact) > promised)
    assert beyond <= failure
    if promised:
        target(float(max(abs(x - exact) for x in found)) / promised)


def test_one_outcome_may_be_beyond_and_is_rare():
    """The bound is none on every outcome: with a probability of a third some one is beyond."""
    addends, failure = [Fraction(2**9)] + [Fraction(1)] * 60, 1 / 3
    bound = bounds.gemm_martingale([0], bounds.stochastic_sum(61, 8), failure)
    found, exact = outcomes(addends, 8), sum(addends)
    promised = bound.at(float(exact), 0, 0)
    beyond = sum(p for x, p in found.items() if abs(x - exact) > promised)
    assert 0 < beyond <= failure


def test_the_stochastic_rounding_of_the_emulator_obeys_it():
    """64 multiples of 1/256: no sum is rounded before it is, and 32 random bits are exact."""
    rng, rows, n, failure = np.random.default_rng(8), 4000, 64, 0.1
    x = np.float32(rng.integers(-256, 257, (rows, n)) / 256)
    total = x[:, 0]
    for column in x.T[1:]:
        total = elements.round_to(
            total + column,
            BF16,
            overflow=Overflow.SATURATE,
            rounding=Rounding.STOCHASTIC,
            random=rng.integers(0, 2**32, rows, dtype=np.uint32),
        )
    error = np.abs(total.astype(np.float64) - x.sum(axis=1, dtype=np.float64))
    magnitudes = np.abs(x).sum(axis=1)
    accumulation = bounds.stochastic_sum(n, precision=8)
    promised = bounds.gemm_martingale([0], accumulation, failure).product * magnitudes
    assert np.mean(error > promised) <= failure
    assert error.max() > 0
    assert np.all(promised < 0.55 * float(accumulation.gamma) * magnitudes)


@pytest.mark.parametrize("last", [0, Fraction(1, 64)])
def test_it_says_something_where_the_union_does_little(last):
    """Length 512, failure 1e-3: below the bound that always holds, and below the union's."""
    k, failure, residuals = 512, 1e-3, [last]
    accumulation = bounds.sequential(k)
    sure = bounds.gemm(residuals, accumulation).at(k, k)
    found = bounds.gemm_martingale(residuals, accumulation, failure)
    likely = found.at(k, k, math.sqrt(k))
    assert found.failure == failure
    assert likely < float(sure) / 5
    confidence = math.sqrt(2 * math.log(2 * (k + 1) / failure)) * (1 + 2.0**-20)
    union = bounds.gemm_probabilistic(residuals, accumulation, k, confidence)
    assert union.probability >= 1 - failure
    assert likely < 0.75 * union.at(k, k, math.sqrt(k))


def test_remainders_and_binary32_sums_of_random_sign():
    rng, k, rows, failure = np.random.default_rng(9), 512, 2000, 0.05
    products = np.float32(rng.uniform(-1, 1, (rows, k)))
    remainders = rng.choice([-1, 1], (rows, k)) / 64
    computed = np.add.accumulate(products, axis=1, dtype=np.float32)[:, -1].astype(np.float64)
    error = np.abs(computed + remainders.sum(axis=1) - products.sum(axis=1, dtype=np.float64))
    bound = bounds.gemm_martingale([Fraction(1, 64)], bounds.sequential(k), failure)
    promised = bound.at(float(np.abs(products).sum(axis=1).max()), k, math.sqrt(k))
    assert np.mean(error > promised) <= failure
    assert error.max() > promised, "at this failure some are beyond"


@pytest.mark.parametrize("u", [Fraction(1, 2**24), Fraction(1, 2**6)])
def test_the_formula(u):
    d, failure = 31, 1e-2
    found = bounds.gemm_martingale(
        [Fraction(1, 8), Fraction(1, 64)], bounds.Accumulation(d, u), failure
    )
    lam = math.sqrt(2 * math.log(200))
    assert 2 * math.exp(-(lam**2) / 2) == pytest.approx(failure)
    growth = lam * math.sqrt(d) * u * (1 + u) ** d
    assert found.product == pytest.approx(float(growth), rel=1e-12)
    assert found.amax == pytest.approx(float(growth * 17 / 64), rel=1e-12)
    assert found.amax_two_norm == pytest.approx(lam / 64, rel=1e-12)
    assert bounds.MartingaleGemmBound(1, 2, 5, 0.5).at(6, 3, 1) == pytest.approx(13)


@pytest.mark.parametrize(
    ("accumulation", "failure", "message"),
    [
        (bounds.matrix_unit(8, 8, 25), 0.1, "accumulation must round to nearest or stoch"),
        (bounds.EXACT, 0, "failure must be in \\(0, 1\\), got 0"),
        (bounds.EXACT, 1, "failure must be in"),
        (bounds.EXACT, math.nan, "failure must be in"),
    ],
)
def test_bad_arguments(accumulation, failure, message):
    with pytest.raises(ValueError, match=message):
        bounds.gemm_martingale([1], accumulation, failure)


@pytest.mark.parametrize(("n", "precision", "name"), [(0, 8, "n"), (4, 0, "precision")])
def test_a_stochastic_sum_has_addends_and_bits(n, precision, name):
    with pytest.raises(ValueError, match=f"{name} must be at least 1, got 0"):
        bounds.stochastic_sum(n, precision)
