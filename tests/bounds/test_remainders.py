"""Theorem remainder against schemes, formats and blocks that nobody here has written."""

from collections import Counter
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from msdnum import bounds
from msdnum.emulator.decompositions import decompose
from msdnum.evidence import strangers, worst_cases
from msdnum.evidence.promises import PROMISED_RULES
from msdnum.formats.elements import E4M3, INT8_SYMMETRIC, MXINT8_ELEMENT
from msdnum.formats.modes import Arithmetic, ScaleRule
from msdnum.formats.schemes import (
    INT8_X2,
    INT8_X2_FLOAT32,
    MXFP4_X2,
    MXFP8_X1,
    OWN_AMAX,
    amax_scheme,
    covering_scheme,
)


def ratio(rng):
    """Return a scheme, and the largest error over bound of one of its blocks."""
    scheme = strangers.scheme(rng)
    return scheme, strangers.ratio(scheme, strangers.block(rng, 512))[0]


def judge(count, seed):
    rng = np.random.default_rng(seed)
    found = [ratio(rng) for _ in range(count)]
    broken = [(scheme, float(r)) for scheme, r in found if r > 1]
    assert not broken, broken[0]
    return [r for _, r in found]


def test_no_stranger_leaves_more_than_theorem_remainder():
    ratios = judge(5000, 0)
    assert sum(r == 1 for r in ratios) > 500, "hardly ever met"


@pytest.mark.long
def test_no_stranger_of_many_leaves_more_than_theorem_remainder():
    """The largest ratio is 1; how often it is met in a random block is printed."""
    ratios = judge(200_000, 1)
    print(f"attained in {Counter(r == 1 for r in ratios)[True]} of {len(ratios)}")


@pytest.mark.parametrize(
    ("ratio", "expected"), [(1, 16), (2, 32), (4, 64), (8, 64), (16, 32), (32, Fraction(64, 5))]
)
def test_ratios_that_do_not_cover_have_the_worst_case_of_all_pairs(ratio, expected):
    scheme = replace(MXFP4_X2, name="own", ratios=(Fraction(ratio),))
    found = worst_cases.among_pairs(scheme)
    assert found.error == found.bound == 1 / Fraction(expected)


def test_named_schemes_have_the_constants_of_their_theorems():
    assert [t.remainder for t in bounds.term_bounds(MXFP4_X2)] == [Fraction(1, 8), Fraction(1, 64)]
    assert bounds.remainder(MXFP8_X1) == Fraction(1, 32)
    assert bounds.remainder(INT8_X2) == Fraction(1, 64516)
    assert bounds.remainder(INT8_X2_FLOAT32) == bounds.int8_decomposition_float32()
    floor = covering_scheme("floor", E4M3, rule=ScaleRule.FLOOR)
    assert bounds.remainder(floor) == Fraction(1, 8)


@pytest.mark.parametrize("own_amax", [False, True])
@pytest.mark.parametrize("rule", PROMISED_RULES)
def test_scale_rules_have_the_constants_of_theirs(rule, own_amax):
    scheme = MXFP4_X2.with_rule(rule, own_amax=own_amax)
    assert bounds.remainder(scheme) == bounds.mxfp4_scale_rules(rule, own_amax=own_amax).alpha


@pytest.mark.parametrize("exponent", [-149, -130, -124, -123, -100, 0, 127])
@pytest.mark.parametrize("terms", [1, 2, 3])
def test_e8m0_ends_where_theorem_mxfp4_decomposition_says(exponent, terms):
    alpha = Fraction(2) ** exponent
    scheme = covering_scheme("x", *[MXFP4_X2.formats[0].element] * terms)
    assert bounds.remainder(scheme, alpha) <= bounds.mxfp4_decomposition(alpha, terms)


def test_what_nobody_has_proved_has_no_bound():
    own = replace(INT8_X2_FLOAT32, ratios=OWN_AMAX)
    other = replace(INT8_X2_FLOAT32, ratios=(Fraction(100),))
    narrow = amax_scheme("x", replace(INT8_SYMMETRIC, name="I"), arithmetic=Arithmetic.FLOAT32)
    assert {bounds.remainder(s) for s in (own, other, narrow)} == {float("inf")}
    assert bounds.remainder(INT8_X2_FLOAT32, Fraction(1, 2**120)) == float("inf")
    assert worst_cases.among_pairs(other).bound == float("inf")


def test_a_range_that_is_none_is_refused():
    with pytest.raises(ValueError, match="alpha must be a power of two"):
        bounds.remainder(MXFP4_X2, 3)
    with pytest.raises(ValueError, match="alpha must be positive"):
        bounds.remainder(INT8_X2, 0)
    with pytest.raises(ValueError, match="binade must be at least 0"):
        bounds.remainder(INT8_X2, 1, binade=-1)


def test_mixed_decomposition_promises_no_more_than_it():
    """Any formats, ranges of all of binary32, lower binades: never below theorem remainder."""
    rng, compared, equal = np.random.default_rng(3), 0, 0
    while compared < 300:
        elements = [strangers.element(rng) for _ in range(rng.integers(1, 4))]
        try:
            scheme = covering_scheme("stranger", *elements)
        except ValueError:
            continue
        alpha = Fraction(2) ** int(rng.integers(-140, 126))
        binade = int(rng.integers(0, 8))
        promised = bounds.mixed_decomposition(elements, alpha, binade=binade)
        proved = bounds.remainder(scheme, alpha, binade=binade)
        assert proved <= promised, (elements, alpha, binade)
        compared, equal = compared + 1, equal + (proved == promised)
    assert equal > 250


def test_mixed_decomposition_ends_where_scales_do():
    largest = Fraction(2) ** 128
    assert bounds.mixed_decomposition([E4M3], largest) == largest / 32
    with pytest.raises(ValueError, match=r"scale of at most 2\*\*127, got 3.4e\+38"):
        bounds.mixed_decomposition([MXINT8_ELEMENT], largest)


@pytest.mark.parametrize("own_amax", [False, True])
@pytest.mark.parametrize("rule", ScaleRule.powers_of_two())
def test_small_numbers_of_a_block_leave_no_more_than_is_said_of_their_binade(rule, own_amax):
    """Their scales are those of the block, though their own amax is far below it."""
    scheme, rng = MXFP4_X2.with_rule(rule, own_amax=own_amax), np.random.default_rng(0)
    x = rng.uniform(-1, 1, (500, 32)) * np.exp2(-rng.integers(0, 8, (500, 32)))
    x[:, 0] = 1
    left = np.abs(decompose(x.astype(np.float32), scheme).remainder)
    for binade in range(8):
        found = left[np.abs(x) <= 2.0**-binade].max()
        promised = bounds.remainder(scheme, 1, binade=binade)
        assert found <= promised
        assert promised < 2.5 * found or rule is ScaleRule.FLOOR  # Only the largest saturate.
