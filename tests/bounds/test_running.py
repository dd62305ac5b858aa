"""Theorem running-error: over trees of roundings in fractions."""

import math
from fractions import Fraction

import pytest
from hypothesis import example, given, target
from hypothesis import strategies as st

from msdnum import bounds
from msdnum.formats.elements import BINARY32
from tests.support.bounds import fl

NUMBERS = st.builds(
    lambda n, e: Fraction(n) * Fraction(2) ** e, st.integers(-999, 999), st.integers(-30, 10)
)
TREES = st.recursive(NUMBERS, lambda tree: st.tuples(tree, tree), max_leaves=12)


def summed(tree):
    """Return the exact sum, the rounded one, and every result on the way."""
    if not isinstance(tree, tuple):
        return tree, tree, []
    (exact_l, left, results_l), (exact_r, right, results_r) = map(summed, tree)
    total = fl(left + right)
    return exact_l + exact_r, total, [*results_l, *results_r, total]


@given(tree=TREES)
@example(tree=(Fraction(1), Fraction(1, 2**24)))
@example(tree=((Fraction(1), Fraction(1, 2**24)), Fraction(1, 2**24)))
def test_running_error(tree):
    exact, found, results = summed(tree)
    bound = bounds.running_error(results)
    assert abs(found - exact) <= bound
    if bound:
        target(float(abs(found - exact) / bound))


def test_it_is_met():
    """Two ties that go the same way."""
    exact, found, results = summed(((Fraction(1), Fraction(1, 2**24)), Fraction(1, 2**24)))
    assert abs(found - exact) == bounds.running_error(results) == Fraction(1, 2**23)


@given(x=NUMBERS, y=NUMBERS, left=st.integers(0, 9))
def test_products_and_inputs(x, y, left):
    """One product that may underflow, of a number that is off by ``left`` units."""
    unit = Fraction(2) ** -140
    product = fl(unit * x * y)
    bound = bounds.running_error([product], inputs=left * unit, underflows=1)
    assert abs(product - unit * (x * y + left)) <= bound
    assert bound >= Fraction(BINARY32.eta) / 2


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: bounds.running_error([math.inf]), "results must be finite, got Inf or NaN"),
        (lambda: bounds.running_error([math.nan]), "results must be finite"),
        (lambda: bounds.running_error([1], inputs=-1), "inputs, underflows and unit must be at"),
        (lambda: bounds.running_error([1], underflows=-1), "must be at least 0, got 0, -1"),
        (lambda: bounds.running_error([1], unit=-1), "must be at least 0"),
    ],
)
def test_bad_arguments(call, message):
    with pytest.raises(ValueError, match=message):
        call()
