"""Blocks along any axis are those along the last."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

import msdnum
from msdnum import testing
from msdnum.formats.blocks import INT4_GROUP, INT8_GROUP, MXFP4, MXFP8_E4M3
from tests.support.agreement import assert_same_bits


@given(testing.shapes(), st.data())
def test_any_axis_and_block_size_is_the_last_axis_block_by_block(shape, data):
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    x = rng.standard_normal(shape).astype(np.float32)
    axis = data.draw(st.integers(-x.ndim, x.ndim - 1))
    size = data.draw(st.integers(1, x.shape[axis]))
    fmt = data.draw(st.sampled_from([MXFP4, MXFP8_E4M3, INT8_GROUP, INT4_GROUP]))
    quantized = msdnum.quantize(x, fmt, axis=axis, block_size=size)
    codes = np.moveaxis(quantized.codes, axis, -1)
    scales = np.moveaxis(quantized.scale_codes, axis, -1)
    restored = np.moveaxis(quantized.dequantize(), axis, -1)
    moved = np.moveaxis(x, axis, -1)
    for block, start in enumerate(range(0, moved.shape[-1], size)):
        part = np.ascontiguousarray(moved[..., start : start + size])
        alone = msdnum.quantize(part, fmt, block_size=part.shape[-1])
        assert_same_bits(codes[..., start : start + size], alone.codes)
        assert_same_bits(scales[..., block], alone.scale_codes[..., 0])
        assert_same_bits(restored[..., start : start + size], alone.dequantize())
