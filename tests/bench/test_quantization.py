import json
import re
from argparse import ArgumentParser
from types import SimpleNamespace

import numpy as np
import pytest

from msdnum.bench import quantization
from msdnum.bench.quantization import Case, Timing, measure, table
from msdnum.cli import bench


def parse(*words):
    parser = ArgumentParser()
    bench.add_arguments(parser)
    return parser.parse_args(words)


@pytest.fixture
def clock(monkeypatch):
    """A clock that goes on only when a case says so."""
    now = SimpleNamespace(seconds=0.0)
    monkeypatch.setattr(quantization.time, "perf_counter", lambda: now.seconds)

    def case(name, *laps):
        left = list(laps)

        def call():
            now.seconds += left.pop(0)

        return Case(name, "test", call, goal=3)

    return case


def test_medians_of_interleaved_rounds_without_the_first_call(clock):
    timings = measure([clock("a", 100, 1, 9, 2), clock("b", 100, 4, 4, 50)], 3)
    assert [(t.case.name, t.seconds) for t in timings] == [("a", 2), ("b", 4)]
    assert timings[1].over(timings[0]) == 2


def test_table():
    unit = Timing(Case("memcpy", "NumPy", int), 0.010)
    lines = table([unit, Timing(Case("slow case", "JAX jit", int, 25), 0.125)], unit).splitlines()
    assert lines == [
        "case       backend     ms  x memcpy  goal",
        "memcpy     NumPy     10.0      1.00",
        "slow case  JAX jit  125.0     12.50    25",
    ]


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
    assert goals["MXFP4 quantize", "JAX jit"] == goals["MXFP8 quantize", "JAX jit"] == 3
    assert goals["MXFP4 x2 terms", "JAX jit"] == 6
    assert goals["MXFP4 dequantize", "JAX jit"] is None
    assert goals["MXFP4 quantize", "NumPy"] == goals["MXFP4 x2 terms", "NumPy"] == 25
    assert {"cast to float4_e2m1fn", "cast to float8_e4m3fn"} <= {t["case"] for t in timings}


def test_references_do_what_they_say():
    x = quantization.operand(32)
    copy, product = (case.call for case in quantization.reference_cases(32))
    assert x.shape == (32, 32)
    assert x.dtype == np.float32
    assert copy() is None
    assert np.array_equal(product(), x @ x)


def test_gemm_suite(capsys):
    assert bench.run(parse("gemm", "--size=32", "--rounds=1")) == 0
    out = capsys.readouterr().out
    assert re.search(r"^INT8x2 x INT8, exact +numpy +[0-9.]+ +[0-9.]+$", out, re.M)
    assert re.search(r"^float32 +jax ", out, re.M)


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
