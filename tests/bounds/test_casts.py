"""The bound on one rounding: it holds, it is met, and a smaller one is not true."""

from fractions import Fraction

import pytest
from hypothesis import given, target

from msdnum import bounds
from msdnum.bounds.casts import half_gap
from msdnum.formats.elements import (
    BF16,
    BINARY32,
    E2M1,
    E2M3,
    E3M2,
    E4M3,
    E5M2,
    E8M0,
    FP16,
    INT4,
    INT8,
    INT8_SYMMETRIC,
    MXINT8_ELEMENT,
)
from tests.support.bounds import by_name, parts, round_to

FLOATS = [E2M1, E2M3, E3M2, E4M3, E5M2, BF16, FP16, BINARY32]


INTEGERS = [INT4, INT8, INT8_SYMMETRIC, MXINT8_ELEMENT]


# Elements


@pytest.mark.parametrize("fmt", FLOATS + INTEGERS, ids=by_name)
@given(part=parts())
def test_element_rounding(fmt, part):
    x = part * Fraction(fmt.max_finite)
    bound = bounds.element_rounding(fmt)
    error = abs(x - round_to(x, fmt))
    target(float(error / bound.at(x)))
    assert error <= bound.at(x) <= bound.largest


@pytest.mark.parametrize("fmt", FLOATS, ids=by_name)
def test_element_rounding_is_attained(fmt):
    bound, u, eta = bounds.element_rounding(fmt), Fraction(fmt.unit_roundoff), Fraction(fmt.eta)
    below_top = Fraction(fmt.max_finite) - Fraction(2) ** (fmt.emax - fmt.precision)
    for x, constant in ((1 + u, bound.relative * (1 + u)), (eta / 2, bound.absolute)):
        assert abs(x - round_to(x, fmt)) == constant == bound.at(x)
    assert abs(below_top - round_to(below_top, fmt)) == bound.largest


@pytest.mark.parametrize("fmt", INTEGERS, ids=by_name)
def test_integer_rounding_is_attained(fmt):
    half = Fraction(fmt.eta) / 2
    assert half - round_to(half, fmt) == half == bounds.element_rounding(fmt).at(1)
    bound = bounds.element_rounding(fmt)
    assert (bound.relative, bound.largest) == (1, half)


def test_e8m0_has_no_absolute_bound():
    with pytest.raises(ValueError, match="fmt must have a zero and subnormals, got E8M0"):
        bounds.element_rounding(E8M0)


@pytest.mark.parametrize("fmt", INTEGERS, ids=by_name)
def test_integers_are_spaced_evenly_up_to_any_reach(fmt):
    assert half_gap(fmt, Fraction(1, 1000)) == half_gap(fmt, Fraction(3)) == Fraction(fmt.eta) / 2
