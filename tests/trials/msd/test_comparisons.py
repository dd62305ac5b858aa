"""Comparisons: what is not there to compare with."""

import numpy as np
import pytest

from msdnum.trials.msd.comparisons import operands
from tests.support.baselines import FUNCTIONS


@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=FUNCTIONS)
def test_bad_input(function):
    given = operands("normal", "INT8", (4, 64, 4), np.random.default_rng(0))
    with pytest.raises(TypeError, match=r"(a|x) must be float32, bfloat16 or float16, got int64"):
        function(given.x.astype(np.int64), given.weight)
    with pytest.raises(TypeError, match="b must be a QuantizedArray or an Asymm"):
        function(given.x, given.values)
