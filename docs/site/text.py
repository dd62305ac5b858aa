"""Markdown that generated pages are made of."""

from collections.abc import Iterable, Sequence

__all__ = ["cell", "raw", "table"]


def cell(text: object) -> str:
    """Return a text as a cell of a table that shows it as it is."""
    line = " ".join(str(text).split())
    for sign in "\\`*_$|<>[]":
        line = line.replace(sign, f"\\{sign}")
    return line


def table(header: Sequence[object], rows: Iterable[Sequence[object]]) -> str:
    """Return a table whose cells are Markdown."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines) + "\n"


def raw(html: str) -> str:
    """Return HTML as it is, in a box that scrolls by itself."""
    return f'```{{raw}} html\n<div class="scrolling">{html}</div>\n```\n'
