"""Explanations: statement, witness, proof, and the command."""

from dataclasses import replace

import pytest

from msdnum.cli import explanations
from msdnum.ledger import theorems
from msdnum.trials import find_trial
from msdnum.trials.toolkit import tensors


def test_explain_gives_statement_witness_proof_and_command():
    text = "\n".join(explanations.explain("mxfp4-decomposition"))
    for part in ("witness BF16 3f80 [3f14]", "n-pass MXFP4", "check.py --only mxfp4-decomposition"):
        assert part in text
    assert "proofs/mxfp4-decomposition/README.md: proved\n" in text
    assert "**Proof.**" in text
    assert "```coq\n(** n passes leave alpha/8^n" in text
    assert "msdnum verify --only bounds" in text
    assert str(theorems.PROOFS) not in text


def test_explain_gives_the_statements_of_a_claim_without_proofs():
    stated = "\n".join(explanations.explain("C2"))
    assert stated.startswith("C2  two-pass MXFP4 leaves at most alpha/64: holds only under")
    assert "**Bound.**" in stated
    assert "**Proof.**" not in stated
    assert "msdnum explain mxfp4-scale-rules or mxfp4-decomposition" in stated


def test_explain_knows_claims_too(monkeypatch):
    only = {"toolkit": replace(find_trial("toolkit"), studies=(tensors.model,))}
    monkeypatch.setattr(explanations, "trials", lambda: only)
    monkeypatch.setattr(explanations, "theorem", lambda name: None)
    text = "\n".join(explanations.explain("model"))
    assert "model  the bounds hold on all-MiniLM-L6-v2" in text
    assert "mxfp8-decomposition: no proofs/mxfp8-decomposition/README.md" in text
    assert "msdnum verify --only model" in text
    with pytest.raises(
        ValueError, match=r"claim or theorem must be one of bounds, .*, rms-error, .*got 'nothing'"
    ):
        list(explanations.explain("nothing"))
    with pytest.raises(ValueError, match="claim 'tensor' needs a tensor"):
        list(explanations.explain("tensor"))
