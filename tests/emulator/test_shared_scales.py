"""Shared scales: every rule by hand, and the ends of the range."""

from dataclasses import replace

import numpy as np
import pytest

import msdnum
from msdnum import ScaleRule
from msdnum.formats.blocks import INT4_GROUP, INT8_ROW, MXFP4, NVFP4
from tests.support.agreement import assert_same_bits, on_all_backends, on_numpy_and_jit
from tests.support.blocks import VARIANTS, assert_as_specified, by_name, one_block


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (ScaleRule.FLOOR, {4.0: 0, 5.0: 0, 6.0: 0, 6.5: 0, 7.0: 0, 7.5: 0, 8.0: 1}),
        (ScaleRule.CEIL, {4.0: 0, 5.0: 1, 6.0: 1, 6.5: 1, 7.0: 1, 7.5: 1, 8.0: 1}),
        (ScaleRule.RCEIL, {4.0: 0, 5.0: 0, 6.0: 0, 6.5: 1, 7.0: 1, 7.5: 1, 8.0: 1}),
        (ScaleRule.EVEN, {4.0: 0, 5.0: 0, 6.0: 0, 6.5: 0, 7.0: 1, 7.5: 1, 8.0: 1}),
    ],
)
def test_scale_rules_by_hand(rule, expected):
    scales = {
        amax: int(msdnum.quantize(one_block(amax), MXFP4, rule=rule).scale_codes[0]) - 127
        for amax in expected
    }
    assert scales == expected


@pytest.mark.parametrize(("rule", "first"), [(ScaleRule.FLOOR, 8), (ScaleRule.EVEN, 7)])
def test_the_threshold_of_a_rule_is_in_its_upper_half(rule, first):
    below = np.nextafter(np.float32(first), np.float32(0))
    scales = [
        msdnum.quantize(one_block(x), MXFP4, rule=rule).scale_codes[0] for x in (below, first)
    ]
    assert scales == [127, 128]


@pytest.mark.parametrize(("rule", "last"), [(ScaleRule.CEIL, 4), (ScaleRule.RCEIL, 6)])
def test_the_threshold_of_a_rule_is_in_its_lower_half(rule, last):
    above = np.nextafter(np.float32(last), np.float32(9))
    scales = [msdnum.quantize(one_block(x), MXFP4, rule=rule).scale_codes[0] for x in (last, above)]
    assert scales == [127, 128]


def test_covering_is_ceil():
    assert ScaleRule.COVERING is ScaleRule.CEIL


def test_the_ends_of_e8m0():
    tiny = one_block(2.0**-127, 2.0**-128, 2.0**-149, 3 * 2.0**-128)
    quantized = msdnum.quantize(tiny, MXFP4)
    assert quantized.scale_codes.tolist() == [0]
    assert_same_bits(quantized.dequantize(), one_block(2.0**-127, 2.0**-128, 0, 3 * 2.0**-128))
    largest_bf16 = one_block(3.3895314e38, 1.0)
    floor = msdnum.quantize(largest_bf16, MXFP4)
    assert floor.scale_codes.tolist() == [127 + 125]
    assert floor.dequantize().tolist() == [6 * 2.0**125, 0.0]
    ceil = msdnum.quantize(largest_bf16, MXFP4, rule=ScaleRule.CEIL)
    assert ceil.codes.tolist() == [6, 0]
    assert ceil.dequantize().tolist() == [np.inf, 0.0]


def test_a_scale_is_divided_by_its_divisor():
    quantized = replace(msdnum.quantize(one_block(127.0, 3.0), INT8_ROW), divisor=2)
    assert quantized.scales().tolist() == [0.5]
    assert replace(quantized, divisor=1).scales().tolist() == [1.0]


@pytest.mark.parametrize("numbers", [(0.0, -0.0), (np.nan, -np.inf)], ids=["zeros", "specials"])
def test_tensors_whose_scale_is_zero(numbers):
    x = one_block(numbers)
    assert_as_specified(x, NVFP4)
    assert_same_bits(msdnum.quantize(x, NVFP4).tensor_scale, np.float32(0))


def test_a_subnormal_tensor_scale_is_not_zero():
    x = np.array([[1e-36, -5e-37]], np.float32)
    quantized = on_all_backends(lambda x: msdnum.quantize(x, NVFP4), x)
    assert int(quantized.scale_codes[0, 0]) == 126
    assert 0 < float(quantized.tensor_scale) < 2.0**-126


def test_an_amax_one_ulp_below_a_power_of_two_stays_below_it():
    for k in range(-120, 121):
        power = np.float32(2.0**k)
        below = np.nextafter(power, np.float32(0))
        assert msdnum.quantize(one_block(below), MXFP4).scale_codes[0] == 127 + k - 1 - 2
        assert msdnum.quantize(one_block(power), MXFP4).scale_codes[0] == 127 + k - 2


def test_a_zero_block_has_scale_code_zero_and_keeps_signs():
    quantized = msdnum.quantize(one_block(0.0, -0.0), MXFP4)
    assert quantized.scale_codes.tolist() == [0]
    assert quantized.codes.tolist() == [0, 8]
    assert_same_bits(quantized.dequantize(), one_block(0.0, -0.0))


@pytest.mark.parametrize("fmt", VARIANTS, **by_name)
@pytest.mark.parametrize("special", [np.nan, np.inf, -np.inf])
def test_one_nan_or_inf_makes_a_nan_block(fmt, special):
    x = np.ones((2, 64), np.float32)
    x[1, 3] = special
    quantized = msdnum.quantize(x, fmt)
    size = quantized.format.block_size
    dequantized = quantized.dequantize()
    assert np.isnan(dequantized[1, :size]).all()
    assert not np.isnan(dequantized[0]).any()
    assert not np.isnan(dequantized[1, size:]).any()
    assert not quantized.codes[1, :size].any()


def test_per_tensor_and_per_row_scales():
    x = np.array([[1.0, -127.0], [0.5, 2.0]], np.float32)
    tensor = msdnum.quantize(x, INT8_ROW, axis=None)
    assert tensor.scale_codes.shape == ()
    assert float(tensor.scales()) == 1.0
    assert tensor.integers().tolist() == [[1, -127], [0, 2]]
    row = msdnum.quantize(x, INT8_ROW)
    assert row.integers().tolist() == [[1, -127], [32, 127]]
    four = msdnum.quantize(one_block(7.0, -7.0, -1.0, 3.0), INT4_GROUP)
    assert four.integers().tolist() == [7, -7, -1, 3]
    on_numpy_and_jit(lambda x: msdnum.quantize(x, INT8_ROW, axis=None).dequantize(), x)
