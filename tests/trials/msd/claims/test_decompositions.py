"""Claims on decompositions: which convention each needs."""

from fractions import Fraction

from tests.support.ledger import ledger_of


def test_c2_holds_only_under_a_convention():
    ledger = ledger_of("C2")
    assert ledger.unexpected == []
    ratios = [row.finding.ratio for row in ledger.rows]
    assert ratios == [1, 1, 2, 1, 2, 1, Fraction(39, 4), Fraction(15, 4), 64]
    holds = [ratio == 1 for ratio in ratios]
    assert [row.proof for row in ledger.rows] == ["proved" if held else None for held in holds]
    assert "see: mxfp4-scale-rules" in ledger.rows[2].evidence
