"""Which codes are not numbers: each kind against a list, code by code."""

import math

import pytest

from msdnum.formats import FloatFormat, NonNumbers

LISTED = {
    (NonNumbers.IEEE, True): ({12: math.inf, 28: -math.inf}, {13, 14, 15, 29, 30, 31}, 14),
    (NonNumbers.NAN, True): ({}, {15, 31}, 15),
    (NonNumbers.NEGATIVE_ZERO, True): ({}, {16}, 16),
    (NonNumbers.INF_AND_ONE_NAN, True): ({15: math.inf, 31: -math.inf}, {16}, 16),
    (NonNumbers.NONE, True): ({}, set(), None),
    (NonNumbers.IEEE, False): ({12: math.inf}, {13, 14, 15}, 14),
    (NonNumbers.NAN, False): ({}, {15}, 15),
    (NonNumbers.INF_AND_ONE_NAN, False): ({14: math.inf}, {15}, 15),
}
"""Of two exponent bits and two of fraction: the codes of Inf, those of NaN, and the NaN written."""


@pytest.mark.parametrize(("specials", "signed"), LISTED)
def test_each_kind_has_these_codes(specials, signed):
    fmt = FloatFormat("E2M2", 2, 2, 1, specials, signed=signed)
    infinities, nans, canonical = LISTED[specials, signed]
    assert {code: x for code, x in enumerate(fmt.values) if math.isinf(x)} == infinities
    assert {code for code, x in enumerate(fmt.values) if math.isnan(x)} == nans
    assert fmt.nan_code == canonical
    assert fmt.inf_code == next(iter(infinities), None)
    zero = 16 in fmt.codes and fmt.value(16) == 0
    assert fmt.has_negative_zero == zero


def test_they_say_what_they_are():
    assert NonNumbers.IEEE.value == "Inf and NaN fill the top exponent"
    assert len({member.value for member in NonNumbers}) == len(NonNumbers)
