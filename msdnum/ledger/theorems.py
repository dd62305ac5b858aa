"""Theorems and their proofs: the folder of each, its text and how to check it again."""

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path

from msdnum._repository import PROOFS, as_typed, present

__all__ = ["Theorem", "theorem", "theorem_ids"]


@dataclass(frozen=True)
class Theorem:
    """A theorem with a written proof.

    Parameters
    ----------
    id : str
        Name of its folder; the function in ``bounds`` has the same name with underscores.
    path : Path
        Of the text.
    text : str
        Statement and proof, in Markdown.
    machine_checked : bool
        Whether Coq has checked it as it stands here: ``proofs/stamp.json`` covers its sources.
    """

    id: str
    path: Path
    text: str = field(repr=False)
    machine_checked: bool

    @property
    def proof(self) -> str:
        """How it is proved."""
        if self.machine_checked:
            return "proved"
        return "stated" if self._formal else "proved on paper"

    @property
    def name(self) -> str:
        """The file of its text, from the root of the repository."""
        return f"proofs/{self.id}/README.md"

    @property
    def statement(self) -> str:
        """Setting and statement, without the proof."""
        stated = self.text.partition("**Proof.**")[0].partition("**Setting.**")
        return "".join(stated[1:]).rstrip() + "\n"

    @property
    def recheck(self) -> str:
        """The command that checks the proof from scratch; empty for one on paper only."""
        checker = as_typed(self.path.parents[1] / "check.py")
        return f"python {checker} --only {self.id}" if self._formal else ""

    @property
    def _formal(self) -> bool:
        """Whether it is written for Coq."""
        return self.path.with_name("theorem.v").is_file()


def theorem_ids() -> list[str]:
    """Return the ids of all theorems with a written proof, in alphabetical order.

    Raises
    ------
    NeedsCloneError
        If this installation has no proofs, without which "proved" would be missing in silence.

    Examples
    --------
    >>> from msdnum.ledger import theorem_ids
    >>> "mxfp4-decomposition" in theorem_ids()
    True
    """
    return sorted(path.parent.name for path in present(PROOFS).glob("*/README.md"))


def theorem(name: str) -> Theorem | None:
    """Return the theorem of that id, or None if there is no written proof of it."""
    if name not in theorem_ids():
        return None
    path = PROOFS / name / "README.md"
    text = path.read_text(encoding="utf-8")
    return Theorem(name, path, text, _checked(name))


def _checked(name: str) -> bool:
    """Say whether the last green run of ``check.py`` was of these very sources of a theorem."""
    if not (PROOFS / "stamp.json").is_file():
        return False
    stamp = json.loads((PROOFS / "stamp.json").read_text(encoding="utf-8"))
    kinds = ("*.v", f"{name}/*.v", f"{name}/*.gappa")
    files = {path for kind in kinds for path in PROOFS.glob(kind)}
    sources = {path.relative_to(PROOFS).as_posix(): _digest(path) for path in files}
    covered = {
        path: digest
        for path, digest in stamp["sources"].items()
        if path.rpartition("/")[0] in ("", name)
    }
    return name in stamp["statements"] and sources == covered


def _digest(path: Path) -> str:
    """Return the SHA-256 of a text, whatever ends its lines."""
    return hashlib.sha256(path.read_text(encoding="utf-8").encode()).hexdigest()
