"""The style of plots: marks that differ, and rows that are missed where they are not."""

import pytest

from msdnum.experiments import plots
from tests.support.paths import ROOT


@pytest.fixture(autouse=True)
def at_the_root(monkeypatch):
    monkeypatch.chdir(ROOT)


# Style


def test_rows_that_are_not_there_are_missed():
    records = [{"a_b": "1", "c": "2"}]
    assert plots.only(records, a_b="1", c="2") == records
    with pytest.raises(ValueError, match="cells must be those of a row of the table"):
        plots.only(records, a_b="2")


def test_marks_differ():
    marks = plots.MARKS.values()
    assert len(set(marks)) == len(marks)
