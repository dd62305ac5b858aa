"""The specification of sums in any format: by hand, and where it is what other functions say."""

from fractions import Fraction

import pytest

from msdnum import spec
from msdnum.formats.chained_units import LanesUnit
from msdnum.formats.elements import BF16, BINARY32, FP16
from msdnum.formats.own_units import DesignedUnit, SumRounding
from msdnum.spec.accumulators import factor, inner_product, partial_sums
from msdnum.spec.own_units import rounded_sum

THIRD = Fraction(1, 3)


@pytest.mark.parametrize(
    ("mode", "up", "down"),
    [
        (SumRounding.NEAREST_EVEN, 1024, -1024), (SumRounding.NEAREST_AWAY, 1025, -1025),
        (SumRounding.TOWARDS_ZERO, 1024, -1024), (SumRounding.DOWN, 1024, -1025),
        (SumRounding.UP, 1025, -1024), (SumRounding.TO_ODD, 1025, -1025),
    ],
)  # fmt: skip
def test_ties_of_every_rounding(mode, up, down):
    tie = Fraction(2049, 2)
    assert (rounded_sum(tie, FP16, mode), rounded_sum(-tie, FP16, mode)) == (up, down)


def test_to_nearest_even_is_the_rounding_of_casts():
    for n in range(-40, 40):
        for scale in (-160, -150, -130, 0, 90):
            x = (n + THIRD) * Fraction(2) ** scale
            assert rounded_sum(x, BINARY32, SumRounding.NEAREST_EVEN) == spec.number(spec.fl32(x))
    with pytest.raises(ValueError, match="every sum must be finite"):
        rounded_sum(Fraction(65536), FP16, SumRounding.UP)


def numbers(*values):
    return [factor(Fraction(v), BF16) for v in values]


def test_a_designed_unit_by_hand():
    unit = DesignedUnit("three bits", 2, 3)
    ones = numbers(1, 1)
    assert inner_product(numbers(1, Fraction(1, 16)), ones, unit) == 1
    assert inner_product(numbers(1, Fraction(3, 16)), ones, unit) == Fraction(9, 8)
    lost = DesignedUnit("sticky", 2, 3, rounding=SumRounding.UP, sticky=True)
    assert inner_product(numbers(1, Fraction(1, 16)), ones, lost) == Fraction(17, 16)
    late = DesignedUnit("late", 2, 3, late=True)
    tiny = Fraction(1, 16)
    assert inner_product(numbers(tiny, tiny), ones, late, Fraction(1)) == Fraction(9, 8)
    assert inner_product(numbers(tiny, tiny), ones, unit, Fraction(1)) == 1


def test_lanes_by_hand():
    unit = LanesUnit("two", 4, 2, FP16)
    sums = list(partial_sums(numbers(2048, 1, 1, 1), numbers(1, 1, 1, 1), unit))
    assert sums == [2050]  # (2048 + 1 = 2048) + (1 + 1 = 2)
