"""The parts of ``Statements.v``, one for each theorem, and what its README quotes of it."""

import re
from collections.abc import Iterator
from pathlib import Path

from audit import RefusedError

NAME = "Statements.v"
# Where a README has its quotation.
QUOTED = re.compile(r"(\*\*Closed statement\.\*\*.*\n\n```coq\n)(.*?)(```\n)", re.DOTALL)


def parts(root: Path) -> tuple[str, dict[str, str]]:
    """Return the imports of the page, and the text of its part for each theorem."""
    imports, *found = re.split(
        r"^\(\*\* \* ([\w-]+) \*\)\n", (root / NAME).read_text(encoding="utf-8"), flags=re.MULTILINE
    )
    return imports, dict(zip(found[::2], found[1::2], strict=True))


def closed(theorem: str, root: Path) -> str:
    """Return what the page says of one theorem, with its imports: a file of its own.

    Raises
    ------
    RefusedError
        If it says nothing of it.
    """
    imports, found = parts(root)
    if theorem not in found:
        raise RefusedError(f"{NAME} has no part (** * {theorem} *)")
    return imports + found[theorem]


def quotation(part: str) -> str:
    """Return a part without what it imports and without its proofs."""
    kept = re.sub(r"^Proof\..*?Qed\.\n", "", part, flags=re.MULTILINE | re.DOTALL)
    kept = re.sub(r"^(From|Import) .*?\.\n", "", kept, flags=re.MULTILINE | re.DOTALL)
    return kept.strip() + "\n"


def quotes(root: Path) -> Iterator[tuple[Path, str, str]]:
    """Yield each theorem's README, its text and what its text should be.

    Raises
    ------
    RefusedError
        If a README has no place for the quotation.
    """
    for theorem, part in parts(root)[1].items():
        path = root / theorem / "README.md"
        text = path.read_text(encoding="utf-8")
        if not QUOTED.search(text):
            raise RefusedError(f"{path} has no **Closed statement.** with a ```coq block")
        quoted = quotation(part)
        yield path, text, QUOTED.sub(lambda found, new=quoted: found[1] + new + found[3], text)
