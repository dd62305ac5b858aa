"""Every scale rule with its constant: it holds, it is met, and a smaller one is not true."""

from fractions import Fraction

import pytest
from hypothesis import given, target
from hypothesis import strategies as st

from msdnum import bounds, spec
from msdnum.formats.elements import E2M1
from msdnum.formats.modes import ScaleRule
from tests.support.bounds import RULES, TINY, by_name, parts, round_to

# Scale rules


def mxfp4_errors(block, rule, terms, *, own_amax):
    """Remainders after each scale is a part of the last, or found anew in the remainder."""
    left, exponent = list(block), None
    for _ in range(terms):
        amax = max(map(abs, left))
        if amax == 0:
            break
        if own_amax or exponent is None:
            exponent = spec.shared_exponent(amax, E2M1, rule)
        scale = Fraction(2) ** exponent
        left = [x - scale * round_to(x / scale, E2M1) for x in left]
        exponent -= 3
    return [abs(x) for x in left]


def assert_scale_rule(block, rule, terms, own_amax):
    bound = bounds.mxfp4_scale_rules(rule, terms, own_amax=own_amax)
    amax = max(map(abs, block))
    alpha = Fraction(2) ** spec.ceil_log2(amax)
    error = max(mxfp4_errors(block, rule, terms, own_amax=own_amax))
    target(float(error / (bound.amax * amax)))
    assert error <= bound.alpha * alpha
    assert error <= bound.amax * amax
    if not bound.attained:
        assert error < bound.alpha * alpha


@pytest.mark.parametrize("own_amax", [False, True], ids=["eighths", "own"])
@pytest.mark.parametrize("terms", [1, 2, 3])
@pytest.mark.parametrize("rule", RULES, ids=by_name)
@given(block=st.lists(parts(1024), min_size=1, max_size=4), scale=st.integers(1, 2**12))
def test_mxfp4_scale_rules(rule, terms, own_amax, block, scale):
    if any(block):
        assert_scale_rule([x * scale for x in block], rule, terms, own_amax)


@pytest.mark.parametrize("own_amax", [False, True], ids=["eighths", "own"])
@pytest.mark.parametrize("terms", [1, 2, 3])
@pytest.mark.parametrize("rule", RULES, ids=by_name)
def test_scale_rules_are_tight(rule, terms, own_amax):
    bound = bounds.mxfp4_scale_rules(rule, terms, own_amax=own_amax)
    back = 0 if bound.attained else TINY
    for constant, (x, amax), of_alpha in (
        (bound.alpha, bound.witness_alpha, True),
        (bound.amax, bound.witness_amax, False),
    ):
        block = [x - back, amax - back]
        size = Fraction(2) ** spec.ceil_log2(max(block)) if of_alpha else max(block)
        error = mxfp4_errors(block, rule, terms, own_amax=own_amax)[0]
        assert constant * size * (1 - 2**12 * back) <= error <= constant * size
        there = mxfp4_errors([x, amax], rule, terms, own_amax=own_amax)[0]
        assert (there >= constant * size) == bound.attained


@pytest.mark.parametrize("rule", RULES, ids=by_name)
def test_scale_rules_by_enumeration(rule):
    """The error is piecewise linear in x and amax: look at every tie and on both sides of it."""
    points = sorted(Fraction(k, 16) + d for k in range(1, 128) for d in (-TINY, 0, TINY))
    first = [(x, spec.shared_exponent(x, E2M1, rule) == 0) for x in [*points, 8 - TINY]]
    largest, ratio = Fraction(0), Fraction(0)
    for x, is_amax in first:
        largest = max(largest, remainder_of_eighths(x))
        if is_amax:
            ratio = max(ratio, largest / x)
    bound = bounds.mxfp4_scale_rules(rule, 2).amax
    assert bound * (1 - Fraction(1, 2**24)) <= ratio <= bound


def test_the_papers_witness():
    """``x = 37/64 alpha``, in units of the first scale, ``alpha / 4``."""
    bound = bounds.mxfp4_scale_rules(ScaleRule.COVERING, 2)
    assert bound.witness_alpha == (Fraction(37, 16), 4)
    assert bound.witness_amax == (Fraction(37, 16), Fraction(37, 16))


def remainder_of_eighths(x):
    """What terms with the scales 1 and 1/8 leave."""
    left = x - round_to(x, E2M1)
    return abs(left - round_to(8 * left, E2M1) / 8)


def test_no_two_terms_come_closer_than_1_to_37():
    """So 1/64 and 1/37 are optimal: any scales, greedy or joint rounding."""
    digits = [m * Fraction(2) ** e for m in (1, 3) for e in range(-40, 40)]
    sums = [a + sign * b for a in digits for b in [0, *digits] for sign in (1, -1)]
    assert min(abs(37 - s) for s in sums) == 1
    assert bounds.mxfp4_scale_rules(ScaleRule.CEIL).amax == Fraction(1, 37)
