"""Formats by table as data: what they derive from their numbers, and what is refused."""

import math

import pytest

from msdnum.formats import HIF8, IQ4_NL, NF4, TableFormat

TERNARY = (0.0, 1.0, -1.0, -1.0)


def test_properties_follow_from_the_numbers():
    fmt = TableFormat("T", (-0.0, 0.75, 0.75, -6.0))
    assert (fmt.bits, fmt.codes, fmt.max_finite, fmt.min_normal) == (2, range(4), 6, 0.75)
    assert (fmt.emax, fmt.eta, fmt.precision, fmt.signed) == (2, 0.25, 2, True)
    assert [(float(n.value), n.code) for n in fmt.ordered] == [(-6, 3), (0, 0), (0.75, 1)]
    assert (fmt.negative_zero_code, fmt.nan_code, fmt.inf_code) == (0, None, None)
    assert (HIF8.emax, HIF8.eta, HIF8.precision, HIF8.nan_code) == (15, 2.0**-22, 4, 0x80)
    assert (HIF8.inf_code, HIF8.negative_inf_code) == (0x6F, 0xEF)
    assert (NF4.precision, IQ4_NL.precision, IQ4_NL.max_finite) == (24, 7, 127)
    assert fmt.values == fmt.numbers
    assert repr(fmt).startswith("TableFormat('T', numbers=(-0.0, 0.75, 0.75, -6.0)")


def test_equal_tables_are_equal_with_their_nans():
    one, other = (
        TableFormat("T", (0, 1, math.nan, float("nan")), beyond=2.0, source=s) for s in "ab"
    )
    assert one == other
    assert hash(one) == hash(other)


def test_a_number_line_shows_them():
    for fmt in (HIF8, NF4, IQ4_NL):
        assert fmt.name in fmt.number_line().svg
        assert fmt.name in fmt._repr_html_() or "eta" in fmt._repr_html_()


@pytest.mark.parametrize(
    ("numbers", "beyond", "message"),
    [
        ((0.0, 1.0, 2.0), None, "numbers must be a power of two of them, 4 to 65536, got 3"),
        ((0.0, 1.0, 2.0, 0.1), None, "numbers must be binary32 numbers"),
        ((0.0, 1.0, 2.0, 1e-40), None, r"numbers must be 0 or 2\*\*-100 to 2\*\*100 in magnitude"),
        ((1.0, 1.0, 1.0, 1.0), None, "numbers must be at least two different ones"),
        ((0.0, 1.0, 2.0, math.inf), None, "beyond must be given for 'T'"),
        (TERNARY, 2.0, "beyond must be None for 'T'"),
        ((0.0, 1.0, -1.0, math.nan), 1.0, "beyond must be above the largest number"),
        ((0.0, 1.0, -2.0, math.nan), 3.0, "and the smallest that number negated"),
    ],
)
def test_what_is_no_format_is_refused(numbers, beyond, message):
    with pytest.raises(ValueError, match=message):
        TableFormat("T", numbers, beyond)


def test_types_are_checked():
    with pytest.raises(TypeError, match="numbers"):
        TableFormat("T", [0.0, 1.0, 2.0, 3.0])
    with pytest.raises(TypeError, match="numbers"):
        TableFormat("T", (0.0, 1.0, 2.0, "3"))
