"""Remedies once more in fractions: the block that finer makes worse, and why no other can."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from msdnum import spec
from msdnum.formats import ScaleSearch
from msdnum.trials.finer.distributions import DISTRIBUTIONS
from msdnum.trials.finer.formats import BY_E4M3
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
