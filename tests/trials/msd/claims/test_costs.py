"""The rows on cost say what is expected of them; the committed tables are what the code gives."""

import pytest

from msdnum.experiments import tables
from msdnum.ledger.claims import Row
from msdnum.ledger.findings import Verdict
from msdnum.ledger.ledger import Ledger
from msdnum.trials.msd.claims.costs import C4, C5, C6, C8, c4, c5, c6, c8
from msdnum.trials.msd.experiments.costs import TABLES
from tests.support import paths

COMMITTED = paths.TABLES
ENTRIES = [entry for study in (c4, c5, c6, c8) for entry in study(None)]

EACH_TABLE = pytest.mark.parametrize("name", TABLES)


@pytest.fixture(scope="module")
def rows():
    return tuple(Row(entry, entry.judge(), None) for entry in ENTRIES)


def test_every_row_is_as_expected(rows):
    ledger = Ledger((C4, C5, C6, C8), rows)
    assert ledger.unexpected == []
    assert {ledger.verdict(claim) for claim in (C4, C5, C6, C8)} == {Verdict.MODEL}
    assert {row.entry.claim for row in rows} == {claim.id for claim in (C4, C5, C6, C8)}


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
    """To write them anew: ``msdnum figures``."""
    table = TABLES[name]()
    _, records = tables.read(COMMITTED / f"{name}.csv")
    assert [tuple(record.values()) for record in records] == list(table.rows)
    assert tuple(records[0]) == table.header
