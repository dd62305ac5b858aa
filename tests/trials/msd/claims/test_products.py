"""Claim C7 in products: every verdict as recorded, and a worse MSD seen."""

import numpy as np
import pytest

from msdnum.formats.schemes import MXFP4_X1, MXFP8_X1
from msdnum.ledger.findings import Verdict
from msdnum.ledger.trial import Study
from msdnum.trials.msd.baselines import BASELINES
from msdnum.trials.msd.claims import products
from msdnum.trials.msd.claims.products import Real, c7_products

SMALL = (16, 1024, 16)


@pytest.fixture
def small(monkeypatch):
    """Compare on small operands, nothing remembered."""
    monkeypatch.setattr(products, "SHAPE", SMALL)
    products._rows.cache_clear()
    yield
    products._rows.cache_clear()


def rows(weight, seed=0):
    return [e for e in c7_products(Study(seed=seed)) if weight in e.subject]


@pytest.mark.parametrize("weight", products.LOSES)
def test_verdicts(small, weight):
    found = rows(weight)
    assert len(found) == len(BASELINES)
    for entry in found:
        assert entry.judge().verdict is entry.expected, entry.convention


def test_edges():
    """Of the cases at which MSD begins to lose, all but the longest."""
    edges = [e for e in c7_products(Study()) if not e.subject]
    assert len(edges) == len(products.EDGES)
    for entry in edges[1:]:
        assert entry.judge().verdict is Verdict.FAILS, entry.convention


def test_a_worse_decomposition_is_seen(small, monkeypatch):
    for weight, scheme in (("MXFP4", MXFP4_X1), ("MXFP8", MXFP8_X1)):
        monkeypatch.setitem(products.MSD_SCHEMES, weight, scheme)
        products._rows.cache_clear()
        assert any(e.judge().verdict is not e.expected for e in rows(weight))


def test_the_paper_reference_can_turn_the_verdict_round(small):
    """A baseline that is the float32 reference itself cannot lose against that."""
    entry = next(e for e in rows("MXFP8") if e.subject[-1] == "float32")
    finding = entry.judge()
    assert finding.verdict is Verdict.HOLDS
    assert any("measured against float32" in note for note in finding.notes)


def test_rows_are_drawn_from_the_seed(small):
    first, second = (rows("MXFP8", seed)[0].judge() for seed in (0, 1))
    assert first.ratio != second.ratio
    assert first == rows("MXFP8", 0)[0].judge()


def test_without_the_model_nothing_is_run(monkeypatch):
    def missing():
        raise ModuleNotFoundError("the model is not installed")

    monkeypatch.setattr(products, "linears", missing)
    products._rows.cache_clear()
    finding = products._judge((Real("MXFP4", 0, "q"),), "float32", 0)
    assert finding.verdict is Verdict.NOT_RUN


def test_a_ratio_to_the_reference_itself_is_explained():
    rows = {name: {"l2_float32_ratio": ratio} for name, ratio in (("a", 2.0), ("b", np.inf))}
    assert products._reference({"a": rows["a"]}) == ()
    (note,) = products._reference(rows)
    assert note.startswith("inf: ")


def test_with_more_time_the_spread_over_seeds_is_said(small):
    entry = next(e for e in c7_products(Study(seed=0, deep=True)) if "MXFP8" in e.subject)
    note = next(n for n in entry.judge().notes if n.startswith("over seeds 0 to 3"))
    least, most = map(float, note.split(" the worst is ")[1].split(" to "))
    found = float(entry.judge().ratio)
    assert least - 0.01 <= found <= most + 0.01
    assert least < most
