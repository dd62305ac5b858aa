"""Helpers of the tests of files of tensors."""

import json
import struct

import pytest

from msdnum.inputs.files import read_tensor


def write(path, **tensors):
    """Write what is named as (type, shape, bytes), by the format's description alone."""
    place, header = 0, {"__metadata__": {"format": "pt"}}
    for name, (dtype, shape, data) in tensors.items():
        span = [place, place := place + len(data)]
        header[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": span}
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + b"".join(t[2] for t in tensors.values()))
    return path


def message(source):
    with pytest.raises(ValueError, match=r"^tensor [^\n]*$") as caught:
        read_tensor(source)
    return str(caught.value)


def header(**about):
    about = {"dtype": "U8", "shape": [2], "data_offsets": [0, 2]} | about
    text = json.dumps({"w": about}).encode()
    return struct.pack("<Q", len(text)) + text + b"ab"
