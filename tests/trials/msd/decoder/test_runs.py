"""A small decoder by variants, and the measures by hand."""

import math

import numpy as np
import pytest

jax = pytest.importorskip("jax")
pytest.importorskip("safetensors")
pytest.importorskip("gguf", reason="the package gguf is not installed")

from msdnum.inputs.files import open_gguf  # noqa: E402
from msdnum.trials.msd.decoder import runs, weights  # noqa: E402
from tests.support import small_gguf  # noqa: E402

TEXTS = (2, 0, 9, 1)
KEPT = (weights.layer_weights, weights._published, runs._reference, runs.decoder_shape)


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    file = open_gguf(small_gguf.write(tmp_path_factory.mktemp("gguf") / "small.gguf"))
    ids = np.random.default_rng(3).integers(0, 96, (2, 9)).astype(np.int32)
    with pytest.MonkeyPatch.context() as patch:
        for module in (weights, runs):
            patch.setattr(module, "smollm2", lambda: file)
        patch.setattr(runs, "token_ids", lambda texts: ids)
        for function in KEPT:
            function.cache_clear()
        yield
        for function in KEPT:
            function.cache_clear()


def test_float32_is_near_float64_and_every_product_in_its_bound(small):
    found = runs.run_decoder("Q4_1, float32, BINARY32", TEXTS)
    assert len(found.published) == len(found.own) == 2
    for each in (*found.published, *found.own):
        assert abs(each.divergence) < 1e-10
        assert each.agreement == 1
        assert abs(each.likelihood) < 1e-4
    assert len(found.states) == 2
    assert 1e-8 < max(found.states) < 1e-5
    assert list(found.products) == [0, 1]
    assert [0 < product.ratio < 1 for product in found.products[0]] == [True] * 7


def test_a_decomposition_loses_more_and_is_in_its_bound(small):
    found = runs.run_decoder("Q4_1, INT8_X1, BF16", TEXTS)
    assert [each.divergence for each in found.own] == [each.divergence for each in found.published]
    assert all(1e-9 < each.divergence <= each.divergence_max for each in found.own)
    assert 1e-4 < found.states[0] < 0.1
    assert all(0 < product.ratio < 1 for product in found.products[0])


def test_inputs_of_linears_are_those_of_the_layers(small):
    found = runs.linear_inputs(TEXTS)
    assert [x.shape for x in found] == [(2, 18, 64)] * 7
    assert np.array_equal(found[0], found[1])
    assert not np.array_equal(found[0], found[4])
    # RMS norm: the mean square of what the first linear is given, its scale apart, is 1.
    scale = runs.smollm2().tensors["blk.0.attn_norm.weight"].numbers()
    assert ((found[0][0] / scale) ** 2).mean(axis=1) == pytest.approx(1, abs=1e-2)


def test_measures_by_hand():
    expected, found = np.array([[1.0, 2.0, 0.5], [0, 0, 3]]), np.array([[1.5, 1, 0.5], [0, 0, 3.0]])

    def softmax(row):
        whole = sum(map(math.exp, row))
        return [math.exp(x) / whole for x in row]

    p, q = (softmax(rows[0].tolist()) for rows in (expected, found))
    right = sum(a * math.log(a / b) for a, b in zip(p, q, strict=True))
    measured = runs.text_errors(expected, found, np.array([2, 1], np.int32))
    assert measured.divergence_max == pytest.approx(right)
    assert measured.divergence == pytest.approx(right / 2)
    assert measured.agreement == 0.5
    assert measured.likelihood == pytest.approx(math.log(p[1]) - math.log(q[1]))
