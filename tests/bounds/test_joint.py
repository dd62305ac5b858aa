"""Theorem joint-rounding: reach and error of all sums, by another search, and the best ratios."""

import bisect
import math
from fractions import Fraction

import pytest
from hypothesis import example, given, target
from hypothesis import strategies as st

from msdnum import bounds, spec
from msdnum.formats.elements import E2M1, E8M0, INT4

DIGITS = [Fraction(n, 2) for n in (0, 1, 2, 3, 4, 6, 8, 12)]
SIGNED = sorted({sign * d for d in DIGITS for sign in (1, -1)})


def nearest_error(x, ratio):
    """Return the distance of x to the nearest sum: for each first digit, the best second one."""
    errors = []
    for first in SIGNED:
        rest = (x - first) * ratio
        i = bisect.bisect(SIGNED, rest)
        errors += [abs(rest - d) / ratio for d in SIGNED[max(i - 1, 0) : i + 1]]
    return min(errors)


RATIOS = [Fraction(r) for r in (2, 4, 8, 13, 16)] + [Fraction(13, 2), Fraction(29, 3)]


@given(ratio=st.sampled_from(RATIOS), part=st.fractions(-1, 1, max_denominator=4096))
@example(ratio=Fraction(8), part=Fraction(1))
@example(ratio=Fraction(13), part=Fraction(-1))
def test_joint_rounding(ratio, part):
    bound = bounds.joint_rounding(ratio)
    left = nearest_error(part * bound.reach, ratio)
    target(float(left / bound.error))
    assert left <= bound.error


@pytest.mark.parametrize("ratio", RATIOS)
def test_it_is_met_and_ends_there(ratio):
    bound = bounds.joint_rounding(ratio)
    beyond = bound.reach + Fraction(1, 2**20)
    assert nearest_error(bound.reach, ratio) == bound.error < nearest_error(beyond, ratio)


@pytest.mark.parametrize(
    ("ratio", "share", "reach"),
    [
        (2, Fraction(1, 57), Fraction(57, 8)),
        (4, Fraction(1, 73), Fraction(73, 16)),
        (8, Fraction(1, 73), Fraction(73, 16)),
        (13, Fraction(1, 113), Fraction(113, 52)),
        (16, Fraction(1, 73), Fraction(73, 32)),
        (32, Fraction(1, 36), Fraction(9, 4)),
    ],
)
def test_the_shares(ratio, share, reach):
    bound = bounds.joint_rounding(ratio)
    assert (bound.share, bound.reach) == (share, reach)


def test_no_share_is_smaller():
    """Against errors from 1/1000 to 10, in steps of a tenth: the reach that each one has."""
    for ratio in (8, 13):
        least = bounds.joint_rounding(ratio).share
        errors = (Fraction(11, 10) ** i / 1000 for i in range(97))
        assert all(bounds.joint_rounding(ratio, error=e).share >= least for e in errors)


def test_one_after_the_other_reaches_less():
    """At an error of 1/16 the paper's scheme reaches 4, and fails right above it."""
    alpha, x = Fraction(4), Fraction(4) + Fraction(3, 8)
    assert bounds.mxfp4_decomposition(alpha) == Fraction(1, 16)
    block = spec.decompose_covering([x, Fraction(4)], (E2M1, E2M1))
    assert block.scales[0] == 2, "its scale is twice as large for anything above 4"
    assert bounds.joint_rounding(error=Fraction(1, 16)).reach > x
    assert nearest_error(x, 8) <= Fraction(1, 16)


def shares(denominators):
    """Return the share and the ratio of all fractions from 1 to 32 with these denominators."""
    for q in range(1, denominators + 1):
        for p in range(q, 32 * q + 1):
            if math.gcd(p, q) == 1:
                yield bounds.joint_rounding(Fraction(p, q)).share, Fraction(p, q)


def test_thirteen_is_the_best_of_ratios():
    """Exhaustive over fractions with denominators up to 2; slow: up to 40."""
    assert min(shares(2)) == (Fraction(1, 113), Fraction(13, 2))
    assert [r for share, r in shares(2) if share == Fraction(1, 113)] == [13, Fraction(13, 2)]


@pytest.mark.long
def test_thirteen_is_the_best_of_many_ratios():
    found = sorted(shares(40))
    assert [(share, r) for share, r in found[:2]] == [
        (Fraction(1, 113), Fraction(13, 2)),
        (Fraction(1, 113), Fraction(13)),
    ]
    assert found[2][0] > Fraction(1, 111)


def test_other_elements_and_one_term():
    assert bounds.joint_rounding(8, [E2M1]) == bounds.JointRounding(Fraction(9, 2), Fraction(1, 2))
    assert bounds.joint_rounding(15, [INT4, INT4]).error == Fraction(1, 30)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0,), "ratio must be positive and finite, got 0"),
        ((8, [E2M1], -1), "error must be positive and finite, got -1"),
        ((8, []), "elements must name at least one format"),
        ((8, [E8M0]), "elements must have a zero and subnormals, got E8M0"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        bounds.joint_rounding(*arguments)
