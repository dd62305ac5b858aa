"""Figures: the same bytes again, the committed ones among them, and a command with clear errors."""

import json
import re

import pytest

from msdnum import _repository
from msdnum.__main__ import main
from msdnum.cli import figures
from msdnum.experiments import read
from tests.support.figures import CHEAP, COMMITTED, TABLES, committed, same_bytes
from tests.support.paths import ROOT


@pytest.fixture(autouse=True)
def at_the_root(monkeypatch):
    monkeypatch.chdir(ROOT)


@pytest.fixture
def tables(tmp_path, monkeypatch):
    """Write into a folder of their own what would go into the repository."""
    monkeypatch.setattr(figures, "OUT", tmp_path / "figures")
    monkeypatch.setattr(figures, "QUICK", tmp_path / "quick")
    return tmp_path


# The command


def parts_of(path):
    """Return the versions of what made a table, and the rest: what it says and its rows."""
    header, _, rows = path.read_text().partition("\n")
    known = json.loads(header.removeprefix("# "))
    return known.pop("versions"), (known, rows)


def test_a_table_is_made_and_drawn(tables, capsys):
    assert main(["figures", CHEAP]) == 0
    out = tables / "figures" / "msd"
    made = [out / "tables" / f"{CHEAP}.csv", out / f"{CHEAP}.png", out / f"{CHEAP}.pdf"]
    assert capsys.readouterr().out.split() == list(map(str, made))
    versions, found = parts_of(made[0])
    committed_versions, expected = parts_of(TABLES[CHEAP].table_in(COMMITTED))
    assert found == expected
    if versions == committed_versions:  # other Pythons have other pins, which draw other bytes
        assert same_bytes(made[1:], committed(CHEAP)) == [True, True]


def test_quick_tables_go_elsewhere(tables, capsys):
    assert main(["figures", "gemm_ozaki", "--quick"]) == 0
    assert (tables / "quick" / "ozaki" / "tables" / "gemm_ozaki.csv").exists()
    assert (tables / "quick" / "ozaki" / "gemm_ozaki.png").exists()
    assert not (tables / "figures").exists()


def test_another_seed_is_another_table_and_goes_elsewhere(tables):
    written = []
    for seed in ("1", "2", "1"):
        assert main(["figures", "effective_bits", "--quick", "--seed", seed]) == 0
        written.append((tables / "quick" / "msd" / "tables" / "effective_bits.csv").read_text())
        assert f'"seed": {seed}' in written[-1]
    assert written[0] == written[2]
    assert written[0].partition("\n")[2] != written[1].partition("\n")[2]
    assert not (tables / "figures").exists()


@pytest.fixture
def own(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(
        "import msdnum\n"
        "IDEA = msdnum.covering_scheme('IDEA', msdnum.ELEMENT_FORMATS['E2M1'], block_size=16)\n"
    )
    return f"{path}:IDEA"


def test_a_scheme_of_the_users_is_in_table_and_figure(tables, own, capsys):
    assert main(["figures", "--quick", "--digits", "17", "--scheme", own]) == 0
    out = tables / "quick" / "msd"
    header, rows = read(out / "tables" / "effective_bits.csv")
    assert (out / "effective_bits.png").is_file()
    assert "IDEA" in header["parameters"]["schemes"][-1]
    (mine,) = [row for row in rows if row["scheme"] == "own: IDEA"]
    (known,) = [row for row in rows if row["scheme"] == "MXFP4_X1"]
    assert float(mine["worst_case"]) == float(known["worst_case"]) == 3
    assert len(mine["rms_relative"]) > 15
    assert main(["figures", "binade", "--scheme", own]) == 2
    assert "experiment binade takes no schemes, got 1" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--digits", "18"], "must be an integer in 1..17, got '18'\n"),
        (["--digits", "9", "--redraw"], "leave out --digits, got 9"),
        (["--scheme", "mine"], "scheme must be one of"),
        (["--seed", "-1"], "must be a nonnegative integer, got '-1'"),
        (["--seed", "1", "--redraw"], "--redraw draws tables as they are: leave out --seed, got 1"),
    ],
)
def test_seeds_that_mean_nothing(words, message, tables, capsys):
    try:
        status = main(["figures", "binade", *words])
    except SystemExit as ended:
        status = ended.code
    assert status == 2
    assert message in capsys.readouterr().err


def test_a_table_without_a_figure_is_only_written(tables, capsys):
    assert main(["figures", "cost_sources"]) == 0
    assert capsys.readouterr().out.split() == [
        str(tables / "figures" / "msd" / "tables" / "cost_sources.csv")
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nothing"], "name must be one of .*effective_bits, .*, cost_sources, .*, got 'nothing'"),
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


# Tables made anew and compared


def test_a_check_finds_the_committed_table_again(tables, monkeypatch, capsys):
    monkeypatch.setattr(figures, "OUT", COMMITTED)
    assert main(["figures", CHEAP, "--check"]) == 0
    assert capsys.readouterr().out.endswith("0 of 1 tables differ, numbers by more than 0.001\n")
    assert not (tables / "figures").exists()


def test_a_check_says_what_differs(tables, capsys):
    kept = tables / "figures" / "msd" / "tables" / f"{CHEAP}.csv"
    kept.parent.mkdir(parents=True)
    lines = TABLES[CHEAP].table_in(COMMITTED).read_text().splitlines()
    kept.write_text("\n".join([*lines[:-1], lines[-1].replace(lines[-1].split(",")[0], "other")]))
    assert main(["figures", CHEAP, "--check"]) == 1
    out = capsys.readouterr().out
    assert ", was other\n" in out
    assert out.endswith("1 of 1 tables differ, numbers by more than 0.001\n")
    assert main(["figures", CHEAP, "--check", "--seed", "1"]) == 2
    assert "leave out --seed" in capsys.readouterr().err
