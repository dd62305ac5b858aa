"""Differences of two tables: what another machine may change, and what it may not."""

import math
from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path
from typing import Any

from msdnum.experiments.tables import read

__all__ = ["TOLERANCE", "table_differences"]

TOLERANCE = 1e-3
"""Relative. Cells have five digits; ``exp``, ``log`` and normal samples differ in their last bit
from one C library and SIMD code to another, and means and quotients of them in hardly more."""

OF_THE_MACHINE = ("versions",)
"""What a header says of where a table was made."""


def table_differences(made: Path, kept: Path, tolerance: float = TOLERANCE) -> list[str]:
    """Return in words where a table differs from one that was made elsewhere.

    Parameters
    ----------
    made, kept : Path
        Files that ``msdnum figures`` has written: now, and before.
    tolerance : float
        Numbers that are not integers may differ by so much, relative to the larger; all else may
        not differ at all, what was computed (seed, parameters) and the number of rows included.

    Raises
    ------
    ValueError
        If a file is no table.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from msdnum.experiments import table_differences, text
    >>> folder = Path(tempfile.mkdtemp())
    >>> for name, error in (("here", 0.015625), ("there", 0.0157), ("near", 0.01563)):
    ...     _ = (folder / name).write_text(text([{"terms": 2, "error": error}], {"seed": 0}))
    >>> table_differences(folder / "here", folder / "near")
    []
    >>> table_differences(folder / "here", folder / "there")
    ['row 1, error: 0.015625, was 0.0157']
    """
    (header, rows), (old_header, old_rows) = read(made), read(kept)
    found = list(_of_headers(header, old_header))
    if len(rows) != len(old_rows):
        return [*found, f"{len(rows)} rows, were {len(old_rows)}"]
    for i, (row, old) in enumerate(zip(rows, old_rows, strict=True), 1):
        for (name, cell), (old_name, old_cell) in zip_longest(
            row.items(), old.items(), fillvalue=("", "")
        ):
            if name != old_name:
                return [*found, f"column {name!r}, was {old_name!r}"]
            if not _agree(cell, old_cell, tolerance):
                found.append(f"row {i}, {name}: {cell}, was {old_cell}")
    return found


def _of_headers(new: dict[str, Any], old: dict[str, Any]) -> Iterator[str]:
    for name in dict.fromkeys([*new, *old]):
        if name not in OF_THE_MACHINE and new.get(name) != old.get(name):
            yield f"header, {name}: {new.get(name)}, was {old.get(name)}"


def _agree(cell: str, old: str, tolerance: float) -> bool:
    if cell == old:
        return True
    try:
        numbers = float(cell), float(old)
    except ValueError:
        return False
    whole = all(text.lstrip("-").isdecimal() for text in (cell, old))
    return not whole and math.isclose(*numbers, rel_tol=tolerance)
