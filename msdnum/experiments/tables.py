"""Tables as CSV, with a header that says how they were made."""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, TypeAlias

from msdnum import _repository
from msdnum._names import did_you_mean

__all__ = ["DIGITS", "Record", "load", "read", "text"]

Record: TypeAlias = Mapping[str, str | int | float]
"""One row: column names to values, in order."""


DIGITS = 5
"""Of a committed number: the last bits of ``exp`` and ``log`` differ from machine to machine."""


def text(records: Sequence[Record], header: Mapping[str, Any], digits: int = DIGITS) -> str:
    """Return a table as CSV after one line of JSON, which begins with ``#``.

    Parameters
    ----------
    records : sequence of mappings
        The rows; all have the same columns.
    header : mapping
        What goes into the line of JSON.
    digits : int
        Significant digits of floats; 17 are all that binary64 has.

    Raises
    ------
    ValueError
        If there are no records, two have different columns, or digits are not 1 to 17.

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
    if not 1 <= digits <= 17:
        raise ValueError(f"digits must be in 1..17, got {digits}")
    file = io.StringIO()
    file.write(f"# {json.dumps(header)}\n")
    writer = csv.DictWriter(file, list(records[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: _cell(value, digits) for name, value in r.items()} for r in records)
    return file.getvalue()


def _cell(value: str | int | float, digits: int) -> str:
    return f"{value:.{digits}g}" if isinstance(value, float) else str(value)


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


def load(table: str | Path) -> Any:
    """Return a table as a ``pandas.DataFrame``.

    Parameters
    ----------
    table : str or Path
        The name of a table that comes with the package, such as ``"effective_bits"``, or a file
        that ``msdnum figures`` has written.

    Returns
    -------
    pandas.DataFrame
        Numbers are numbers, and empty cells NaN. ``attrs`` has the header: how the table was made.

    Raises
    ------
    ModuleNotFoundError
        If pandas is not installed; ``read`` gives texts without it.
    ValueError
        If there is no table of that name, or the file is none.
    """
    try:
        pandas = import_module("pandas")
    except ModuleNotFoundError:
        raise ModuleNotFoundError(
            "load needs pandas: pip install 'msdnum[tables]'; experiments.read has the same cells "
            "without",
            name="pandas",
        ) from None
    path = _found(table)
    header, _ = read(path)  # Refuses what is no table.
    frame = pandas.read_csv(path, skiprows=1)
    frame.attrs = header
    return frame


def _found(table: str | Path) -> Path:
    """Return the file of a table: itself, or that of the name among those that come along."""
    if isinstance(table, Path) or table.endswith(".csv"):
        return Path(table)
    known = {path.stem: path for path in sorted(_repository.FIGURES.glob("*/tables/*.csv"))}
    if table not in known:
        near = did_you_mean(table, known) or f"; there are {', '.join(known)}"
        raise ValueError(f"table must be a file or a name, got {table!r}{near}")
    return known[table]
