"""HTML for notebooks: small tables that are escaped, and as readable on dark as on light.

Without scripts, style sheets or anything from outside. It imports nothing of the package, so that
everything may import it.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from enum import Enum
from fractions import Fraction
from html import escape
from typing import Any

__all__ = [
    "BAD", "GOOD", "Markup", "Shown", "attributes", "cell", "coloured", "number", "paragraph",
    "record", "small", "table",
]  # fmt: skip

GOOD, BAD = "#2a9d6f", "#d1495b"
"""Colours with contrast on white and on black."""

CELL = "white-space:nowrap;padding:2px 8px;border-bottom:1px solid rgba(128,128,128,.4)"
CAPTION = "caption-side:top;text-align:left;font-weight:bold;color:inherit;white-space:nowrap"
ROWS = 40
"""How many rows of a table are shown."""


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


def small(text: object) -> Markup:
    """Return escaped text in small type."""
    return Markup(
        f'<span style="font-size:85%;font-weight:normal;opacity:.75">{escape(str(text))}</span>'
    )


def coloured(text: object, colour: str) -> Markup:
    """Return escaped text in a colour."""
    return Markup(f'<span style="color:{colour};font-weight:bold">{escape(str(text))}</span>')


def paragraph(text: object) -> Markup:
    """Return escaped text that starts at the left and may take several lines."""
    style = "text-align:left;white-space:normal;min-width:16em;max-width:36em"
    return Markup(f'<div style="{style}">{cell(text)}</div>')


def number(x: float | Fraction) -> Markup:
    """Write a number: powers of two as such where they are long, else up to five digits."""
    if isinstance(x, Fraction):
        short = x.denominator <= 10**6 and abs(x.numerator) <= 10**6
        return Markup(str(x) if short else f"{float(x):.5g}")
    if math.isfinite(x) and x:
        significand, exponent = math.frexp(x)
        if abs(significand) == 0.5 and not -3 <= exponent <= 14:
            return Markup(f"{'-' if x < 0 else ''}2<sup>{exponent - 1}</sup>")
    return Markup(f"{x:.5g}")


def cell(value: object) -> Markup:
    """Return a value as people write it: formats by name, choices by name and meaning.

    Arrays are too large for it: their type and shape are written.
    """
    match value:
        case Markup():
            return value
        case None | bool():
            return Markup({None: "none", True: "yes", False: "no"}[value])
        case float() | Fraction():
            return number(value)
        case Enum():
            return Markup(f"{escape(value.name)} {small(value.value)}")
        case tuple():
            return Markup(", ".join(map(cell, value)))
        case _:
            return Markup(escape(_in_short(value)))


def _in_short(value: Any) -> str:
    """Return a name, the type and shape of an array, or else all that a value says of itself."""
    if hasattr(value, "dtype") and getattr(value, "shape", None):
        return f"{value.dtype}{list(value.shape)}"
    return str(getattr(value, "name", value))


def table(
    header: Sequence[object], rows: Iterable[Sequence[object]], caption: object = ""
) -> Markup:
    """Return a table: the first column to the left, the others to the right; the first rows.

    Parameters
    ----------
    header : sequence
        Names of the columns; none, and there is no header.
    rows : iterable of sequences
        Cells, as ``cell`` takes them.
    caption : object
        What the table shows.

    Examples
    --------
    >>> from msdnum.display import table
    >>> table(["format"], [["<mine>"]])[-29:]
    'lt;mine&gt;</td></tr></table>'
    """
    head = _row(header, "th") if header else ""
    rows = list(rows)
    body = "".join(_row(row, "td") for row in rows[:ROWS])
    body += _row([small(f"... {len(rows) - ROWS} more rows")], "td") if len(rows) > ROWS else ""
    above = f'<caption style="{CAPTION}">{cell(caption)}</caption>' if caption else ""
    return Markup(
        f'<table style="border-collapse:collapse;margin:0 0 8px">{above}{head}{body}</table>'
    )


def _row(cells: Sequence[object], tag: str) -> str:
    return f"<tr>{''.join(_cell(value, tag, i > 0) for i, value in enumerate(cells))}</tr>"


def _cell(value: object, tag: str, right: bool) -> str:
    side = "right" if right else "left"
    return f'<{tag} style="text-align:{side};{CELL}">{cell(value)}</{tag}>'


def record(title: object, values: Mapping[str, object]) -> Markup:
    """Return names and values, one under the other."""
    return table((), ((name, paragraph(value)) for name, value in values.items()), title)


def attributes(thing: Any, *names: str) -> Markup:
    """Return attributes by the names under which they are found, and what they belong to."""
    title = Markup(f"{cell(thing)} {small(type(thing).__name__)}")
    return record(title, {name: getattr(thing, name) for name in names})


class Shown:
    """A frozen data class that notebooks show by its fields."""

    __slots__ = ()

    def _repr_html_(self) -> str:
        kind = type(self).__name__
        name = getattr(self, "name", "")
        title = Markup(f"{cell(name)} {small(kind)}") if name else kind
        return record(title, vars(self))
