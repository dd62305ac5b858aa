"""Spreads over seeds: ends by hand, and columns that no seed changes."""

import json
from dataclasses import dataclass

import pytest

from msdnum.experiments import Experiment
from msdnum.experiments.spreads import with_spread


@dataclass(frozen=True)
class Sizes:
    n: tuple[int, ...]


def rows(parameters, seed):
    for n in parameters.n:
        yield {"n": n, "bound": 4.0, "error": seed % 3 / n, "word": f"of {seed}"}


def of(seeds):
    return Experiment("e", "errors", Sizes((1, 2)), rows, Sizes((1,)), seeds)


def table(text):
    first, *lines = text.splitlines()
    return json.loads(first[2:]), lines


def test_numbers_are_those_of_the_first_seed_beside_the_ends():
    header, lines = table(of(5).table(seed=1))
    assert (header["seed"], header["seeds"]) == (1, 5)
    assert lines[0] == "n,bound,error,word,least_error,most_error"
    assert lines[1:] == ["1,4,1,of 1,0,2", "2,4,0.5,of 1,0,1"]


def test_one_seed_has_no_spread():
    header, lines = table(of(1).table(seed=1))
    assert "seeds" not in header
    assert lines == ["n,bound,error,word", "1,4,1,of 1", "2,4,0.5,of 1"]
    assert table(of(1).table(seed=1, seeds=2))[1][0].endswith("least_error,most_error")


def test_a_look_takes_two_seeds():
    header, lines = table(of(5).table(seed=1, quick=True))
    assert (header["seeds"], len(lines)) == (2, 2)


def test_empty_cells_have_no_ends():
    tables = [[{"a": 1.0}, {"a": ""}], [{"a": 2.0}, {"a": ""}]]
    assert with_spread(tables)[1] == {"a": "", "least_a": "", "most_a": ""}


def test_tables_of_other_rows_are_refused():
    with pytest.raises(ValueError, match="tables must have the same columns"):
        with_spread([[{"a": 1.0}], [{"b": 1.0}]])
