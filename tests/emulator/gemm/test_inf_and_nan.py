"""Inf and NaN in products: where they come from and what they reach."""

from dataclasses import replace

import jax
import ml_dtypes
import numpy as np
import pytest

from msdnum.emulator.blocks import quantize
from msdnum.emulator.gemm.products import matmul
from msdnum.emulator.quantized_arrays import QuantizedArray
from msdnum.formats.accumulators import (
    BLACKWELL_MXFP4,
    CDNA2,
    EXACT,
    HOPPER,
    INT32,
    SEQUENTIAL,
    Blocks,
)
from msdnum.formats.blocks import INT8_GROUP, INT8_ROW, MXFP4, MXFP8_E5M2, NVFP4, BlockFormat
from msdnum.formats.elements import E4M3
from msdnum.formats.modes import ScaleRule
from tests.support.products import K, M, N, assert_same_bits, normal, on_jax

# Inf and NaN


def test_specials():
    x, w = normal(M, K), normal(K, N, seed=1)
    x[0, 3], x[1, 40] = np.nan, np.inf
    w[:, 1] = 0
    a = x.astype(ml_dtypes.bfloat16)
    expected = matmul(a, w.astype(ml_dtypes.bfloat16))
    assert np.isnan(expected[0]).all()
    assert np.isinf(expected[1][[0, 2, 3, 4]]).all()
    assert np.isnan(expected[1, 1])
    assert np.isfinite(expected[2:]).all()
    nan = expected[np.isnan(expected)].view(np.uint32)
    assert (nan == 0x7FC00000).all()
    for accumulator in (SEQUENTIAL, HOPPER, CDNA2):
        found = matmul(a, w.astype(ml_dtypes.bfloat16), accumulator=accumulator)
        np.testing.assert_array_equal(found[:2], expected[:2])
        jitted = matmul(*on_jax((a, w.astype(ml_dtypes.bfloat16))), accumulator=accumulator)
        assert_same_bits(jitted, found)


@pytest.mark.parametrize("accumulator", [SEQUENTIAL, Blocks(16, EXACT), BLACKWELL_MXFP4, EXACT])
@pytest.mark.parametrize("fmt", [MXFP4, NVFP4], ids=lambda f: f.name)
def test_a_nan_scale_is_a_nan_row(fmt, accumulator):
    x = normal(M, K)
    x[2, 50] = np.nan
    a, b = quantize(x, fmt), quantize(normal(K, N, seed=1), fmt, axis=-2)
    found = matmul(a, b, accumulator=accumulator)
    assert np.isnan(found[2]).all()
    assert np.isfinite(found[[0, 1, 3]]).all()
    if accumulator is not EXACT:
        assert_same_bits(matmul(*on_jax((a, b)), accumulator=accumulator), found)


def test_a_nan_scale_of_an_infinite_element_is_nan():
    a = quantize(normal(2, 32), MXFP8_E5M2)
    codes = np.full((2, 32), 0x7C, np.uint8)
    a = QuantizedArray(codes, np.array([[255], [127]], np.uint8), None, a.format, -1)
    found = matmul(a, quantize(np.ones((32, 1), np.float32), MXFP4, axis=-2))
    np.testing.assert_array_equal(found, [[np.nan], [np.inf]])


def test_a_nan_scale_outside_is_a_nan_row():
    x = normal(M, K)
    x[2, 50] = np.inf
    a, b = quantize(x, INT8_ROW), quantize(normal(K, N, seed=1), INT8_ROW, axis=-2)
    found = matmul(a, b, accumulator=INT32)
    assert np.isnan(found[2]).all()
    assert np.isfinite(found[[0, 1, 3]]).all()
    assert_same_bits(matmul(*on_jax((a, b)), accumulator=INT32), found)


def test_a_special_in_an_early_term_is_not_lost():
    high = np.array([[np.nan, 1], [np.inf, 1]], ml_dtypes.bfloat16)
    low, ones = np.zeros_like(high), np.ones((2, 1), ml_dtypes.bfloat16)
    for xp in (np, jax.numpy):
        terms = (xp.asarray(high), xp.asarray(low))
        result = np.asarray(matmul(terms, xp.asarray(ones)))
        assert np.isnan(result[0, 0])
        assert result[1, 0] == np.inf


def test_a_nan_scale_outside_is_not_hidden_by_an_inf():
    a = np.ones((1, 256), ml_dtypes.bfloat16)
    a[0, 0] = np.inf
    b = np.ones((256, 2), np.float32)
    b[200, 0] = np.nan
    result = matmul(a, quantize(b, INT8_GROUP, axis=-2))
    assert np.isnan(result[0, 0])
    assert result[0, 1] == np.inf


def test_inf_has_the_sign_of_its_scale_outside():
    """As IEEE 754 has it for segment sums times scales: of either sign, zero and Inf too."""
    a = np.ones((3, 64), ml_dtypes.bfloat16)
    a[0, 3], a[1, 40], a[2, [5, 60]] = np.inf, -np.inf, np.inf
    b = quantize(np.ones((64, 6), np.float32), INT8_GROUP, axis=-2, block_size=32)
    scales = np.array([[1, -1, -1, 1, 0, np.inf], [1, 1, -1, -1, 1, -1]], np.float32)
    b = replace(b, scale_codes=scales.view(np.uint32))
    with np.errstate(invalid="ignore"):
        sums = [a[:, part].astype(np.float32).sum(-1) for part in (slice(32), slice(32, 64))]
        expected = sum(127 * np.outer(c, s) for c, s in zip(sums, scales, strict=True))
    found = matmul(a, b)
    np.testing.assert_array_equal(found, expected)
    assert_same_bits(matmul(*on_jax((a, b))), found)


def test_inf_has_the_sign_of_its_scale_inside():
    fmt = BlockFormat("E5M2_E4M3", MXFP8_E5M2.element, E4M3, 4, ScaleRule.AMAX)
    codes = np.array([[0x7C, 0, 0, 0, 0x3C, 0, 0, 0]] * 4, np.uint8)
    scales = np.array([[0x38, 0x38], [0xB8, 0x38], [0x00, 0x38], [0x7F, 0x38]], np.uint8)
    a = QuantizedArray(codes, scales, None, fmt, -1)
    b = np.ones((8, 1), ml_dtypes.bfloat16)
    found = matmul(a, b)
    np.testing.assert_array_equal(found[:, 0], [np.inf, -np.inf, np.nan, np.nan])
    assert_same_bits(matmul(*on_jax((a, b))), found)
