"""Attentions over quantized keys and values: near those of what they stand for, and causal."""

import numpy as np
import pytest

jax = pytest.importorskip("jax")
pytest.importorskip("safetensors")
pytest.importorskip("gguf", reason="the package gguf is not installed")

import jax.numpy as jnp  # noqa: E402

from msdnum.inputs.jax_decoder import attend_causally  # noqa: E402
from msdnum.trials.msd.decoder.attentions import CACHES, CAUSAL, FROM_BEFORE  # noqa: E402
from msdnum.trials.msd.model.attentions import CANN_OVER  # noqa: E402

LENGTH = 40


def drawn(seed=2):
    """Draw queries, (texts, heads, tokens, width), keys and values of half as many heads."""
    rng = np.random.default_rng(seed)
    shapes = (1, 2, LENGTH, 32), (1, 1, LENGTH, 32), (1, 1, LENGTH, 32)
    return [jnp.asarray(rng.standard_normal(shape).astype(np.float32)) for shape in shapes]


def found_by(name, q, k, v):
    with jax.enable_x64(True):
        return np.asarray(CAUSAL[name].compute(q, k, v, jnp.int32(LENGTH)))


NEAR = {
    ("MSD", "INT8 by token"): 0.01,
    ("MSD", "MXFP4"): 0.08,
    ("BF16", "MXFP8"): 0.02,
    ("BF16", "MXFP4 by token"): 0.02,
    ("float32", "INT8"): 1e-5,
    ("float32", "MXFP4"): 1e-5,
    ("float32", "INT8 by head"): 1e-5,
    ("float32", "MXFP4 by head"): 1e-5,
    ("attention_int8_x2", "INT8"): 2e-3,
    ("attention_int8_x2", "INT8_TOKEN"): 2e-3,
    ("attention_int4_x4", "INT4"): 2e-3,
    ("attention_dd", "INT8"): 2e-3,
}


def test_methods_that_no_product_takes_are_left_out():
    others = ("MXFP8 by token", "MXFP4 by token", "MXFP4 by head", "MXFP4 by channel", "INT4")
    left_out = {("MSD", cache) for cache in others}
    ways = {(way, cache) for way in ("MSD", "BF16", "float32") for cache in CACHES}
    assert set(CAUSAL) == (ways - left_out) | {("float32", "float32"), *CANN_OVER}


@pytest.mark.parametrize("name", [n for n in NEAR if n[0] != "MSD"], ids=" over ".join)
def test_it_is_near_attention_over_what_the_cache_stands_for(name):
    assert distance(name) < NEAR[name]


@pytest.mark.long
@pytest.mark.parametrize("name", [n for n in NEAR if n[0] == "MSD"], ids=" over ".join)
def test_so_it_is_when_queries_and_weights_are_decomposed(name):
    assert distance(name) < NEAR[name]


def distance(name):
    q, k, v = drawn()
    cache = CACHES[name[1]]
    cached = cache.keys(k).dequantize(), cache.values(v).dequantize()
    right = np.asarray(attend_causally(q, *cached, jnp.int32(LENGTH)))
    return np.linalg.norm(found_by(name, q, k, v) - right) / np.linalg.norm(right)


@pytest.mark.parametrize("cache", CACHES)
def test_what_comes_later_changes_what_shares_a_scale_with_it_alone(cache):
    q, k, v = drawn()
    later_k, later_v = (x.at[:, :, 35:].multiply(20.0) for x in (k, v))
    before, after = (found_by(("float32", cache), q, *kv) for kv in ((k, v), (later_k, later_v)))
    same = np.array_equal(before[:, :, :35], after[:, :, :35])
    assert same == (cache in FROM_BEFORE)


def test_a_head_has_one_scale_for_keys_and_one_for_values():
    _, k, v = drawn()
    for name, top in (("INT8 by head", 127), ("MXFP4 by head", 8)):
        for x, quantized in zip(
            (k, v), (CACHES[name].keys(k), CACHES[name].values(v)), strict=True
        ):
            scales = np.unique(np.asarray(quantized.scales()))
            assert scales.size == 1
            assert top / 2 <= float(jnp.abs(x).max()) / scales[0] <= top * 1.001
