"""Bounds on scores: obeyed by the scores themselves, before and along their way."""

import numpy as np
import pytest

from msdnum import exact
from msdnum.emulator.attention.kv_cache import scales_per_channel, without_scale
from msdnum.emulator.attention.methods import Method
from msdnum.emulator.attention.online_softmax import represented
from msdnum.emulator.blocks import quantize
from msdnum.emulator.gemm.products import matmul, transposed
from msdnum.evidence.attentions import DECOMPOSING, drawn
from msdnum.evidence.product_bounds import exact_values
from msdnum.evidence.score_bounds import ExactAttention, score_errors
from msdnum.formats.accumulators import EXACT
from msdnum.formats.blocks import INT8_GROUP
from msdnum.formats.elements import BINARY32
from tests.support.attention_bounds import SHAPE


def computed(head, method):
    """Return the scores as ``attend`` computes them."""
    scales = scales_per_channel(head.keys)
    keys = head.keys if scales is None else without_scale(head.keys, -1)
    folded = head.exact.queries if scales is None else head.exact.queries * scales
    terms = represented(folded.astype(np.float32), method.queries)
    products = matmul(terms, transposed(keys), accumulator=method.accumulator)
    return products * np.float32(head.exact.scale)


@pytest.mark.parametrize("running", [False, True])
@pytest.mark.parametrize("cache", DECOMPOSING)
def test_scores_obey_their_bounds(cache, running):
    head = drawn("normal", SHAPE, np.random.default_rng(6), cache)
    method, given = DECOMPOSING[cache], head.exact
    truth = exact.product(given.queries, given.keys.T).to_float64() * given.scale
    error = np.abs(computed(head, method) - truth)
    bound = score_errors(given, head.keys, method, running)
    assert (error <= bound).all()
    assert error.max() > 0
    if running:
        assert (error / bound).max() > 0.1
        assert (bound < 0.9 * score_errors(given, head.keys, method, running=False)).all()


def test_scales_along_a_key_are_counted():
    """Each of 64 scales is a product and a sum in binary32; three roundings would be too few."""
    rng, worst = np.random.default_rng(0), 0.0
    method = Method(BINARY32, BINARY32, EXACT)
    for _ in range(20):
        sizes = 2.0 ** rng.integers(-3, 3, (4, 64))
        x = (rng.uniform(0, 1, (4, 64)) * sizes).astype(np.float32)
        keys = quantize(x, INT8_GROUP, block_size=1)
        queries = rng.uniform(0, 1, (1, 64)).astype(np.float32)
        given = ExactAttention(queries, exact_values(keys), np.zeros((4, 1)))
        sums = matmul(queries, transposed(keys), accumulator=EXACT)
        error = np.abs(sums * np.float32(given.scale) - given.scores)
        worst = max(worst, (error / score_errors(given, keys, method, running=False)).max())
    assert 3 / 67 < worst <= 1
