"""Near names for wrong ones."""

from collections.abc import Iterable
from difflib import get_close_matches

__all__ = ["did_you_mean", "near"]

SHORTEST = 3
"""Characters from which on a beginning is taken for the whole name."""


def near(name: str, known: Iterable[str]) -> str | None:
    """Return the known name that is most like ``name``, whatever its case, or None.

    One that begins with it is nearer than all others: MXFP8 means MXFP8_E4M3, and not MXFP4.
    """
    folded = {other.casefold(): other for other in known}
    for other, original in folded.items():
        if len(name) >= SHORTEST and other.startswith(name.casefold()):
            return original
    found = get_close_matches(name.casefold(), folded, n=1, cutoff=0.6)
    return folded[found[0]] if found else None


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return the end of a message on a wrong name: ``; did you mean X?``, or nothing."""
    found = near(name, known)
    return "" if found is None else f"; did you mean {found!r}?"
