"""Drawings: the same bytes from the same table, by any process."""

import os
import re
import subprocess
import sys

import pytest

from msdnum.cli import figures
from msdnum.experiments import drawing
from msdnum.experiments.tables import read
from tests.support.figures import (
    CHEAP,
    COMMITTED,
    DRAWN,
    EACH_FIGURE,
    _drawing,
    committed,
    same_bytes,
)
from tests.support.manners import refused
from tests.support.paths import ROOT, TABLES


@pytest.fixture(autouse=True)
def at_the_root(monkeypatch):
    monkeypatch.chdir(ROOT)


@EACH_FIGURE
def test_a_committed_figure_was_drawn_from_the_committed_table(name):
    """Else: ``msdnum figures --redraw``."""
    said = drawing.source(DRAWN[name].table_in(COMMITTED)).encode()
    assert [said in path.read_bytes() for path in committed(name)] == [True, True]


def test_another_process_on_another_day_draws_the_same_bytes(tmp_path):
    """Neither the order of sets, nor a clock, nor a user's own style gets in."""
    (tmp_path / "matplotlibrc").write_text("font.size: 20\nbackend: svg\n")
    command = [sys.executable, "-m", "msdnum", "figures", CHEAP, "--redraw", "--out", tmp_path]
    day = {"SOURCE_DATE_EPOCH": "86400", "PYTHONHASHSEED": "7", "MATPLOTLIBRC": str(tmp_path)}
    subprocess.run(command, check=True, env=os.environ | day, capture_output=True)
    drawn = tmp_path / "msd" / f"{CHEAP}.png", tmp_path / "msd" / f"{CHEAP}.pdf"
    assert same_bytes(drawn, committed(CHEAP)) == [True, True]


@pytest.fixture
def drawn(monkeypatch):
    """Return what draws a figure from its table and tells its curves and bounds."""

    def draw(name):
        draws, calls = _drawing(name), {"curve": [], "bound": []}
        for kind, found in calls.items():
            monkeypatch.setitem(
                draws.__globals__, kind, lambda *given, _found=found: _found.append(given[:4])
            )
        monkeypatch.setitem(draws.__globals__, "legend", lambda *given: None)
        draws(read(DRAWN[name].table_in(COMMITTED))[1])
        return calls["curve"], calls["bound"]

    return draw


# Tables that are none


@pytest.fixture
def table(tmp_path, monkeypatch):
    monkeypatch.setattr(figures, "OUT", tmp_path)
    (tmp_path / "msd" / "tables").mkdir(parents=True)

    def write(text):
        (tmp_path / "msd" / "tables" / "cost_traffic.csv").write_text(text)

    return write


HEADER = '# {"experiment": "cost_traffic"}\n'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            '# {"a":' + "[" * 100_000 + "\n",
            "must begin with '# {' and JSON, (maximum recursion|Stack overflow)",
        ),
        ('# {"a": 1}\nb\n2\n', "must be of the experiment cost_traffic, got None"),
        ('# {"experiment": ["cost_traffic"]}\nb\n2\n', r"got \['cost_traffic'\]"),
        (f'{HEADER}b\n"{"x" * 200_000}"\n', "must be CSV, field larger than field limit"),
        (f'{HEADER}b\n"x"y\n', "must be CSV, ',' expected after '\"'"),
        (f"{HEADER}b,c\n", "must have rows"),
        (f"{HEADER}b\n2\n", "cannot be drawn as cost_traffic, KeyError: "),
    ],
)
def test_a_table_that_cannot_be_drawn_is_one_line(table, text, message, capsys):
    table(text)
    assert re.search(message, refused(capsys, "figures", "cost_traffic", "--redraw"))


def test_a_table_of_another_experiment_is_not_drawn(table, capsys, tmp_path):
    table((TABLES / "cost_batch.csv").read_text())
    error = refused(capsys, "figures", "cost_traffic", "--redraw")
    assert "must be of the experiment cost_traffic, got 'cost_batch'" in error
    assert [path.name for path in (tmp_path / "msd").iterdir()] == ["tables"]
