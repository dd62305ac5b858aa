"""``msdnum measure``: what it prints, and that rounds are positive."""

import argparse
import csv

import jax
import pytest

from msdnum.bench import device
from msdnum.bench.device import METHODS
from msdnum.cli import measure
from msdnum.experiments import tables
from tests.support.device import SMALL


def parse(*words):
    parser = argparse.ArgumentParser()
    measure.add_arguments(parser)
    return parser.parse_args(words)


@pytest.mark.slow
def test_command(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(device, "LAP", 0)
    monkeypatch.setattr(device, "MOST", 2)
    monkeypatch.setattr(device, "LAYER_SHAPES", (SMALL,))
    path = tmp_path / "times.csv"
    assert measure.run(parse("--quick", "--rounds=1", f"--out={path}")) == 0
    header, rows = tables.read(path)
    assert header["device"] == "cpu"
    assert header["versions"]["jax"] == jax.__version__
    assert len(rows) == 4 * len(METHODS)
    assert {row["model_over_baseline"] for row in rows} == {""}
    captured = capsys.readouterr()
    assert "default device is a CPU" in captured.err
    assert measure.run(parse("--quick", "--rounds=1")) == 0
    printed = capsys.readouterr().out.splitlines()
    assert len(list(csv.DictReader(printed[1:]))) == len(rows)


def test_rounds_must_be_positive():
    with pytest.raises(ValueError, match="rounds must be positive, got 0"):
        measure.run(parse("--rounds=0"))
