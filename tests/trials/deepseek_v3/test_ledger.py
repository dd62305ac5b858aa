"""The rows of the trial, judged: as recorded, and able to fail."""

import pytest

from msdnum.formats.accumulators import BLACKWELL_FP8
from msdnum.ledger.findings import Verdict
from msdnum.ledger.trial import Study, entries, judge
from msdnum.trials import find_trial
from msdnum.trials.deepseek_v3.claims import bits, errors, promotion
from tests.support.selection import quick

TRIAL = find_trial("deepseek_v3")
STUDY = Study()


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """One draw each and fewer rows: the verdicts do not hang on how many are drawn."""
    monkeypatch.setitem(errors.DRAWS, False, 1)
    monkeypatch.setitem(promotion.N, False, 32)


CLAIMS = {claim.id for claim in TRIAL.claims}


@pytest.mark.parametrize("claim", quick(sorted(CLAIMS), CLAIMS - {"D1", "D4"}))
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


def test_a_unit_of_more_bits_is_seen(monkeypatch):
    """Were Hopper's unit Blackwell's, there would be no 14 bits and no 2 %."""
    for module in (errors, bits):
        monkeypatch.setattr(module, "HOPPER_FP8", BLACKWELL_FP8)
    study = Study()
    assert bits._judge_result(study).verdict is Verdict.FAILS
    assert bits._judge_alignment().verdict is Verdict.FAILS
    (near,) = (name for name, _ in errors.NEARLY_2 if "RMS" in name)
    assert errors._judge_definition(study, "normal", near).verdict is Verdict.FAILS


def test_a_bound_that_is_too_small_is_seen(monkeypatch):
    exact = promotion.guarantee
    monkeypatch.setattr(promotion, "guarantee", lambda *given: exact(*given) * 3 / 4)
    assert promotion._judge_guarantee(STUDY, 128).verdict is Verdict.FAILS
