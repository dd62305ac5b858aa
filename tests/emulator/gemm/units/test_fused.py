"""Fused units as specified."""

import jax
import ml_dtypes
import numpy as np
import pytest

from msdnum.emulator.gemm.products import matmul
from msdnum.formats.accumulators import CDNA1_BF16, CDNA1_FP16
from tests.support.accumulation import K, assert_same_bits, hostile, rng
from tests.support.gemm_oracle import FLOATS, float_numbers, matrix


@pytest.mark.parametrize("unit", [CDNA1_BF16, CDNA1_FP16], ids=lambda u: u.name)
def test_fused_units(unit):
    a, b = (hostile((3, K), rng(i)).astype(ml_dtypes.bfloat16) for i in range(2))
    a[2] = (a[2].astype(np.float32) * 2.0**-70 * 2.0**-60).astype(a.dtype)
    left, right = (float_numbers(x, FLOATS["bfloat16"]) for x in (a, b))
    expected = matrix(left, right, unit)
    assert_same_bits(matmul(a, b.T, accumulator=unit), expected)
    on_jax = jax.tree.map(jax.numpy.asarray, (a, b.T))
    with pytest.raises(ValueError, match="jax_enable_x64"):
        matmul(*on_jax, accumulator=unit)
    with jax.enable_x64(True):
        assert_same_bits(matmul(*on_jax, accumulator=unit), expected)
