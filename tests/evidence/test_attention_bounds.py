"""The bound on attention: obeyed by every method, nearly met by a witness, seen to be broken."""

import math
from dataclasses import replace

import numpy as np
import pytest

from msdnum import BlockFormat, ScaleRule, bounds, quantize
from msdnum.emulator.attention.exponential import NATIVE
from msdnum.emulator.attention.flash import attend
from msdnum.emulator.attention.methods import FLOAT32_FLASH
from msdnum.evidence.attention_bounds import _moved, attention_bound
from msdnum.evidence.attentions import DECOMPOSING, drawn
from msdnum.evidence.product_bounds import exact_values
from msdnum.evidence.score_bounds import ExactAttention
from msdnum.formats.accumulators import HOPPER
from msdnum.formats.elements import BINARY32, INT8_SYMMETRIC
from tests.support.attention_bounds import SHAPE


@pytest.mark.parametrize("cache", ["INT8_TOKEN", "MXFP4"])
def test_many_tiles_and_the_backends_own_exponential(cache):
    head = drawn("normal", SHAPE, np.random.default_rng(4), cache)
    method = replace(DECOMPOSING[cache], tile=32, exp=NATIVE)
    error = np.abs(attend(head.exact.queries, head.keys, head.values, method) - head.output)
    assert (error <= attention_bound(head.exact, head.keys, head.values, method)).all()


def test_groups_of_channels_have_a_bound_each():
    rng = np.random.default_rng(6)
    q, k, v = (rng.normal(size=(n, d)).astype("f4") for n, d in ((3, 16), (40, 16), (40, 12)))
    fmt = BlockFormat("INT8_GROUPS", INT8_SYMMETRIC, BINARY32, 8, ScaleRule.AMAX)
    values = quantize(v, fmt)
    exact = ExactAttention(q, k, exact_values(values))
    bound = attention_bound(exact, k, values, FLOAT32_FLASH)
    first = quantize(v[:, :8], fmt)
    apart = attention_bound(ExactAttention(q, k, exact_values(first)), k, first, FLOAT32_FLASH)
    np.testing.assert_allclose(bound[:, :8], apart, rtol=1e-9)
    error = np.abs(attend(q, k, values, FLOAT32_FLASH) - exact.weights @ exact.values)
    assert (error <= bound).all()
    assert (bound < 1e-3).all()


@pytest.mark.parametrize("part", ["queries", "weights"])
def test_a_decomposition_that_the_bound_does_not_know_of_is_seen(part):
    head = drawn("normal", SHAPE, np.random.default_rng(3), "MXFP4")
    method = replace(DECOMPOSING["MXFP4"], **{part: BINARY32})
    bound = attention_bound(head.exact, head.keys, head.values, FLOAT32_FLASH)
    found = attend(head.exact.queries, head.keys, head.values, method)
    assert (np.abs(found - head.output) > bound).any()


def test_the_worst_move_is_the_worst():
    """Against all 2**n corners; between them the output is monotone in each score."""
    rng = np.random.default_rng(2)
    n = 7
    weights, shifts = rng.dirichlet(np.ones(n)), rng.uniform(0, 1, n)
    values = rng.normal(size=(n, 3))
    signs = 1 - 2 * ((np.arange(2**n)[:, None] >> np.arange(n)) & 1)
    moved = weights * np.exp(signs * shifts)
    outputs = moved @ values / moved.sum(axis=1, keepdims=True)
    worst = np.abs(outputs - weights @ values).max(axis=0)
    np.testing.assert_allclose(_moved(weights, shifts, values, weights @ values), worst, rtol=1e-9)


def test_equal_shifts_obey_the_closed_form():
    rng = np.random.default_rng(3)
    weights, values = rng.dirichlet(np.ones(50)), rng.normal(size=(50, 4))
    output = weights @ values
    bound = bounds.attention(0.3)
    found = _moved(weights, np.full(50, 0.3), values, output)
    deviation = weights @ np.abs(values - output)
    spread = values.max(axis=0) - values.min(axis=0)
    assert (found <= [bound.at(d, s) for d, s in zip(deviation, spread, strict=True)]).all()


def test_scores_too_uncertain_for_a_bound_have_none():
    queries, keys = np.full((1, 4), 2.0**20, np.float32), np.full((2, 4), 2.0**20, np.float32)
    values = np.ones((2, 1), np.float32)
    given = ExactAttention(queries, keys.astype(np.float64), values.astype(np.float64))
    assert attention_bound(given, keys, values, FLOAT32_FLASH) == np.inf


def test_other_accumulators_have_no_bound_here():
    given = ExactAttention(np.ones((1, 2), np.float32), np.ones((3, 2)), np.ones((3, 1)))
    k, v = np.ones((3, 2), np.float32), np.ones((3, 1), np.float32)
    with pytest.raises(ValueError, match="accumulator must be SEQUENTIAL, EXACT or INT32, got HOP"):
        attention_bound(given, k, v, replace(FLOAT32_FLASH, accumulator=HOPPER))


@pytest.mark.parametrize("seed", range(20))
def test_shifts_add_up_to_the_way_whatever_the_maxima_were(seed):
    """Powers and decays of the emulator, multiplied exactly, against one power of the whole way."""
    rng = np.random.default_rng(seed)
    exponential = FLOAT32_FLASH.exp
    path = np.sort(rng.normal(0, 4, 8)).astype(np.float32)
    steps = (path[:-1] - path[1:]).astype(np.float32)
    weight = math.fsum(math.log(float(z)) for z in exponential.function(steps))
    way = float(path[0]) - float(path[-1])
    allowed = 2.0**-24 * abs(way) - len(steps) * math.log1p(-exponential.relative_error)
    assert abs(weight - way) <= allowed + 2.0**-48
    assert abs(weight - way) > allowed / 1000
