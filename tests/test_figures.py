"""Figures: the same bytes again, the committed ones among them, and a command with clear errors."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from msdnum import figures, plotting
from msdnum.__main__ import main
from msdnum.experiments import CATALOGUE

ROOT = Path(__file__).resolve().parent.parent
COMMITTED = ROOT / figures.FIGURES
CHEAP = "cost_traffic"

EACH_FIGURE = pytest.mark.parametrize("name", figures.DRAWINGS)


@pytest.fixture(autouse=True)
def at_the_root(monkeypatch):
    monkeypatch.chdir(ROOT)


@pytest.fixture
def tables(tmp_path, monkeypatch):
    """Write into a folder of their own what would go into the repository."""
    monkeypatch.setattr(figures, "FIGURES", tmp_path / "figures")
    monkeypatch.setattr(figures, "QUICK", tmp_path / "quick")
    return tmp_path


def same_bytes(first, second):
    return [a.read_bytes() == b.read_bytes() for a, b in zip(first, second, strict=True)]


def committed(name):
    return COMMITTED / f"{name}.png", COMMITTED / f"{name}.pdf"


@pytest.mark.parametrize("name", [CHEAP, "gemm_ozaki"])
def test_a_committed_figure_is_what_redrawing_gives(name, tmp_path):
    drawn = figures.draw(name, COMMITTED / "tables" / f"{name}.csv", tmp_path)
    assert same_bytes(drawn, committed(name)) == [True, True]


@pytest.mark.slow
@EACH_FIGURE
def test_every_committed_figure_is_what_redrawing_gives(name, tmp_path):
    drawn = figures.draw(name, COMMITTED / "tables" / f"{name}.csv", tmp_path)
    assert same_bytes(drawn, committed(name)) == [True, True]


@EACH_FIGURE
def test_a_committed_figure_was_drawn_from_the_committed_table(name):
    """Else: ``msdnum figures --redraw``."""
    said = figures.source(COMMITTED / "tables" / f"{name}.csv").encode()
    assert [said in path.read_bytes() for path in committed(name)] == [True, True]


def test_another_process_on_another_day_draws_the_same_bytes(tmp_path):
    """Neither the order of sets, nor a clock, nor a user's own style gets in."""
    (tmp_path / "matplotlibrc").write_text("font.size: 20\nbackend: svg\n")
    command = [sys.executable, "-m", "msdnum", "figures", CHEAP, "--redraw", "--out", tmp_path]
    day = {"SOURCE_DATE_EPOCH": "86400", "PYTHONHASHSEED": "7", "MATPLOTLIBRC": str(tmp_path)}
    subprocess.run(command, check=True, env=os.environ | day, capture_output=True)
    drawn = tmp_path / f"{CHEAP}.png", tmp_path / f"{CHEAP}.pdf"
    assert same_bytes(drawn, committed(CHEAP)) == [True, True]


def test_every_figure_is_committed_small_and_described():
    described = (COMMITTED / "README.md").read_text(encoding="utf-8")
    for name in figures.DRAWINGS:
        png, pdf = committed(name)
        assert png.stat().st_size <= 200_000
        assert pdf.stat().st_size <= 60_000
        assert f"({name}.png)" in described
    assert {path.stem for path in COMMITTED.glob("*.p[nd][gf]")} == set(figures.DRAWINGS)
    assert all(f"tables/{name}.csv" in described for name in CATALOGUE)


def test_every_figure_has_an_experiment():
    assert set(figures.DRAWINGS) <= set(CATALOGUE)


# The command


def test_a_table_is_made_and_drawn(tables, capsys):
    assert main(["figures", CHEAP]) == 0
    out = tables / "figures"
    made = [out / "tables" / f"{CHEAP}.csv", out / f"{CHEAP}.png", out / f"{CHEAP}.pdf"]
    assert capsys.readouterr().out.split() == list(map(str, made))
    assert made[0].read_bytes() == (COMMITTED / "tables" / f"{CHEAP}.csv").read_bytes()
    assert same_bytes(made[1:], committed(CHEAP)) == [True, True]


def test_quick_tables_go_elsewhere(tables, capsys):
    assert main(["figures", "gemm_ozaki", "--quick"]) == 0
    assert (tables / "quick" / "tables" / "gemm_ozaki.csv").exists()
    assert (tables / "quick" / "gemm_ozaki.png").exists()
    assert not (tables / "figures").exists()


def test_a_table_without_a_figure_is_only_written(tables, capsys):
    assert main(["figures", "cost_sources"]) == 0
    assert capsys.readouterr().out.split() == [
        str(tables / "figures" / "tables" / "cost_sources.csv")
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nothing"], "name must be one of effective_bits, .*, cost_sources, .*, got 'nothing'"),
        (["cost_sources", "--redraw"], "name must be one of .*, got 'cost_sources'"),
    ],
)
def test_unknown_names(arguments, message, tables, capsys):
    assert main(["figures", *arguments]) == 2
    assert re.search(message, capsys.readouterr().err)
    assert not list(tables.iterdir())


def test_a_table_that_is_not_there(tables, capsys):
    assert main(["figures", CHEAP, "--redraw"]) == 2
    assert "No such file" in capsys.readouterr().err


# Style


def test_rows_that_are_not_there_are_missed():
    records = [{"a b": "1", "c": "2"}]
    assert plotting.only(records, a_b="1", c="2") == records
    with pytest.raises(ValueError, match="cells must be those of a row of the table"):
        plotting.only(records, a_b="2")


def test_marks_differ():
    marks = plotting.MARKS.values()
    assert len(set(marks)) == len(marks)
