"""Helpers of the tests of reports."""

import numpy as np

X = np.random.default_rng(1).standard_normal((2, 40)).astype(np.float32)


by_name = {"ids": lambda thing: thing.name}


def width(text):
    return max(map(len, text.splitlines()))
