"""Names and defaults of units of one's own: what was there before has not changed."""

import pytest

from msdnum.formats.accumulators import FMA32, INSTRUCTIONS, PAIRWISE, SEQUENTIAL
from msdnum.formats.elements import BF16, E4M3, FP16
from msdnum.formats.own_units import Pairwise, Sequential, SumRounding


@pytest.mark.parametrize(
    ("unit", "name"),
    [
        (SEQUENTIAL, "SEQUENTIAL"), (PAIRWISE, "PAIRWISE"), (FMA32, "SEQUENTIAL_FMA"),
        (Sequential(FP16), "SEQUENTIAL_FP16"),
        (Pairwise(BF16, SumRounding.UP), "PAIRWISE_BF16_UP"),
        (Sequential(rounding=SumRounding.TO_ODD), "SEQUENTIAL_TO_ODD"),
    ],
)  # fmt: skip
def test_a_name_says_what_is_not_usual(unit, name):
    assert unit.name == name


def test_the_usual_sums_are_equal_to_themselves_only():
    assert Sequential() == SEQUENTIAL
    assert FMA32 != SEQUENTIAL
    assert {"INTEL_AMX_BF16", "ARM_BFMMLA"} <= set(INSTRUCTIONS)


def test_a_format_without_infinity_cannot_hold_a_sum():
    with pytest.raises(ValueError, match="output must be a signed float format with Inf and NaN"):
        Sequential(E4M3)
    with pytest.raises(TypeError, match="output must be a FloatFormat, got 'FP16'"):
        Pairwise("FP16")
    with pytest.raises(TypeError, match="rounding must be a SumRounding, got None"):
        Sequential(rounding=None)
