"""The design space: bounds, costs and the front by hand."""

from dataclasses import replace
from fractions import Fraction
from math import log2

import pytest

from msdnum import bounds
from msdnum.cost.machines import ASCEND_950PR, B200, H100
from msdnum.formats.elements import E2M1, E4M3, INT4, INT8_SYMMETRIC
from msdnum.formats.modes import ScaleRule
from msdnum.formats.schemes import MXFP4_X2
from msdnum.trials.msd.experiments.designs import Design, cost, designs, front
from tests.support.error_tables import committed

# Designs


def test_bounds_of_designs():
    two = Design((E2M1, E2M1), ScaleRule.COVERING)
    assert two.bound == bounds.mxfp4_decomposition()
    assert two.scheme.ratios == MXFP4_X2.ratios
    # Twice the second scale, but it is used only up to 2: half the widest gap.
    assert replace(two, slack=1).bound == Fraction(1, 64)
    assert replace(two, slack=2).bound == Fraction(1, 32)  # up to 1, where gaps are 1/2
    assert replace(two, slack=-1).bound is None
    eight = Design((INT8_SYMMETRIC, INT8_SYMMETRIC), ScaleRule.COVERING, slack=1)
    assert eight.bound == Fraction(1, 2**13)
    assert Design((INT8_SYMMETRIC, INT4), ScaleRule.AMAX).bound == Fraction(1, 3556)


@pytest.mark.parametrize(
    ("elements", "rule", "slack"),
    [((E2M1,), ScaleRule.AMAX, 0), ((INT4, INT4), ScaleRule.AMAX, 1), ((E2M1,), ScaleRule.EVEN, 0)],
)
def test_designs_that_are_no_scheme(elements, rule, slack):
    with pytest.raises(ValueError, match=r"must be .* AMAX, got"):
        Design(elements, rule, slack)


def test_costs_by_hand():
    two = Design((E2M1, E2M1), ScaleRule.COVERING)
    assert cost(two, B200) == cost(Design((E4M3,), ScaleRule.COVERING), B200) == Fraction(1, 2)
    assert cost(Design((INT4, INT8_SYMMETRIC), ScaleRule.AMAX), B200) == 1  # no INT4 unit
    assert cost(two, H100) is None
    assert cost(Design((INT4,), ScaleRule.AMAX), ASCEND_950PR) is None


def test_the_front_by_hand():
    points = [(Fraction(1), 3.0), (Fraction(1), 4.0), (Fraction(2), 4.0), (Fraction(3), 5.0)]
    assert front(points) == [False, True, False, True]
    assert front([points[0]] * 2) == [True, True]


def test_designs_are_all_of_them():
    found = list(designs(("E2M1", "INT4"), 3, (0, 1)))
    assert len(found) == len(set(found)) == (2 + 4 * 2 + 8) + 3


def test_the_papers_points():
    """Where INT8 runs at the rate of FP8, one INT8 pass costs as much as two of MXFP4."""
    front_of = {
        (row["machine"], row["point"]): row["pareto_worst"]
        for row in committed("design_space")
        if row["point"]
    }
    assert front_of["Ascend 950PR", "MXFP4 x2"] == "True"
    assert front_of["B200", "MXFP4 x2"] == "False"
    assert front_of["B200", "INT8 x2"] == "True"
    rows = committed("design_space", machine="B200", design="INT8_SYMMETRIC", rule="AMAX")
    assert (rows[0]["cost"], rows[0]["worst_bits"]) == ("0.5", f"{log2(254):.5g}")
