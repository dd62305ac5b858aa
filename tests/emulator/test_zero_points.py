"""Integers with zero points against rational arithmetic on hostile blocks, on every backend."""

from dataclasses import replace
from fractions import Fraction

import ml_dtypes
import numpy as np
import pytest

from msdnum.emulator.blocks import quantize
from msdnum.emulator.gemm.products import matmul
from msdnum.emulator.quantized_arrays import QuantizedArray
from msdnum.emulator.zero_points import AsymmetricArray, quantize_asymmetric
from msdnum.formats.accumulators import INT32
from msdnum.formats.blocks import INT8_ROW, MXFP4, BlockFormat
from msdnum.formats.elements import BINARY32, E4M3, INT4, INT8, IntegerFormat
from msdnum.formats.modes import ScaleRule
from msdnum.formats.other_elements import UINT4, UINT8
from tests.support.agreement import assert_same_bits, on_all_backends
from tests.support.corpus import hostile_blocks

INT9 = IntegerFormat("INT9", 9, -256)
INT7 = IntegerFormat("INT7", 7, -64)
INT3_SYMMETRIC = IntegerFormat("INT3_SYMMETRIC", 3, -3)


def rounded(x):
    """Round to 24 bits or to a multiple of 2**-149, ties to even; no number is too large."""
    if x == 0:
        return x
    exponent = abs(x).numerator.bit_length() - abs(x).denominator.bit_length()
    exponent -= abs(x) < Fraction(2) ** exponent
    ulp = Fraction(2) ** (max(exponent, -126) - 23)
    return round(x / ulp) * ulp


def oracle(block, fmt):
    """Return scale, zero point and codes of a finite block."""
    values = [Fraction(float(v)) for v in block]
    low, high = min([*values, 0]), max([*values, 0])
    scale = rounded(rounded(high - low) / (fmt.max_integer - fmt.min_integer))

    def clamp(i):
        return min(max(i, fmt.min_integer), fmt.max_integer)

    zero = clamp(fmt.min_integer - round(rounded(low / (scale or 1))))
    codes = [clamp(round(rounded(v / (scale or 1))) + zero) for v in values]
    return scale, zero, codes


BLOCKS = hostile_blocks(100)
BLOCKS[0] = -20 * 2.0**-149
"""A subnormal scale, rounded so far that the zero point would be 12 if it stayed as it is."""


@pytest.mark.parametrize(
    "fmt", [INT4, INT7, INT3_SYMMETRIC, INT8, UINT4, UINT8], ids=lambda f: f.name
)
def test_hostile_blocks(fmt):
    found = quantize_asymmetric(BLOCKS, fmt)
    scales, codes = found.quantized.scales(), found.quantized.integers()
    for i, block in enumerate(BLOCKS):
        if not np.isfinite(block).all():
            assert np.isnan(scales[i, 0])
            continue
        expected = oracle(block, fmt)
        assert (Fraction(float(scales[i, 0])), found.zero_points[i, 0]) == expected[:2]
        assert codes[i].tolist() == expected[2]


def test_the_same_bits_everywhere():
    on_all_backends(lambda x: [quantize_asymmetric(x, fmt) for fmt in (INT4, UINT8)], BLOCKS)


def unscaled(codes, zero_point, fmt, axis=-1):
    """Return integers with one zero point and scales of 1."""
    rows = BlockFormat(fmt.name, fmt, BINARY32, None, ScaleRule.AMAX)
    shape = (1, codes.shape[1]) if axis == -2 else (codes.shape[0], 1)
    xp = codes.__array_namespace__()
    ones = xp.ones(shape, np.float32)
    quantized = QuantizedArray.from_scales(codes, ones, rows, axis=axis)
    zeros = xp.full(shape, zero_point, "int8" if fmt.signed else "uint8")
    return AsymmetricArray(quantized, zeros)


def test_unsigned_by_signed_bytes_with_zero_points():
    """ONNX's MatMulInteger: onnxruntime 7524 and 3442."""
    a = np.uint8([[238, 115, 94], [245, 111, 102], [158, 225, 48]])
    b = np.int8([[25, 36, 125], [42, -123, 76], [-81, -86, 35]])
    wanted = (a.astype(int) - 42) @ (b.astype(int) + 26)

    def product(x, y):
        return matmul(unscaled(x, 42, UINT8), unscaled(y, -26, INT8, -2), accumulator=INT32)

    assert on_all_backends(product, a, b).tolist() == wanted.tolist()


def test_differences_of_nine_bits_over_a_long_k():
    random = np.random.default_rng(0)
    a = random.integers(0, 256, (3, 1000), np.uint8)
    b = random.integers(-128, 128, (1000, 2), np.int8)
    a[0], b[:, 0] = 0, -128
    found = matmul(unscaled(a, 255, UINT8), unscaled(b, 127, INT8, -2), accumulator=INT32)
    wanted = (a.astype(int) - 255) @ (b.astype(int) - 127)
    assert wanted[0, 0] == 1000 * 255**2
    np.testing.assert_array_equal(found, wanted.astype(np.float32))


def test_the_largest_numbers_of_both_signs():
    """-max / scale is -7.5: a tie, to -8, which is not a binary32 number times this scale."""
    largest = np.finfo(np.float32).max
    found = quantize_asymmetric(np.float32([[largest, -largest / 2, 0, 1]]), INT4)
    assert found.dequantize()[0].tolist() == [largest, -largest / 2, 0, 0]
    both = quantize_asymmetric(np.float32([[largest, -largest, 0, 1]]), INT4)
    assert both.integers().tolist() == [[7, -8, 0, 0]]
    assert both.dequantize()[0, 1] == -np.inf


def test_zero_points_stay_in_the_format():
    found = quantize_asymmetric(BLOCKS[:1], INT4)
    assert found.zero_points.tolist() == [[7]]
    assert found.dequantize()[0, 0] == -15 * 2.0**-149


def test_a_nan_block_is_nan_alone():
    x = np.ones((3, 4), ml_dtypes.bfloat16)
    x[0, 1], x[2, 3] = np.nan, -np.inf
    found = quantize_asymmetric(x, INT4).dequantize()
    assert np.isnan(found).all(axis=1).tolist() == [True, False, True]
    product = matmul(
        quantize(np.ones((1, 4), np.float32), INT8_ROW),
        quantize_asymmetric(np.asarray(x.T, np.float32), INT4, axis=-2),
        accumulator=INT32,
    )
    assert np.isnan(product).tolist() == [[True, False, True]]


def test_one_block_for_the_whole_tensor():
    x = hostile_blocks(10)[:6]
    found = quantize_asymmetric(x, INT4, axis=None)
    flat = quantize_asymmetric(x.reshape(1, -1), INT4)
    assert found.zero_points.shape == ()
    np.testing.assert_array_equal(found.dequantize().ravel(), flat.dequantize()[0])


def test_float64_is_rounded_once_to_float32():
    wide = np.random.default_rng(2).standard_normal((8, 16))
    one, other = quantize_asymmetric(wide, INT8), quantize_asymmetric(wide.astype(np.float32), INT8)
    assert_same_bits(one.quantized.codes, other.quantized.codes)
    assert_same_bits(one.quantized.scales(), other.quantized.scales())


GOOD = quantize_asymmetric(np.ones((2, 4), np.float32), INT4)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: quantize_asymmetric(np.ones((2, 4), np.float32), INT9), ValueError, "8 bits"),
        (lambda: quantize_asymmetric(np.ones((2, 4), np.float32), E4M3), TypeError, "element must"),
        (
            lambda: AsymmetricArray(
                quantize(np.ones((2, 4), np.float32), MXFP4), GOOD.zero_points
            ).integers(),
            ValueError,
            "quantized must be of integers of at most 8 bits .* got E2M1",
        ),
        (
            lambda: replace(GOOD, zero_points=GOOD.zero_points[:1]).integers(),
            ValueError,
            r"zero_points must have shape \(2, 1\), that of the scales, got \(1, 1\)",
        ),
        (
            lambda: replace(GOOD, zero_points=GOOD.zero_points + np.int8(20)).dequantize(),
            ValueError,
            "zero_points must be integers of INT4, got 12 to 12",
        ),
    ],
)
def test_bad_input(make, error, message):
    with pytest.raises(error, match=message):
        make()
