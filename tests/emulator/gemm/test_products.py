"""Tests."""

from fractions import Fraction

import numpy as np
import pytest

from msdnum.emulator.blocks import quantize
from msdnum.emulator.decompositions import decompose, decompose_terms
from msdnum.emulator.gemm.products import Recombination, Scaling, matmul
from msdnum.emulator.quantized_arrays import QuantizedArray
from msdnum.emulator.zero_points import quantize_asymmetric
from msdnum.formats.accumulators import EXACT, INT32, INT32_SATURATE, INT32_WRAP, SEQUENTIAL
from msdnum.formats.blocks import INT4_GROUP, INT8_GROUP, INT8_ROW, MXFP8_E4M3
from msdnum.formats.elements import BINARY32, INT4
from msdnum.formats.schemes import INT8_X2, INT8_X2_FLOAT32
from tests.support.gemm_oracle import as_float32, fl, float_numbers, matrix, quantized_numbers
from tests.support.products import (
    ORDERS,
    K,
    M,
    N,
    assert_same_bits,
    check_everywhere,
    floats,
    integers,
    normal,
    on_jax,
    row_and_column,
)


@pytest.mark.parametrize("scaling", Scaling)
@pytest.mark.parametrize("accumulator", [INT32, EXACT, INT32_WRAP, INT32_SATURATE])
def test_two_pass_int8(scaling, accumulator):
    terms = decompose_terms(normal(M, K), INT8_X2_FLOAT32)
    b = quantize(normal(K, N, seed=1), INT8_ROW, axis=-2)
    first, second = (row_and_column(t, b, ORDERS[scaling]) for t in terms)
    expected = np.vectorize(lambda x, y: as_float32(fl(x + y)))(first, second)
    recombination = Recombination(scaling)
    check_everywhere(terms, b, expected, accumulator=accumulator, recombination=recombination)


def test_exact_arithmetic_has_scales_rounded_once():
    a = decompose(normal(M, K), INT8_X2)
    b = quantize(normal(K, N, seed=1), INT8_ROW, axis=-2)
    first, second = (row_and_column(t, b, ORDERS[Scaling.ROW_THEN_COLUMN]) for t in a.terms)
    expected = np.vectorize(lambda x, y: as_float32(fl(x + y)))(first, second)
    assert_same_bits(matmul(a, b, accumulator=INT32), expected)
    assert_same_bits(matmul(a.terms, b, accumulator=INT32), expected)


def by_segments(rows, b, differences, size, row_scales):
    """Sum integers within a segment, scale by its column scale, add, scale by the row."""
    scales = b.scales()
    result = np.empty((M, N), np.float32)
    for i in range(M):
        for j in range(N):
            total = Fraction(0)
            for g, start in enumerate(range(0, K, size)):
                part = slice(start, start + size)
                found = fl(rows[i, part] @ differences[part, j])
                total = fl(total + fl(found * Fraction(float(scales[g, j]))))
            result[i, j] = as_float32(fl(total * row_scales[i]))
    return result


@pytest.mark.parametrize("size", [16, 35])
def test_int4_groups(size):
    a = quantize(normal(M, K), INT8_ROW)
    b = quantize(normal(K, N, seed=1), INT4_GROUP, axis=-2, block_size=size)
    expected = by_segments(integers(a), b, integers(b), size, floats(a.scales()))
    check_everywhere(a, b, expected, accumulator=INT32)


def test_int4_groups_with_zero_points():
    x = normal(K, N, seed=1) + np.float32(0.7)
    a, b = quantize(normal(M, K), INT8_ROW), quantize_asymmetric(x, INT4, axis=-2, block_size=16)
    zeros = np.repeat(b.zero_points.astype(object), 16, axis=0)[:K]
    difference = integers(b.quantized) - zeros
    assert abs(difference).max() <= 15
    expected = by_segments(integers(a), b.quantized, difference, 16, floats(a.scales()))
    check_everywhere(a, b, expected, accumulator=INT32)
    assert abs(b.dequantize() - x).max() <= b.quantized.scales().max() * 0.51


@pytest.mark.parametrize("shift", [3, -3])
def test_zero_points_of_one_sided_blocks(shift):
    """The range is widened to zero, which has a code of its own."""
    x = normal(1, 32) / 8 + np.float32(shift)
    x[0, 5] = 0
    q = quantize_asymmetric(x, INT4, block_size=16)
    assert q.zero_points.tolist() == [[-8, -8] if shift > 0 else [7, 7]]
    assert q.dequantize()[0, 5] == 0
    assert abs(q.dequantize() - x).max() <= q.quantized.scales().max() * 0.51


def test_groups_of_both_sides_that_line_up():
    a = quantize(normal(M, K), INT8_GROUP, block_size=32)
    b = quantize(normal(K, N, seed=1), INT4_GROUP, axis=-2, block_size=16)
    p, q, s, t = integers(a), integers(b), a.scales(), b.scales()
    expected = np.empty((M, N), np.float32)
    for i, j in np.ndindex(M, N):
        total = Fraction(0)
        for start in range(0, K, 16):
            part = slice(start, start + 16)
            scales = Fraction(float(s[i, start // 32])), Fraction(float(t[start // 16, j]))
            total = fl(total + fl(fl(fl(p[i, part] @ q[part, j]) * scales[0]) * scales[1]))
        expected[i, j] = as_float32(total)
    check_everywhere(a, b, expected, accumulator=INT32)


def test_one_scale_for_a_tensor():
    a = quantize(normal(M, K), INT8_ROW, axis=None)
    b = quantize(normal(K, N, seed=1), INT8_ROW, axis=None)
    scales = Fraction(float(a.scales())), Fraction(float(b.scales()))
    expected = np.vectorize(lambda c: as_float32(fl(fl(fl(c) * scales[0]) * scales[1])))(
        integers(a) @ integers(b)
    )
    check_everywhere(a, b, expected, accumulator=INT32)


# int32


def extreme(k, sign=1):
    codes = np.full((1, k), 127, np.uint8)
    scale = np.ones((1, 1), np.float32).view(np.uint32)
    fmt = quantize(normal(1, k), INT8_ROW).format
    a = QuantizedArray(codes, scale, None, fmt, -1)
    right = codes if sign > 0 else np.full((1, k), 129, np.uint8)
    return a, QuantizedArray(right.T.copy(), scale, None, fmt, -2)


@pytest.mark.parametrize("sign", [1, -1])
def test_int32_overflow(sign):
    """The largest exact k is 133,144 at full digits; above it every variant does as it says."""
    a, b = extreme(133144, sign)
    for accumulator in (INT32, INT32_SATURATE, INT32_WRAP, EXACT):
        assert matmul(a, b, accumulator=accumulator) == np.float32(sign * 133144 * 127**2)
    a, b = extreme(133145, sign)
    with pytest.raises(ValueError, match=r"k must be at most 133144 .*, got 133145"):
        matmul(a, b, accumulator=INT32)
    total = sign * 133145 * 127**2
    assert matmul(a, b, accumulator=EXACT) == np.float32(total)
    wrapped = (total + 2**31) % 2**32 - 2**31
    saturated = 2**31 - 1 if sign > 0 else -(2**31)
    for accumulator, value in ((INT32_WRAP, wrapped), (INT32_SATURATE, saturated)):
        assert matmul(a, b, accumulator=accumulator) == np.float32(value)
        assert matmul(*on_jax((a, b)), accumulator=accumulator) == np.float32(value)


def test_saturation_is_by_groups_in_order():
    """Up to the limit and back again: what was clamped is lost."""
    a, b = extreme(2**18)
    b = QuantizedArray(b.codes.copy(), b.scale_codes, None, b.format, -2)
    b.codes[2**17 + 2**14 :] = 129
    total = 0
    for start in range(0, 2**18, 32):
        group = 32 * 127**2 * (1 if b.codes[start, 0] == 127 else -1)
        total = min(max(total + group, -(2**31)), 2**31 - 1)
    assert matmul(a, b, accumulator=INT32_SATURATE) == np.float32(total)
    assert matmul(a, b, accumulator=EXACT) != np.float32(total)


def test_a_float32_product_with_scales_beyond_binary32():
    """Elements times E8M0 scales from 2**-136 to 2**136, floats that bring them back."""
    codes = np.random.default_rng(3).integers(0, 126, (1, 64)).astype(np.uint8)
    a = QuantizedArray(codes, np.array([[254, 0]], np.uint8), None,
                       quantize(normal(1, 64), MXFP8_E4M3).format, -1)  # fmt: skip
    powers = np.where(np.arange(64) < 32, np.float32(2.0**-120), np.float32(2.0**126))
    b = (normal(64, 3, seed=4) * powers[:, None]).astype(np.float32)
    b[40:, 2] *= np.float32(2.0**-140)
    b[:40, 2] = 0
    left, right = quantized_numbers(a, -1), float_numbers(b.T, BINARY32)
    expected = matrix(left, right, SEQUENTIAL)
    assert 0 < abs(expected[0, 2]) < 2.0**-126
    check_everywhere(a, b, expected)
