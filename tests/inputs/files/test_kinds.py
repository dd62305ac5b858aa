"""Kinds of files: a wrong one is told what it is."""

import io
import pickle
import zipfile

import numpy as np
import pytest

from msdnum.inputs.files import kind_of, names_in
from tests.support.tensor_files import message, write


def npy(x):
    file = io.BytesIO()
    np.save(file, x)
    return file.getvalue()


def archive():
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as made:
        made.writestr("model/data.pkl", b"data")
    return file.getvalue()


OTHERS = {
    "a NumPy array": npy(np.zeros(4)),
    "a GGUF file": b"GGUF" + bytes(60),
    "a zip archive": archive(),
    "a pickle": pickle.dumps({"w": 1}),
    "an HDF5 file": b"\x89HDF\r\n\x1a\n" + bytes(60),
    "JSON": b'{\n  "metadata": {}, "weight_map": {"w": "model-00001-of-00002.safetensors"}}',
    "an HTML page": b"<!DOCTYPE html><html><title>404</title></html>",
    "a Git LFS pointer": b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n",
}


@pytest.mark.parametrize("kind", OTHERS)
def test_what_is_no_safetensors_file_is_told_what_it_is(tmp_path, kind):
    path = tmp_path / "x"
    path.write_bytes(OTHERS[kind])
    assert f"is not a safetensors file: it is {kind}" in message(f"{path}:w")
    assert str(kind_of(OTHERS[kind])).startswith(kind)


def test_a_header_of_128_bytes_is_no_pickle(tmp_path):
    """Its length begins with a pickle's first byte."""
    for extra in range(128):
        path = write(tmp_path / "x", **{"w" * (1 + extra): ("U8", [1], b"\0")})
        if path.read_bytes()[0] == 0x80:
            break
    assert path.read_bytes()[0] == 0x80
    assert names_in(str(path)) == ["w" * (1 + extra)]
