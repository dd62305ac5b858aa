"""Numbers of a report: short and exact."""

import math
from fractions import Fraction

import pytest

from msdnum.reports import layout
from msdnum.reports.pages import bits_of, share


@pytest.mark.parametrize(
    ("x", "text"),
    [
        (Fraction(448), "448"),
        (Fraction(1, 512), "1/512"),
        (Fraction(1, 2**128), "2^-128"),
        (6 * Fraction(2) ** 127, "3 x 2^128"),
        (Fraction(3, 2**20), "3 x 2^-20"),
        (None, "none"),
    ],
)
def test_numbers_of_a_range_stay_short(x, text):
    assert layout._number(x) == text


def test_shares_and_bits_are_written_exactly():
    assert share(Fraction(1, 64), "alpha") == "alpha/64"
    assert share(Fraction(5, 64), "alpha") == "5/64 alpha"
    assert share(Fraction(0), "alpha") == "0"
    assert bits_of(Fraction(1, 2**2000)) == 2000
    assert bits_of(0) == math.inf
