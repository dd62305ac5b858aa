"""The last tokens of a context over a quantized cache, on a small decoder."""

import numpy as np
import pytest

jax = pytest.importorskip("jax")
pytest.importorskip("safetensors")
pytest.importorskip("gguf", reason="the package gguf is not installed")

from msdnum.inputs import jax_decoder  # noqa: E402
from msdnum.inputs.files import open_gguf  # noqa: E402
from msdnum.trials.msd.decoder import contexts, runs  # noqa: E402
from tests.support import small_gguf  # noqa: E402

LENGTH = 24
KEPT = (contexts._layers, contexts._context, runs.decoder_shape)


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    file = open_gguf(small_gguf.write(tmp_path_factory.mktemp("gguf") / "small.gguf"))
    ids = np.random.default_rng(3).integers(0, 96, 40).astype(np.int32)
    with pytest.MonkeyPatch.context() as patch:
        for module in (contexts, runs):
            patch.setattr(module, "smollm2", lambda: file)
        patch.setattr(contexts, "_text", lambda: ids)
        patch.setattr(contexts, "LAST", 6)
        patch.setattr(contexts, "CHUNK", 6)
        for function in KEPT:
            function.cache_clear()
        yield file
        for function in KEPT:
            function.cache_clear()


def test_a_context_in_parts_is_the_text_at_once(small):
    weights, settings = jax_decoder.decoder_weights(small), runs.decoder_shape()
    ids = contexts.context_tokens(LENGTH)
    cache = jax_decoder.empty_cache(settings, 1, LENGTH, jax.numpy.float32)
    whole = jax_decoder.prefill_jitted(ids, weights, settings, cache).states[0, -6:]
    assert np.abs(contexts._context(LENGTH).final - np.asarray(whole)).max() < 1e-4


@pytest.mark.slow
def test_what_is_not_quantized_costs_nothing_and_fewer_bits_cost_more(small):
    exact, eight, four = (
        contexts.context_errors("float32", cache, LENGTH) for cache in ("float32", "INT8", "MXFP4")
    )
    assert exact.divergence == 0
    assert exact.agreement == 1
    assert 0 < eight.divergence < four.divergence


def test_longer_contexts_end_alike_and_others_are_refused(small):
    assert np.array_equal(contexts.context_tokens(20), contexts.context_tokens(30)[:, -20:])
    for length in (6, 41):
        with pytest.raises(ValueError, match=f"length must be in 7..40, got {length}"):
            contexts.context_tokens(length)
