"""Helpers of the tests of sums of products."""

import jax
import numpy as np

from msdnum.emulator.blocks import quantize
from msdnum.emulator.gemm.products import matmul
from msdnum.formats.accumulators import PAIRWISE, SEQUENTIAL, Blocks
from msdnum.formats.blocks import MXFP4, MXFP8_E4M3, MXFP8_E5M2, MXINT8

K = 70


MX = {"MXFP4": MXFP4, "MXFP8": MXFP8_E4M3, "MXFP8_E5M2": MXFP8_E5M2, "MXINT8": MXINT8}


def rng(seed=0):
    return np.random.default_rng(seed)


def hostile(shape, rng):
    """Many exponents, zeros, and cancellation between neighbours in k."""
    x = rng.standard_normal(shape) * np.exp2(rng.integers(-12, 12, shape))
    x[rng.random(shape) < 0.15] = 0
    x[..., 1::2] = np.where(rng.random(x[..., 1::2].shape) < 0.3, -x[..., ::2], x[..., 1::2])
    return x.astype(np.float32)


def assert_same_bits(x, y):
    np.testing.assert_array_equal(np.asarray(x).view(np.uint32), np.asarray(y).view(np.uint32))


def check_on_numpy(a, b, expected, **options):
    assert_same_bits(matmul(a, b, **options), expected)


def check_everywhere(a, b, expected, **options):
    """NumPy, JAX and JAX inside another jit give the expected bits."""
    check_on_numpy(a, b, expected, **options)
    a, b = jax.tree.map(jax.numpy.asarray, (a, b))
    found = jax.jit(lambda a, b: matmul(a, b, **options))(a, b)
    assert_same_bits(found, expected)


FOLDS = [SEQUENTIAL, PAIRWISE, Blocks(32, SEQUENTIAL), Blocks(24, PAIRWISE)]


def mx(fmt, seed, rows=3, k=K):
    left = quantize(hostile((rows, k), rng(seed)), fmt)
    right = quantize(hostile((rows + 1, k), rng(seed + 1)).T.copy(), fmt, axis=-2)
    return left, right
