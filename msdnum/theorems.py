"""Where the proofs are: the folder of each theorem, its statement and how to check it again."""

import re
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Theorem", "theorem", "theorem_ids"]

# In a clone the proofs lie beside the package; in an installed package, inside it.
PLACES = (Path(__file__).parent.parent / "proofs", Path(__file__).parent / "proofs")

_STATEMENT = re.compile(
    r"^\*\*(?:Bound|Statement|Theorem)[^*]*\*\*\s*(.*?)(?=^\*\*|\Z)", re.M | re.S
)


@dataclass(frozen=True)
class Theorem:
    """A theorem with a written proof.

    Parameters
    ----------
    id : str
        Name of its folder; the function in ``bounds`` has the same name with underscores.
    text : str
        The proof, in Markdown.
    machine_checked : bool
        Whether there is a statement that Coq checks.
    """

    id: str
    text: str
    machine_checked: bool

    @property
    def title(self) -> str:
        """First heading of the text."""
        return self.text.partition("\n")[0].lstrip("# ")

    @property
    def statement(self) -> str:
        """What is claimed; empty if the text does not mark it."""
        found = _STATEMENT.search(self.text)
        return found[1].strip() if found else ""

    @property
    def recheck(self) -> str:
        """The command that checks the proof from scratch; empty for one on paper only."""
        return f"python proofs/check.py --only {self.id}" if self.machine_checked else ""


def theorem_ids() -> list[str]:
    """Return the ids of all theorems with a written proof, in alphabetical order."""
    return sorted({path.parent.name for root in PLACES for path in root.glob("*/README.md")})


def theorem(name: str) -> Theorem | None:
    """Return the theorem of that id, or None if there is no written proof of it."""
    for root in PLACES:
        text = root / name / "README.md"
        if text.is_file():
            return Theorem(
                name, text.read_text(encoding="utf-8"), (root / name / "theorem.v").is_file()
            )
    return None
