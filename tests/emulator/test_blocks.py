"""Block quantization: specification, NumPy, JAX eager and jitted, bit by bit; and the layouts."""

import pickle

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import msdnum
from msdnum import Overflow, Rounding, ScaleRule, spec, testing
from msdnum.formats.blocks import BLOCK_FORMATS, MXFP4, MXINT8, NVFP4, BlockFormat
from msdnum.formats.elements import BINARY32, E2M1, E8M0
from tests.support.agreement import assert_same_bits, on_all_backends, on_numpy_and_jit
from tests.support.blocks import CORPUS, VARIANTS, assert_as_specified, by_name, one_block, values

pytestmark = pytest.mark.core


@pytest.mark.parametrize("fmt", VARIANTS, **by_name)
def test_hostile_blocks_as_specified(fmt):
    assert_as_specified(CORPUS[:60], fmt)


@pytest.mark.parametrize("fmt", VARIANTS, **by_name)
def test_backends_agree(fmt):
    def both(x):
        quantized = msdnum.quantize(x, fmt)
        return quantized, quantized.dequantize()

    # The rules differ in a threshold: one of them is enough for eager JAX, which is slow to start.
    agree = on_all_backends if fmt in BLOCK_FORMATS.values() else on_numpy_and_jit
    agree(both, CORPUS)


@given(
    st.sampled_from(VARIANTS),
    st.lists(testing.blocks(40, tuple(testing.BLOCK_KINDS)), min_size=1, max_size=2),
)
def test_blocks_as_specified(fmt, blocks):
    assert_as_specified(np.stack(blocks), fmt)


@pytest.mark.parametrize("rounding", [r for r in Rounding if r is not Rounding.STOCHASTIC])
def test_element_roundings_as_specified(rounding):
    for row in CORPUS[:20]:
        quantized = msdnum.quantize(row, MXFP4, rounding=rounding)
        _, codes = spec.quantize_block(values(row), MXFP4, rounding=rounding)
        assert quantized.codes.tolist() == codes


def test_ties_go_to_even():
    ties = one_block(0.25, 0.75, 1.25, 1.75, 2.5, 3.5, 5.0, -0.25, 4.0)
    quantized = msdnum.quantize(ties, MXFP4)
    assert quantized.dequantize().tolist() == [0.0, 1.0, 1.0, 2.0, 2.0, 4.0, 4.0, -0.0, 4.0]


def test_mxint8_uses_the_code_of_minus_two():
    quantized = msdnum.quantize(one_block(-1.9921875), MXINT8)
    assert quantized.dequantize().tolist() == [-2.0]
    assert quantized.integers().tolist() == [-128]


def test_nvfp4_by_hand():
    x = np.zeros((1, 32), np.float32)
    x[0, :2] = [2688.0, 1344.0]
    x[0, 16:18] = [6.0, -3.0]
    quantized = msdnum.quantize(x, NVFP4)
    assert float(quantized.tensor_scale) == 1.0
    assert quantized.scale_codes.view(ml_dtypes.float8_e4m3fn).astype(float).tolist() == [[448, 1]]
    assert_same_bits(quantized.dequantize(), x)


def test_stochastic_rounding_takes_its_words_in_the_place_of_the_elements():
    x = np.random.default_rng(5).standard_normal((3, 40)).astype(np.float32)
    random = np.random.default_rng(6).integers(0, 2**32, x.shape, dtype=np.uint32)

    def stochastic(x, random):
        return msdnum.quantize(x, MXFP4, rounding=Rounding.STOCHASTIC, random=random)

    quantized = on_all_backends(stochastic, x, random)
    for i, j in np.ndindex(x.shape):
        scale = 2.0 ** (int(quantized.scale_codes[i, j // 32]) - 127)
        code = spec.encode(
            spec.from_float(float(x[i, j]) / scale),
            E2M1,
            overflow=Overflow.SATURATE,
            rounding=Rounding.STOCHASTIC,
            random=int(random[i, j]),
        )
        assert quantized.codes[i, j] == code


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"fmt": "MXFP4"}, TypeError, "fmt must be BlockFormat, got 'MXFP4'"),
        ({"block_size": 2.5}, TypeError, "block_size must be an integer or None, got 2.5"),
        ({"axis": True}, TypeError, "axis must be an integer or None, got True"),
        ({"axis": 2}, ValueError, r"axis must be in -2..1, got 2"),
        ({"axis": None, "block_size": 4}, ValueError, "block_size must be None where axis is None"),
        ({"block_size": 0}, ValueError, "block_size must be in 1..64, the axis length, got 0"),
        ({"block_size": 65}, ValueError, "block_size must be in 1..64, the axis length, got 65"),
        ({"rule": "floor"}, TypeError, "rule must be one of FLOOR, CEIL, RCEIL, EVEN, AMAX"),
        ({"rule": ScaleRule.AMAX}, ValueError, "rule must be AMAX exactly when the scale is not"),
        ({"fmt": NVFP4, "rule": ScaleRule.CEIL}, ValueError, "rule must be AMAX exactly when"),
        ({"x": np.float32(1)}, ValueError, "x must have at least one dimension"),
        ({"x": np.ones((2, 0), np.float32)}, ValueError, "x must not be empty"),
        ({"x": np.ones((2, 3), int)}, TypeError, "x must be float32, .*got int64: convert numbers"),
    ],
)
def test_bad_arguments(arguments, error, message):
    arguments = {"x": np.ones((2, 64), np.float32), "fmt": MXFP4} | arguments
    with pytest.raises(error, match=message):
        msdnum.quantize(**arguments)


def test_options_are_named():
    with pytest.raises(TypeError, match="positional"):
        msdnum.quantize(np.ones((2, 64), np.float32), MXFP4, -1)


def test_copies_of_formats_are_the_formats():
    x = np.ones((2, 64), np.float32)
    copy = pickle.loads(pickle.dumps(MXFP4))
    assert copy.scale is not E8M0
    assert_same_bits(msdnum.quantize(x, copy).dequantize(), x)


def test_wide_elements_are_scaled_too():
    fmt = BlockFormat("wide", BINARY32, E8M0, 4, ScaleRule.FLOOR)
    x = one_block(1.0, -2.5, 3.0, 4.0)
    assert_same_bits(on_numpy_and_jit(lambda x: msdnum.quantize(x, fmt).dequantize(), x), x)


def test_under_a_tensor_scale_of_zero_every_scale_is_zero():
    """The amax 2**-149 over 2688 rounds to zero."""
    x = np.full((1, 16), 2.0**-149, np.float32)
    found = msdnum.quantize(x, NVFP4)
    assert found.tensor_scale == 0
    assert found.scale_codes.tolist() == [[0]]
    assert not found.dequantize().any()
