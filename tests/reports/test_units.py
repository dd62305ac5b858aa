"""Units of a report: sums by hand, and what they take."""

import math
from fractions import Fraction

import pytest

from msdnum import report
from msdnum.formats.accumulators import ALL_ACCUMULATORS, MatrixUnit
from tests.emulator.gemm.units.test_stepped import Exactly
from tests.support.pages import X


def test_sums_of_a_unit_by_hand():
    page = report(ALL_ACCUMULATORS["SEQUENTIAL"])
    assert [(s.k, s.roundings) for s in page.sums][:2] == [(32, 31), (128, 127)]
    assert page.sums[0].bound == Fraction(31, 2**24 - 31)
    coarse = report(MatrixUnit("COARSE", 32, 4))
    assert math.isinf(coarse.bound.bound)
    assert coarse.sums[0].bound == math.inf
    assert "none proved (inf)" in str(coarse)
    assert 0 < coarse.worst.error < 1


def test_what_a_unit_takes():
    def taken(name):
        return report(ALL_ACCUMULATORS[name], X).facts["takes"]

    assert taken("INT32_REFUSE") == "INT4, INT8, INT8_SYMMETRIC"
    assert taken("BLACKWELL_MXFP4") == "E2M1"
    assert "BF16" in taken("AMPERE")
    assert "BINARY32" not in taken("AMPERE")


@pytest.mark.slow
def test_a_unit_of_which_nothing_is_known_has_no_bound():
    page = report(Exactly())
    assert math.isinf(page.bound.bound)
    assert page.bound.theorem is None
    assert all(math.isinf(s.bound) for s in page.sums)
