"""Files of tensors: every type as another package writes it, shards, and what is no such file."""

import io
import json
import pickle
import struct
import zipfile

import ml_dtypes
import numpy as np
import pytest
from safetensors import numpy as reference

from msdnum import ELEMENT_FORMATS, unpack
from msdnum.inputs.files import DTYPES, kind_of, names_in, open_safetensors, read_tensor

BY_NUMPY = {name: np.dtype(kind) for name, (kind, bits) in DTYPES.items() if bits >= 8}
BYTES = bytes(range(256)) * 2


def write(path, **tensors):
    """Write what is named as (type, shape, bytes), by the format's description alone."""
    place, header = 0, {"__metadata__": {"format": "pt"}}
    for name, (dtype, shape, data) in tensors.items():
        span = [place, place := place + len(data)]
        header[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": span}
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + b"".join(t[2] for t in tensors.values()))
    return path


@pytest.mark.parametrize("dtype", sorted(BY_NUMPY))
def test_every_type_of_whole_bytes_is_read_as_it_is_stored(tmp_path, dtype):
    data = bytes(i & 1 for i in range(64)) if dtype == "BOOL" else BYTES
    shape = (4, len(data) // 4 // BY_NUMPY[dtype].itemsize)
    path = write(tmp_path / "x", first=("U8", [3], b"abc"), w=(dtype, shape, data))
    stored = read_tensor(f"{path}:w")
    assert (stored.name, stored.dtype, stored.shape) == ("w", dtype, shape)
    assert stored.array.dtype == BY_NUMPY[dtype]
    assert stored.array.shape == shape
    assert stored.array.tobytes() == data


@pytest.mark.parametrize("dtype", ["float32", "float64", "bfloat16", "float16", "int8", "uint32"])
def test_files_of_the_reference_implementation_are_read(tmp_path, dtype):
    x = np.arange(-6, 6).reshape(3, 4).astype(dtype)
    reference.save_file({"a": x[:1], "w": x}, tmp_path / "x")
    stored = read_tensor(f"{tmp_path / 'x'}:w")
    assert stored.array.dtype == x.dtype
    assert stored.array.tobytes() == x.tobytes()


def test_two_4_bit_elements_are_a_byte_and_the_header_counts_elements(tmp_path):
    data = bytes([0x21, 0x43, 0x65, 0xF7])
    write(tmp_path / "x", w=("F4", [2, 4], data))
    stored = read_tensor(f"{tmp_path / 'x'}:w")
    assert (stored.dtype, stored.shape, stored.array.shape) == ("F4", (2, 4), (2, 2))
    codes = unpack(stored.array, ELEMENT_FORMATS["E2M1"])
    assert codes.tolist() == [[1, 2, 3, 4], [5, 6, 7, 15]]


def test_four_6_bit_elements_are_three_bytes(tmp_path):
    path = write(tmp_path / "x", w=("F6_E2M3", [1, 4], bytes([0x41, 0x20, 0x0C])))
    stored = read_tensor(f"{path}:w")
    assert stored.array.shape == (1, 3)
    assert unpack(stored.array, ELEMENT_FORMATS["E2M3"]).tolist() == [[1, 1, 2, 3]]


def test_a_tensor_is_mapped_and_cannot_be_written(tmp_path):
    path = write(tmp_path / "x", w=("F32", [2], bytes(8)))
    array = read_tensor(f"{path}:w").array
    assert isinstance(array, np.memmap)
    with pytest.raises(ValueError, match="read-only"):
        array[0] = 1


def test_empty_tensors_and_tensors_without_axes_are_read(tmp_path):
    path = write(tmp_path / "x", none=("F32", [0, 3], b""), one=("F8_E8M0", [], b"\x7f"))
    assert read_tensor(f"{path}:none").array.shape == (0, 3)
    assert float(read_tensor(f"{path}:one").array) == 1
    assert open_safetensors(write(tmp_path / "y", none=("F32", [0], b"")))["none"].array.size == 0


def sharded(folder):
    """Write an index over two shards, of one F32 and one BF16 tensor."""
    x = np.float32([[1.5, -2], [0.25, 3]])
    write(folder / "model-1.safetensors", a=("F32", [2, 2], x.tobytes()))
    narrow = x.astype(ml_dtypes.bfloat16)
    write(folder / "model-2.safetensors", **{"b:0": ("BF16", [2, 2], narrow.tobytes())})
    shards = {"a": "model-1.safetensors", "b:0": "model-2.safetensors"}
    path = folder / "model.safetensors.index.json"
    path.write_text(json.dumps({"metadata": {}, "weight_map": shards}))
    return path, x


@pytest.mark.parametrize("name", ["a", "b:0"])
def test_an_index_is_followed_to_the_shard(tmp_path, name):
    path, x = sharded(tmp_path)
    assert (read_tensor(f"{path}:{name}").array.astype(np.float32) == x).all()
    assert names_in(str(path)) == ["a", "b:0"]


def message(source):
    with pytest.raises(ValueError, match=r"^tensor [^\n]*$") as caught:
        read_tensor(source)
    return str(caught.value)


def test_an_index_names_its_near_tensors_and_its_faults(tmp_path):
    path, _ = sharded(tmp_path)
    assert message(f"{path}:c").endswith("such as a, b:0, got 'c'")
    shards = {"c": "model-1.safetensors", "d": "gone.safetensors"}
    path.write_text(json.dumps({"weight_map": shards}))
    assert "must be in 'model-1.safetensors', which" in message(f"{path}:c")
    assert message(f"{path}:d").endswith("gone.safetensors'")
    for text in ("{}", "[]", '{"weight_map": {"a": 1}}', '{"weight_map": []}', "no json"):
        path.write_text(text)
        assert "must be an index over shards, with a weight_map" in message(f"{path}:a")


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


def header(**about):
    about = {"dtype": "U8", "shape": [2], "data_offsets": [0, 2]} | about
    text = json.dumps({"w": about}).encode()
    return struct.pack("<Q", len(text)) + text + b"ab"


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        (b"", "0 bytes hold no header"),
        (struct.pack("<Q", 1 << 40), "8 bytes hold no header of 1099511627776"),
        (struct.pack("<Q", 2) + b"no", "its header is no JSON"),
        (struct.pack("<Q", 2) + b"[]", "its header is no JSON object, but list"),
        (struct.pack("<Q", 7) + b'{"w":1}', "'w' has no dtype, shape and data_offsets"),
        (header(dtype="F2"), "'w' has the unknown type 'F2'"),
        (header(dtype=[]), r"'w' has the unknown type \[\]"),
        (header(shape=[-2]), "'w' has a shape or offsets that are no natural numbers"),
        (header(shape=[2.0]), "'w' has a shape or offsets that are no natural numbers"),
        (header(shape=[3]), r"'w' of U8 \[3\] has 2 bytes"),
        (header(shape=[1], data_offsets=[1, 2]), "'w' begins at byte 1 of the data, not at 0"),
        (header(shape=[1], data_offsets=[0, 1]), "its tensors have 1 bytes, its data 2"),
        (header(dtype="F4", shape=[4, 1]), r"'w' of F4 \[4, 1\] has rows of no whole bytes"),
    ],
)
def test_a_damaged_file_says_what_is_wrong(tmp_path, data, fault):
    path = tmp_path / "x"
    path.write_bytes(data)
    with pytest.raises(ValueError, match=f"is not a safetensors file: {fault}"):
        read_tensor(f"{path}:w")
