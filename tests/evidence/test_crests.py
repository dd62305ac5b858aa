"""Blocks whose largest number is known, beside samples, and the largest of n numbers by hand."""

import math

import numpy as np
import pytest

stats = pytest.importorskip("scipy.stats", reason="scipy is not installed")

from msdnum.evidence.crests import expected_crest, given_largest, largest_square  # noqa: E402
from msdnum.evidence.effective_bits import approximation  # noqa: E402
from msdnum.evidence.scheme_quadrature import expected_decomposition  # noqa: E402
from msdnum.formats.elements import BINARY32  # noqa: E402
from msdnum.formats.schemes import (  # noqa: E402
    INT8_X2_FLOAT32,
    MXFP4_X2,
    MXFP8_X1,
    SCHEMES,
)
from msdnum.inputs.outliers import outlier  # noqa: E402

UNIFORM = stats.uniform(-1, 2)


def test_the_largest_of_a_few_numbers_by_hand():
    for size in (1, 2, 7, 1000):
        assert largest_square(UNIFORM, size) == pytest.approx(size / (size + 2), rel=1e-12)
    # Of two normal numbers: (a**2 + b**2) / 2 + abs(a**2 - b**2) / 2, whose mean is 1 + 2 / pi.
    assert largest_square(stats.norm(), 2) == pytest.approx(1 + 2 / math.pi, rel=1e-10)
    # Of exponential magnitudes: the variance and mean of a sum of exponentials of rates 1 to n.
    mean, variance = (sum(1 / i**p for i in range(1, 33)) for p in (1, 2))
    assert largest_square(stats.laplace(), 32) == pytest.approx(mean**2 + variance, rel=1e-9)
    assert expected_crest(stats.norm(), 1) == pytest.approx(1)


@pytest.mark.parametrize("scheme", [MXFP4_X2, MXFP8_X1, SCHEMES["INT8_X1"]], ids=lambda s: s.name)
@pytest.mark.parametrize("k", [0, 2, 6])
def test_errors_are_those_of_samples(scheme, k):
    x = outlier(k, fixed=True).generate((2000, 32), rng=np.random.default_rng(k), fmt=BINARY32)
    wide, lost = x.astype(np.float64), x - approximation(x, scheme)
    found = given_largest(scheme, UNIFORM, 32, 2.0**k)
    assert found.largest_square == 4.0**k
    assert found.signal == pytest.approx((wide**2).sum(axis=1).mean(), rel=0.01)
    assert found.square == pytest.approx((lost**2).sum(axis=1).mean(), rel=0.02)
    crest = 2.0**k / math.sqrt((4.0**k + 31 / 3) / 32)
    assert found.crest == pytest.approx(crest)
    assert found.relative_l2 == pytest.approx(math.sqrt(found.square / found.signal))


def test_an_average_over_the_largest_is_the_expectation_of_a_block():
    """Magnitudes of the largest of 32 uniform numbers are the 32nd root of uniform ones."""
    quantiles = (np.arange(100) + 0.5) / 100
    for scheme in (MXFP4_X2, MXFP8_X1):
        largest = (quantiles ** (1 / 32)).astype(np.float32).astype(np.float64)
        found = [given_largest(scheme, UNIFORM, 32, float(m)) for m in largest]
        right = expected_decomposition(scheme, UNIFORM)
        assert np.mean([each.square for each in found]) / 32 == pytest.approx(
            right.square, rel=0.01
        )
        assert np.mean([each.signal for each in found]) / 32 == pytest.approx(
            right.signal, rel=1e-3
        )


def test_what_it_does_not_take_is_refused():
    for arguments, words in (
        ((INT8_X2_FLOAT32, UNIFORM, 32, 1.0), "scheme must be exact"),
        ((MXFP4_X2, UNIFORM, 1, 1.0), "size must be at least 2, got 1"),
        ((MXFP4_X2, UNIFORM, 32, 0.1), "largest must be a positive number of binary32"),
        ((MXFP4_X2, UNIFORM, 32, math.inf), "largest must be a positive number"),
        ((MXFP4_X2, stats.uniform(2, 1), 32, 1.0), "must have numbers below the largest, 1.0"),
    ):
        with pytest.raises(ValueError, match=words):
            given_largest(*arguments)
    for size in (0, 2**41):
        with pytest.raises(ValueError, match=f"size must be in 1..2..40, got {size}"):
            largest_square(UNIFORM, size)
