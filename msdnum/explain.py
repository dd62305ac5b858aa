"""Explain a claim or a theorem: statement, witness, proof, and how to check all of it again."""

from collections.abc import Callable, Iterator

from msdnum import claims
from msdnum.ledger import Entry, Row, lines
from msdnum.theorems import Theorem, theorem, theorem_ids

__all__ = ["claim_ids", "explain", "explain_with_proofs"]

RULE = "-" * 116


def claim_ids() -> list[str]:
    """Return the ids of all claims, in the order of the ledger."""
    return [claim.id for claim in claims.CLAIMS]


def _theorem_names() -> list[str]:
    """Return the ids of all theorems: rows may name one whose proof is not there."""
    named = {entry.theorem for entry in claims.entries(claims.Study()) if entry.theorem}
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
        names = ", ".join([*claim_ids(), *_theorem_names()])
        raise ValueError(f"claim or theorem must be one of {names}, got {name!r}")
    known = claims.entries(claims.Study(), name)
    yield from claims.ledger(tuple(map(claims.judge, known))).brief()
    ids = list(dict.fromkeys(entry.theorem for entry in known if entry.theorem))
    for theorem_id in ids:
        yield from _written(theorem_id, written)
    yield f"\nTo judge again: msdnum verify --only {name}; with notes and tables: --full"
    if ids:
        yield f"For a proof: msdnum explain {' or '.join(ids)}; for all of them: --proof"


def _theorem(name: str) -> Iterator[str]:
    known = [entry for entry in claims.entries(claims.Study()) if entry.theorem == name]
    yield from _written(name, _proof)
    for claim in dict.fromkeys(entry.claim for entry in known):
        yield f"\nRows of {claim}; to judge again: msdnum verify --only {claim}"
        yield from lines(_judged(known, claim), Row.full)


def _judged(known: list[Entry], claim: str) -> list[Row]:
    return [claims.judge(entry) for entry in known if entry.claim == claim]


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
