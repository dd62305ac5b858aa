"""The rows of the trial, judged: as recorded, and able to fail."""

import pytest

from msdnum.formats.elements import E4M3
from msdnum.formats.other_elements import UE5M3
from msdnum.ledger.findings import Verdict
from msdnum.ledger.trial import Study, entries, judge
from msdnum.trials import find_trial
from msdnum.trials.finer.claims import anomalies, remedies
from msdnum.trials.finer.formats import BY_UE5M3
from tests.support.selection import quick

TRIAL = find_trial("finer")
STUDY = Study()


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """Few numbers: the verdicts do not hang on how many are drawn."""
    monkeypatch.setitem(remedies.N, False, 1 << 12)


CLAIMS = {claim.id for claim in TRIAL.claims}


@pytest.mark.parametrize("claim", quick(sorted(CLAIMS), CLAIMS - {"F5"}))
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


def test_wider_scales_are_seen(monkeypatch):
    """Were E4M3's range that of UE5M3, the crossing would be elsewhere, and E4M3 no worse."""
    study = Study()
    study.once(("finer", "normal", "E4M3", False), lambda: 7.57e-5)
    assert anomalies._judge_reported(study).verdict is Verdict.FAILS
    monkeypatch.setattr(anomalies, "E4M3", UE5M3)
    assert anomalies._judge_subnormal(0.01).verdict is Verdict.FAILS
    monkeypatch.setattr(remedies, "BY_E4M3", BY_UE5M3)
    assert remedies._judge_beside(study, 0.01, "both", "amax / 6").verdict is Verdict.HOLDS


def test_an_anomaly_is_seen_where_none_is_promised():
    finding = anomalies._judge_some(STUDY, "normal", E4M3, False)
    assert finding.verdict is Verdict.FAILS
    assert finding.found == "sigma < 0.01939"
