"""Attention beside a sink: what is zero, in binary64 and mpmath beside the emulator."""

import math

import mpmath
import numpy as np
import pytest

from msdnum.trials.pcast.errors import gains, squared_errors
from msdnum.trials.pcast.sinks import (
    SINKS,
    TILE,
    Order,
    attended,
    exact_attention,
    flushed,
    mean_predicted,
    outside,
    predicted,
    scores,
    threshold,
)


def drawn(delta, shape=(16, 512)):
    return scores(delta, shape, np.random.default_rng([3, delta]))


def zero_in_binary64(given, scale, order):
    """Return what lies as far below the running maximum of its tile as becomes zero."""
    tiles = given.astype(float).reshape(len(given), -1, TILE)
    largest = tiles.max(axis=-1)
    if order is Order.FORWARD:
        running = np.maximum.accumulate(largest, axis=1)
    else:
        running = np.maximum.accumulate(largest[:, ::-1], axis=1)[:, ::-1]
    p = np.exp(tiles - running[..., None])
    return (p * scale <= 2.0**-10).reshape(given.shape)


@pytest.mark.parametrize("order", Order)
@pytest.mark.parametrize(("delta", "scale"), [(6, 1), (12, 256), (12, 448)])
def test_what_becomes_zero_is_what_lies_far_below_the_running_maximum(delta, scale, order):
    found = flushed(drawn(delta), scale, order)
    expected = zero_in_binary64(drawn(delta), scale, order)
    assert expected.any()
    assert np.array_equal(found, expected)


def test_reverse_order_saves_all_outside_the_tile_of_the_sink_and_none_of_those_inside():
    forward, reverse = (flushed(drawn(13), 256, order) for order in Order)
    assert outside(forward).mean() > 0.8
    assert not outside(reverse).any()
    assert reverse[:, SINKS:TILE].mean() > 0.8


def test_the_threshold_is_that_of_the_paper():
    with mpmath.workdps(30):
        assert mpmath.nstr(10 * mpmath.log(2), 3) == "6.93"
        limit = float(18 * mpmath.log(2))
    assert threshold(256) == pytest.approx(limit, rel=1e-15)
    p = mpmath.exp(-limit) * 256 * 1024
    assert abs(p - 1) < 1e-12


def test_the_mean_of_the_fraction_by_mpmath():
    phi = mpmath.ncdf
    density = lambda x: 4 * mpmath.npdf(x) * phi(x) ** 3  # noqa: E731
    mean = mpmath.quad(lambda x: density(x) * phi(4.75 + x - 10 * math.log(2)), [-8, 0, 8])
    assert mean_predicted(4.75, 1) == pytest.approx(float(mean), abs=1e-6)
    off = mean - phi(4.75 + 1 - 10 * math.log(2))
    assert mpmath.nstr(off, 2) == "0.053"
    assert predicted(4.75, 1) == pytest.approx(float(mean - off), abs=1e-9)


def test_the_shift_of_four_sinks_is_about_one():
    largest = mpmath.quad(lambda x: 4 * x * mpmath.npdf(x) * mpmath.ncdf(x) ** 3, [-8, 0, 8])
    assert mpmath.nstr(largest, 3) == "1.03"


@pytest.mark.parametrize("order", Order)
def test_outputs_are_near_exact_attention_whatever_the_order(order):
    given = drawn(2)
    values = np.random.default_rng(1).standard_normal((512, 8)).astype(np.float32)
    found = attended(given, values, 256.0, order)
    assert np.abs(found - exact_attention(given, values)).max() < 0.02


def test_a_sink_whose_values_are_zero_lets_both_remedies_gain_and_one_like_others_does_not():
    (null,), (like_others,) = (gains((32, 512), null, 1, [9]) for null in (True, False))
    assert null["both"] > null["S = 256"] > 100
    assert 3 < null["reverse"] < 30
    assert all(like_others[name] < 1.5 for name in ("reverse", "S = 256", "both"))


def to_e4m3(x):
    """Round magnitudes to the nearest E4M3 number, ties aside, which have no probability here."""
    grid = np.array([m / 512 for m in range(8)] + [
        (8 + m) * 2.0**e for e in range(-9, 6) for m in range(8)
    ])[:127]  # fmt: skip
    i = np.clip(np.searchsorted(grid, x), 1, len(grid) - 1)
    return np.where(x - grid[i - 1] < grid[i] - x, grid[i - 1], grid[i])


def plain_error(given, values, scale, order):
    """Return the mean squared error by a loop over tiles in binary64, row by row."""
    tiles = range(0, given.shape[1], TILE)
    total = 0.0
    for row in given.astype(float):
        largest, above, below = -np.inf, 0.0, 0.0
        for start in tiles if order is Order.FORWARD else reversed(tiles):
            part = slice(start, start + TILE)
            new = max(largest, row[part].max())
            p, kept = np.exp(row[part] - new), np.exp(largest - new)
            above = above * kept + to_e4m3(p * scale) / scale @ values[part].astype(float)
            largest, below = new, below * kept + p.sum()
        weights = np.exp(row - row.max())
        total += np.mean((above / below - weights @ values / weights.sum()) ** 2)
    return total / len(given)


@pytest.mark.parametrize("null", [True, False])
def test_mean_squared_errors_once_more_by_a_loop_over_tiles(null):
    given = drawn(9, (16, 512))
    values = np.random.default_rng(2).standard_normal((512, 64)).astype(np.float32)
    values[:SINKS] *= not null
    for (scale, order), found in squared_errors(given, values).items():
        assert found == pytest.approx(plain_error(given, values, scale, order), rel=0.02)


@pytest.mark.parametrize(
    ("keys", "null", "delta", "gain"),
    [(1024, False, 5, 2.48), (4096, False, 5, 6.39), (1024, True, 10, 1180)],
)
def test_headline_gains_once_more_by_a_loop_over_tiles(keys, null, delta, gain):
    """On the draws of the ledger the gain of both remedies is largest where it says."""
    found = []
    for near in (delta - 1, delta, delta + 1):
        rng = np.random.default_rng([0, near])
        given = scores(near, (64, keys), rng)
        values = rng.standard_normal((keys, 64)).astype(np.float32)
        values[:SINKS] *= not null
        before, both = (
            plain_error(given, values, *setting)
            for setting in ((1, Order.FORWARD), (256, Order.REVERSE))
        )
        found.append(before / both)
    assert max(found) == found[1] == pytest.approx(gain, rel=0.01)
