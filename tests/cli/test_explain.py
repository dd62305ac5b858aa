"""``msdnum explain``: rows, theorems, and one line for a wrong name."""

import re
from dataclasses import replace

import pytest

from msdnum.__main__ import main
from msdnum.cli import explanations, judged_rows
from msdnum.ledger.claims import Claim
from msdnum.ledger.findings import Verdict
from msdnum.ledger.trial import Trial
from tests.support.commands import entry, refused


@pytest.fixture
def small(monkeypatch):
    """Put one row in the place of the ledger's."""

    def use(*entries):
        claims = Claim("C1", "other"), Claim("C2", "a statement")
        trial = Trial("small", None, claims, (lambda study: iter(entries),))
        monkeypatch.setattr(judged_rows, "judged", lambda name: (trial,))
        monkeypatch.setattr(explanations, "trials", lambda: {"small": trial})

    use(entry(Verdict.HOLDS))
    return use


# Explain


def test_explain_prints_the_rows(small, capsys):
    assert main(["explain", "C2"]) == 0
    printed = capsys.readouterr().out
    assert "C2  a statement: holds" in printed
    assert "3f80 [3f14]; proved" in printed
    assert "To judge again: msdnum verify small --only C2" in printed
    assert "**Proof.**" not in printed
    assert main(["explain", "C2", "--proof"]) == 0
    assert "**Proof.**" in capsys.readouterr().out


def test_explain_refuses_other_names(capsys):
    error = refused(capsys, "explain", "C99")
    assert re.search("claim or theorem must be one of .*C1, C2, C3, ", error)


def test_a_claim_that_is_judged_without_a_name_is_judged_again_without_one(small, capsys):
    trial = explanations.trials()["small"]
    assert explanations._again(trial, "C2") == "msdnum verify small --only C2"
    assert explanations._again(replace(trial, name="msd"), "C2") == "msdnum verify --only C2"


def test_a_name_that_two_trials_have_is_explained_of_both(small, monkeypatch, capsys):
    trial = explanations.trials()["small"]
    both = {"small": trial, "other": replace(trial, name="other")}
    monkeypatch.setattr(explanations, "trials", lambda: both)
    assert main(["explain", "C2"]) == 0
    printed = capsys.readouterr().out
    assert "msdnum verify small --only C2" in printed
    assert "msdnum verify other --only C2" in printed
