"""Tables, one number at a time: cases written out."""

from fractions import Fraction

import pytest

from msdnum import Overflow, Rounding, TableFormat, spec
from msdnum.formats import HIF8, IQ4_NL
from msdnum.spec import Special

SIGNED = TableFormat("T", (0.0, 1.0, 3.0, -0.0, -2.0, -2.0, 4.0, 4.5))


@pytest.mark.parametrize(
    ("x", "rounding", "code"),
    [
        (Fraction(2), Rounding.RNE, 2),  # halfway between 1 (code 1) and 3 (code 2)
        (Fraction(1, 2), Rounding.RNE, 0),
        (Fraction(7, 2), Rounding.RNE, 6),  # both codes even: the larger magnitude
        (Fraction(2), Rounding.RNA, 2),
        (Fraction(-1), Rounding.RNA, 4),
        (Fraction(-1), Rounding.RTZ, 3),
        (Fraction(-1), Rounding.RTN, 4),
        (Fraction(-1), Rounding.RTP, 3),
        (Fraction(-99), Rounding.RNE, 4),
        (Fraction(99), Rounding.RTZ, 7),
        (Fraction(17, 4), Rounding.RNE, 6),
        (Fraction(5, 2), Rounding.RTZ, 1),
    ],
)
def test_cases(x, rounding, code):
    assert spec.encode(x, SIGNED, overflow=Overflow.SATURATE, rounding=rounding) == code


def test_zeros_and_infinities():
    saturated = {
        value: spec.encode(value, SIGNED, overflow=Overflow.SATURATE)
        for value in (Special.INFINITY, Special.NEGATIVE_INFINITY, Special.NEGATIVE_ZERO)
    }
    assert list(saturated.values()) == [7, 4, 3]
    assert spec.decode(3, SIGNED) is Special.NEGATIVE_ZERO
    assert spec.encode(Special.NAN, HIF8, overflow=Overflow.SATURATE) == 0x80
    assert spec.encode(Special.NEGATIVE_INFINITY, HIF8, overflow=Overflow.OVERFLOW) == 0xEF
    assert spec.decode(0xEF, HIF8) is Special.NEGATIVE_INFINITY
    assert spec.encode(Fraction(-1), SIGNED, overflow=Overflow.SATURATE) == 4  # both even


def test_around_a_zero_that_is_not_there():
    """IQ4_NL has -10 (code 7) and 1 (code 8)."""
    for rounding in (Rounding.RNE, Rounding.RNA, Rounding.RTZ):
        codes = [
            spec.encode(Fraction(x), IQ4_NL, overflow=Overflow.SATURATE, rounding=rounding)
            for x in (-5, -4, 0)
        ]
        assert codes == [7, 8, 8]
    assert spec.encode(Fraction(-9, 2), IQ4_NL, overflow=Overflow.SATURATE) == 8


def test_what_cannot_be_is_refused():
    with pytest.raises(ValueError, match="value must be a number for T, which has no NaN"):
        spec.encode(Special.NAN, SIGNED, overflow=Overflow.SATURATE)
    with pytest.raises(ValueError, match="overflow must be SATURATE for T"):
        spec.encode(Fraction(1), SIGNED, overflow=Overflow.OVERFLOW)
    with pytest.raises(ValueError, match="rounding must not be STOCHASTIC for T"):
        spec.encode(Fraction(1), SIGNED, overflow=Overflow.SATURATE, rounding=Rounding.STOCHASTIC)
