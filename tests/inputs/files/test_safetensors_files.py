"""Safetensors files: every type as it is stored, mapped, and damage that is named."""

import struct

import numpy as np
import pytest
from safetensors import numpy as reference

from msdnum import ELEMENT_FORMATS, unpack
from msdnum.inputs.files import DTYPES, open_safetensors, read_tensor
from tests.support.tensor_files import header, write

BY_NUMPY = {name: np.dtype(kind) for name, (kind, bits) in DTYPES.items() if bits >= 8}


BYTES = bytes(range(256)) * 2


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
