"""Theorems: each has a statement, and rows say who has checked it."""

from msdnum.ledger import theorems
from msdnum.ledger.trial import Study, entries
from msdnum.trials import judged


def test_only_rows_whose_last_step_no_machine_has_checked_say_so():
    found = entries(judged(), Study(), "bounds")
    assert [entry.convention for entry in found if entry.on_paper] == [
        "MXFP4 x2 by MXFP4, with a probability",
        "MXFP4 x2 by MXFP4, one martingale",
        "64 numbers in BF16, rounded stochastically",
        "MXFP4 x2 and INT8 x2, along",
        "attention, P in MXFP4 x2",
        "attention, MSD over each cache",
        "attention, each baseline",
        "attention, worst remainders",
    ]


def test_every_theorem_has_a_statement():
    for name in theorems.theorem_ids():
        stated = theorems.theorem(name).statement
        assert "**Bound.**" in stated or "**Statement.**" in stated
