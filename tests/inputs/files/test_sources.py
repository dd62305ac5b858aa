"""Files of tensors: every type as another package writes it, shards, and what is no such file."""

import json

import ml_dtypes
import numpy as np
import pytest

from msdnum.inputs.files import names_in, read_tensor
from tests.support.tensor_files import message, write


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
