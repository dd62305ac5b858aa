"""Trials: every claim with its entries, told apart, and what cannot be judged is said."""

import sys
from dataclasses import replace

import pytest

from msdnum.emulator import shared_scales
from msdnum.emulator.decompositions import decompose
from msdnum.evidence import bf16_pairs
from msdnum.formats.modes import ScaleRule
from msdnum.ledger.trial import Study, entries, judge
from msdnum.trials import judged
from msdnum.trials.toolkit import tensors
from tests.support.ledger import HOLDS, NOT_RUN, block_of, half_left, ledger_of

# The claims


def test_every_claim_has_entries_and_every_entry_a_claim():
    study = Study(tensor=block_of(1, 2))
    ids = {entry.claim for entry in entries(judged(), study)}
    assert ids == {claim.id for claim in (c for trial in judged() for c in trial.claims)}


def test_an_unknown_claim_is_refused():
    with pytest.raises(ValueError, match=r"claim must be one of C1, C2, .* got 'C99'"):
        entries(judged(), Study(), "C99")
    with pytest.raises(ValueError, match=r"claim must be left out, for this trial has none, got"):
        entries(judged("ozaki"), Study(), "C99")


def test_entries_are_told_apart():
    named = [(e.claim, e.convention) for e in entries(judged(), Study())]
    assert len(set(named)) == len(named)


SHARED_EXPONENT = shared_scales.shared_exponent


def scale_too_small(amax, element, rule):
    return SHARED_EXPONENT(amax, element, rule) - 1


def scale_too_large(amax, element, rule):
    return SHARED_EXPONENT(amax, element, rule) + 1


def rule_ignored(amax, element, rule):
    return SHARED_EXPONENT(amax, element, ScaleRule.FLOOR)


def one_term_only(x, scheme):
    return decompose(x, replace(scheme, formats=scheme.formats[:1], ratios=()))


@pytest.mark.parametrize(
    ("module", "broken"),
    [
        (shared_scales, scale_too_small),
        (shared_scales, scale_too_large),
        (shared_scales, rule_ignored),
        (bf16_pairs, one_term_only),
        (bf16_pairs, half_left),
    ],
    ids=lambda part: getattr(part, "__name__", None),
)
def test_a_broken_emulator_is_not_as_expected(module, broken, monkeypatch):
    name = "shared_exponent" if module is shared_scales else "decompose"
    monkeypatch.setattr(module, name, broken)
    study = Study()
    chosen = entries(judged(), study, "C2") + entries(judged(), study, "bounds")
    assert not all(judge(entry).as_expected for entry in chosen)


def test_a_model_that_is_missing_is_said_to_be(monkeypatch):
    def missing():
        raise ModuleNotFoundError("the model is not installed: pip install it")

    monkeypatch.setattr(tensors, "minilm", missing)
    ledger = ledger_of("model")
    assert {row.finding.verdict for row in ledger.rows} == {NOT_RUN}
    assert "not run: the model is not installed: pip install it" in "\n".join(ledger.brief())
    assert not ledger.unexpected
    assert ledger.summary() == (
        "nothing was judged; 6 rows not run: the model is not installed: pip install it"
    )


def test_a_package_that_is_missing_is_said_to_be(monkeypatch):
    monkeypatch.setitem(sys.modules, "jax", None)
    ledger = ledger_of("bits")
    verdicts = {row.entry.convention: row.finding.verdict for row in ledger.rows}
    assert verdicts["encode, RNE: all BF16, NumPy = JAX"] is NOT_RUN
    assert verdicts["encode, RNE: BF16, NumPy = specification"] is HOLDS
    assert verdicts["decode: all codes, NumPy = specification"] is HOLDS
    brief = "\n".join(ledger.brief())
    assert "not run: jax is missing: verify needs msdnum[verify]: pip install" in brief


@pytest.mark.long
def test_the_whole_ledger_is_as_expected():
    assert ledger_of(None).unexpected == []
