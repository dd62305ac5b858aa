"""Accumulators of the specification."""

from fractions import Fraction

import numpy as np

from msdnum.formats.accumulators import PAIRWISE
from tests.support.gemm_oracle import FLOATS, float_numbers, inner_product


def test_the_oracle_sums_a_tree_like_a_tree():
    ones = float_numbers(np.ones((1, 5), np.float32), FLOATS["bfloat16"])[0]
    assert inner_product(ones, ones, PAIRWISE) == Fraction(5)
