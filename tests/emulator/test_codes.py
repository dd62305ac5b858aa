"""Codes in other types of the same bits."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import msdnum
from msdnum.emulator.codes import same_bits
from msdnum.emulator.gemm.products import matmul
from msdnum.formats.blocks import MXFP8_E4M3
from msdnum.formats.elements import BINARY32, E2M1, E4M3, INT4, FloatFormat, IntegerFormat
from tests.support.agreement import assert_same_bits
from tests.support.containers import X
from tests.support.elements import WIDE, by_name


def test_every_listed_type_has_the_bits_of_its_format():
    """A format of another name is the same; one with another bias is not."""
    assert same_bits(E4M3) == ("uint8", "int8", "float8_e4m3fn")
    assert same_bits(replace(E4M3, name="mine")) == same_bits(E4M3)
    assert same_bits(replace(E4M3, bias=8)) == ("uint8", "int8")
    assert same_bits(E2M1) == ("uint4", "float4_e2m1fn")
    assert same_bits(INT4) == ("uint4", "int4")
    assert same_bits(BINARY32) == ("uint32", "float32")


def test_same_bits_that_jax_brings_are_seen_as_codes():
    q = msdnum.quantize(X[0], MXFP8_E4M3)
    as_floats = jax.tree.map(lambda v: v, q)
    object.__setattr__(as_floats, "codes", q.codes.view(jnp.float8_e4m3fn))
    assert_same_bits(as_floats.dequantize(), q.dequantize())
    product = matmul(as_floats, jnp.ones((32, 1), jnp.float32))
    assert_same_bits(product, matmul(q, jnp.ones((32, 1), jnp.float32)))


@pytest.mark.parametrize(
    ("codes", "error", "message"),
    [
        (np.array([16], np.uint8), ValueError, "codes must be below 16 for E2M1, got 16"),
        (np.array([1], np.int64), TypeError, "codes must be uint8, got int64"),
        (np.array([], np.uint8), ValueError, "codes must not be empty"),
        ("1", TypeError, "codes must be a NumPy or JAX array, got str"),
        ([16], ValueError, r"codes must be in 0..15 for E2M1, got 16 to 16"),
        ([1.0], TypeError, "codes must be integers, bit patterns of E2M1, got float64"),
    ],
)
def test_bad_codes(codes, error, message):
    with pytest.raises(error, match=message):
        msdnum.decode(codes, E2M1)


@pytest.mark.parametrize(
    ("fmt", "dtype"),
    [
        (IntegerFormat("INT2", 2, -2), "uint8"),
        (IntegerFormat("INT7", 7, -64), "uint8"),
        (IntegerFormat("INT9", 9, -256), "uint16"),
        (IntegerFormat("INT15", 15, -(2**14)), "uint16"),
        (FloatFormat("E8M8", 8, 8, 127, BINARY32.specials), "uint32"),
        (WIDE, "uint32"),
    ],
    **by_name,
)
def test_codes_above_every_width_are_refused(fmt, dtype):
    """Widths one bit beside those of a type of memory are among them."""
    codes = np.array([(1 << fmt.bits) - 1], dtype)
    assert msdnum.decode(codes, fmt).dtype == np.float32
    with pytest.raises(ValueError, match=f"codes must be below {1 << fmt.bits} for {fmt.name}"):
        msdnum.decode(codes + np.array(1, dtype), fmt)
