"""CDNA3: what it rounds down, and where it overflows."""

import ml_dtypes
import numpy as np
import pytest

from msdnum.emulator.gemm.products import matmul
from msdnum.emulator.gemm.units.cdna3 import _nearest
from msdnum.emulator.quantized_arrays import QuantizedArray
from msdnum.formats.accumulators import CDNA3, Cdna3Unit
from msdnum.formats.blocks import MXFP4
from tests.support.gemm_oracle import quantized_numbers
from tests.support.matrix_units import (
    FP16,
    bits_of,
    blocks_of,
    dot,
    judged,
    p,
    same_on_jax,
    started_dot,
)


def test_cdna3_rounds_a_tiny_negative_accumulator_down():
    a = np.array([[2.0**-30] + [0.0] * 7 + [1.0]], ml_dtypes.bfloat16)
    b = np.array([[-1.0]] + [[0.0]] * 7 + [[1.0]], ml_dtypes.bfloat16)
    unit = Cdna3Unit("wide", 8, 1)
    assert matmul(a, b, accumulator=unit).item() == 1 - 2.0**-24
    dropping = Cdna3Unit("dropping", 8, 1, drops_accumulator=True)
    assert matmul(a, b, accumulator=dropping).item() == 1


def test_cdna3_has_32_bits_under_the_sum_of_products():
    """0x1.acc0p+0 * 0x1.e640p-3 below 2**11: 31 bits would be a tie, the version before 2."""
    a, b = float.fromhex("-0x1.acc0p+0"), float.fromhex("0x1.e640p-3")
    assert started_dot([a], [b], CDNA3, 2.0**11, FP16) == 0x44FFF347


@pytest.mark.parametrize(
    ("c", "small", "expected"),
    [
        (1, p(-16), 1),
        (1, p(-15), 1 + p(-23)),
        (-1 - p(-23), p(-16), -1 - p(-22)),
        (-1 - p(-23), p(-15), -1 - p(-23)),
    ],
)
def test_cdna3_rounds_its_sum_down_before_it_rounds_to_nearest(c, small, expected):
    """Next to a tie: what is below 31 bits makes it one, 2**-30 does not."""
    sign = np.sign(c)
    found = started_dot([sign * p(-12), small], [p(-12), small], CDNA3, c)
    assert found == bits_of(expected)


def test_a_negative_sum_of_cdna3_rounds_to_negative_zero():
    assert dot([-p(-75)], [p(-76)], CDNA3) == 0x80000000
    assert dot([p(-75), -p(-75)], [p(-76), p(-76)], CDNA3) == 0


def test_products_of_cdna3_are_not_aligned_to_the_exponent_of_zero():
    assert dot([p(-76)] * 8, [p(-76)] * 8, CDNA3) == 1


@pytest.mark.parametrize(
    ("b", "expected"),
    [
        ([2, 1.5], 0x7F800000),
        ([1.5, 2], 0xFF800000),
        ([2, 2], 0x7FC00000),
        ([1.5, 1.5], 0),
        ([1.9921875, 1], 0x7EFE0000),
    ],
)
def test_a_product_that_binary32_does_not_hold_is_infinite_in_cdna3(b, expected):
    """Of 2**128 or more, before anything is added."""
    assert dot([p(127), -p(127)], b, CDNA3) == expected


def test_significands_count_where_products_of_cdna3_overflow():
    """Exponents that add up to 127: infinite from significands that multiply to 2."""
    assert dot([1.5 * p(127)], [1.5], CDNA3) == 0x7F800000
    assert dot([1.5 * p(127)], [1.25], CDNA3) == bits_of(1.875 * p(127))
    assert dot([1.5 * p(127), -p(127)], [1.5, 1], CDNA3) == 0x7F800000


def test_scaled_products_of_cdna3_overflow_as_specified():
    """With scales a subnormal element can have an exponent of 128 below 2**128."""
    rng = np.random.default_rng(3)
    a, b = (blocks_of(MXFP4, rng, 6, 64, 127 + 59) for _ in range(2))
    left, right = (quantized_numbers(x, -1) for x in (a, b))
    b = QuantizedArray(b.codes.T.copy(), b.scale_codes.T.copy(), None, MXFP4, -2)
    finite = judged(a, b, CDNA3, np.zeros((6, 6), np.float32), left, right)
    assert 0 < finite < 36
    same_on_jax(a, b, CDNA3, np.zeros((6, 6), np.float32))


def test_the_conversion_of_an_integer_rounds_as_31_bits_and_then_24():
    """Every length of the sum, either sign, next to ties: in units of 2**(top - 24) and 2**-8."""
    rng = np.random.default_rng(1)
    high = (rng.integers(1, 2, 120_000) << rng.integers(0, 28, 120_000)).astype(np.int32)
    high = high + rng.integers(0, high, high.shape).astype(np.int32)
    high = np.where(rng.random(high.shape) < 0.5, ~high, high)
    low = rng.choice(
        np.array([0, 1, 64, 127, 128, 129, 192, 255, *range(256)], np.int32), high.shape
    )
    value = high + low / 256
    unit = np.exp2(np.frexp(value)[1] - 1.0 - 31)
    expected = (np.floor(value / unit) * unit).astype(np.float32)
    np.testing.assert_array_equal(_nearest(high, low, np.int32(24)), expected)
