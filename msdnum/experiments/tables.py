"""An experiment is a frozen spec that gives a table: the same seed gives the same bytes."""

import csv
import io
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeAlias

from msdnum import __version__, _files
from msdnum._extras import progress

__all__ = ["SEED", "Experiment", "Record", "read", "text"]

Record: TypeAlias = Mapping[str, str | int | float]
"""One row: column names to values, in order."""

SEED = 20260513


@dataclass(frozen=True)
class Experiment:
    """What is to be measured.

    Parameters
    ----------
    name : str
        Of the experiment, and of its file.
    description : str
        One sentence.
    spec : tuple
        What ``rows`` is given, as names and numbers: all that decides the table but the seed.
    rows : callable
        ``rows(spec, seed)`` yields the records; they all have the same columns.
    quick : tuple
        A smaller spec for a look or a test.
    """

    name: str
    description: str
    spec: tuple[Any, ...]
    rows: Callable[[tuple[Any, ...], int], Iterator[Record]]
    quick: tuple[Any, ...]

    def table(self, *, seed: int = SEED, quick: bool = False) -> str:
        """Carry it out and return the file's text."""
        spec = self.quick if quick else self.spec
        records = progress(self.rows(spec, seed), desc=self.name, unit=" rows")
        return text(list(records), self._header(spec, seed))

    def write(self, directory: Path, *, quick: bool = False) -> Path:
        """Carry it out, write its file, making the directory if need be, and return the path."""
        directory.mkdir(parents=True, exist_ok=True)
        path = directory / f"{self.name}.csv"
        _files.write_text(path, self.table(quick=quick))
        return path

    def _header(self, spec: tuple[Any, ...], seed: int) -> dict[str, Any]:
        packages = {name: version(name) for name in ("numpy", "jax")}
        return {
            "experiment": self.name,
            "description": self.description,
            "versions": {"msdnum": __version__, **packages},
            "seed": seed,
            "spec": [str(item) for item in spec],
        }


def text(records: Sequence[Record], header: Mapping[str, Any]) -> str:
    """Return a table as CSV after one line of JSON, which begins with ``#``.

    Raises
    ------
    ValueError
        If there are no records, or two have different columns.
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
