"""GGUF files that the package gguf writes, and what is none."""

import numpy as np
import pytest

gguf = pytest.importorskip("gguf", reason="the package gguf is not installed")

from msdnum.emulator.layouts import GGUF_Q4_1, GGUF_Q8_0  # noqa: E402
from msdnum.inputs.files.gguf_files import open_gguf  # noqa: E402

X = np.random.default_rng(1).standard_normal((3, 64), np.float32)
LAYOUTS = {"Q4_1": GGUF_Q4_1, "Q8_0": GGUF_Q8_0}


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "made.gguf"
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_uint32("made.count", 7)
    writer.add_array("made.names", ["a", "bc"])
    writer.add_tensor("plain", X)
    for name in LAYOUTS:
        kind = gguf.GGMLQuantizationType[name]
        writer.add_tensor(name, gguf.quantize(X, kind), raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def test_settings_and_tensors_are_as_written(path):
    file = open_gguf(path)
    assert file.setting("made.count") == 7
    assert file.setting("made.names") == ["a", "bc"]
    assert list(file.tensors) == ["plain", *LAYOUTS]
    plain = file.tensors["plain"]
    assert (plain.type, plain.shape) == ("F32", (3, 64))
    assert plain.numbers().tobytes() == X.tobytes()


@pytest.mark.parametrize("name", LAYOUTS)
def test_blocks_are_read_alike_by_the_layouts(name, path):
    tensor = open_gguf(path).tensors[name]
    assert (tensor.type, tensor.shape) == (name, (3, 64))
    found = LAYOUTS[name].read(np.asarray(tensor.stored)).dequantize()
    assert (found == tensor.numbers()).all()
    assert np.abs(found - X).max() < 0.2


def test_what_is_not_there_or_no_gguf_file_is_refused(path, tmp_path):
    with pytest.raises(ValueError, match=r"must have the setting 'made.other'"):
        open_gguf(path).setting("made.other")
    with pytest.raises(ValueError, match="cannot be read"):
        open_gguf(tmp_path / "none.gguf")
    other = tmp_path / "other.gguf"
    np.save(other.with_suffix(".npy"), X)
    with pytest.raises(ValueError, match=r"must begin with b'GGUF', got a NumPy array"):
        open_gguf(other.with_suffix(".npy"))
    other.write_bytes(path.read_bytes()[:200])
    with pytest.raises(ValueError, match=r"GGUF file '.*other.gguf' is damaged"):
        open_gguf(other)
