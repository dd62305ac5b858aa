"""Text in lines and columns for a terminal."""

import textwrap
from collections.abc import Sequence

__all__ = ["WIDTH", "aligned", "wrapped"]

WIDTH = 116


def wrapped(text: str) -> list[str]:
    """Break a text into lines, all indented."""
    return textwrap.wrap(text, WIDTH, initial_indent=" " * 6, subsequent_indent=" " * 6)


def aligned(cells: Sequence[str], widths: Sequence[int]) -> str:
    """Set cells in columns as wide as their longest: nothing is cut."""
    numbers = (f"{cell:>{width}}" for cell, width in zip(cells[1:-1], widths[1:-1], strict=True))
    return "  ".join(["", cells[0].ljust(widths[0]), *numbers, cells[-1].ljust(widths[-1])])
