"""Figures of the trial: each has its experiment."""

import pytest

from tests.support.figures import DRAWN, TABLES
from tests.support.paths import ROOT


@pytest.fixture(autouse=True)
def at_the_root(monkeypatch):
    monkeypatch.chdir(ROOT)


def test_every_figure_has_an_experiment():
    assert set(DRAWN) <= set(TABLES)
