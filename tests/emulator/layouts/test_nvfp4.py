"""NVFP4 checkpoints: numbers by fractions, one at a time; the same bytes back."""

from fractions import Fraction

import ml_dtypes
import numpy as np
import pytest

from msdnum import BLOCK_FORMATS, Overflow, quantize, spec
from msdnum.emulator import layouts
from msdnum.formats.elements import BINARY32
from tests.support.agreement import on_all_backends

E2M1 = [0, Fraction(1, 2), 1, Fraction(3, 2), 2, 3, 4, 6]
RNG = np.random.default_rng(4)
PACKED = np.arange(4 * 32, dtype=np.uint8).reshape(4, 32) * np.uint8(37)
SCALES = RNG.integers(1, 0x7F, (4, 4), dtype=np.uint8)
DIVISOR = np.float32(2688 / 3.7)


def element(row, column):
    """Return an element from the packed bytes, the first in the low nibble."""
    nibble = int(PACKED[row, column // 2]) >> 4 * (column % 2) & 15
    return E2M1[nibble & 7] * (-1) ** (nibble >> 3)


def e4m3(code):
    field, fraction = code >> 3, code & 7
    return Fraction(fraction if field == 0 else 8 + fraction) * Fraction(2) ** (max(field, 1) - 10)


def binary32(number):
    """Round a fraction once."""
    code = spec.encode(Fraction(number), BINARY32, overflow=Overflow.OVERFLOW)
    return Fraction(float(np.uint32(code).view(np.float32)))


def expected(scale_of):
    return [
        [binary32(element(r, c) * scale_of(e4m3(int(SCALES[r, c // 16])))) for c in range(64)]
        for r in range(4)
    ]


def fractions(array):
    return [[Fraction(float(x)) for x in row] for row in array]


@pytest.mark.parametrize("shape", [(), (1,)])
def test_the_tensor_scale_of_modelopt_is_a_factor(shape):
    factor = np.full(shape, np.float32(3.7 / 2688))
    found = layouts.from_modelopt(PACKED, SCALES.view(ml_dtypes.float8_e4m3fn), factor)
    assert found.format == BLOCK_FORMATS["NVFP4"]
    number = Fraction(float(factor.reshape(())))
    assert fractions(found.dequantize()) == expected(lambda s: binary32(s * number))
    packed, scales, tensor_scale = layouts.to_modelopt(found)
    assert (packed.tobytes(), scales.tobytes()) == (PACKED.tobytes(), SCALES.tobytes())
    assert tensor_scale.tobytes() == factor.tobytes()


@pytest.mark.parametrize("shape", [(), (1,)])
def test_the_global_scale_of_compressed_tensors_divides(shape):
    divisor = np.full(shape, DIVISOR)
    found = layouts.from_compressed_tensors(PACKED, SCALES, divisor)
    factor = binary32(1 / Fraction(float(DIVISOR)))
    assert fractions(found.dequantize()) == expected(lambda s: binary32(s * factor))
    packed, scales, written = layouts.to_compressed_tensors(found, divisor)
    assert (packed.tobytes(), scales.tobytes()) == (PACKED.tobytes(), SCALES.tobytes())
    assert written.tobytes() == divisor.tobytes()


def test_the_decompressed_numbers_divide_every_scale_and_differ():
    divided = layouts.from_compressed_tensors_divided(PACKED, SCALES, DIVISOR)
    number = Fraction(float(DIVISOR))
    right = expected(lambda s: binary32(s / number))
    assert fractions(divided.dequantize()) == right
    by_factor = layouts.from_compressed_tensors(PACKED, SCALES, DIVISOR).dequantize()
    assert fractions(by_factor) != right


def test_a_divisor_is_written_only_if_its_reciprocal_is_the_tensor_scale():
    """Just below a power of two some tensor scales are no number's reciprocal."""
    written = set()
    for bits in range(0x3A7F0000, 0x3A7F0000 + 50):
        factor = np.uint32(bits).view(np.float32)
        found = layouts.from_modelopt(PACKED, SCALES, factor)
        divisor = binary32(1 / Fraction(float(factor)))
        known = binary32(1 / divisor) == Fraction(float(factor))
        written.add(known)
        if known:
            assert Fraction(float(layouts.to_compressed_tensors(found)[2])) == divisor
        else:
            with pytest.raises(ValueError, match="global_scale must have the reciprocal"):
                layouts.to_compressed_tensors(found)
    assert written == {True, False}
    found = layouts.from_compressed_tensors(PACKED, SCALES, DIVISOR)
    with pytest.raises(ValueError, match=r"global_scale must have the reciprocal .* that was read"):
        layouts.to_compressed_tensors(found, DIVISOR * 2)


def test_the_same_bits_on_all_backends():
    scale = np.float32(DIVISOR)
    readers = (
        layouts.from_modelopt,
        layouts.from_compressed_tensors,
        layouts.from_compressed_tensors_divided,
    )
    for read in readers:
        on_all_backends(lambda *x, read=read: read(*x).dequantize(), PACKED, SCALES, scale)
    on_all_backends(
        lambda *arrays: layouts.to_compressed_tensors(
            layouts.from_compressed_tensors(*arrays), arrays[2]
        ),
        PACKED,
        SCALES,
        scale,
    )


@pytest.mark.parametrize(
    ("scale", "message"),
    [
        (0, "must be positive and finite, got 0.0"),
        (np.float32(np.nan), "must be positive and finite, got nan"),
        (-1.0, "must be positive and finite, got -1.0"),
        (0.1, "must be a binary32 number, got 0.1: round it"),
        (np.ones(2, np.float32), r"must be one number, shape \(\) or \(1,\)"),
        (None, r"must be one number, shape \(\) or \(1,\)"),
        (np.float32(1e-40), "1 / global_scale must be positive and finite"),
    ],
)
def test_a_global_scale_that_divides_nothing_is_refused(scale, message):
    with pytest.raises(ValueError, match=message):
        layouts.from_compressed_tensors(PACKED, SCALES, scale)


def test_shapes_that_do_not_belong_together_are_refused():
    with pytest.raises(ValueError, match=r"scale_codes must have shape \(4, 4\), got \(4, 3\)"):
        layouts.from_modelopt(PACKED, SCALES[:, :3], 1)
    with pytest.raises(ValueError, match="quantized must be NVFP4, E2M1 with E4M3 scales, got MXF"):
        layouts.to_modelopt(quantize(np.ones((2, 32), np.float32), BLOCK_FORMATS["MXFP4"]))
    for shape, axis in (((2, 17), -1), ((16, 2), 0)):
        x = quantize(np.ones(shape, np.float32), BLOCK_FORMATS["NVFP4"], axis=axis)
        with pytest.raises(ValueError, match=r"quantized must have .* last axis"):
            layouts.to_modelopt(x)
