"""Claim C7 in attention: verdicts, and a witness that nearly meets the bound."""

from msdnum.evidence.attentions import HEAD_FAMILIES
from msdnum.ledger.findings import Verdict
from msdnum.ledger.trial import Study
from msdnum.trials.msd.claims import attention
from msdnum.trials.toolkit import attention as toolkit


def test_a_witness_nearly_meets_the_bound():
    finding = toolkit.worst_remainders()
    assert finding.verdict is Verdict.HOLDS
    assert finding.ratio > 0.888


# Claim C7


def test_verdicts(monkeypatch):
    monkeypatch.setattr(attention, "SHAPE", (2, 64, 32))
    for entry in attention.c7_attention(Study(seed=101)):
        if "INT8" in entry.subject:
            finding = entry.judge()
            assert finding.verdict is entry.expected, entry.convention
            assert len(finding.table.rows) == len(HEAD_FAMILIES)


def test_without_mpmath_nothing_is_run(monkeypatch):
    def missing(*args):
        raise ModuleNotFoundError("No module named 'flint'", name="flint")

    monkeypatch.setattr(attention, "_errors", missing)
    monkeypatch.setattr(toolkit, "attention_errors", missing)
    study = Study(seed=1)
    entries = [*attention.c7_attention(study), *toolkit.attention_bounds(study)][:-1]
    assert {entry.judge().verdict for entry in entries} == {Verdict.NOT_RUN}
