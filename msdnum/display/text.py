"""Text of one line: what frozen data are called where Python prints them, and rows of tables."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import Field, fields, is_dataclass
from enum import Enum
from fractions import Fraction
from typing import Any

__all__ = ["aligned", "one_line", "widths_of"]


def one_line(thing: Any) -> str:
    """Return the class, the name, and the fields that differ from their defaults, by name.

    Formats inside are called by their names and arrays by type and shape, so that a line remains a
    line. What says no more than where a thing comes from, its ``source``, is left out.

    Examples
    --------
    >>> from msdnum import BLOCK_FORMATS
    >>> BLOCK_FORMATS["MXFP4"]
    BlockFormat('MXFP4', element=E2M1, scale=E8M0, block_size=32, rule=FLOOR)
    """
    return f"{type(thing).__name__}({', '.join(_parts(thing))})"


def widths_of(rows: Collection[Sequence[str]]) -> list[int]:
    """Return the length of the longest cell of each column."""
    return [max(map(len, column)) for column in zip(*rows, strict=True)]


def aligned(cells: Sequence[str], widths: Sequence[int], left: Collection[int] = (0,)) -> str:
    """Return the cells of a row in columns: words begin at the left, numbers end at the right.

    Parameters
    ----------
    cells : sequence of str
        Of one row.
    widths : sequence of int
        Of each column; a longer cell is not cut.
    left : collection of int
        Which columns have words; the first, if not given.

    Examples
    --------
    >>> from msdnum.display.text import aligned, widths_of
    >>> rows = [("scheme", "bits"), ("MXFP4_X2", "6.6")]
    >>> [aligned(row, widths_of(rows)) for row in rows]
    ['scheme    bits', 'MXFP4_X2   6.6']
    """
    columns = enumerate(zip(cells, widths, strict=True))
    return "  ".join(c.ljust(w) if i in left else c.rjust(w) for i, (c, w) in columns)


def _parts(thing: Any) -> Iterator[str]:
    for field in fields(thing):
        value = getattr(thing, field.name)
        if field.name == "name":
            yield repr(value)
        elif not _is_usual(field, value):
            yield f"{field.name}={_short(value)}"


def _is_usual(field: Field[Any], value: object) -> bool:
    return field.name == "source" or value is field.default or _equal(value, field.default)


def _equal(value: object, default: object) -> bool:
    return isinstance(value, bool | int | str) and type(value) is type(default) and value == default


def _short(value: Any) -> str:
    match value:
        case Enum():
            return str(value.name)
        case Fraction():
            return str(value)
        case tuple():
            return f"({', '.join(map(_short, value))}{',' * (len(value) == 1)})"
        case _ if hasattr(value, "dtype") and hasattr(value, "shape"):
            return f"{value.dtype}{list(value.shape)}"
        case _ if is_dataclass(value) and hasattr(value, "name"):
            return str(value.name)
        case _:
            return repr(value)
