"""The ledger on a whole model: rows as recorded; a worse MSD, a tie, a missing table are seen."""

from dataclasses import replace

import pytest

from msdnum.ledger.findings import Verdict
from msdnum.ledger.trial import Study
from msdnum.trials.msd.claims import model
from msdnum.trials.msd.claims.model import Row, c7_model, model_quality

HEADER = '# {"experiment": "model_layers"}\nvariant,layer,ratio\n'
NEAR = Row(1e-6, 1e-8, 2e-6, "7", 0.9999, 0.99, 0.1, 240)


ENTRIES = [*c7_model(Study()), *model_quality(Study())]


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda e: e.convention)
def test_verdicts(entry):
    assert entry.judge().verdict is entry.expected


def claim(monkeypatch, ours, theirs):
    names = model._names("linears", "INT8")
    rows = {names["MSD"]: ours, names["scale after"]: theirs}
    monkeypatch.setattr(model, "_rows", lambda: rows)
    return model._judge_claim("linears", "INT8", "scale after")


@pytest.mark.parametrize(
    ("ours", "verdict", "found"),
    [
        (1.0e-6, Verdict.HOLDS, "1, a tie"),
        (1.02e-6, Verdict.HOLDS, "1.02, a tie"),
        (1.03e-6, Verdict.FAILS, "1.03"),
        (0.5e-6, Verdict.HOLDS, "0.5"),
    ],
)
def test_two_standard_errors_decide(monkeypatch, ours, verdict, found):
    """Of 1e-8 each: sqrt(2) * 2e-8 = 2.83e-8."""
    finding = claim(monkeypatch, replace(NEAR, distance=ours), NEAR)
    assert (finding.verdict, finding.found) == (verdict, found)
    assert "on sentence 7" in finding.notes[1]


def test_ranks_that_change_are_seen(monkeypatch):
    name = model._names("linears", "INT4")["MSD"]
    monkeypatch.setattr(model, "_rows", lambda: {name: replace(NEAR, ranks=0.999)})
    assert model._judge_ranks("INT4").verdict is Verdict.FAILS


def test_a_product_beyond_its_bound_is_seen(monkeypatch, tmp_path):
    monkeypatch.setattr(model, "TABLES", tmp_path)
    assert model._judge_bounds().verdict is Verdict.NOT_RUN
    (tmp_path / "model_layers.csv").write_text(f"{HEADER}a,0,0.5\nb,3,1.01\nc,1,\n")
    finding = model._judge_bounds()
    assert finding.verdict is Verdict.FAILS
    assert finding.notes[0] == "worst in layer 3 of b"
    assert finding.evidence.count == 2


def test_without_tables_nothing_is_run(monkeypatch, tmp_path):
    monkeypatch.setattr(model, "TABLES", tmp_path)
    model._rows.cache_clear()
    assert {entry.judge().verdict for entry in ENTRIES} == {Verdict.NOT_RUN}
    model._rows.cache_clear()
