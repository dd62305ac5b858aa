"""Arithmetic of libraries on arrays, against its steps in fractions, on all backends."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from msdnum import spec, testing
from msdnum.emulator import quantize_as
from msdnum.formats import INT8_ROW, LIBRARY_ARITHMETIC, Operation, ScaleArithmetic, Step
from tests.support.agreement import on_numpy_and_jit

EACH = pytest.mark.parametrize("name", LIBRARY_ARITHMETIC)
UNROUNDED = ScaleArithmetic(
    "reciprocal", INT8_ROW, (), (Step("scale", Operation.DIVIDE, ("amax", 127.0)),),
    (Step("inverse", Operation.DIVIDE, (1.0, "scale")),
     Step("quotient", Operation.MULTIPLY, ("x", "inverse"))),
)  # fmt: skip


@EACH
@given(data=st.data())
def test_blocks_are_as_specified(name, data):
    arithmetic = LIBRARY_ARITHMETIC[name]
    size = arithmetic.format.block_size
    x = data.draw(testing.rows(size, max_blocks=2))
    found = quantize_as(x, arithmetic)
    amax = Fraction(float(abs(x).max()))
    for i in range(0, len(x), size):
        values = [spec.from_float(float(v)) for v in x[i : i + size]]
        trace = spec.trace_block(values, arithmetic, amax)
        assert found.scale_codes[i // size] == trace.scale_code
        assert tuple(found.codes[i : i + size]) == trace.codes


@pytest.mark.parametrize("name", ["transformer_engine", "torchao", "gguf Q8_0", "triton up E4M3"])
def test_jit_has_the_same_bits(name):
    x = np.random.default_rng(3).normal(size=(4, 70)).astype(np.float32)
    x[0, :32], x[1, 40] = 0, 1e-40
    on_numpy_and_jit(lambda v: quantize_as(v, LIBRARY_ARITHMETIC[name]), x)


def test_a_block_that_is_not_finite_is_a_nan_block():
    x = np.ones((2, 32), np.float32)
    x[0, 3], x[1, 20] = np.nan, np.inf
    q = quantize_as(x, LIBRARY_ARITHMETIC["vllm"])
    np.testing.assert_array_equal(q.scale_codes == 0x7F, [[True, False], [False, True]])
    assert not q.codes[0, :16].any()


def test_an_arithmetic_of_ones_own():
    """A case of people's: code 3 by division by a stored scale, 4 by its reciprocal."""
    x = np.float32([127, 0.5, -63.49])
    q = quantize_as(x, UNROUNDED)
    np.testing.assert_array_equal(q.integers(), [127, 0, -63])
    tiles = quantize_as(np.ones((4, 4), np.float32), UNROUNDED, block_size=(2, 2))
    assert tiles.scale_codes.shape == (2, 2)
    with pytest.raises(TypeError, match="arithmetic must be ScaleArithmetic"):
        quantize_as(x, "vllm")
