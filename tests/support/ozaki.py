"""Helpers of the tests of the Ozaki scheme."""

import numpy as np


def rng():
    return np.random.default_rng(0)
