"""``msdnum bench``: its suites, JSON, and one line for wrong use."""

import json
import re
from argparse import ArgumentParser

import numpy as np
import pytest

from msdnum.bench import quantization, unit_products
from msdnum.cli import bench
from msdnum.formats.accumulators import HOPPER


def parse(*words):
    parser = ArgumentParser()
    bench.add_arguments(parser)
    return parser.parse_args(words)


def test_quantize_suite_and_its_json(tmp_path, capsys):
    path = tmp_path / "times.json"
    assert bench.run(parse("--size=64", "--rounds=1", f"--json={path}")) == 0
    out = capsys.readouterr().out
    assert out.startswith("64 x 64 float32, median of 1 rounds")
    document = json.loads(path.read_text())
    assert document["suite"] == "quantize"
    assert document["size"] == 64
    assert document["versions"]["numpy"] == np.__version__
    timings = document["timings"]
    assert [t["case"] for t in timings[:2]] == ["memcpy", "sgemm"]
    for timing in timings:
        assert timing["case"] in out
        assert timing["over_memcpy"] == timing["seconds"] / timings[0]["seconds"]
        assert timing["over_sgemm"] == timing["seconds"] / timings[1]["seconds"]
    goals = {(t["case"], t["backend"]): t["goal_over_memcpy"] for t in timings}
    assert goals["MXFP4 quantize", "JAX jit"] == goals["MXFP8 quantize", "JAX jit"] == 1.6
    assert goals["MXFP4 x2 terms", "JAX jit"] == 3.5
    assert goals["MXFP4 dequantize", "JAX jit"] is None
    assert (goals["MXFP4 quantize", "NumPy"], goals["MXFP4 x2 terms", "NumPy"]) == (8, 22)
    floors = {t["case"]: t["floor_over_memcpy"] for t in timings}
    assert (floors["memcpy"], floors["x + 1"], floors["sgemm"]) == (1, 1, None)
    # Four bytes in, one out, and one scale for 32: of the eight that memcpy moves.
    assert floors["MXFP4 quantize"] == floors["MXFP4 dequantize"] == (4 + 1 + 1 / 32) / 8
    assert floors["INT8 x2 terms, float32"] == (4 + 2 + 2 * 4 / 64) / 8
    assert {"cast to float4_e2m1fn", "cast to float8_e4m3fn"} <= {t["case"] for t in timings}


def test_gemm_suite(capsys, monkeypatch):
    monkeypatch.setattr(unit_products, "TIMED_UNITS", {"HOPPER": HOPPER})
    assert bench.run(parse("gemm", "--size=32", "--rounds=1")) == 0
    out = capsys.readouterr().out
    assert re.search(r"^INT8x2 x INT8, exact +numpy( +[0-9.]+){4}$", out, re.M)
    assert re.search(r"^float32 +jax ", out, re.M)
    assert re.search(r"^HOPPER, 32\^3 +jax( +[0-9.]+){4}$", out, re.M)


def test_a_path_that_cannot_be_written_is_refused_before_the_work(tmp_path, monkeypatch):
    monkeypatch.setattr(quantization, "measure", lambda *_: pytest.fail("measured"))
    path = tmp_path / "no" / "times.json"
    with pytest.raises(ValueError, match=r"json file .*times\.json' cannot be written: No such"):
        bench.run(parse("--size=8", f"--json={path}"))


@pytest.mark.parametrize("words", [["sorting"], ["--size=0"], ["--size=big"], ["--rounds=-1"]])
def test_wrong_use(words, capsys):
    with pytest.raises(SystemExit, match="2"):
        parse(*words)
    assert words[0].split("=")[-1] in capsys.readouterr().err
