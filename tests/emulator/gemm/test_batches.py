"""Batches of matrices are each its own product."""

import numpy as np

from msdnum.emulator.blocks import quantize
from msdnum.emulator.gemm.products import matmul
from msdnum.formats.accumulators import INT32
from msdnum.formats.blocks import INT4_GROUP, INT8_ROW, MXFP4, NVFP4
from tests.support.products import K, M, N, check_everywhere, normal

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
