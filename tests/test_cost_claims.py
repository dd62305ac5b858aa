"""The rows on cost say what is expected of them; the committed tables are what the code gives."""

import csv
from pathlib import Path

import pytest

from msdnum.cost_claims import COST_CLAIMS, c4, c5, c6, c8
from msdnum.cost_tables import TABLES, csv_text, write
from msdnum.finding import Verdict
from msdnum.ledger import Ledger, Row

COMMITTED = Path(__file__).resolve().parent.parent / "figures" / "tables"
ENTRIES = [entry for study in (c4, c5, c6, c8) for entry in study(None)]

EACH_TABLE = pytest.mark.parametrize("name", TABLES)


@pytest.fixture(scope="module")
def rows():
    return tuple(Row(entry, entry.judge(), None) for entry in ENTRIES)


def test_every_row_is_as_expected(rows):
    ledger = Ledger(COST_CLAIMS, rows)
    assert ledger.unexpected == []
    assert {ledger.verdict(claim) for claim in COST_CLAIMS} == {Verdict.MODEL}
    assert {row.entry.claim for row in rows} == {claim.id for claim in COST_CLAIMS}


def test_a_model_never_makes_a_claim_hold(rows):
    assert {row.finding.verdict for row in rows} == {Verdict.MODEL, Verdict.FAILS}
    assert all(row.finding.evidence.kind == "closed form" for row in rows)


def test_rows_fit_their_columns(rows):
    for row in rows:
        assert len(row.entry.convention) <= 42
        assert len(row.entry.promise) <= 20
        assert len(row.finding.found) <= 20


@pytest.mark.parametrize(
    ("convention", "found"),
    [
        ("FP4 unit at twice the rate of the FP8 unit", "1"),
        ("B300: FP4 at 28/9 of FP8", "0.642857"),
        ("910B2, INT8, pipelined, HBM, 16 rows", "0 % to 0 %"),
        ("cache, INT8, baseline through HBM", "5/2"),
        ("cache, MXFP4, baseline through HBM", "145/34"),
        ("cache, INT8, baseline on chip", "1/2"),
        ("the same, MSD reads once for all passes", "1"),
        ("910B4, INT8, as CANN chooses MSD", "below 614.4 rows"),
    ],
)
def test_what_is_found(rows, convention, found):
    (row,) = [row for row in rows if row.entry.convention == convention]
    assert row.finding.found == found


@EACH_TABLE
def test_a_table_is_rectangular(name):
    table = TABLES[name]()
    assert table.rows
    assert {len(row) for row in table.rows} == {len(table.header)}
    assert len(set(table.rows)) == len(table.rows)


@EACH_TABLE
def test_committed_tables_are_what_the_code_gives(name):
    """To write them anew: ``cost_tables.write(Path("figures/tables"))``."""
    assert (COMMITTED / f"{name}.csv").read_text(encoding="utf-8") == csv_text(TABLES[name]())


def test_tables_are_written_and_read_back(tmp_path, monkeypatch):
    monkeypatch.setitem(TABLES, "cost_traffic", TABLES["cost_machines"])
    for name in set(TABLES) - {"cost_machines", "cost_traffic"}:
        monkeypatch.delitem(TABLES, name)
    write(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"cost_machines.csv", "cost_traffic.csv"}
    with (tmp_path / "cost_traffic.csv").open(encoding="utf-8", newline="") as file:
        header, *read = csv.reader(file)
    table = TABLES["cost_machines"]()
    assert (tuple(header), tuple(map(tuple, read))) == (table.header, table.rows)
