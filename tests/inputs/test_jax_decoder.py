"""The decoder against one written token by token, and against transformers on the same file.

The logits of transformers are in tests/data; benchmarks/smollm2_reference.py wrote them. Measured:
9.1e-5 between two float32 runs at logits up to 37.
"""

import json

import numpy as np
import pytest

from tests.support import decoder_oracle
from tests.support.paths import ROOT

jax = pytest.importorskip("jax")
pytest.importorskip("gguf", reason="the package gguf is not installed")

import jax.numpy as jnp  # noqa: E402

from msdnum.inputs import jax_decoder, smollm2_checkpoint  # noqa: E402
from tests.support.small_decoder import SETTINGS, drawn_weights  # noqa: E402

PUBLISHED = ROOT / "tests" / "data" / "smollm2_logits.json"
TWO_FLOAT32 = 4e-4
IDS = np.random.default_rng(8).integers(0, SETTINGS.vocabulary, (2, 11))


def logits(ids, weights, settings=SETTINGS, cache=None, **how):
    """Return the logits of all tokens, (texts, tokens, vocabulary), and the cache."""
    dtype = np.asarray(weights["norm"]).dtype
    if cache is None:
        cache = jax_decoder.empty_cache(settings, len(ids), np.shape(ids)[1], dtype)
    found = jax_decoder.prefill_jitted(jnp.asarray(ids), weights, settings, cache, **how)
    return np.asarray(jax_decoder.head(found.states, weights["embedding"])), found.cache


def test_every_logit_is_that_of_the_decoder_written_token_by_token():
    with jax.enable_x64(True):
        wide = jax.tree.map(lambda x: np.asarray(x, np.float64), drawn_weights())
        found, _ = logits(IDS, wide)
    for text, ids in zip(found, IDS, strict=True):
        right = decoder_oracle.logits(ids, drawn_weights(), SETTINGS)
        assert np.abs(text - right).max() < 1e-10 * np.abs(right).max()


@pytest.mark.parametrize("sizes", [(1,) * 11, (4, 7), (10, 1)])
def test_tokens_come_at_once_or_in_parts(sizes):
    weights = drawn_weights()
    whole, _ = logits(IDS, weights)
    cache = jax_decoder.empty_cache(SETTINGS, 2, 16, jnp.float32)
    parts = []
    for start, size in zip(np.cumsum([0, *sizes]), sizes, strict=False):
        found, cache = logits(IDS[:, start : start + size], weights, cache=cache)
        parts.append(found)
    assert int(cache.length) == 11
    assert not np.asarray(cache.keys)[..., 11:, :].any()
    assert np.abs(np.concatenate(parts, axis=1) - whole).max() < 1e-4


def test_what_comes_later_changes_nothing_before():
    weights, changed = drawn_weights(), IDS.copy()
    changed[:, 7] += 1
    before, after = (logits(ids % SETTINGS.vocabulary, weights)[0] for ids in (IDS, changed))
    assert np.array_equal(before[:, :7], after[:, :7])
    assert (before[:, 7:] != after[:, 7:]).any(axis=-1).all()


def test_linears_and_attentions_are_those_given():
    seen = []

    def linear(x, weight):
        seen.append((x.shape, weight.shape))
        return jax_decoder.multiply(x, weight)

    def no_attention(q, k, v, length):
        return jnp.zeros_like(q)

    found, _ = logits(IDS, drawn_weights(), linear=linear, attention=no_attention)
    other, _ = logits(IDS, drawn_weights())
    assert [shape[1] for _, shape in seen] == [32, 16, 16, 32, 64, 64, 32]
    assert {shape[0] for shape, _ in seen} == {22}
    # Without attention a token sees itself alone.
    alone, _ = logits(IDS[:, 3:4], drawn_weights(), attention=no_attention)
    assert np.abs(found[:, 3] - alone[:, 0]).max() < 1e-4
    assert np.abs(found - other).max() > 0.1


def test_generated_tokens_follow_the_distribution():
    weights = drawn_weights()
    weights["embedding"] = weights["embedding"] / np.float32(30)
    prompts = np.repeat([[3, 4, 5]], 1500, axis=0)
    found = jax_decoder.generate(prompts, weights, SETTINGS, 2, seed=1)
    assert found.shape == (1500, 2)
    row = logits(prompts[:1], weights)[0][0, -1].astype(np.float64)
    probabilities = np.exp(row - row.max())
    probabilities /= probabilities.sum()
    counts = np.bincount(found[:, 0], minlength=SETTINGS.vocabulary)
    expected = 1500 * probabilities
    chi_square = float(((counts - expected) ** 2 / expected).sum())
    assert chi_square < SETTINGS.vocabulary - 1 + 4 * np.sqrt(2 * (SETTINGS.vocabulary - 1))
    again = jax_decoder.generate(prompts[:3], weights, SETTINGS, 2, seed=1)
    assert not np.array_equal(again, jax_decoder.generate(prompts[:3], weights, SETTINGS, 2, 2))


# The model itself


@pytest.fixture(scope="module")
def model():
    try:
        file = smollm2_checkpoint.smollm2()
    except ModuleNotFoundError as error:
        pytest.skip(str(error))
    weights = jax.tree.map(jnp.asarray, jax_decoder.decoder_weights(file))
    return weights, smollm2_checkpoint.decoder_settings(file)


@pytest.fixture(scope="module")
def published():
    return json.loads(PUBLISHED.read_text(encoding="utf-8"))


def row_of(text):
    return np.frombuffer(bytes.fromhex(text), ">f4").astype(np.float64)


def test_logits_are_those_of_transformers(model, published):
    assert published["sha256"] == smollm2_checkpoint.SHA256_OF_GGUF
    length = max(len(text["ids"]) for text in published["texts"])
    # What follows a text changes nothing in it, so that all have one shape.
    lists = [text["ids"] for text in published["texts"]]
    padded = np.array([ids + [0] * (length - len(ids)) for ids in lists])
    found, _ = logits(padded, *model)
    for text, rows in zip(published["texts"], found.astype(np.float64), strict=True):
        for row, right in zip(rows, text["positions"], strict=False):
            assert row.argmax() == right["best"]
            assert abs(row[right["best"]] - row_of(right["best_logit"])[0]) < TWO_FLOAT32
            assert np.abs(row[:: published["step"]] - row_of(right["logits"])).max() < TWO_FLOAT32
            normalizer = row.max() + np.log(np.exp(row - row.max()).sum())
            assert abs(normalizer - right["logsumexp"]) < TWO_FLOAT32


def test_as_transformers_gives_now(model, published):
    """Live, where it is installed: not in CI."""
    transformers = pytest.importorskip("transformers", reason="transformers is not installed")
    torch = pytest.importorskip("torch", reason="torch is not installed")
    path = smollm2_checkpoint.smollm2_path()
    theirs = transformers.AutoModelForCausalLM.from_pretrained(
        path.parent, gguf_file=path.name, dtype=torch.float32
    )
    ids = np.array([published["texts"][3]["ids"]])
    with torch.no_grad():
        right = theirs(torch.tensor(ids)).logits.numpy()
    found, _ = logits(ids, *model)
    assert np.abs(found - right).max() < TWO_FLOAT32
