"""Quantized arrays: values that cross jit and vmap."""

from dataclasses import FrozenInstanceError, replace
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import msdnum
from msdnum import matmul, quantize
from msdnum.emulator.gemm import transposed
from msdnum.emulator.quantized_arrays import QuantizedArray
from msdnum.formats.accumulators import INT32
from msdnum.formats.blocks import BLOCK_FORMATS, INT8_ROW, MXFP4, NVFP4, BlockFormat
from msdnum.formats.elements import BINARY32
from msdnum.formats.modes import ScaleRule
from msdnum.formats.other_elements import UINT4, UINT8
from tests.support.agreement import assert_same_bits, on_all_backends
from tests.support.blocks import CORPUS, one_block
from tests.support.elements import by_name
from tests.support.selection import quick


def test_quantized_arrays_cross_jit_and_vmap():
    x = jnp.asarray(CORPUS[:4])
    quantized = jax.jit(lambda x: msdnum.quantize(x, MXFP4))(x)
    assert isinstance(quantized, msdnum.QuantizedArray)
    assert_same_bits(jax.jit(lambda q: q.dequantize())(quantized), quantized.dequantize())
    each = jax.vmap(lambda x: msdnum.quantize(x, MXFP4).codes)(x)
    assert_same_bits(each, quantized.codes)
    host = msdnum.quantize(np.asarray(x), MXFP4)
    assert_same_bits(jax.jit(lambda q: q.dequantize())(host), host.dequantize())


def test_quantized_arrays_are_values():
    quantized = msdnum.quantize(one_block(1.0, 2.0), MXFP4)
    with pytest.raises(FrozenInstanceError):
        quantized.divisor = 2
    assert "MXFP4" in quantized._repr_html_()


def test_scales_of_a_vmapped_array_are_refused():
    x = jnp.ones((2, 32), jnp.float32)
    for fmt, axis in ((NVFP4, -1), (INT8_ROW, None)):
        quantized = jax.jit(jax.vmap(partial(msdnum.quantize, fmt=fmt, axis=axis)))(x)
        with pytest.raises(ValueError, match="dequantize inside"):
            quantized.dequantize()


@pytest.mark.parametrize(("fmt", "dtype"), [(UINT4, np.int8), (UINT8, np.uint8)], ids=str)
def test_unsigned_integers_stay_unsigned(fmt, dtype):
    rows = BlockFormat(fmt.name, fmt, BINARY32, None, ScaleRule.AMAX)
    x = np.float32([[fmt.max_integer, 3, 0]])

    def found(x):
        q = quantize(x, rows)
        return q.integers(), matmul(q, transposed(q), accumulator=INT32)

    integers, product = on_all_backends(found, x)
    assert integers.dtype == dtype
    assert integers.tolist() == x.tolist()
    assert product == fmt.max_integer**2 + 9


@pytest.mark.parametrize(
    "fmt", quick([*BLOCK_FORMATS.values()], {"MXFP4", "MXFP8_E5M2", "NVFP4", "INT8_ROW"}), **by_name
)
def test_numbers_of_all_codes_under_all_scales(fmt):
    """NumPy takes them from a table of pairs, JAX computes them."""
    codes = np.tile(fmt.element.codes, (256, 64 // fmt.element.bits)).astype(np.uint8)
    size = fmt.block_size or codes.shape[1]
    scales = np.arange(256, dtype=np.uint8)[:, None]
    if fmt.scale == BINARY32:
        scales = (scales.astype(np.uint32) << 23) | np.uint32(0x155555)
    scales = np.repeat(scales, -(-codes.shape[1] // size), axis=1)
    tensor = np.float32(3e-3) if fmt.tensor_scale else None
    q = QuantizedArray(codes, scales, tensor, fmt, -1)
    for part in (
        q,
        replace(q, codes=codes[:, :-1]),
        replace(q, codes=codes.T, scale_codes=scales.T, axis=-2),
    ):
        assert_same_bits(jax.jit(lambda q: q.dequantize())(part), part.dequantize())
