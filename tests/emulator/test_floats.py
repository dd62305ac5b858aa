"""Small floats are numbers, and Python numbers must be."""

import jax
import jax.numpy as jnp
import ml_dtypes
import numpy as np
import pytest

import msdnum
from msdnum import ScaleRule
from msdnum.emulator.attention.flash import attend
from msdnum.emulator.attention.methods import FLOAT32_FLASH
from msdnum.emulator.floats import as_floats, as_numbers
from msdnum.formats.blocks import MXFP4, BlockFormat
from msdnum.formats.elements import BINARY32, E2M1
from tests.support.agreement import assert_same_bits
from tests.support.arrays import BACKENDS, OVER, VARIANTS, X

VARIANTS += [
    BlockFormat(f"E2M1-{rule.name}", E2M1, MXFP4.scale, 32, rule)
    for rule in (ScaleRule.CEIL, ScaleRule.RCEIL, ScaleRule.EVEN)
]


def test_python_numbers_that_are_no_binary32_numbers():
    assert as_numbers(0.1, "x") == 0.1
    assert as_floats([0.5, 2.0**-149, float("nan")], "x").dtype == np.float32
    with pytest.raises(TypeError, match=r"x must be float32, .*got float64: round it once"):
        as_floats(0.1, "x")
    with pytest.raises(TypeError, match="got float64: round it once"):
        as_floats(1e39, "x")


# ------------------------------------------------------------------------------------------------
# Small types
# ------------------------------------------------------------------------------------------------

SMALL = ["float8_e4m3fn", "float8_e5m2", "float8_e8m0fnu", "float4_e2m1fn", "float6_e2m3fn"]


@BACKENDS
@pytest.mark.parametrize("dtype", SMALL)
def test_small_floats_are_numbers(array, dtype):
    if dtype.startswith("float6") and array is jnp.asarray:
        pytest.skip("JAX has no such type")
    bits = ml_dtypes.finfo(dtype).bits
    x = np.arange(1 << bits, dtype=np.uint8).view(dtype)
    found = as_floats(array(x), "x")
    assert_same_bits(found, x.astype(np.float32))
    codes = msdnum.encode(array(x), BINARY32, overflow=OVER)
    assert_same_bits(codes, msdnum.encode(x.astype(np.float32), BINARY32, overflow=OVER))
    if array is jnp.asarray:
        assert_same_bits(jax.jit(lambda v: as_floats(v, "x"))(array(x)), x.astype(np.float32))


@BACKENDS
def test_small_floats_are_quantized_and_attended_to(array):
    x = X.astype(ml_dtypes.float8_e4m3fn)
    wide = x.astype(np.float32)
    assert_same_bits(msdnum.quantize(array(x), MXFP4).codes, msdnum.quantize(wide, MXFP4).codes)
    found = attend(array(x), array(x), array(x), FLOAT32_FLASH)
    assert_same_bits(found, attend(wide, wide, wide, FLOAT32_FLASH))
