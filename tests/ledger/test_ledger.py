"""The ledger: rows, verdicts, witnesses that reproduce, and that a broken emulator is seen."""

import pytest

from msdnum.ledger.claims import TERMS, Claim, Row
from msdnum.ledger.findings import Verdict, not_run
from msdnum.ledger.ledger import Ledger
from msdnum.ledger.trial import Study, as_ledger, entries, judge
from msdnum.trials import judged
from tests.support.ledger import CONDITIONAL, FAILS, HOLDS, NOT_RUN, row

# The ledger


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        ([HOLDS, HOLDS], HOLDS),
        ([FAILS, FAILS], FAILS),
        ([HOLDS, FAILS], CONDITIONAL),
        ([HOLDS, NOT_RUN], NOT_RUN),
        ([NOT_RUN], NOT_RUN),
        ([Verdict.MODEL, FAILS], Verdict.MODEL),
        ([Verdict.MEASURED, FAILS], FAILS),
        ([Verdict.MEASURED, HOLDS, FAILS], Verdict.CONDITIONAL),
        ([Verdict.MEASURED], Verdict.MEASURED),
        ([Verdict.MODEL, HOLDS, NOT_RUN], NOT_RUN),
    ],
)
def test_rows_add_up_to_the_verdict_of_a_claim(verdicts, expected):
    claim = Claim("C", "something")
    ledger = Ledger((claim,), tuple(map(row, verdicts)))
    assert ledger.verdict(claim) is expected


def test_a_ledger_names_what_is_not_as_expected():
    claim = Claim("C", "something", CONDITIONAL)
    good = Ledger((claim,), (row(HOLDS), row(FAILS, FAILS)))
    assert good.unexpected == []
    assert good.summary() == "all 2 rows of 1 claim as expected"
    bad = Ledger((claim,), (row(HOLDS, FAILS), row(FAILS, FAILS)))
    assert bad.unexpected == ["C, a convention"]
    assert "NOT AS EXPECTED: C, a convention" in bad.brief()[-1]
    assert "!= expected: fails" in "\n".join(bad.brief())
    lopsided = Ledger((claim,), (row(HOLDS),))
    assert lopsided.unexpected == ["C"]


def test_rows_that_were_not_run_are_counted_apart():
    claims = (Claim("C", "something"), Claim("D", "another"))
    unrun = [Row(row(HOLDS, claim=name).entry, not_run("needs it")) for name in "CD"]
    good = Ledger(claims, (row(HOLDS), *unrun))
    assert good.not_run == unrun
    assert good.summary() == "all 1 row of 1 claim as expected; 2 rows not run: needs it"
    bad = Ledger(claims, (row(FAILS), *unrun))
    assert bad.summary() == "NOT AS EXPECTED: C, a convention; 2 rows not run: needs it"


def test_the_ledger_is_one_line_a_row():
    study = Study()
    chosen = ("C2", "C3", "C4", "C5", "C6", "C8", "model")
    some = [entry for claim in chosen for entry in entries(judged(), study, claim)[:2]]
    made = as_ledger(judged(), tuple(map(judge, some)))
    brief = made.brief()
    assert max(map(len, brief)) <= 150
    for each in made.rows:
        assert sum(each.entry.convention in line for line in brief) >= 1
    assert len(brief) == len(some) + 3 * len(chosen) + len(TERMS) + 4
    assert max(map(len, made.full())) <= 120
