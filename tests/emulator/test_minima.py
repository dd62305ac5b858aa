"""Levels with a minimum, against the specification and against their two terms."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from msdnum import BLOCK_FORMATS, QuantizedArray, accumulators, matmul, quantize, spec
from msdnum.emulator.layouts import GGUF_Q4_1
from msdnum.emulator.minima import MinimumArray
from tests.support.agreement import on_all_backends

INT4 = BLOCK_FORMATS["INT4_GROUP"]


def drawn(shape=(64, 3), axis=-2, seed=3):
    """Draw codes, and FP16 scales and minima of any finite size, subnormals among them."""
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, 16, shape, dtype=np.uint8)
    few = (shape[0] // 32, shape[1])
    scales, minima = (rng.integers(0, 0x7C00, few, dtype=np.uint16) for _ in range(2))
    signs = rng.integers(0, 2, few, dtype=np.uint16) << np.uint16(15)
    quantized = QuantizedArray(codes, scales, None, GGUF_Q4_1.format, axis)
    return MinimumArray(quantized, minima | signs)


def test_every_number_is_that_of_the_specification_on_all_backends():
    q = drawn()
    found = on_all_backends(
        lambda c, s, m: MinimumArray(
            QuantizedArray(c, s, None, GGUF_Q4_1.format, -2), m
        ).dequantize(),
        q.quantized.codes,
        q.quantized.scale_codes,
        q.minima,
    )
    for (block, column), scale in np.ndenumerate(q.quantized.scale_codes):
        part = slice(32 * block, 32 * block + 32)
        codes = [int(code) for code in q.quantized.codes[part, column]]
        given = int(scale), int(q.minima[block, column]), codes
        right = spec.dequantize_levels(*given, GGUF_Q4_1.format)
        assert [Fraction(float(x)) for x in found[part, column]] == right


def test_levels_count_from_the_lowest_code():
    q = drawn()
    signed = (q.quantized.codes.astype(int) ^ 8) - 8
    assert q.levels().dtype == np.int8
    assert (q.levels() == signed + 8).all()


def test_its_terms_add_up_to_it():
    q = drawn()
    first, second = (term.dequantize().astype(np.float64) for term in q.terms())
    assert ((first + second).astype(np.float32) == q.dequantize()).all()


def test_a_product_with_its_terms_is_near_the_exact_one():
    q = drawn()
    a = quantize(
        np.random.default_rng(4).standard_normal((5, 64), np.float32), BLOCK_FORMATS["INT8_ROW"]
    )
    found = matmul(a, q.terms(), accumulator=accumulators.INT32)
    values = sum(term.dequantize().astype(np.float64) for term in q.terms())
    exact = a.dequantize().astype(np.float64) @ values
    size = np.abs(a.dequantize()).astype(np.float64) @ np.abs(values)
    assert (np.abs(found - exact) <= 2.0**-20 * size.max()).all()


def test_what_cannot_be_one_is_refused():
    q = drawn()
    with pytest.raises(ValueError, match=r"minima must have shape \(2, 3\), that of the scales"):
        MinimumArray(q.quantized, q.minima[:1])
    with pytest.raises(TypeError, match="quantized must be QuantizedArray, got array"):
        MinimumArray(q.minima, q.minima)
    with pytest.raises(TypeError, match="minima must be uint16"):
        MinimumArray(q.quantized, q.minima.astype(np.float32))
    int8 = replace(GGUF_Q4_1.format, element=BLOCK_FORMATS["INT8_ROW"].element)
    wide = replace(q.quantized, format=int8)
    with pytest.raises(ValueError, match="integers of at most 7 bits beside minima, got INT8"):
        MinimumArray(wide, q.minima)
    mxfp4 = quantize(np.ones((32, 1), np.float32), BLOCK_FORMATS["MXFP4"], axis=0)
    with pytest.raises(ValueError, match="integers of at most 7 bits beside minima, got E2M1"):
        MinimumArray(mxfp4, mxfp4.scale_codes)
    powers = replace(mxfp4.format, element=INT4.element)
    with pytest.raises(ValueError, match="scales of a signed float format alone beside minima"):
        MinimumArray(replace(mxfp4, format=powers), mxfp4.scale_codes)
