from dataclasses import replace
from fractions import Fraction

import jax
import ml_dtypes
import numpy as np
import pytest

from msdnum import spec
from msdnum.emulator.blocks import quantize
from msdnum.emulator.codes import storage_dtype
from msdnum.emulator.decompositions import decompose, decompose_terms
from msdnum.emulator.gemm import tiles
from msdnum.emulator.gemm.dequantizing import (
    dequantized_bf16,
    float32,
    mxfp8_ceil,
    mxfp8_floor,
    scale_after,
)
from msdnum.emulator.gemm.products import (
    Addition,
    Recombination,
    Scaling,
    Schedule,
    full,
    matmul,
    transposed,
    triangular,
)
from msdnum.emulator.quantized_arrays import QuantizedArray
from msdnum.emulator.zero_points import quantize_asymmetric
from msdnum.formats.accumulators import (
    BLACKWELL_MXFP4,
    CDNA2,
    EXACT,
    HOPPER,
    INT32,
    INT32_SATURATE,
    INT32_WRAP,
    SEQUENTIAL,
    Blocks,
    Int32,
    Int32Overflow,
)
from msdnum.formats.blocks import (
    INT4_GROUP,
    INT8_GROUP,
    INT8_ROW,
    MXFP4,
    MXFP8_E4M3,
    MXFP8_E5M2,
    NVFP4,
    BlockFormat,
)
from msdnum.formats.elements import (
    BF16,
    BINARY32,
    E4M3,
    E8M0,
    FP16,
    INT4,
    FloatFormat,
    IntegerFormat,
)
from msdnum.formats.modes import Overflow, ScaleRule
from msdnum.formats.schemes import INT8_X2, INT8_X2_FLOAT32, INT8_X3_FLOAT32, MXFP4_X2
from tests.support.gemm_oracle import (
    as_float32,
    fl,
    float_numbers,
    inner_product,
    matrix,
    quantized_numbers,
)

M, K, N = 4, 70, 5


def normal(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def assert_same_bits(x, y):
    np.testing.assert_array_equal(np.asarray(x).view(np.uint32), np.asarray(y).view(np.uint32))


def on_jax(operands):
    return jax.tree.map(jax.numpy.asarray, operands)


def check_everywhere(a, b, expected, **options):
    """NumPy, JAX and JAX inside another jit give the expected bits."""
    assert_same_bits(matmul(a, b, **options), expected)
    found = jax.jit(lambda a, b: matmul(a, b, **options))(*on_jax((a, b)))
    assert_same_bits(found, expected)


def floats(x):
    return [Fraction(float(v)) for v in np.ravel(x)]


def integers(q):
    """Decode by the specification."""
    values = [int(spec.decode(int(c), q.format.element)) for c in q.codes.ravel()]
    return np.array(values, dtype=object).reshape(q.shape)


# Scales outside


def row_and_column(a, b, order):
    """Exact integers, converted, times both scales."""
    sums, rows, columns = integers(a) @ integers(b), floats(a.scales()), floats(b.scales())
    return np.array([[order(fl(sums[i, j]), rows[i], columns[j]) for j in range(N)]
                     for i in range(M)], dtype=object)  # fmt: skip


ORDERS = {
    Scaling.ROW_THEN_COLUMN: lambda c, s, t: fl(fl(c * s) * t),
    Scaling.COLUMN_THEN_ROW: lambda c, s, t: fl(fl(c * t) * s),
    Scaling.PRODUCT: lambda c, s, t: fl(c * fl(s * t)),
}


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


# Terms


def test_terms_are_added_in_order_or_chained():
    spread = np.where(np.arange(K) // 32 == 1, np.float32(2**22), np.float32(1))
    terms = decompose_terms(normal(M, K) * spread, MXFP4_X2)
    b = quantize(normal(K, N, seed=1), MXFP4, axis=-2)
    left = [quantized_numbers(t, -1) for t in terms]
    right = quantized_numbers(b, -2)
    different = False
    for accumulator in (SEQUENTIAL, HOPPER, Blocks(32, EXACT), EXACT):
        separate, chained = np.empty((2, M, N), np.float32)
        for i, j in np.ndindex(M, N):
            sums = [inner_product(t[i], right[j], accumulator) for t in left]
            separate[i, j] = as_float32(fl(sums[0] + sums[1]))
            if accumulator is EXACT:
                both = inner_product(left[0][i] + left[1][i], right[j] * 2, accumulator)
            else:
                both = inner_product(left[1][i], right[j], accumulator, sums[0])
            chained[i, j] = as_float32(both)
        different |= bool((separate != chained).any())
        assert_same_bits(matmul(terms, b, accumulator=accumulator), separate)
        recombination = Recombination(addition=Addition.CHAINED)
        if accumulator is EXACT:
            found = matmul(terms, b, accumulator=accumulator, recombination=recombination)
            assert_same_bits(found, chained)
        else:
            check_everywhere(
                terms, b, chained, accumulator=accumulator, recombination=recombination
            )
    assert different


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_an_exact_chain_of_terms_of_different_formats(order):
    """Powers of two, E4M3 scales and floats beside each other, in one exact sum."""
    x, nvfp4 = normal(M, K), replace(NVFP4, tensor_scale=False)
    terms = quantize(x, MXFP4), replace(quantize(x, NVFP4), tensor_scale=None, format=nvfp4)
    b = normal(K, N, seed=1).astype(ml_dtypes.bfloat16)
    left = [quantized_numbers(t, -1) for t in terms]
    right = float_numbers(b.T, BF16)
    expected = np.empty((M, N), np.float32)
    for i, j in np.ndindex(M, N):
        both = inner_product(left[0][i] + left[1][i], right[j] * 2, EXACT)
        expected[i, j] = as_float32(both)
    recombination = Recombination(addition=Addition.CHAINED)
    found = matmul(
        tuple(terms[i] for i in order), b, accumulator=EXACT, recombination=recombination
    )
    assert_same_bits(found, expected)


def test_a_chain_of_tiny_and_moderate_terms():
    """What a term below binary32's normal range leaves is not flushed by the next."""
    b = quantize(np.ones((32, 1), np.float32), MXFP4, axis=-2)
    tiny, one = (quantize(np.full((1, 32), 1, np.float32), MXFP4) for _ in range(2))
    tiny = QuantizedArray(tiny.codes, np.full((1, 1), 0, np.uint8), None, tiny.format, -1)
    one = QuantizedArray(one.codes * 0, one.scale_codes, None, one.format, -1)
    low = QuantizedArray(b.codes, np.full((1, 1), 110, np.uint8), None, b.format, -2)
    recombination = Recombination(addition=Addition.CHAINED)
    schedule = Schedule(((0, 0), (1, 0)))
    expected = matmul(tiny, low)
    assert 0 < expected.item() < 2.0**-126
    for terms in ((tiny, one), (one, tiny)):
        check_everywhere(terms, low, expected, recombination=recombination, schedule=schedule)


@pytest.mark.parametrize("precision", [BF16, FP16], ids=lambda f: f.name)
def test_terms_added_in_low_precision(precision):
    terms = decompose_terms(normal(M, K), INT8_X3_FLOAT32)
    b = quantize(normal(K, N, seed=1), INT8_ROW, axis=-2)

    def rounded(x):
        return spec.number(spec.round_to(x, precision, overflow=Overflow.OVERFLOW))

    total = None
    for term in terms:
        found = np.vectorize(rounded, otypes=[object])(
            row_and_column(term, b, ORDERS[Scaling.ROW_THEN_COLUMN])
        )
        total = found if total is None else np.vectorize(rounded, otypes=[object])(total + found)
    expected = np.vectorize(as_float32)(total)
    recombination = Recombination(precision=precision)
    check_everywhere(terms, b, expected, accumulator=INT32, recombination=recombination)


def test_schedules():
    assert full(2, 2).pairs == ((0, 0), (0, 1), (1, 0), (1, 1))
    assert triangular(3, 3).pairs == ((0, 0), (0, 1), (1, 0), (0, 2), (1, 1), (2, 0))
    assert triangular(2, 1).pairs == full(2, 1).pairs
    assert Schedule.from_mask([[0, 1], [1, 1]]).pairs == ((0, 1), (1, 0), (1, 1))


def test_a_schedule_picks_products_of_terms():
    a = decompose_terms(normal(M, K), INT8_X2_FLOAT32)
    b = decompose_terms(normal(K, N, seed=1), INT8_X2_FLOAT32, axis=-2)
    parts = {(i, j): matmul(a[i], b[j], accumulator=INT32) for i in range(2) for j in range(2)}
    expected = parts[1, 0] + parts[0, 0]
    schedule = Schedule(((1, 0), (0, 0)))
    check_everywhere(a, b, expected, accumulator=INT32, schedule=schedule)
    expected = parts[0, 0] + parts[0, 1] + parts[1, 0] + parts[1, 1]
    check_everywhere(a, b, expected, accumulator=INT32)


# Shapes


def test_batches():
    x, w = normal(3, 2, M, K), normal(2, K, N, seed=1)
    a, b = quantize(x, MXFP4), quantize(w, MXFP4, axis=-2)
    expected = np.empty((3, 2, M, N), np.float32)
    for i, j in np.ndindex(3, 2):
        one, other = quantize(x[i, j], MXFP4), quantize(w[j], MXFP4, axis=-2)
        expected[i, j] = matmul(one, other)
    check_everywhere(a, b, expected)
    shared = quantize(w[0], MXFP4, axis=-2)
    for i, j in np.ndindex(3, 2):
        expected[i, j] = matmul(quantize(x[i, j], MXFP4), shared)
    check_everywhere(a, shared, expected)


def test_batches_with_scales_outside():
    x, w = normal(3, M, K), normal(3, K, N, seed=1)
    a, b = quantize(x, INT8_ROW), quantize(w, INT4_GROUP, axis=-2, block_size=32)
    parts = [
        matmul(quantize(x[i], INT8_ROW), quantize(w[i], INT4_GROUP, axis=-2, block_size=32),
               accumulator=INT32)
        for i in range(3)
    ]  # fmt: skip
    check_everywhere(a, b, np.stack(parts), accumulator=INT32)
    a, b = quantize(x, NVFP4), quantize(w[0], NVFP4, axis=-2)
    flat = quantize(x.reshape(3 * M, K), NVFP4)
    check_everywhere(a, b, matmul(flat, b).reshape(3, M, N))


@pytest.mark.parametrize("accumulator", [SEQUENTIAL, Blocks(32, EXACT), HOPPER])
def test_bits_do_not_depend_on_tiles(accumulator, monkeypatch):
    monkeypatch.setattr(tiles, "DOT_ELEMENTS", 1 << 17)
    a, b = quantize(normal(600, 96), MXFP4), quantize(normal(96, 700, seed=1), MXFP4, axis=-2)
    whole = matmul(a, b, accumulator=accumulator)
    for i, j in ((0, 0), (599, 699), (300, 512)):
        x = QuantizedArray(a.codes[i : i + 1], a.scale_codes[i : i + 1], None, a.format, -1)
        column = slice(j, j + 1)
        y = QuantizedArray(b.codes[:, column], b.scale_codes[:, column], None, b.format, -2)
        assert_same_bits(matmul(x, y, accumulator=accumulator)[0, 0], whole[i, j])
    assert_same_bits(matmul(*on_jax((a, b)), accumulator=accumulator), whole)


def test_constants_of_jit_transposed():
    """XLA misreads the float32 ones without a barrier."""
    x, y = normal(3, 8), normal(6, 8, seed=1)
    asymmetric = quantize_asymmetric(y.T, INT4, axis=-2)
    known, constant = on_jax(y), on_jax(asymmetric)
    inner = jax.jit(lambda x, y: matmul(x, y.T))
    assert_same_bits(jax.jit(lambda x: inner(x, known))(x), matmul(x, y.T))
    assert_same_bits(jax.jit(lambda x: matmul(x, constant))(on_jax(x)), matmul(x, asymmetric))


def test_transposed():
    w = normal(N, K)
    q = quantize(w, MXFP4)
    assert transposed(q).axis == -2
    assert_same_bits(transposed(q).dequantize(), quantize(w.T.copy(), MXFP4, axis=-2).dequantize())
    assert transposed(transposed(q)).axis == -1
    assert transposed(quantize(w, INT8_ROW, axis=None)).axis is None
    with pytest.raises(ValueError, match="two dimensions"):
        transposed(quantize(w[0], MXFP4))


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


# Baselines


def test_baselines_round_what_they_say():
    x, w = normal(M, K), normal(K, N, seed=1)
    b = quantize(w, INT8_ROW, axis=-2)
    bf16 = x.astype(ml_dtypes.bfloat16)
    weights = b.dequantize().astype(ml_dtypes.bfloat16)
    right = float_numbers(weights.T, BF16)
    assert_same_bits(dequantized_bf16(x, b), matrix(float_numbers(bf16, BF16), right, SEQUENTIAL))
    after = np.array(
        [
            [as_float32(fl(inner_product(r, c, SEQUENTIAL) * s))
             for c, s in zip(quantized_numbers(b, -2), floats(b.scales()), strict=True)]
            for r in float_numbers(bf16, BF16)
        ]
    )  # fmt: skip
    assert_same_bits(scale_after(x, b), after)


def test_the_float32_baseline_rounds_products():
    x, b = normal(M, K), quantize(normal(K, N, seed=1), INT8_ROW, axis=-2)
    w = b.dequantize()
    expected = np.zeros((M, N), np.float32)
    for k in range(K):
        expected += x[:, k, None] * w[k]
    assert_same_bits(float32(x, b), expected)
    assert_same_bits(jax.jit(float32)(*on_jax((x, b))), expected)


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


def test_mxfp8_baselines_differ_in_the_scale_rule():
    x, b = normal(M, K), quantize(normal(K, N, seed=1), MXFP4, axis=-2)
    floor, ceil = mxfp8_floor(x, b), mxfp8_ceil(x, b)
    assert (floor != ceil).any()
    assert_same_bits(floor, matmul(quantize(x, MXFP8_E4M3), b))


# Bad input


def row_major():
    return quantize(normal(M, K), MXFP4), quantize(normal(K, N), MXFP4, axis=-2)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (lambda a, b: (a, quantize(normal(K + 1, N), MXFP4, axis=-2), {}), ValueError, "70 rows"),
        (lambda a, b: (a, quantize(normal(K, N), MXFP4), {}), ValueError, "blocks along k"),
        (lambda a, b: (b, b, {}), ValueError, "a must have its blocks along k"),
        (lambda a, b: (a.codes.astype(np.float64), b, {}), TypeError, "a must be float32"),
        (lambda a, b: (normal(K), b, {}), ValueError, "two dimensions"),
        (lambda a, b: ((), b, {}), ValueError, "at least one term"),
        (lambda a, b: (a, jax.tree.map(jax.numpy.asarray, b), {}), TypeError, "one of each"),
        (lambda a, b: ((a, quantize(normal(M + 1, K), MXFP4)), b, {}), ValueError, "one shape"),
        (lambda a, b: (a, b, {"accumulator": INT32}), ValueError, "integer elements"),
        (lambda a, b: (a, b, {"schedule": full(2, 1)}), ValueError, "terms below"),
        (lambda a, b: (a, b, {"schedule": [(0, 0)]}), TypeError, "schedule a Schedule"),
        (lambda a, b: (a, b, {"accumulator": "exact"}), TypeError, "Accumulator"),
        (lambda a, b: (a, b, {"accumulator": Blocks(48, EXACT)}), ValueError, "shared by whole"),
        (
            lambda a, b: (quantize(normal(M, K), MXFP4, block_size=4),
                          quantize(normal(K, N), INT8_GROUP, axis=-2, block_size=3),
                          {"accumulator": Blocks(4, EXACT)}),
            ValueError,
            "whole blocks of 4, got MXFP4 with blocks of 4 in segments of 3",
        ),
        (
            lambda a, b: (a, b, {"accumulator": Blocks(24, BLACKWELL_MXFP4)}),
            ValueError,
            "whole blocks of 16, got MXFP4 with blocks of 32 in segments of 24",
        ),
        (
            lambda a, b: (quantize(normal(M, K), MXFP8_E4M3), b,
                          {"accumulator": BLACKWELL_MXFP4}),
            ValueError,
            "needs E2M1 elements",
        ),
        (
            lambda a, b: (quantize(normal(M, K), MXFP8_E5M2),
                          quantize(normal(K, N), MXFP8_E5M2, axis=-2),
                          {"accumulator": Blocks(32, EXACT)}),
            ValueError,
            "53 bits",
        ),
        (lambda a, b: (normal(M, K), b, {"accumulator": HOPPER}), ValueError, "12 significand"),
        (
            lambda a, b: (quantize(normal(M, K), INT8_GROUP, block_size=24),
                          quantize(normal(K, N), INT4_GROUP, axis=-2, block_size=16),
                          {"accumulator": INT32}),
            ValueError,
            "line up, got 16 and 24",
        ),
        (
            lambda a, b: (quantize(normal(2, M, K), MXFP4),
                          quantize(normal(3, K, N), MXFP4, axis=-2), {}),
            ValueError,
            "broadcast",
        ),
        (
            lambda a, b: (quantize(normal(M, K), NVFP4), b,
                          {"recombination": Recombination(addition=Addition.CHAINED)}),
            ValueError,
            "scales inside",
        ),
        (
            lambda a, b: (quantize(normal(M, K), INT8_ROW), b, {"accumulator": BLACKWELL_MXFP4}),
            ValueError,
            "E2M1 elements with E8M0 or E4M3 scales",
        ),
    ],
)  # fmt: skip
def test_bad_input(change, error, message):
    a, b, options = change(*row_major())
    with pytest.raises(error, match=message):
        matmul(a, b, **options)


def block_scaled(element, scale=BINARY32, codes=None):
    """Return one block of four elements, with codes of the type of the format."""
    rule = ScaleRule.FLOOR if scale is E8M0 else ScaleRule.AMAX
    fmt = BlockFormat("odd", element, scale, 4, rule)
    codes = np.ones((1, 4), storage_dtype(element)) if codes is None else codes
    return QuantizedArray(
        codes, np.full((1, 1), 1, storage_dtype(scale)), None, fmt, -1
    )  # fmt: skip


@pytest.mark.parametrize(
    ("a", "message"),
    [
        # JAX flushes their subnormals, or those of their products.
        (block_scaled(BF16), "elements of at most 8 bits"),
        (block_scaled(FP16), "elements of at most 8 bits"),
        (block_scaled(BINARY32), "elements of at most 8 bits"),
        (block_scaled(BF16, E8M0), "elements of at most 8 bits"),
        (
            block_scaled(FloatFormat("E6M1", 6, 1, 90)),
            r"2\*\*-40 to 2\*\*40 in magnitude, got E6M1",
        ),
        (
            block_scaled(FloatFormat("E6M1", 6, 1, 20)),
            r"2\*\*-40 to 2\*\*40 in magnitude, got E6M1",
        ),
        # An exact block sum raised IndexError.
        (block_scaled(IntegerFormat("INT16", 16, -32768)), "elements of at most 8 bits"),
    ],
    ids=lambda x: None if isinstance(x, str) else f"{x.format.element.name}-{x.format.scale.name}",
)
def test_formats_that_no_product_is_defined_for(a, message):
    with pytest.raises(ValueError, match=message):
        matmul(a, np.ones((4, 1), np.float32))


def int4(**changes):
    return replace(quantize_asymmetric(normal(K, N), INT4, axis=-2, block_size=16), **changes)


NVFP4_ARRAY = quantize(normal(M, K), NVFP4)
INT8_ARRAY = quantize(normal(M, K), INT8_ROW)


@pytest.mark.parametrize(
    ("a", "change", "error", "message"),
    [
        (row_major()[0], {"scale_codes": np.ones((M, 2), np.uint8)}, ValueError,
         r"scale_codes must have shape \(4, 3\), got \(4, 2\)"),
        (row_major()[0], {"scale_codes": np.ones((1, 3), np.uint8)}, ValueError,
         r"scale_codes must have shape \(4, 3\), got \(1, 3\)"),
        (row_major()[0], {"axis": None}, ValueError,
         r"scale_codes must have shape \(\), .*, got \(4, 3\)"),
        (row_major()[0], {"scale_codes": np.ones((M, 3), np.uint32)}, TypeError,
         "scale_codes must be uint8, got uint32"),
        (row_major()[0], {"scale_codes": jax.numpy.ones((M, 3), np.uint8)}, TypeError,
         "scale_codes must be of the backend of its codes"),
        (row_major()[0], {"codes": np.full((M, K), 16, np.uint8)}, ValueError,
         "codes must be below 16 for E2M1, got 16"),
        (row_major()[0], {"codes": np.ones((M, K), np.int8)}, TypeError,
         "codes must be uint8, got int8"),
        (row_major()[0], {"tensor_scale": np.ones((), np.float32)}, ValueError,
         "tensor_scale must be None for MXFP4"),
        (row_major()[0], {"divisor": 127}, ValueError,
         "divisor must be 1 with E8M0 scales, got 127"),
        (NVFP4_ARRAY, {"tensor_scale": None}, ValueError,
         "tensor_scale must be a number, float32, for NVFP4, got None"),
        (NVFP4_ARRAY, {"tensor_scale": np.ones((M,), np.float32)}, ValueError,
         r"tensor_scale must have shape \(\), .*, got \(4,\)"),
        (INT8_ARRAY, {"codes": np.full((M, K), 128, np.uint8)}, ValueError,
         "codes of a must not be 128, which INT8_SYMMETRIC does not use"),
    ],
)  # fmt: skip
def test_a_malformed_array(a, change, error, message):
    with pytest.raises(error, match=message):
        matmul(replace(a, **change), normal(K, N))


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"zero_points": np.full((5, N), 8, np.int8)}, ValueError,
         "zero_points must be integers of INT4, got 8 to 8"),
        ({"zero_points": np.full((5, N), -9, np.int8)}, ValueError,
         "zero_points must be integers of INT4, got -9 to -9"),
        ({"zero_points": np.zeros((1, N), np.int8)}, ValueError,
         r"zero_points must have shape \(5, 5\), .*, got \(1, 5\)"),
        ({"zero_points": np.zeros((5, N), np.int32)}, TypeError,
         "zero_points must be int8 or int4, got int32"),
        ({"zero_points": jax.numpy.zeros((5, N), np.int8)}, TypeError,
         "zero_points must be of the backend of its codes"),
        ({"quantized": quantize(normal(K, N), INT8_GROUP, axis=-2, block_size=16)}, ValueError,
         "quantized must be of integers of at most 7 bits"),
    ],
)  # fmt: skip
def test_malformed_zero_points(change, error, message):
    with pytest.raises(error, match=message):
        matmul(INT8_ARRAY, int4(**change), accumulator=INT32)


def test_saturation_needs_groups_that_fit():
    b = transposed(INT8_ARRAY)
    accumulator = Int32(Int32Overflow.SATURATE, 133145)
    with pytest.raises(ValueError, match=r"group must be at most 133144 .* got 133145"):
        matmul(INT8_ARRAY, b, accumulator=accumulator)
    assert matmul(INT8_ARRAY, b, accumulator=replace(accumulator, group=133144)).shape == (M, M)


def test_exact_sums_of_floats_need_values():
    a, b = on_jax(row_major())
    with pytest.raises(ValueError, match="jax_enable_x64"):
        matmul(a, b, accumulator=EXACT)
    with jax.enable_x64(True), pytest.raises(ValueError, match="before jit"):
        jax.jit(lambda a, b: matmul(a, b, accumulator=EXACT))(a, b)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Schedule(()), "pairs"),
        (lambda: Schedule(((0, 0), (0, 0))), "pairs"),
        (lambda: Schedule(((0, -1),)), "pairs"),
        (lambda: Recombination(precision=MXFP4.element), "precision"),
        (lambda: Recombination(addition=Addition.CHAINED, precision=BF16), "CHAINED"),
        (lambda: quantize_asymmetric(normal(3, 4), INT8_ROW.element), "7 bits"),
    ],
)
def test_bad_choices(make, message):
    with pytest.raises(ValueError, match=message):
        make()


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
