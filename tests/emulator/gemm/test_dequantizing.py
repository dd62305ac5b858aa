"""Products with dequantized weights round what they say."""

import jax
import ml_dtypes
import numpy as np

from msdnum.emulator.blocks import quantize
from msdnum.emulator.gemm.dequantizing import (
    dequantized_bf16,
    float32,
    mxfp8_ceil,
    mxfp8_floor,
    scale_after,
)
from msdnum.emulator.gemm.products import matmul
from msdnum.formats.accumulators import SEQUENTIAL
from msdnum.formats.blocks import INT8_ROW, MXFP4, MXFP8_E4M3
from msdnum.formats.elements import BF16
from tests.support.gemm_oracle import (
    as_float32,
    fl,
    float_numbers,
    inner_product,
    matrix,
    quantized_numbers,
)
from tests.support.products import K, M, N, assert_same_bits, floats, normal, on_jax

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


def test_mxfp8_baselines_differ_in_the_scale_rule():
    x, b = normal(M, K), quantize(normal(K, N, seed=1), MXFP4, axis=-2)
    floor, ceil = mxfp8_floor(x, b), mxfp8_ceil(x, b)
    assert (floor != ceil).any()
    assert_same_bits(floor, matmul(quantize(x, MXFP8_E4M3), b))
