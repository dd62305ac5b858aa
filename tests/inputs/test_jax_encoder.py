"""The encoder in JAX against what sentence-transformers gives for the same sentences.

Their embeddings are in tests/data; benchmarks/minilm_reference.py wrote them. Tolerances are on the
L2 distance of two embeddings of length 1, d; their cosine is 1 - d**2 / 2. Measured: 1.6e-6 between
two float32 runs, 1.0e-6 and 1.4e-6 from each to a run in float64.
"""

import json

import numpy as np
import pytest

from msdnum.inputs import minilm_checkpoint
from tests.support.paths import ROOT

jax = pytest.importorskip("jax")
pytest.importorskip("safetensors")
pytest.importorskip("tokenizers")

from msdnum.inputs import jax_encoder  # noqa: E402

PUBLISHED = ROOT / "tests" / "data" / "minilm_embeddings.json"
TWO_FLOAT32, ONE_FLOAT32 = 4e-6, 2e-6


@pytest.fixture(scope="module")
def weights():
    return jax_encoder.checkpoint()


@pytest.fixture(scope="module")
def tokens():
    return minilm_checkpoint.tokenize(minilm_checkpoint.sentences("sentences.txt"))


@pytest.fixture(scope="module")
def published():
    rows = json.loads(PUBLISHED.read_text())["embeddings"]
    return np.array([np.frombuffer(bytes.fromhex(row), ">f4") for row in rows], np.float64)


@pytest.fixture(scope="module")
def found(weights, tokens):
    return np.asarray(jax_encoder.encode_jitted(jax_encoder.pack(tokens), weights))


def distance(x, y):
    """Return the largest L2 distance of two rows."""
    return np.linalg.norm(np.asarray(x, np.float64) - np.asarray(y, np.float64), axis=-1).max()


def test_float32_is_as_published(found, published):
    assert found.dtype == np.float32
    assert found.shape == published.shape
    assert distance(found, published) <= TWO_FLOAT32


def test_float64_is_as_published(weights, tokens, published):
    with jax.enable_x64(True):
        wide = {name: np.asarray(x, np.float64) for name, x in weights.items()}
        exact = jax_encoder.encode(jax_encoder.pack(tokens), wide)
        assert exact.dtype == np.float64
    assert distance(exact, published) <= ONE_FLOAT32


def test_as_sentence_transformers_gives_now(found):
    """Live, where it is installed: not in CI."""
    transformers = pytest.importorskip("sentence_transformers")
    model = transformers.SentenceTransformer(str(minilm_checkpoint.minilm_root()), device="cpu")
    assert (
        distance(found, model.encode(minilm_checkpoint.sentences("sentences.txt"))) <= TWO_FLOAT32
    )


def test_neighbours_and_padding_change_nothing(weights, tokens, found):
    alone = jax_encoder.encode(jax_encoder.pack([tokens[12]], length=50), weights)
    assert distance(alone[0], found[12]) <= TWO_FLOAT32


def test_padding_that_is_attended_to_is_seen(weights, tokens, published):
    def careless(q, k, v, mask):
        return jax_encoder.attend(q, k, v, mask | True)

    wrong = jax_encoder.encode(jax_encoder.pack(tokens), weights, attention=careless)
    assert distance(wrong, published) > 0.01


def test_every_linear_and_attention_can_be_replaced(weights, tokens):
    used = []

    def linear(x, weight):
        name, array = weight
        used.append(name)
        return jax_encoder.multiply(x, array)

    def attention(q, k, v, mask):
        used.append(q.shape)
        return jax_encoder.attend(q, k, v, mask)

    batch = jax_encoder.pack(tokens)
    named = dict(weights) | {name: (name, weights[name]) for name in jax_encoder.linear_names()}
    *_, last = jax_encoder.states(batch, named, linear, attention)
    linears = [x for x in used if isinstance(x, str)]
    attentions = [x for x in used if isinstance(x, tuple)]
    assert linears == jax_encoder.linear_names()
    assert attentions == [(24, 12, max(map(len, tokens)), 32)] * 6
    assert last.shape == (sum(map(len, tokens)), 384)


def test_replaced_takes_linears_only(weights):
    changed = jax_encoder.replaced(dict.fromkeys(weights, 1), lambda w: w + 1)
    assert [name for name in weights if changed[name] == 2] == [
        name for name in weights if name in jax_encoder.linear_names()
    ]


@pytest.mark.parametrize(
    ("tokens", "length", "message"),
    [([], None, "tokens must be"), ([[1], []], None, "tokens must be"), ([[1, 2]], 1, "length")],
)
def test_what_is_not_a_batch(tokens, length, message):
    with pytest.raises(ValueError, match=message):
        jax_encoder.pack(tokens, length)
