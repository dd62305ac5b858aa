"""Experiments: parameters with names, and a table that cannot be finished leaves the old one."""

import json
from dataclasses import dataclass

import pytest

from msdnum.experiments.experiment import Experiment, NoParameters
from msdnum.formats.schemes import MXFP4_X2
from tests.support.manners import full


@dataclass(frozen=True)
class Part:
    size: int
    shape: tuple[int, int] | None = None


@dataclass(frozen=True)
class Few:
    parts: tuple[Part, ...]
    width: float
    schemes: tuple = ()


def of(parameters, quick=None):
    def rows(parameters, seed):
        return iter([{"a": 1}])

    return Experiment("few", "", parameters, rows, quick or parameters)


def parameters_of(text):
    return json.loads(text.partition("\n")[0].removeprefix("# "))["parameters"]


def test_the_header_has_parameters_by_name():
    large, small = Few((Part(1), Part(2, (3, 4))), 0.5), Few((), 8.0)
    assert parameters_of(of(large, small).table()) == {
        "parts": [{"size": 1, "shape": None}, {"size": 2, "shape": [3, 4]}],
        "width": 0.5,
        "schemes": [],
    }
    quick = parameters_of(of(large, small).table(quick=True, schemes=[MXFP4_X2]))
    assert quick == {"parts": [], "width": 8.0, "schemes": [str(MXFP4_X2)]}
    assert parameters_of(of(NoParameters()).table()) == {}


def test_schemes_are_taken_where_the_parameters_have_them():
    assert of(Few((), 1.0)).takes_schemes
    assert not of(Part(1)).takes_schemes
    with pytest.raises(ValueError, match="experiment few takes no schemes, got 1"):
        of(Part(1)).table(schemes=[MXFP4_X2])


def test_no_seed_is_refused():
    with pytest.raises(ValueError, match="seeds must be at least 1, got 0"):
        of(Part(1)).table(seeds=0)


@dataclass
class Mutable:
    size: int


@pytest.mark.parametrize(
    "parameters", [((), ()), (Part(1), (1,)), (Part, Part), (Mutable(1), Mutable(1))]
)
def test_parameters_without_names_are_refused(parameters):
    with pytest.raises(ValueError, match="parameters and quick must be of one frozen dataclass"):
        of(*parameters)


def test_a_table_that_cannot_be_finished_leaves_the_old_one(tmp_path, monkeypatch):
    experiment = of(NoParameters())
    path = experiment.write(tmp_path)
    before = path.read_bytes()
    full(monkeypatch)
    with pytest.raises(OSError, match=r"few\.csv"):
        experiment.write(tmp_path)
    assert [p.read_bytes() for p in tmp_path.iterdir()] == [before]
