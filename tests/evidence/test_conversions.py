"""Lossless or not: against a search of all scales in fractions, and against quantize itself."""

from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest

from msdnum import BlockFormat, ScaleRule, quantize, spec
from msdnum.evidence import conversion
from msdnum.formats import (
    BF16,
    BINARY32,
    E2M1,
    E4M3,
    E4M3FNUZ,
    E5M2,
    E8M0,
    INT4,
    INT8_SYMMETRIC,
    MXFP4,
    MXFP8_E4M3,
    NF4,
    NVFP4,
    FloatFormat,
    NonNumbers,
)

TILES = BlockFormat("FP8_128x128", E4M3, BINARY32, 128, ScaleRule.AMAX, rows=128)
INT4_E4M3 = BlockFormat("INT4_E4M3", INT4, E4M3, 4, ScaleRule.AMAX)
FP4_BF16 = BlockFormat("FP4_BF16", E2M1, BF16, 4, ScaleRule.AMAX)
E2M0 = FloatFormat("E2M0", 2, 0, 1)
POWERS = BlockFormat("E2M0_E8M0", E2M0, E8M0, 4, ScaleRule.FLOOR)


def numbers_of(fmt):
    found = (spec.decode(code, fmt) for code in fmt.codes)
    return {spec.number(x) for x in found if spec.is_finite(x)}


def by_all_scales(block, fmt):
    """Return the first number lost under the best scale of those that keep the largest."""
    elements = numbers_of(fmt.element)
    found, largest = [], max(range(len(block)), key=lambda i: abs(block[i]))
    for scale in numbers_of(fmt.scale):
        if scale > 0 and block[largest] / scale in elements:
            lost = [i for i, x in enumerate(block) if x / scale not in elements]
            found.append(lost[0] if lost else len(block))
    return max(found, default=largest)


@pytest.mark.parametrize("fmt", [INT4_E4M3, POWERS], ids=lambda f: f.name)
def test_as_a_search_of_all_scales_decides(fmt):
    random = np.random.default_rng(0)
    x = random.choice(np.float32([0, 1, -2, 3, 0.5, -4, 6, -8, 0.25, 7, 2.5]), (60, 4))
    decided = 0
    for row in x:
        wanted = by_all_scales([Fraction(float(v)) for v in row], fmt)
        found = conversion(row, fmt)
        assert found.lossless == (wanted == 4)
        assert found.place == (None if wanted == 4 else (wanted,))
        decided += found.lossless
    assert 0 < decided < 60


def test_the_scales_that_it_finds_keep_everything():
    """Tiles of 128 x 128: `quantize` by these scales gives the numbers of MXFP4 back."""
    x = np.random.default_rng(1).normal(size=(200, 300)).astype(np.float32)
    w = quantize(x, MXFP4)
    found = conversion(w, TILES)
    assert found.lossless
    assert found.scales.shape == (2, 3)
    kept = quantize(w.dequantize(), TILES, scales=found.scales.astype(np.float32))
    np.testing.assert_array_equal(kept.dequantize(), w.dequantize())


def test_a_tile_whose_exponents_lie_too_far_apart():
    x = np.ones((256, 256), np.float32)
    x[130:132, 200], x[40, 7] = (6.0, 4.0), 3.0
    x[131, 64:96] = 3 * 2.0**-17
    w = quantize(x, MXFP4)
    found = conversion(w, TILES)
    assert (found.lossless, found.lossy_blocks) == (True, 0)
    x[131, 160:192] = 3 * 2.0**-17
    x[132, 160:192] = 4 * 2.0**-18
    found = conversion(quantize(x, MXFP4), TILES)
    assert (found.lossless, found.lossy_blocks, found.place) == (False, 1, (131, 160))
    assert found.value == 3 * 2.0**-17


def test_a_cast_is_decided_for_each_number():
    for fmt, target in pairwise((E2M1, E4M3, BF16)):
        assert conversion(np.array(fmt.values), target).lossless
    numbers = np.array(E4M3.values)
    found = conversion(numbers, E4M3FNUZ)
    # 0x78 is 256, above 240; and so are the seven after it but NaN, of either sign.
    assert (found.place, found.value, found.nearest) == ((0x78,), 256, 240)
    assert found.lossy_blocks == 2 * 7
    assert conversion(numbers / 2, E4M3FNUZ).lossless
    signed = conversion(numbers / 2, E4M3FNUZ, signed_zeros=True)
    assert (signed.place, signed.lossy_blocks) == ((0x80,), 1)
    assert not conversion(np.array(E5M2.values), E4M3).lossless


def test_infinity_and_nan_are_kept_where_there_are_any():
    x = np.float32([np.nan, np.inf])
    assert conversion(x, E5M2).lossless
    assert conversion(x, E4M3).place == (1,)
    assert conversion(x, E2M1).place == (0,)
    nan = np.full((1, 32), np.nan, np.float32)
    assert conversion(nan, MXFP4).lossless
    assert not conversion(np.hstack([nan, np.ones_like(nan)]), MXFP4, block_size=64).lossless
    assert conversion(np.float32([1, np.nan]), MXFP8_E4M3).lossless


def test_tensor_scales_and_tables():
    w = quantize(np.random.default_rng(2).normal(size=(4, 64)).astype(np.float32), NVFP4)
    again = conversion(w, NVFP4, tensor_scale=float(w.tensor_scale))
    assert again.lossless
    moved = conversion(w, NVFP4, tensor_scale=float(w.tensor_scale) * 2)
    assert moved.lossless  # The scales are normal numbers of E4M3, and half of them, too.
    assert not conversion(w, NVFP4, tensor_scale=w.tensor_scale * np.float32(1.1)).lossless
    nf4 = BlockFormat("NF4", NF4, BINARY32, 64, ScaleRule.AMAX)
    assert conversion(quantize(w.dequantize(), nf4), nf4).lossless
    assert not conversion(w, nf4).lossless


def test_zeros_are_kept_with_their_signs_where_there_are_any():
    x = np.float32([0.0, -0.0, 1.0])
    int8 = BlockFormat("INT8", INT8_SYMMETRIC, BINARY32, None, ScaleRule.AMAX)
    assert conversion(x, int8).lossless
    assert conversion(x, int8, signed_zeros=True).place == (1,)
    assert conversion(x, FP4_BF16, signed_zeros=True).lossless
    assert conversion(0 * x, FP4_BF16, signed_zeros=True).lossless


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"target": "E4M3"}, TypeError, "target must be a BlockFormat or an ElementFormat"),
        ({"target": NVFP4}, ValueError, "tensor_scale must be a number"),
        ({"target": BINARY32}, ValueError, "elements of at most 16 bits, got BINARY32"),
        ({"target": E2M1, "block_size": 2}, ValueError, "must be left out for E2M1"),
        ({"target": E2M1, "axis": 7}, ValueError, "must be left out for E2M1"),
        ({"target": E2M1, "tensor_scale": 1.0}, ValueError, "must be left out for E2M1"),
        ({"target": MXFP4, "block_size": 64}, ValueError, r"block_size must be in 1\.\.4"),
    ],
)
def test_bad_input(arguments, error, message):
    with pytest.raises(error, match=message):
        conversion(np.ones(4, np.float32), **arguments)


def test_nan_code_of_a_format_without_subnormals_is_no_scale():
    scale = FloatFormat("E3M1", 3, 1, 3, NonNumbers.NAN, signed=False, subnormals=False)
    fmt = BlockFormat("own", INT4, scale, 4, ScaleRule.AMAX)
    assert conversion(np.float32([7 * 2.0**-3]), fmt).lossless
    assert not conversion(np.float32([7 * 2.0**-4, 1 * 2.0**-4]), fmt).lossless


def test_the_first_number_is_that_of_memory_not_of_blocks():
    x = np.ones((4, 8), np.float32)
    x[2, 1] = x[1, 6] = 1 / 3
    found = conversion(x, TILES, block_size=(4, 4))
    assert (found.place, found.lossy_blocks) == ((1, 6), 2)


@pytest.mark.parametrize("scale", [0.0, np.inf, -1.0])
def test_the_scale_of_a_tensor_is_positive_and_finite(scale):
    with pytest.raises(ValueError, match="tensor_scale must be positive and finite"):
        conversion(np.float32([6, 1, 2, 3]), NVFP4, block_size=4, tensor_scale=scale)
