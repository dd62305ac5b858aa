"""Blocks of GGUF, decoded byte by byte as its C source has them, in fractions."""

from fractions import Fraction

import numpy as np
import pytest

from msdnum import BLOCK_FORMATS, quantize, spec
from msdnum.emulator.layouts import GGUF_MXFP4, GGUF_Q4_0, GGUF_Q4_1, GGUF_Q8_0
from tests.support.agreement import on_all_backends

LAYOUTS = {"MXFP4": GGUF_MXFP4, "Q4_0": GGUF_Q4_0, "Q4_1": GGUF_Q4_1, "Q8_0": GGUF_Q8_0}
SIZES = {"MXFP4": 17, "Q4_0": 18, "Q4_1": 20, "Q8_0": 34}
EACH = pytest.mark.parametrize("name", LAYOUTS)
DOUBLED = [0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12]


def half(low, high):
    """Return the number of an FP16 pattern."""
    field, fraction = (high >> 2) & 31, (high & 3) << 8 | low
    significand = fraction if field == 0 else 1024 + fraction
    return (-1) ** (high >> 7) * significand * Fraction(2) ** (max(field, 1) - 25)


def numbers(name, block):
    """Return the 32 numbers of a block."""
    block = [int(byte) for byte in block]
    if name == "Q8_0":
        scale = half(*block[:2])
        return [scale * (byte - 256 * (byte > 127)) for byte in block[2:]]
    if name == "Q4_0":
        scale, nibbles = half(*block[:2]), block[2:]
        integers = [byte % 16 - 8 for byte in nibbles] + [byte // 16 - 8 for byte in nibbles]
        return [scale * integer for integer in integers]
    if name == "Q4_1":
        scale, minimum, nibbles = half(*block[:2]), half(*block[2:4]), block[4:]
        levels = [byte % 16 for byte in nibbles] + [byte // 16 for byte in nibbles]
        return [spec.fl32(scale * level + minimum) for level in levels]
    half_scale, nibbles = Fraction(2) ** (block[0] - 128), block[1:]
    codes = [byte % 16 for byte in nibbles] + [byte // 16 for byte in nibbles]
    return [half_scale * DOUBLED[code] for code in codes]


def blocks(name, rows=3, count=40):
    """Draw bytes; a scale that is no number is made one, and MXFP4 has every scale byte."""
    rng = np.random.default_rng(9)
    drawn = rng.integers(0, 256, (rows, count, SIZES[name]), dtype=np.uint8)
    if name == "MXFP4":
        drawn[..., 0] = np.arange(rows * count).reshape(rows, count) * 2
    else:
        drawn[..., 1] &= 0xBB
    if name == "Q4_1":
        drawn[..., 3] &= 0xBB
    return drawn.reshape(rows, -1)


@EACH
def test_every_number_is_that_of_the_bytes(name):
    stored = blocks(name)
    found = LAYOUTS[name].read(stored).dequantize()
    assert LAYOUTS[name].block_bytes == SIZES[name]
    assert found.shape == (3, 40 * 32)
    for row, numbers_found in zip(stored, found, strict=True):
        right = [x for b in row.reshape(-1, SIZES[name]) for x in numbers(name, b)]
        assert [Fraction(float(x)) for x in numbers_found] == right


@EACH
def test_the_same_bytes_come_back_on_all_backends(name):
    layout = LAYOUTS[name]
    stored = blocks(name, 2, 3)
    back = on_all_backends(lambda x: layout.write(layout.read(x)), stored)
    assert back.dtype == np.uint8
    assert back.tobytes() == stored.tobytes()
    on_all_backends(lambda x: layout.read(x).dequantize(), stored)
    assert layout.write(layout.read(stored[0])).tobytes() == stored[0].tobytes()


def test_the_scale_byte_that_is_no_number_in_ocp_is_nan():
    assert np.isnan(GGUF_MXFP4.read(np.full(17, 255, np.uint8)).dequantize()).all()


@EACH
def test_the_package_gguf_reads_the_same_numbers(name):
    gguf = pytest.importorskip("gguf", reason="the package gguf is not installed")
    stored = blocks(name)
    theirs = gguf.dequantize(stored, gguf.GGMLQuantizationType[name])
    found = LAYOUTS[name].read(stored).dequantize()
    assert (found == theirs).all()


def test_a_minimum_is_read_as_the_specification_has_it():
    stored = blocks("Q4_1", 2, 3)
    found = GGUF_Q4_1.read(stored)
    numbers_found = found.dequantize().reshape(-1, 32)
    scales, minima = found.quantized.scale_codes.ravel(), found.minima.ravel()
    codes = found.quantized.codes.reshape(-1, 32)
    for row, scale, minimum, block in zip(numbers_found, scales, minima, codes, strict=True):
        given = int(scale), int(minimum), [int(code) for code in block]
        right = spec.dequantize_levels(*given, GGUF_Q4_1.format)
        assert [Fraction(float(x)) for x in row] == right


@pytest.mark.parametrize("name", [name for name in LAYOUTS if name != "Q4_1"])
def test_what_is_quantized_here_is_written(name):
    x = np.random.default_rng(2).standard_normal((2, 64)).astype(np.float32)
    quantized = quantize(x, LAYOUTS[name].format)
    again = LAYOUTS[name].read(LAYOUTS[name].write(quantized))
    assert again.dequantize().tobytes() == quantized.dequantize().tobytes()


def test_bytes_and_arrays_of_another_kind_are_refused():
    with pytest.raises(ValueError, match="blocks must have a last axis divisible by 18, the bytes"):
        GGUF_Q4_0.read(np.zeros((2, 17), np.uint8))
    with pytest.raises(TypeError, match="blocks must be uint8, got int32"):
        GGUF_Q4_0.read(np.zeros((2, 18), np.int32))
    mxfp4 = quantize(np.ones((1, 32), np.float32), BLOCK_FORMATS["MXFP4"])
    with pytest.raises(ValueError, match="quantized must be Q8_0, INT8 with FP16 scales, got MXFP"):
        GGUF_Q8_0.write(mxfp4)
    with pytest.raises(TypeError, match="quantized must be MinimumArray, got Quant"):
        GGUF_Q4_1.write(mxfp4)
    short = quantize(np.ones((1, 40), np.float32), BLOCK_FORMATS["MXFP4"])
    with pytest.raises(ValueError, match="must have a last axis divisible by 32"):
        GGUF_MXFP4.write(short)
