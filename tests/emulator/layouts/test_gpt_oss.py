"""Blocks and scales of gpt-oss: read, written, and refused where they cannot be."""

import numpy as np
import pytest

import msdnum
from msdnum.formats.blocks import MXFP4, MXFP6_E2M3, NVFP4
from msdnum.formats.elements import E2M1
from tests.support.agreement import assert_same_bits, on_numpy_and_jit
from tests.support.blocks import CORPUS


def test_layouts_agree_under_jit():
    def there_and_back(x):
        blocks, scales = msdnum.to_blocks_and_scales(msdnum.quantize(x, MXFP4))
        return blocks, msdnum.from_blocks_and_scales(blocks, scales, MXFP4).dequantize()

    on_numpy_and_jit(there_and_back, CORPUS[:2])


def test_blocks_and_scales_of_a_checkpoint():
    x = np.random.default_rng(7).standard_normal((3, 5, 64)).astype(np.float32)
    quantized = msdnum.quantize(x, MXFP4)
    blocks, scales = msdnum.to_blocks_and_scales(quantized)
    assert blocks.shape == (3, 5, 2, 16)
    assert scales.shape == (3, 5, 2)
    low, high = blocks[0, 0, 0] & 15, blocks[0, 0, 0] >> 4
    assert_same_bits(np.stack([low, high], -1).ravel(), quantized.codes[0, 0, :32])
    for at in ((), (0,), (0, 0)):
        restored = msdnum.from_blocks_and_scales(blocks[at], scales[at], MXFP4)
        assert (restored.format.block_size, restored.divisor) == (32, 1)
        assert_same_bits(restored.dequantize(), quantized.dequantize()[at])


def test_layouts_refuse_scales_they_cannot_hold():
    x = np.ones((2, 64), np.float32)
    term = msdnum.decompose(x, msdnum.SCHEMES["INT8_X2"]).terms[0]
    with pytest.raises(ValueError, match="quantized must have no scale but that of the blocks"):
        msdnum.to_blocks_and_scales(term)
    with pytest.raises(ValueError, match="quantized must have no scale but that of the blocks"):
        msdnum.to_blocks_and_scales(msdnum.quantize(x, NVFP4))
    with pytest.raises(ValueError, match="fmt must not need a tensor scale, got NVFP4"):
        msdnum.from_blocks_and_scales(np.zeros((2, 8), np.uint8), np.zeros(2, np.uint8), NVFP4)


def test_bad_layouts():
    with pytest.raises(ValueError, match="codes must have an axis -1 divisible by 2"):
        msdnum.pack(np.zeros(3, np.uint8), E2M1)
    with pytest.raises(ValueError, match="packed must have an axis -1 divisible by 3"):
        msdnum.unpack(np.zeros(4, np.uint8), MXFP6_E2M3.element)
    with pytest.raises(ValueError, match="fmt must have 4, 6 or 8 bits, got BF16 of 16"):
        msdnum.pack(np.zeros(4, np.uint16), msdnum.ELEMENT_FORMATS["BF16"])
    with pytest.raises(ValueError, match="quantized must have whole blocks along its last axis"):
        msdnum.to_blocks_and_scales(msdnum.quantize(np.ones((2, 33), np.float32), MXFP4))
    with pytest.raises(ValueError, match="blocks must have at least two dimensions"):
        msdnum.from_blocks_and_scales(np.zeros(16, np.uint8), np.uint8(1), MXFP4)
    with pytest.raises(ValueError, match=r"scales must have the shape \(2, 3\), got \(3,\)"):
        msdnum.from_blocks_and_scales(np.zeros((2, 3, 16), np.uint8), np.zeros(3, np.uint8), MXFP4)
    with pytest.raises(ValueError, match="integers needs an integer element format, got E2M1"):
        msdnum.quantize(np.ones(32, np.float32), MXFP4).integers()
