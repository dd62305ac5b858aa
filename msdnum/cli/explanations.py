"""Explanations of a claim or a theorem: statement, witness, proof, and how to check it again."""

from collections.abc import Callable, Iterator

from msdnum._names import did_you_mean
from msdnum.ledger.claims import Entry, Row
from msdnum.ledger.ledger import lines
from msdnum.ledger.theorems import Theorem, theorem, theorem_ids
from msdnum.ledger.trial import Study, Trial, as_ledger, entries, judge
from msdnum.trials import JUDGED, trials

__all__ = ["claim_ids", "explain", "explain_with_proofs"]

RULE = "-" * 116


def claim_ids() -> list[str]:
    """Return the ids of all claims, in the order of the ledger."""
    return [name for trial in trials().values() for name in trial.ids]


def _trials_of(claim_id: str) -> list[Trial]:
    return [trial for trial in trials().values() if claim_id in trial.ids]


def _again(trial: Trial, claim_id: str) -> str:
    """Return the command that judges a claim again."""
    named = "" if trial.name in JUDGED else f"{trial.name} "
    return f"msdnum verify {named}--only {claim_id}"


def _all_entries() -> list[Entry]:
    return entries(trials().values(), Study())


def _theorem_names() -> list[str]:
    """Return the ids of all theorems: rows may name one whose proof is not there."""
    named = {entry.theorem for entry in _all_entries() if entry.theorem}
    return sorted({*named, *theorem_ids()})


def explain(name: str) -> Iterator[str]:
    """Yield lines on a theorem and its proof, or on a claim and what its theorems state.

    Raises
    ------
    ValueError
        If there is no claim and no theorem of that name, or the claim needs a tensor.
    """
    yield from _theorem(name) if name in _theorem_names() else _claim(name, _statement)


def explain_with_proofs(name: str) -> Iterator[str]:
    """Yield lines on a theorem, or on a claim, its theorems and their proofs.

    Raises
    ------
    ValueError
        If there is no claim and no theorem of that name, or the claim needs a tensor.
    """
    yield from _theorem(name) if name in _theorem_names() else _claim(name, _proof)


def _claim(name: str, written: Callable[[Theorem], Iterator[str]]) -> Iterator[str]:
    if name not in claim_ids():
        known = [*claim_ids(), *_theorem_names()]
        near = did_you_mean(name, known)
        raise ValueError(f"claim or theorem must be one of {', '.join(known)}, got {name!r}{near}")
    for trial in _trials_of(name):
        yield from _claim_of(trial, name, written)


def _claim_of(
    trial: Trial, name: str, written: Callable[[Theorem], Iterator[str]]
) -> Iterator[str]:
    found = entries([trial], Study(), name)
    yield from as_ledger([trial], tuple(map(judge, found))).brief()
    ids = list(dict.fromkeys(entry.theorem for entry in found if entry.theorem))
    for theorem_id in ids:
        yield from _written(theorem_id, written)
    yield f"\nTo judge again: {_again(trial, name)}; with notes and tables: --full"
    if ids:
        yield f"For a proof: msdnum explain {' or '.join(ids)}; for all of them: --proof"


def _theorem(name: str) -> Iterator[str]:
    known = [entry for entry in _all_entries() if entry.theorem == name]
    yield from _written(name, _proof)
    for claim in dict.fromkeys(entry.claim for entry in known):
        again = " or ".join(_again(trial, claim) for trial in _trials_of(claim))
        yield f"\nRows of {claim}; to judge again: {again}"
        yield from lines(_judged(known, claim), Row.full)


def _judged(known: list[Entry], claim: str) -> list[Row]:
    return [judge(entry) for entry in known if entry.claim == claim]


def _written(theorem_id: str, written: Callable[[Theorem], Iterator[str]]) -> Iterator[str]:
    """Yield what is written on a theorem under the name of its file."""
    known = theorem(theorem_id)
    if known is None:
        yield f"\n{theorem_id}: no proofs/{theorem_id}/README.md beside this package"
        return
    yield f"\n{RULE}\n{known.name}: {known.proof}\n"
    yield from written(known)
    if known.recheck:
        yield f"To check the proof again: {known.recheck}"


def _statement(known: Theorem) -> Iterator[str]:
    yield known.statement


def _proof(known: Theorem) -> Iterator[str]:
    yield known.text
