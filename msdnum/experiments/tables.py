"""Tables as CSV, with a header that says how they were made."""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

__all__ = ["Record", "read", "text"]

Record: TypeAlias = Mapping[str, str | int | float]
"""One row: column names to values, in order."""


def text(records: Sequence[Record], header: Mapping[str, Any]) -> str:
    """Return a table as CSV after one line of JSON, which begins with ``#``.

    Raises
    ------
    ValueError
        If there are no records, or two have different columns.

    Examples
    --------
    >>> from msdnum.experiments import text
    >>> print(text([{"scheme": "MXFP4_X2", "error": 1 / 64}], {"seed": 0}))
    # {"seed": 0}
    scheme,error
    MXFP4_X2,0.015625
    """
    if not records or any(list(r) != list(records[0]) for r in records):
        raise ValueError(f"records must be one or more with equal columns, got {len(records)}")
    file = io.StringIO()
    file.write(f"# {json.dumps(header)}\n")
    writer = csv.DictWriter(file, list(records[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: _cell(value) for name, value in r.items()} for r in records)
    return file.getvalue()


def _cell(value: str | int | float) -> str:
    return f"{value:.5g}" if isinstance(value, float) else str(value)


def read(path: Path) -> tuple[dict[str, Any], list[dict[str, str]]]:
    """Return header and records of a table.

    Raises
    ------
    ValueError
        If the file does not begin with a header, has no rows, or a row does not have a cell for
        each column.
    """
    try:
        first, _, rest = path.read_text(encoding="utf-8").partition("\n")
        if not first.startswith("# {"):
            raise ValueError(f"got {first[:20]!r}")
        header: dict[str, Any] = json.loads(first[2:])
    except (ValueError, RecursionError) as error:
        raise ValueError(f"table {str(path)!r} must begin with '# {{' and JSON, {error}") from None
    try:
        columns, *rows = list(csv.reader(io.StringIO(rest), strict=True)) or [[]]
    except csv.Error as error:
        raise ValueError(f"table {str(path)!r} must be CSV, {error}") from None
    if not columns or any(len(row) != len(columns) for row in rows):
        raise ValueError(f"table {str(path)!r} must have columns, and a cell for each in every row")
    if not rows:
        raise ValueError(f"table {str(path)!r} must have rows")
    return header, [dict(zip(columns, row, strict=True)) for row in rows]
