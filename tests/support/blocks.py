"""Helpers of the tests of blocks."""

from dataclasses import replace

import numpy as np

import msdnum
from msdnum import ScaleRule, spec
from msdnum.formats.blocks import BLOCK_FORMATS
from msdnum.formats.elements import E8M0
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


POWER_RULES = [rule for rule in ScaleRule if rule is not ScaleRule.AMAX]


VARIANTS = [
    replace(fmt, rule=rule)
    for fmt in BLOCK_FORMATS.values()
    for rule in (POWER_RULES if fmt.scale is E8M0 else [ScaleRule.AMAX])
]


by_name = {"ids": lambda fmt: f"{fmt.name}-{fmt.rule.name}"}
