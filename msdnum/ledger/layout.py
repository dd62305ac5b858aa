"""Text in lines and columns for a terminal."""

import textwrap
from collections.abc import Sequence

from msdnum.display.text import aligned

__all__ = ["WIDTH", "row_of", "wrapped"]

WIDTH = 116


def wrapped(text: str) -> list[str]:
    """Break a text into lines, all indented."""
    return textwrap.wrap(text, WIDTH, initial_indent=" " * 6, subsequent_indent=" " * 6)


def row_of(cells: Sequence[str], widths: Sequence[int]) -> str:
    """Set the cells of a row in columns, all indented; the first and the last are words."""
    return f"  {aligned(cells, widths, left=(0, len(cells) - 1))}"
