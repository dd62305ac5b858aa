"""What is timed computes what it says; the command runs anywhere and says what it needs."""

import argparse
import csv

import jax
import numpy as np
import pytest

from msdnum.bench import device
from msdnum.bench.device import BASELINE, METHODS, Layer, machine_of, measured, methods
from msdnum.cli import measure
from msdnum.experiments import tables

SMALL = Layer("small", 64, 48)


def parse(*words):
    parser = argparse.ArgumentParser()
    measure.add_arguments(parser)
    return parser.parse_args(words)


def test_methods_compute_the_same_product():
    x, codes, scale = device._operands(8, SMALL, 0)
    exact = np.asarray(x, np.float64) @ (np.asarray(codes, np.float64) * np.asarray(scale))
    size = np.abs(np.asarray(x, np.float64)) @ (np.abs(codes).astype(np.float64) * scale)
    calls = methods(8, SMALL, 0)
    assert tuple(calls) == METHODS
    for name, call in calls.items():
        if name == "FP8, one product":
            continue  # of unscaled activations by row
        # BF16 weights and results: two roundings to 8 bits, and float32 sums.
        assert (np.abs(np.asarray(call(), np.float64) - exact) <= size * 2**-7.9).all(), name


def test_two_products_of_terms_that_leave_what_claim_c1_allows():
    x, codes, _ = device._operands(8, SMALL, 0)
    first, second, row = (np.asarray(v) for v in jax.jit(device._terms)(x))
    left = np.asarray(x, np.float64) - row.astype(np.float64) * (first + second / 254)
    allowed = np.abs(np.asarray(x, np.float64)).max(1, keepdims=True) / 64516
    # XLA multiplies by 1/127, so a tie may go the other way: float32 roundings, as in theorem
    # int8-decomposition-float32.
    assert (np.abs(left) <= allowed * 1.01).all()
    found = np.asarray(device._dot(first, codes, np.int32))
    np.testing.assert_array_equal(found, first.astype(np.int64) @ np.asarray(codes, np.int64))


def test_every_row_has_time_ratio_and_model(monkeypatch):
    monkeypatch.setattr(device, "LAP", 0)
    monkeypatch.setattr(device, "device_kind", lambda: "NVIDIA H100 80GB HBM3")
    rows = list(measured((SMALL,), (1, 2), 1))
    assert [row["method"] for row in rows] == [*METHODS, *METHODS]
    assert all(row["seconds"] > 0 for row in rows)
    for row in rows:
        assert row["method"] != BASELINE or row["over_baseline"] == 1
        assert (row["model_over_baseline"] == "") == (row["method"] == METHODS[0])
    two = [r for r in rows if r["method"] == "INT8, two products"]
    assert two[0]["model_over_baseline"] == pytest.approx(2 / 5, abs=0.1)  # C6: 2Md over 5Md


def test_machines_by_the_name_of_the_device():
    assert machine_of("NVIDIA H200").name == "H200 SXM"
    assert machine_of("NVIDIA H100 80GB HBM3").name == "H100 SXM"
    assert machine_of("cpu") is None


def test_command(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(device, "LAP", 0)
    monkeypatch.setattr(device, "LAYERS", (SMALL,))
    path = tmp_path / "times.csv"
    assert measure.run(parse("--quick", "--rounds=1", f"--out={path}")) == 0
    header, rows = tables.read(path)
    assert header["device"] == "cpu"
    assert header["versions"]["jax"] == jax.__version__
    assert len(rows) == 2 * len(METHODS)
    assert {row["model_over_baseline"] for row in rows} == {""}
    captured = capsys.readouterr()
    assert "default device is a CPU" in captured.err
    assert measure.run(parse("--quick", "--rounds=1")) == 0
    printed = capsys.readouterr().out.splitlines()
    assert len(list(csv.DictReader(printed[1:]))) == len(rows)


def test_rounds_must_be_positive():
    with pytest.raises(ValueError, match="rounds must be positive, got 0"):
        measure.run(parse("--rounds=0"))
