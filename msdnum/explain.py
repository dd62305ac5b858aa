"""Explain a claim or a theorem: statement, witness, proof, and how to check all of it again."""

from collections.abc import Iterator

from msdnum import claims
from msdnum.theorems import theorem, theorem_ids

__all__ = ["explain"]


def explain(name: str) -> Iterator[str]:
    """Yield lines on a claim or a theorem: statement, rows with witnesses, proofs, how to re-check.

    Raises
    ------
    ValueError
        If there is no claim and no theorem of that name.
    """
    every = claims.entries(claims.Study())
    known = [entry for entry in every if name in (entry.claim, entry.theorem)]
    if not known and theorem(name) is None:
        named = {entry.theorem for entry in every if entry.theorem} | set(theorem_ids())
        ids = [*dict.fromkeys(entry.claim for entry in every), *sorted(named)]
        raise ValueError(f"claim or theorem must be one of {', '.join(ids)}, got {name!r}")
    yield from (f"{claim.id}: {claim.statement}\n" for claim in claims.CLAIMS if claim.id == name)
    for entry in known:
        yield from claims.judge(entry).lines()
    ids = [name] if name in theorem_ids() else [entry.theorem for entry in known if entry.theorem]
    for theorem_id in dict.fromkeys(ids):
        yield from _proof(theorem_id)
    yield "\nTo judge again: " + " and ".join(
        f"msdnum verify --only {claim}" for claim in dict.fromkeys(entry.claim for entry in known)
    )


def _proof(theorem_id: str) -> Iterator[str]:
    proof = theorem(theorem_id)
    if proof is None:
        yield f"\n{theorem_id}: no proofs/{theorem_id}/README.md beside this package"
        return
    yield f"\n{'-' * 116}\n{proof.path}\n\n{proof.text}"
    if proof.recheck:
        yield f"To check the proof again: {proof.recheck}"
