"""Blocks that are filled up for a layout, and cut again."""

import numpy as np
import pytest

from msdnum import BlockFormat, ScaleRule, quantize, to_blocks_and_scales
from msdnum.emulator.layouts import cut_to_length, fill_blocks, to_modelopt
from msdnum.formats import BINARY32, E2M1, IQ4_NL, MXFP4, NF4, NVFP4
from tests.support.agreement import assert_same_bits, on_numpy_and_jit

X = np.random.default_rng(0).normal(size=(3, 33)).astype(np.float32)


def test_a_short_block_is_filled_with_zeros_and_cut_again():
    q = quantize(X, MXFP4)
    full = fill_blocks(q)
    assert full.shape == (3, 64)
    assert_same_bits(full.dequantize()[:, :33], q.dequantize())
    assert not full.codes[:, 33:].any()
    assert_same_bits(full.scale_codes, q.scale_codes)
    assert to_blocks_and_scales(full)[0].shape == (3, 2, 16)
    assert_same_bits(cut_to_length(full, 33).codes, q.codes)


def test_an_axis_shorter_than_a_block_and_another_axis():
    short = fill_blocks(quantize(X[:, :5], NVFP4), 16)
    assert to_modelopt(short)[0].shape == (3, 8)
    down = fill_blocks(quantize(X.T, MXFP4, axis=0))
    assert down.shape == (64, 3)
    assert fill_blocks(down).shape == down.shape


def test_jit_fills_the_same():
    on_numpy_and_jit(lambda x: cut_to_length(fill_blocks(quantize(x, MXFP4)), 34), X)


def test_zero_is_a_number_of_the_table():
    nf4 = BlockFormat("NF4", NF4, BINARY32, 32, ScaleRule.AMAX)
    assert not fill_blocks(quantize(X, nf4)).dequantize()[:, 33:].any()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: fill_blocks(quantize(X, MXFP4), 64), "block_size must be 32, .* got 64"),
        (lambda: fill_blocks(quantize(X, MXFP4, block_size=(2, 32))), "blocks of one row"),
        (lambda: cut_to_length(quantize(X, MXFP4), 32), r"length must be in 33\.\.33"),
        (lambda: cut_to_length(quantize(X, MXFP4, block_size=(2, 32)), 33), "blocks of one row"),
        (
            lambda: fill_blocks(
                quantize(X, BlockFormat("IQ4", IQ4_NL, BINARY32, 32, ScaleRule.AMAX))
            ),
            "a zero to fill blocks up with, not IQ4_NL",
        ),
        (lambda: to_blocks_and_scales(quantize(X.T, MXFP4, axis=0)), "transposed"),
        (lambda: to_modelopt(quantize(X, NVFP4)), "fill_blocks"),
    ],
)
def test_bad_input(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_e2m1_alone_is_no_quantized_array():
    with pytest.raises(TypeError, match="quantized must be QuantizedArray"):
        fill_blocks(E2M1)
