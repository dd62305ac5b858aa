"""Methods of attention: ranges of weights, and what is not defined."""

from dataclasses import replace

import numpy as np
import pytest

from msdnum.emulator.attention.methods import FLOAT32_FLASH, WeightRange
from msdnum.evidence.attentions import DECOMPOSING
from msdnum.formats.blocks import MXFP4
from msdnum.formats.elements import FP16
from tests.support.attention import drawn, over_cache


def test_ranges_of_the_weights_differ():
    q, k, v = drawn(4, 32) * 4, drawn(64, 32), drawn(64, 8)
    method = replace(DECOMPOSING["INT8"], tile=16)
    fixed = over_cache("INT8", method)(q, k, v)
    assert (fixed != over_cache("INT8", replace(method, range=WeightRange.AMAX))(q, k, v)).any()


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"tile": 0}, ValueError, "tile must be at least 1, got 0"),
        ({"tile": 2.5}, TypeError, "tile must be an integer, got 2.5"),
        ({"queries": MXFP4}, TypeError, "queries must be a Scheme or a FloatFormat"),
        ({"weights": replace(FP16, bias=16, name="OTHER")}, ValueError, "weights must become BF16"),
        ({"range": 1}, TypeError, "range must be one of FIXED, AMAX, got 1"),
        ({"accumulator": "INT32"}, TypeError, "accumulator must be an Accumulator, got 'INT32'"),
        ({"exp": np.exp}, TypeError, "exp must be Exponential"),
    ],
)
def test_a_method_that_is_not_defined_is_refused(change, error, message):
    with pytest.raises(error, match=message):
        replace(FLOAT32_FLASH, **change)
