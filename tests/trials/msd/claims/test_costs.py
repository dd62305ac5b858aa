"""The rows on cost say what is expected of them; the committed tables are what the code gives."""

import pytest

from msdnum.cost.published import MEASUREMENTS, Kind
from msdnum.ledger.claims import Row
from msdnum.ledger.findings import Verdict
from msdnum.ledger.ledger import Ledger
from msdnum.trials.msd.claims.costs import C4, C5, C6, C8, c4, c5, c6, c8

ENTRIES = [entry for study in (c4, c5, c6, c8) for entry in study(None)]


@pytest.fixture(scope="module")
def rows():
    return tuple(Row(entry, entry.judge(), None) for entry in ENTRIES)


def test_every_row_is_as_expected(rows):
    ledger = Ledger((C4, C5, C6, C8), rows)
    assert ledger.unexpected == []
    assert {ledger.verdict(claim) for claim in (C4, C5, C6, C8)} == {Verdict.MODEL}
    assert {row.entry.claim for row in rows} == {claim.id for claim in (C4, C5, C6, C8)}


def test_a_model_never_makes_a_claim_hold(rows):
    verdicts = {row.finding.verdict for row in rows}
    assert verdicts == {Verdict.MODEL, Verdict.MEASURED, Verdict.FAILS}
    for row in rows:
        measured = row.finding.verdict is Verdict.MEASURED
        assert row.finding.evidence.kind == ("known case" if measured else "closed form")
        assert row.entry.convention.startswith("measured: ") == measured


def test_what_others_measured_names_its_source_and_what_is_not_stated(rows):
    measured = [row for row in rows if row.finding.verdict is Verdict.MEASURED]
    assert {row.entry.claim for row in measured} == {"C4", "C5", "C8"}
    for row in measured:
        source, assumption, unknown, rule = row.finding.notes
        assert source.split(",")[0] in {of.source.split(",")[0] for of in MEASUREMENTS.values()}
        assert assumption.startswith("the model: ")
        assert unknown.startswith("not stated: ")
        assert rule in {kind.value for kind in Kind}


def test_rows_fit_their_columns(rows):
    for row in rows:
        assert len(row.entry.convention) <= 42
        assert len(row.entry.promise) <= 20
        assert len(row.finding.found) <= 21


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
        ("measured: W4A16, 910, through HBM", "1.48x: refuted"),
        ("measured: W4A16, 910, through L2", "1.48x: stands"),
        ("measured: W8A16, tokens, through HBM", "1.155-1.161x: refuted"),
        ("measured: INT4 x3, a scale a column", "16 rows: refuted"),
        ("measured: INT4 x3, a scale for 128 weights", "16 rows: stands"),
        ("measured: INT4 x3, 1 row, read once", "303-396 us: refuted"),
    ],
)
def test_what_is_found(rows, convention, found):
    (row,) = [row for row in rows if row.entry.convention == convention]
    assert row.finding.found == found
