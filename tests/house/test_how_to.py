"""The how-to pages of docs/: each is run from top to bottom, and prints what it says it prints."""

import contextlib
import io
import json
import re

import numpy as np
import pytest

from tests.support.paths import ROOT
from tests.support.tensor_files import write

PAGES = ROOT / "docs"


def bytes_of(*shape, seed=0):
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


def gpt_oss(folder):
    """Write two experts in two shards, and the index over them."""
    name = "model.layers.0.mlp.experts.down_proj"
    blocks = bytes_of(2, 3, 2, 16)
    blocks[0, 0, 0, :2] = 0x21, 0x43
    scales = 120 + bytes_of(2, 3, 2) % 8
    scales[0, 0] = 127, 128
    write(folder / "1.safetensors", **{f"{name}_blocks": ("U8", blocks.shape, blocks.tobytes())})
    write(folder / "2.safetensors", **{f"{name}_scales": ("U8", scales.shape, scales.tobytes())})
    where = {f"{name}_blocks": "1.safetensors", f"{name}_scales": "2.safetensors"}
    index = {"metadata": {}, "weight_map": where}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))


def deepseek(folder):
    """Write an FP8 weight with scales for tiles, and one with E8M0 scales."""
    gpt_oss(folder)
    ones = np.full((200, 256), 0x38, np.uint8)
    tiles = np.float32([[0.5, 1], [0.25, 2]])
    small = np.tile(np.uint8([0x38, 0xB8]), (8, 32))
    scales = np.full((8, 2), 120, np.uint8)
    layer = "model.layers.0.mlp.down_proj.weight"
    tensors = {
        layer: ("F8_E4M3", ones.shape, ones.tobytes()),
        f"{layer}_scale_inv": ("F32", tiles.shape, tiles.tobytes()),
        "experts.w1.weight": ("F8_E4M3", small.shape, small.tobytes()),
        "experts.w1.scale": ("F8_E8M0", scales.shape, scales.tobytes()),
    }
    write(folder / "deepseek.safetensors", **tensors)


def nvfp4(folder):
    packed, scales = bytes_of(4, 32), 0x30 + bytes_of(4, 4, seed=1) % 32
    packed[0, :2], scales[0, 0] = (0x21, 0x43), 0x38
    for file, names, number in (
        ("modelopt", ("weight", "weight_scale", "weight_scale_2"), np.float32(0.5)),
        ("compressed", ("weight_packed", "weight_scale", "weight_global_scale"), np.float32(0.7)),
    ):
        shape = (1,) if file == "compressed" else ()
        parts = [
            ("U8", packed.shape, packed.tobytes()),
            ("F8_E4M3", scales.shape, scales.tobytes()),
            ("F32", shape, number.tobytes()),
        ]
        tensors = dict(zip((f"proj.{name}" for name in names), parts, strict=True))
        write(folder / f"{file}.safetensors", **tensors)


def nothing(folder):
    pass


HOW_TO = {
    "mxfp4-checkpoint": (deepseek, ()),
    "nvfp4-checkpoint": (nvfp4, ()),
    "calibrated-scale": (nothing, ()),
    "torch-tensors": (nothing, ("torch",)),
    "format-by-table": (nothing, ()),
}


@pytest.mark.parametrize("page", HOW_TO)
def test_a_page_prints_what_it_says(page, tmp_path, monkeypatch):
    files, needs = HOW_TO[page]
    for package in needs:
        pytest.importorskip(package)
    files(tmp_path)
    monkeypatch.chdir(tmp_path)
    text = (PAGES / f"{page}.md").read_text(encoding="utf-8")
    names = {}
    found = re.findall(r"```(python|text)\n(.*?)```", text, re.DOTALL)
    assert [kind for kind, _ in found] == ["python", "text"] * (len(found) // 2)
    for (_, code), (_, printed) in zip(found[::2], found[1::2], strict=True):
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            exec(code, names)
        assert out.getvalue() == printed


def test_every_how_to_is_run():
    """A page that is not here has a test of its own."""
    own = {"index", "test-your-quantizer"}
    titles = {path.stem for path in PAGES.glob("*.md")}
    assert set(HOW_TO) <= titles
    assert {"test-your-quantizer"} <= own & titles
