"""Zero points in fractions: by hand, at the ends of binary32, and what is refused."""

from fractions import Fraction

import pytest

from msdnum import spec
from msdnum.formats import INT4, MXINT8_ELEMENT, UINT8
from msdnum.spec.numbers import Special


def test_zeros_have_a_scale_of_zero_and_the_lowest_codes():
    assert spec.zero_point_block([Fraction(0)] * 2, INT4) == (0, -8, (8, 8))


def test_a_range_of_one_sign_is_widened_to_zero():
    block = spec.zero_point_block([Fraction(10), Fraction(15)], INT4)
    assert (spec.from_float32_bits(block.scale), block.zero_point) == (1, -8)
    assert block.codes == (2, 7)


def test_the_largest_range_does_not_overflow():
    top = spec.max_finite(spec.elements.BINARY32)
    block = spec.zero_point_block([-top, top], UINT8)
    assert spec.from_float32_bits(block.scale) == spec.fl32(2 * top / 255)
    assert block.codes == (0, 255)


def test_a_subnormal_scale_is_rounded_before_it_divides():
    block = spec.zero_point_block([-20 * Fraction(2) ** -149], INT4)
    assert (block.scale, block.zero_point) == (1, 7)


@pytest.mark.parametrize("bad", [Special.NAN, Special.INFINITY])
def test_what_is_not_finite_makes_a_nan_block(bad):
    block = spec.zero_point_block([Fraction(1), bad], INT4)
    assert spec.from_float32_bits(block.scale) is Special.NAN
    assert block[1:] == (-8, (8, 8))


def test_fractions_are_refused():
    with pytest.raises(ValueError, match="element must be of integers, got"):
        spec.zero_point_block([Fraction(1)], MXINT8_ELEMENT)
