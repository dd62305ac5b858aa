"""Experiments: a table that cannot be finished leaves the old one."""

import pytest

from msdnum.experiments.experiment import Experiment
from tests.support.manners import full


def test_a_table_that_cannot_be_finished_leaves_the_old_one(tmp_path, monkeypatch):
    experiment = Experiment("few", "", (), lambda spec, seed: iter([{"a": 1}]), ())
    path = experiment.write(tmp_path)
    before = path.read_bytes()
    full(monkeypatch)
    with pytest.raises(OSError, match=r"few\.csv"):
        experiment.write(tmp_path)
    assert [p.read_bytes() for p in tmp_path.iterdir()] == [before]
