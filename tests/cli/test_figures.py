"""Figures: the same bytes again, the committed ones among them, and a command with clear errors."""

import os
import re
import subprocess
import sys

import pytest

from msdnum import _repository
from msdnum.__main__ import main
from msdnum.cli import figures
from msdnum.experiments import drawing, plots
from msdnum.experiments.tables import read
from tests.support.paths import ROOT

COMMITTED = ROOT / figures.FIGURES
CHEAP = "cost_traffic"

DRAWN = {member.name: member for member in figures._drawings()}
TABLES = {member.name: member for member in figures._tables()}
EACH_FIGURE = pytest.mark.parametrize("name", DRAWN)
EACH_TRIAL = pytest.mark.parametrize(
    "trial", sorted({member.trial.name for member in TABLES.values()})
)


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
    folder = COMMITTED / DRAWN[name].trial.name
    return folder / f"{name}.png", folder / f"{name}.pdf"


@pytest.mark.parametrize("name", [CHEAP, "gemm_ozaki"])
def test_a_committed_figure_is_what_redrawing_gives(name, tmp_path):
    member = DRAWN[name]
    drawn = member.draw(member.table_in(COMMITTED), tmp_path)
    assert same_bytes(drawn, committed(name)) == [True, True]


@pytest.mark.slow
@EACH_FIGURE
def test_every_committed_figure_is_what_redrawing_gives(name, tmp_path):
    member = DRAWN[name]
    drawn = member.draw(member.table_in(COMMITTED), tmp_path)
    assert same_bytes(drawn, committed(name)) == [True, True]


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


def described(trial):
    return (COMMITTED / trial / "README.md").read_text(encoding="utf-8")


def names(members, trial):
    return {name for name, member in members.items() if member.trial.name == trial}


@EACH_TRIAL
def test_every_figure_is_committed_small_and_described(trial):
    for name in names(DRAWN, trial):
        png, pdf = committed(name)
        assert png.stat().st_size <= 200_000
        assert pdf.stat().st_size <= 60_000
        assert f"({name}.png)" in described(trial)
    found = {path.stem for path in (COMMITTED / trial).glob("*.p[nd][gf]")}
    assert found == names(DRAWN, trial)
    assert all(f"tables/{name}.csv" in described(trial) for name in names(TABLES, trial))


@EACH_TRIAL
def test_a_row_of_the_description_has_the_name_of_its_figure(trial):
    row = r"^\| (?:\[(\w+)\]\(\1\.png\)|(\w+)) \| .*`msdnum figures (\w+)`"
    named = re.findall(row, described(trial), re.MULTILINE)
    assert [drawn or plain for drawn, plain, _ in named] == [name for *_, name in named]
    assert {name for *_, name in named} == names(TABLES, trial)
    assert {drawn for drawn, *_ in named} - {""} == names(DRAWN, trial)


@EACH_TRIAL
def test_links_of_the_description_lead_somewhere(trial):
    links = re.findall(r"\]\(([^)]*)\)", described(trial))
    assert [link for link in links if not (COMMITTED / trial / link).is_file()] == []


def test_every_figure_has_an_experiment():
    assert set(DRAWN) <= set(TABLES)


# The command


def test_a_table_is_made_and_drawn(tables, capsys):
    assert main(["figures", CHEAP]) == 0
    out = tables / "figures" / "msd"
    made = [out / "tables" / f"{CHEAP}.csv", out / f"{CHEAP}.png", out / f"{CHEAP}.pdf"]
    assert capsys.readouterr().out.split() == list(map(str, made))
    assert made[0].read_bytes() == TABLES[CHEAP].table_in(COMMITTED).read_bytes()
    assert same_bytes(made[1:], committed(CHEAP)) == [True, True]


def test_quick_tables_go_elsewhere(tables, capsys):
    assert main(["figures", "gemm_ozaki", "--quick"]) == 0
    assert (tables / "quick" / "ozaki" / "tables" / "gemm_ozaki.csv").exists()
    assert (tables / "quick" / "ozaki" / "gemm_ozaki.png").exists()
    assert not (tables / "figures").exists()


def test_a_table_without_a_figure_is_only_written(tables, capsys):
    assert main(["figures", "cost_sources"]) == 0
    assert capsys.readouterr().out.split() == [
        str(tables / "figures" / "msd" / "tables" / "cost_sources.csv")
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


def test_a_table_that_is_not_here_is_the_released_one(tables, capsys):
    assert main(["figures", CHEAP, "--redraw"]) == 0
    assert (tables / "figures" / "msd" / f"{CHEAP}.png").is_file()


def test_a_table_that_is_nowhere_needs_a_clone(tables, capsys, monkeypatch):
    monkeypatch.setattr(_repository, "FIGURES", tables / "none")
    assert main(["figures", CHEAP, "--redraw"]) == 3
    said = capsys.readouterr().err
    assert f"needs a clone: there is no {tables / 'none' / 'msd' / 'tables' / CHEAP}.csv" in said


# Bounds

DIGITS = 1 + 1e-4
"""Tables round to five digits, errors and bounds each for itself."""


def _drawing(name):
    return figures._catalogue(DRAWN[name].trial.figures, "DRAWINGS")[name]


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


def is_of(bound, curve):
    """Whether a bound has the panel and colour of a curve, and its marker if it has any."""
    axes, mark = bound[0], bound[3]
    same = mark.marker in ("", curve[3].marker)
    return axes is curve[0] and mark.color == curve[3].color and same


@pytest.mark.parametrize(
    "name",
    [
        "passes", "dynamic_range", "gemm_length", "float32_reference", "gemm_conditions",
        "attention_length", "model_linears",
    ],
)  # fmt: skip
def test_no_point_passes_its_line(name, drawn):
    curves, promised = drawn(name)
    for bound in promised:
        below = [curve for curve in curves if is_of(bound, curve)]
        limits = dict(zip(bound[1], bound[2], strict=True))
        assert below
        for curve in below:
            assert all(y <= limits[x] * DIGITS for x, y in zip(curve[1], curve[2], strict=True))


def test_no_effective_bits_are_fewer_than_promised(drawn):
    curves, promised = drawn("effective_bits")
    last = [curve for curve in curves if curve[0] is promised[0][0]]
    for (_, bits, _, mark), (_, line, _, promise) in zip(last, promised, strict=True):
        assert mark.color == promise.color
        assert min(bits) >= line[0] - 1e-3


def test_no_product_passes_the_end_of_its_line(drawn):
    curves, promised = drawn("gemm_accuracy")
    errors = [curve for curve in curves if curve[1]]
    for (_, error, place, _), (_, ends, places, _) in zip(errors, promised, strict=True):
        assert (place[0], place[0]) == places
        assert error[0] == ends[0] <= ends[1] * DIGITS


@pytest.mark.parametrize(
    ("name", "error", "bounds"),
    [
        ("binade", "error", ["bound"]),
        ("gemm_ozaki", "error", ["bound"]),
        ("gemm_length", "l2", ["bound_l2", "probable_l2"]),
        ("float32_reference", "l2", ["bound_l2", "probable_l2"]),
    ],
)
def test_no_row_passes_its_bounds(name, error, bounds):
    for row in read(DRAWN[name].table_in(COMMITTED))[1]:
        promised = [float(row[bound]) for bound in bounds if row[bound]]
        assert float(row[error]) <= min(promised) * DIGITS


# Style


def test_rows_that_are_not_there_are_missed():
    records = [{"a b": "1", "c": "2"}]
    assert plots.only(records, a_b="1", c="2") == records
    with pytest.raises(ValueError, match="cells must be those of a row of the table"):
        plots.only(records, a_b="2")


def test_marks_differ():
    marks = plots.MARKS.values()
    assert len(set(marks)) == len(marks)
