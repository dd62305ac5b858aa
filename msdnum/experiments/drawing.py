"""Drawings: a figure from a table, as PNG and PDF, that say which table they are of."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

from msdnum.experiments.plots import Figure, Records, save, style
from msdnum.experiments.tables import read

__all__ = ["Drawing", "draw", "source"]

Drawing: TypeAlias = Callable[[Records], Figure]
"""What makes a figure of the records of a table."""


def source(table: Path) -> str:
    """Return what a figure says of its table: the name and a digest of its bytes."""
    return f"{table.name}, SHA-256 {hashlib.sha256(table.read_bytes()).hexdigest()}"


def draw(name: str, drawing: Drawing, table: Path, out: Path) -> tuple[Path, Path]:
    """Draw a table and return the paths of the PNG and the PDF.

    Parameters
    ----------
    name : str
        Of the figure, its table and the experiment.
    drawing : callable
        From records to a figure.
    table : Path
        A CSV file of that experiment.
    out : Path
        Folder of the figure.

    Raises
    ------
    ValueError
        If the table is damaged, or that of another experiment.
    """
    header, records = read(table)
    if header.get("experiment") != name:
        of = header.get("experiment")
        raise ValueError(f"table {str(table)!r} must be of the experiment {name}, got {of!r:.80}")
    with style():
        return save(_drawn(name, drawing, table, records), out / name, source(table))


def _drawn(name: str, drawing: Drawing, table: Path, records: Records) -> Figure:
    try:
        return drawing(records)
    except (ArithmeticError, LookupError, TypeError, ValueError) as error:
        what = f"{type(error).__name__}: {error}".splitlines()[0]
        raise ValueError(f"table {str(table)!r} cannot be drawn as {name}, {what}") from error
