"""Real tensors: all-MiniLM-L6-v2 against scalar arithmetic; files whole, damaged and wrong."""

import json
import struct

import ml_dtypes
import numpy as np
import pytest
from safetensors.numpy import save_file

from msdnum.inputs import families, minilm_checkpoint, tensors
from msdnum.inputs.tensors import load_tensor


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


@pytest.mark.parametrize("name", ["plain", "a:b", "a:b:c", ":", "a:"])
def test_a_tensor_with_colons_in_its_name(tmp_path, name):
    path = tmp_path / "model.safetensors"
    save_file({name: np.ones((1, 2), np.float32), "b": np.zeros((1, 1), np.float32)}, path)
    assert load_tensor(f"{path}:{name}").shape == (1, 2)


def test_a_file_with_colons_in_its_name(tmp_path):
    path = tmp_path / "model:v1"
    save_file({"b": np.ones((1, 2), np.float32)}, path)
    assert load_tensor(f"{path}:b").shape == (1, 2)
    with pytest.raises(ValueError, match="tensor file must exist, got 'none:a'"):
        load_tensor("none:a:b")
