"""Promises of the toolkit: of many blocks as of each."""

from fractions import Fraction

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from msdnum.trials.toolkit.promises import ALPHA_64, M_64516, MXFP4_64


@given(st.lists(st.floats(2.0**-149, 2.0**127, width=32) | st.just(0.0), min_size=1))
def test_bounds_of_many_blocks_are_those_of_each(amaxes):
    for bound in (M_64516, MXFP4_64):
        each = [float(bound.at(amax)) if amax else 0.0 for amax in amaxes]
        assert bound.at_each(np.array(amaxes)).tolist() == each


def test_an_error_is_written_as_a_fraction_of_the_range():
    assert ALPHA_64.found(Fraction(1), 1.0) == "alpha"
    assert M_64516.found(Fraction(1, 16387064), 1.0) == "M/16387064"
    assert ALPHA_64.found(Fraction(1, 3) * 2, 2.0) == "alpha/3"
    assert ALPHA_64.found(Fraction(7, 8), 2.0) == "alpha/2.285714"
    assert ALPHA_64.found(Fraction(0), 2.0) == "0"
