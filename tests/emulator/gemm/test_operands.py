"""Operands: transposed, and as constants of a jitted function."""

import jax
import numpy as np
import pytest

from msdnum.emulator.blocks import quantize
from msdnum.emulator.gemm import operands
from msdnum.emulator.gemm.products import matmul, transposed
from msdnum.emulator.zero_points import quantize_asymmetric
from msdnum.formats.blocks import INT8_ROW, MXFP4, MXFP8_E5M2, MXINT8
from msdnum.formats.elements import INT4
from tests.support.products import K, N, assert_same_bits, normal, on_jax


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


@pytest.mark.parametrize("fmt", [MXFP4, MXFP8_E5M2, MXINT8], ids=str)
def test_bounds_on_exponents_contain_them(fmt):
    """Of small and large scales, and of zeros, which have the exponent 0."""
    for shift in (-100, -3, 0, 90):
        for x in (normal(5, 64), np.zeros((2, 64), np.float32)):
            q = quantize(np.ldexp(x, shift), fmt)
            kind = operands.kind(q, -1, "x")
            found = operands.prepare(q, kind, -1)
            low, high = map(int, operands.exponent_range(found))
            least, most = operands.exponent_bounds(found, kind)
            assert least <= low <= high <= most


def test_bounds_on_exponents_of_floats_are_theirs():
    x = np.ldexp(normal(5, 64), np.arange(64) - 32)
    kind = operands.kind(x, -1, "x")
    found = operands.prepare(x, kind, -1)
    assert operands.exponent_bounds(found, kind) == tuple(map(int, operands.exponent_range(found)))
