"""The baselines by name: what is measured is what the functions compute, and bad input."""

import numpy as np
import pytest

from msdnum.emulator.gemm import dequantizing
from msdnum.formats.accumulators import SEQUENTIAL
from msdnum.trials.msd.baselines import BASELINES
from msdnum.trials.msd.comparisons import operands

FUNCTIONS = {
    "weight in BF16": dequantizing.dequantized_bf16,
    "scale after": dequantizing.scale_after,
    "MXFP8 floor": dequantizing.mxfp8_floor,
    "MXFP8 ceil": dequantizing.mxfp8_ceil,
    "float32": dequantizing.float32,
}


@pytest.mark.parametrize("weight", ["INT8", "INT4_ZERO", "MXFP4"])
def test_the_measured_baselines_are_the_functions(weight):
    assert set(FUNCTIONS) == set(BASELINES)
    given = operands("normal", weight, (4, 256, 4), np.random.default_rng(0))
    for name, function in FUNCTIONS.items():
        measured = BASELINES[name](given, SEQUENTIAL).product
        assert function(given.x, given.weight).tobytes() == measured.tobytes(), name


@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=FUNCTIONS)
def test_bad_input(function):
    given = operands("normal", "INT8", (4, 64, 4), np.random.default_rng(0))
    with pytest.raises(TypeError, match=r"(a|x) must be float32, bfloat16 or float16, got int64"):
        function(given.x.astype(np.int64), given.weight)
    with pytest.raises(TypeError, match="b must be a QuantizedArray or an Asymm"):
        function(given.x, given.values)
