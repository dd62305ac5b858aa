"""Text for a terminal: rows that fit its width, and words that stand out where colour is wanted."""

import os
import re
import shutil
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import TextIO

__all__ = ["coloured_words", "fitted", "for_terminal"]

COLOURS = {"good": "32", "bad": "1;31", "faint": "2", "strong": "1"}
"""ANSI's numbers of what is green, bold and red, faint, and bold."""

GAP = re.compile(" {2,}")


def for_terminal(lines: Sequence[str], words: Mapping[str, str], stream: TextIO) -> list[str]:
    """Return lines as a stream shows them: as they are, if it is no terminal.

    Parameters
    ----------
    lines : sequence of str
        What is to be printed; lines that begin with two spaces are rows of columns.
    words : mapping of str to str
        Cells that stand out, by colour: ``good``, ``bad``, ``faint`` or ``strong``.
    stream : file
        Where they go. ``COLUMNS`` gives another width, ``NO_COLOR`` takes the colours away.

    Returns
    -------
    list of str
        Without ends of lines.
    """
    if not stream.isatty():
        return list(lines)
    found = fitted(lines, shutil.get_terminal_size().columns)
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    return found if plain else [coloured_words(line, words) for line in found]


def fitted(lines: Sequence[str], width: int) -> list[str]:
    """Return lines that are no wider; a table with a wider row has its rows in several lines.

    Examples
    --------
    >>> from msdnum.display.terminal import fitted
    >>> print(*fitted(["  convention    found", "  CEIL, s1/8  a/64"], 16), sep="|")
      convention|    found|  CEIL, s1/8|    a/64
    """
    found: list[str] = []
    for is_table, some in groupby(lines, _is_row):
        rows = list(some)
        if is_table and any(len(row) > width for row in rows):
            found += [line for row in rows for line in _stacked(row, width)]
        else:
            found += [line for row in rows for line in ([row] if is_table else _broken(row, width))]
    return found


def _is_row(line: str) -> bool:
    return line.startswith("  ") and not line.startswith("   ")


def _stacked(row: str, width: int) -> Iterator[str]:
    """Yield the first cell, and below it the others with a space between that is not broken."""
    first, *others = GAP.split(row.strip())
    yield from textwrap.wrap(first, width, initial_indent="  ", subsequent_indent="      ")
    rest = "  ".join(others)
    if rest:
        yield from textwrap.wrap(rest, width, initial_indent="    ", subsequent_indent="      ")


def _broken(line: str, width: int) -> list[str]:
    """Break prose, a list with two columns below its second one; tables inside stay as they are."""
    if len(line) <= width or line.startswith(" "):
        return [line]
    gap = GAP.search(line)
    return textwrap.wrap(line, width, subsequent_indent=" " * (gap.end() if gap else 4))


def coloured_words(line: str, words: Mapping[str, str]) -> str:
    """Return a row, or a heading that ends with one of the words, with that word in colour."""
    for word, colour in words.items():
        pattern = rf"(?<=  ){re.escape(word)}(?=  |$)|(?<=: ){re.escape(word)}$"
        line = re.sub(pattern, f"\x1b[{COLOURS[colour]}m{word}\x1b[0m", line)
    return line
