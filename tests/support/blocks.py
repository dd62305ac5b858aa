"""Helpers of the tests of blocks."""

import numpy as np

import msdnum
from msdnum import spec
from tests.support.corpus import hostile_blocks

CORPUS = hostile_blocks(200)


def values(x):
    return [spec.from_float32_bits(word) for word in x.view(np.uint32).ravel().tolist()]


def words(numbers):
    return [spec.to_float32_bits(number) for number in numbers]


def assert_as_specified(x, fmt):
    """Compare every block of two-dimensional ``x`` with the specification."""
    quantized = msdnum.quantize(x, fmt)
    dequantized = quantized.dequantize()
    size = quantized.format.block_size
    tensor = spec.tensor_scale(values(x), fmt)
    if tensor is not None:
        assert int(quantized.tensor_scale.view(np.uint32)) == spec.to_float32_bits(tensor)
    for row in range(x.shape[0]):
        for block, start in enumerate(range(0, x.shape[1], size)):
            part = (row, slice(start, start + size))
            scale, codes = spec.quantize_block(values(x[part]), fmt, tensor=tensor)
            assert quantized.scale_codes[row, block] == scale
            assert quantized.codes[part].tolist() == codes
            expected = spec.dequantize_block(scale, codes, fmt, tensor=tensor)
            assert words(expected) == [canonical(w) for w in dequantized[part].view(np.uint32)]


def canonical(word):
    return 0x7FC00000 if int(word) & 0x7FFFFFFF > 0x7F800000 else int(word)


def one_block(*numbers):
    return np.array(numbers, np.float32)
