"""Promises: alpha covers, units fit."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from msdnum.evidence.promises import Bound, covering

# Bounds and blocks


@given(st.floats(2.0**-149, 2.0**127, width=32))
def test_alpha_covers_amax(amax):
    alpha = covering(amax)
    assert alpha / 2 < amax <= alpha


def test_a_bound_in_another_unit_is_refused():
    with pytest.raises(ValueError, match=r"unit must be one of alpha, M, amax, got 'm'"):
        Bound("m", "m", lambda m: m)
