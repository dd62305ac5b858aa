"""Spreads: how far the numbers of a table go from seed to seed."""

from collections.abc import Sequence

from msdnum.experiments.tables import Record

__all__ = ["with_spread"]


def with_spread(tables: Sequence[Sequence[Record]]) -> list[Record]:
    """Return the first of several tables, with the ends of each column that depends on the seed.

    Parameters
    ----------
    tables : sequence of sequences of records
        Of the same experiment with other seeds: as many rows, and the same columns.

    Raises
    ------
    ValueError
        If tables differ in their rows or columns.

    Examples
    --------
    >>> from msdnum.experiments.spreads import with_spread
    >>> with_spread([[{"k": 2, "error": 0.5}], [{"k": 2, "error": 0.25}]])
    [{'k': 2, 'error': 0.5, 'least_error': 0.25, 'most_error': 0.5}]
    """
    if len({tuple(tuple(row) for row in table) for table in tables}) != 1:
        raise ValueError("tables must have the same columns in as many rows, whatever their seed")
    rows = list(zip(*tables, strict=True))
    columns = [name for name in tables[0][0] if _varies(rows, name)] if tables[0] else []
    return [{**row[0], **_ends(row, columns)} for row in rows]


def _varies(rows: Sequence[Sequence[Record]], name: str) -> bool:
    """Whether seeds differ in a column of floats; other cells say what was asked for."""
    cells = [[record[name] for record in row] for row in rows]
    return any(len(set(row)) > 1 and all(isinstance(cell, float) for cell in row) for row in cells)


def _ends(row: Sequence[Record], columns: Sequence[str]) -> Record:
    found: dict[str, str | int | float] = {}
    for name in columns:
        cells = [cell for record in row if isinstance(cell := record[name], float)]
        found[f"least_{name}"] = min(cells, default="")
        found[f"most_{name}"] = max(cells, default="")
    return found
