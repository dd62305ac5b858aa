"""The rows of the trial, judged: as recorded, and able to fail."""

import pytest

from msdnum.ledger.findings import Verdict
from msdnum.ledger.trial import Study, entries, judge
from msdnum.trials import find_trial
from msdnum.trials.int_or_fp.claims import codes, crossovers
from msdnum.trials.int_or_fp.claims.eight_and_four_bits import _judge_law
from msdnum.trials.int_or_fp.closed_form import RIVALRIES

TRIAL = find_trial("int_or_fp")
STUDY = Study()


@pytest.mark.parametrize("claim", [claim.id for claim in TRIAL.claims])
def test_every_row_is_as_recorded(claim):
    rows = [judge(entry) for entry in entries([TRIAL], STUDY, claim)]
    assert [row.entry.convention for row in rows if not row.as_expected] == []
    assert all(row.finding.verdict is not Verdict.NOT_RUN for row in rows)


def test_no_two_rows_of_a_claim_have_the_same_convention():
    found = [(entry.claim, entry.convention) for entry in entries([TRIAL], Study(deep=True))]
    assert len(set(found)) == len(found)


def test_a_claim_holds_under_a_convention_if_its_rows_differ():
    found = {(entry.claim, entry.expected) for entry in entries([TRIAL], STUDY)}
    for claim in TRIAL.claims:
        expected = {verdict for name, verdict in found if name == claim.id}
        both = expected == {Verdict.HOLDS, Verdict.FAILS}
        assert both == (claim.expected is Verdict.CONDITIONAL)


def test_another_crossing_is_seen(monkeypatch):
    monkeypatch.setattr(crossovers, "crossover", lambda pair, rho: pair.reported + 0.01)
    assert crossovers._judge_form(RIVALRIES[0], 1.5).verdict is Verdict.FAILS
    monkeypatch.setattr(crossovers, "exact_crossover", lambda pair, rule: 1.2 * pair.reported)
    assert crossovers._judge_integral(RIVALRIES[0], None).verdict is Verdict.FAILS


def test_a_worse_format_is_seen():
    from msdnum.trials.int_or_fp.blocks import MXFP8_UP, MXINT8_UP

    assert _judge_law(MXFP8_UP, MXINT8_UP, "normal").verdict is Verdict.FAILS


def test_a_bias_is_seen():
    assert codes._judge_bias(codes.ASYMMETRIC, biased=False).verdict is Verdict.FAILS
