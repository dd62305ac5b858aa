"""Exact sums, rounded once, as specified."""

import jax
import pytest

from msdnum.emulator.gemm.products import matmul
from msdnum.formats.accumulators import EXACT
from msdnum.formats.blocks import MXFP4
from tests.support.accumulation import MX, assert_same_bits, mx
from tests.support.gemm_oracle import matrix, quantized_numbers


@pytest.mark.parametrize("name", MX)
def test_exact(name):
    a, b = mx(MX[name], 9)
    expected = matrix(quantized_numbers(a, -1), quantized_numbers(b, -2), EXACT)
    assert_same_bits(matmul(a, b, accumulator=EXACT), expected)


def test_exact_on_jax():
    a, b = mx(MXFP4, 9)
    expected = matmul(a, b, accumulator=EXACT)
    with jax.enable_x64(True):
        a, b = jax.tree.map(jax.numpy.asarray, (a, b))
        assert_same_bits(matmul(a, b, accumulator=EXACT), expected)
