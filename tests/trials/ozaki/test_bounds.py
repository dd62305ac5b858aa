"""The bound on the Ozaki scheme is not loose."""

import numpy as np

from msdnum import exact
from msdnum.emulator.gemm import ozaki
from msdnum.trials.ozaki.bounds import ozaki as bound


def test_the_bound_is_not_loose_by_more_than_the_sum_over_k():
    """All equal matrices whose remainders add up: half of the bound's first part."""
    x = np.full((4, 4), 1 - 2.0**-15)
    error = abs(exact.product(x, x).minus(ozaki.matmul(x, x, 2)).to_float64()).max()
    assert 4 * bound(2, 7) > error > 0
