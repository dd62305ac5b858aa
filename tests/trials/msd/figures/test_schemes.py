"""Figures of schemes: no measured point passes its line."""

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
