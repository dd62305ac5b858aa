"""Helpers of the tests of strategies."""

import numpy as np
from hypothesis import Phase, find, settings

UNSHRUNK = settings(max_examples=5000, derandomize=True, phases=[Phase.generate])


def reach(strategy, condition):
    return find(strategy, condition, settings=UNSHRUNK)


def bits(x):
    return int(np.float32(x).view(np.uint32))
