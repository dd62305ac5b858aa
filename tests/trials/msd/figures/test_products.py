"""Figures of products: no measured point passes its line."""

import pytest

from msdnum.experiments.tables import read
from tests.support.figures import COMMITTED, DIGITS, DRAWN, _drawing
from tests.support.paths import ROOT


@pytest.fixture(autouse=True)
def at_the_root(monkeypatch):
    monkeypatch.chdir(ROOT)


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
