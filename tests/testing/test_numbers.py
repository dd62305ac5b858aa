"""Strategies for numbers keep their promises, and reach the edges that they promise."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.errors import NoSuchExample

from msdnum import testing
from msdnum.formats.elements import BINARY32, E2M1, E4M3, E8M0, ELEMENT_FORMATS, INT8_SYMMETRIC
from msdnum.testing.numbers import SIGN
from tests.support.strategies import bits, reach

EVERY_FORMAT = pytest.mark.parametrize("fmt", ELEMENT_FORMATS.values(), ids=lambda fmt: fmt.name)
NARROW = pytest.mark.parametrize(
    "fmt", [f for f in ELEMENT_FORMATS.values() if f is not BINARY32], ids=lambda fmt: fmt.name
)


@EVERY_FORMAT
@given(data=st.data())
def test_codes_and_values_are_of_the_format(fmt, data):
    assert data.draw(testing.codes(fmt)) in fmt.codes
    value = data.draw(testing.finite_values(fmt))
    assert abs(value) <= fmt.max_finite or value == getattr(fmt, "min_integer", 0) * fmt.eta
    assert (Fraction(value) / Fraction(fmt.eta)).denominator == 1


@EVERY_FORMAT
def test_both_ends_of_the_codes_are_reached(fmt):
    for code in (0, fmt.codes[-1]):
        assert reach(testing.codes(fmt), lambda drawn, code=code: drawn == code) == code
    reach(testing.finite_values(fmt), lambda drawn: drawn == fmt.max_finite)


def test_symmetric_values_leave_out_the_missing_integer():
    strategy = testing.finite_values(INT8_SYMMETRIC)
    assert reach(strategy, lambda value: value < -126) == -127
    with pytest.raises(NoSuchExample):
        reach(strategy, lambda value: value < -127)


@NARROW
@given(data=st.data())
def test_midpoints_are_float32_and_halfway(fmt, data):
    x = data.draw(testing.midpoints(fmt))
    assert float(np.float32(x)) == x
    if fmt.bits > 8:
        return
    values = sorted({v for v in fmt.values if np.isfinite(v)})
    below = [v for v in values if v < x]
    above = [v for v in values if v > x]
    if below and above:
        assert Fraction(x) * 2 == Fraction(below[-1]) + Fraction(above[0])
    else:
        assert abs(x) - fmt.max_finite > 0 or x < values[0]


@pytest.mark.parametrize(
    ("fmt", "x"), [(E2M1, 7.0), (E2M1, -7.0), (E2M1, 0.25), (E4M3, 464.0), (E8M0, 1.5 * 2.0**127)]
)
def test_the_ends_are_among_the_midpoints(fmt, x):
    reach(testing.midpoints(fmt), lambda drawn: drawn == x)
    for other in (np.nextafter(np.float32(x), np.float32(to)) for to in (-np.inf, np.inf)):
        reach(testing.near_midpoints(fmt), lambda drawn, other=other: drawn == other)


def test_midpoints_of_integers_pass_both_ends():
    for x in (-127.5, 127.5):
        reach(testing.midpoints(INT8_SYMMETRIC), lambda drawn, x=x: drawn == x)


def test_binary32_has_no_midpoints_in_float32():
    with pytest.raises(ValueError, match=r"fmt must be narrower than binary32, got BINARY32"):
        testing.midpoints(BINARY32)


@pytest.mark.parametrize(
    "pattern",
    [0, 0x80000000, 1, 0x7FFFFF, 0x800000, 0x7F7FFFFF, 0x7F800000, 0xFF800000, 0x3F800001],
)
def test_float32_edges_are_reached(pattern):
    assert reach(testing.float32_bits(), lambda drawn: drawn == pattern) == pattern


def test_float32_patterns_are_not_edges_only():
    reach(testing.float32_bits(), lambda drawn: drawn & 0xFFFF not in (0, 1, 0xFFFF))
    reach(testing.float32_bits(), lambda drawn: drawn & 0x7FFFFFFF > 0x7F800000)


@given(testing.bfloat16_bits())
def test_bfloat16_patterns_end_in_zeros(pattern):
    assert 0 <= pattern < 2**32
    assert pattern % 2**16 == 0


def test_sign_is_the_sign_bit():
    assert bits(-0.0) == SIGN
