"""The rows of the trial, judged: as recorded, and able to fail."""

import pytest

from msdnum.ledger.findings import Verdict
from msdnum.ledger.trial import Study, entries, judge
from msdnum.trials import find_trial
from msdnum.trials.pcast.claims import scales, sinks
from msdnum.trials.pcast.scales import StaticScale
from tests.support.selection import quick

TRIAL = find_trial("pcast")
STUDY = Study()


CLAIMS = {claim.id for claim in TRIAL.claims}


@pytest.mark.parametrize("claim", quick(sorted(CLAIMS), CLAIMS - {"P6"}))
def test_every_row_is_as_recorded(claim):
    rows = [judge(entry) for entry in entries([TRIAL], STUDY, claim)]
    assert [row.entry.convention for row in rows if not row.as_expected] == []


def test_no_two_rows_of_a_claim_have_the_same_convention():
    found = [(entry.claim, entry.convention) for entry in entries([TRIAL], STUDY)]
    assert len(set(found)) == len(found)


def test_a_claim_holds_under_a_convention_if_its_rows_differ():
    for claim in TRIAL.claims:
        verdicts = {e.expected for e in entries([TRIAL], STUDY, claim.id)}
        assert claim.expected is Verdict.CONDITIONAL
        assert verdicts == {Verdict.HOLDS, Verdict.FAILS}


def test_a_better_scale_is_seen():
    """Were 264 a power of two, 256 would not have the least error of them."""
    study = Study()
    study.once("pcast scales", lambda: [StaticScale.of(s) for s in (128, 256, 264)])
    finding = scales._judge_least(study, "error", scales.ERROR, scales.everything)
    assert finding.verdict is Verdict.FAILS
    assert finding.found == "1/33 at 264"
    assert finding.witness.hexadecimal == ["3f80"]


def test_a_wrong_threshold_is_seen(monkeypatch):
    monkeypatch.setattr(sinks, "threshold", lambda scale: 12.0)
    assert sinks._judge_threshold(256).verdict is Verdict.FAILS
