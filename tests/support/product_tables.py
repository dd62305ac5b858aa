"""Helpers of the tests of tables of products."""

from msdnum.experiments import tables
from tests.support.paths import ROOT

FOLDER = ROOT / "figures" / "msd" / "tables"


def numbers(record):
    found = {}
    for name, cell in record.items():
        try:
            found[name] = float(cell)
        except ValueError:
            continue
    return found


def exceeded(record):
    """Return the columns in which an error is above its bound."""
    row = numbers(record)
    broken = [name for name in ("ratio", "msd_ratio", "baseline_ratio") if row.get(name, 0) > 1]
    if row.get("error", 0) > row.get("bound", 1):
        broken.append("bound")
    for name in row:
        head, _, tail = name.rpartition("bound_")
        if tail and f"{head}{tail}" in row and row[f"{head}{tail}"] > row[name]:
            broken.append(name)
    return broken


def committed(name):
    return tables.read(FOLDER / f"{name}.csv")[1]
