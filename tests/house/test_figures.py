"""Committed figures: what redrawing gives, small, described, and linked."""

import json
import re
from dataclasses import asdict

import pytest

from msdnum.experiments.experiment import SEED
from msdnum.experiments.tables import read
from tests.support.figures import (
    CHEAP,
    COMMITTED,
    DRAWN,
    EACH_FIGURE,
    TABLES,
    _drawing,
    committed,
    same_bytes,
)
from tests.support.paths import ROOT

EACH_TRIAL = pytest.mark.parametrize(
    "trial", sorted({member.trial.name for member in TABLES.values()})
)


@pytest.fixture(autouse=True)
def at_the_root(monkeypatch):
    monkeypatch.chdir(ROOT)


@pytest.mark.parametrize("name", [CHEAP, "gemm_ozaki"])
def test_a_committed_figure_is_what_redrawing_gives(name, tmp_path):
    member = DRAWN[name]
    drawn = member.draw(member.table_in(COMMITTED), tmp_path)
    assert same_bytes(drawn, committed(name)) == [True, True]


@pytest.mark.long
@EACH_FIGURE
def test_every_committed_figure_is_what_redrawing_gives(name, tmp_path):
    member = DRAWN[name]
    drawn = member.draw(member.table_in(COMMITTED), tmp_path)
    assert same_bytes(drawn, committed(name)) == [True, True]


@EACH_TRIAL
def test_headers_say_what_made_a_table(trial):
    for name in names(TABLES, trial):
        member = TABLES[name]
        header, _ = read(member.table_in(COMMITTED))
        made = member.experiment
        assert (header["experiment"], header["description"]) == (name, made.description)
        assert header["seed"] == SEED
        assert header["parameters"] == json.loads(json.dumps(asdict(made.parameters))), name
        assert {"msdnum", "numpy", "jax"} <= set(header["versions"])


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
    links = re.findall(r"\]\((?!https://)([^)]*)\)", described(trial))
    assert [link for link in links if not (COMMITTED / trial / link).is_file()] == []


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
