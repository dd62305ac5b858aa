"""Worst cases by hand."""

from fractions import Fraction

from msdnum.evidence import worst_cases
from msdnum.formats.schemes import INT8_X2, MXFP4_X2


def test_extremes_by_hand():
    found = worst_cases.among_ties(MXFP4_X2, 64, 0)
    assert (found.error, found.evidence.kind) == (Fraction(1, 64), "exhaustive")
    assert worst_cases.among_ties(MXFP4_X2, 63, 5).evidence.seed == 5
    assert worst_cases.among_pairs(INT8_X2).error == Fraction(1, 64516)
    assert worst_cases.among_ties(MXFP4_X2, 64, 0, Fraction(1, 32)).bound == Fraction(1, 32)
