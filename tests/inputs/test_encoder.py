"""The encoder against a plain float64 computation that shares no code with it."""

import math

import numpy as np
import pytest

from msdnum.inputs import encoder, minilm_checkpoint

pytest.importorskip("safetensors")
pytest.importorskip("tokenizers")


def checkpoint():
    from safetensors import safe_open

    with safe_open(
        minilm_checkpoint.minilm_root() / "model.safetensors", framework="numpy"
    ) as file:
        return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118


def sentences():
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(minilm_checkpoint.minilm_root() / "tokenizer.json"))
    tokenizer.no_padding()
    lines = minilm_checkpoint.sentences("sentences.txt")
    return [tokenizer.encode(line).ids for line in lines]


def normalize(x, w, name):
    mean, variance = x.mean(-1, keepdims=True), x.var(-1, keepdims=True)
    scaled = (x - mean) / np.sqrt(variance + 1e-12)
    return scaled * w[f"{name}.LayerNorm.weight"] + w[f"{name}.LayerNorm.bias"]


def encode(ids, w):
    """Run one sentence in float64, and return what each linear was given, and the output."""
    given = []

    def linear(name, x):
        given.append(x)
        return np.einsum("ti,oi->to", x, w[f"{name}.weight"]) + w[f"{name}.bias"]

    x = w["embeddings.word_embeddings.weight"][ids].copy()
    x += w["embeddings.position_embeddings.weight"][: len(ids)]
    x += w["embeddings.token_type_embeddings.weight"][0]
    x = normalize(x, w, "embeddings")
    for i in range(6):
        p = f"encoder.layer.{i}"
        q, k, v = (linear(f"{p}.attention.self.{part}", x) for part in ("query", "key", "value"))
        mixed = np.empty_like(x)
        for head in range(12):
            part = slice(32 * head, 32 * head + 32)
            weights = np.exp(q[:, part] @ k[:, part].T / math.sqrt(32))
            mixed[:, part] = weights / weights.sum(-1, keepdims=True) @ v[:, part]
        x = normalize(x + linear(f"{p}.attention.output.dense", mixed), w, f"{p}.attention.output")
        h = linear(f"{p}.intermediate.dense", x)
        h = h * 0.5 * (1 + np.vectorize(math.erf)(h / math.sqrt(2)))
        x = normalize(x + linear(f"{p}.output.dense", h), w, f"{p}.output")
    return given, x


@pytest.fixture(scope="module")
def reference():
    w = {name: x.astype(np.float64) for name, x in checkpoint().items() if x.dtype.kind == "f"}
    chosen = [0, 7, 23]
    return chosen, [encode(sentences()[i], w) for i in chosen]


def part(lengths, i):
    start = sum(lengths[:i])
    return slice(start, start + lengths[i])


def test_every_activation_and_the_output(reference):
    found = encoder.trace()
    for i, (given, output) in zip(*reference, strict=True):
        rows = part(found.lengths, i)
        pairs = [(x.activations[rows], y) for x, y in zip(found.linears, given, strict=True)]
        for ours, theirs in [*pairs, (found.output[rows], output)]:
            assert ours.dtype == np.float32
            assert np.abs(ours - theirs).max() <= 4e-6 * np.abs(theirs).max()


def test_a_wrong_layer_would_be_seen(reference):
    """The layers differ by far more than the tolerance."""
    (_, given_output), rows = reference[1][0], part(encoder.trace().lengths, 0)
    last = encoder.trace().linears[-6].activations[rows]
    assert np.abs(last - given_output).max() > 0.1


def test_linears_are_all_there():
    found = encoder.linears()
    weights = checkpoint()
    assert [(x.layer, x.name) for x in found] == [
        (i, name) for i in range(6) for name in encoder.LINEARS
    ]
    for x in found:
        stored = weights[f"encoder.layer.{x.layer}.{encoder.LINEARS[x.name]}.weight"]
        assert (x.weight == stored).all()
        assert x.activations.shape == (sum(encoder.trace().lengths), stored.shape[1])


def test_first_activations_are_those_of_minilm():
    """The first linear sees what ``tensors.minilm`` gives."""
    assert (encoder.linears()[0].in_bf16() == minilm_checkpoint.minilm().activations).all()
