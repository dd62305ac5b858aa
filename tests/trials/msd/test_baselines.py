"""The baselines by name: what is measured is what the functions compute, and bad input."""

import numpy as np
import pytest

from msdnum.formats.accumulators import SEQUENTIAL
from msdnum.trials.msd.baselines import BASELINES
from msdnum.trials.msd.comparisons import operands
from tests.support.baselines import FUNCTIONS


@pytest.mark.parametrize("weight", ["INT8", "INT4_ZERO", "MXFP4"])
def test_the_measured_baselines_are_the_functions(weight):
    assert set(FUNCTIONS) == set(BASELINES)
    given = operands("normal", weight, (4, 256, 4), np.random.default_rng(0))
    for name, function in FUNCTIONS.items():
        measured = BASELINES[name](given, SEQUENTIAL).product
        assert function(given.x, given.weight).tobytes() == measured.tobytes(), name
