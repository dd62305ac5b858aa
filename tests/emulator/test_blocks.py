"""Block quantization: specification, NumPy, JAX eager and jitted, bit by bit; and the layouts."""

import pickle
from dataclasses import FrozenInstanceError, replace
from functools import partial

import jax
import jax.numpy as jnp
import ml_dtypes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import msdnum
from msdnum import Overflow, Rounding, ScaleRule, spec, testing
from msdnum.formats.blocks import (
    BLOCK_FORMATS,
    INT4_GROUP,
    INT8_GROUP,
    INT8_ROW,
    MXFP4,
    MXFP6_E2M3,
    MXFP8_E4M3,
    MXINT8,
    NVFP4,
    BlockFormat,
)
from msdnum.formats.elements import BINARY32, E2M1, E8M0, INT4
from tests.support.agreement import assert_same_bits, on_all_backends, on_numpy_and_jit
from tests.support.corpus import hostile_blocks

pytestmark = pytest.mark.core

POWER_RULES = [rule for rule in ScaleRule if rule is not ScaleRule.AMAX]
VARIANTS = [
    replace(fmt, rule=rule)
    for fmt in BLOCK_FORMATS.values()
    for rule in (POWER_RULES if fmt.scale is E8M0 else [ScaleRule.AMAX])
]
CORPUS = hostile_blocks(200)

by_name = {"ids": lambda fmt: f"{fmt.name}-{fmt.rule.name}"}


def values(x):
    return [spec.from_float32_bits(word) for word in x.view(np.uint32).ravel().tolist()]


def words(numbers):
    return [spec.to_float32_bits(number) for number in numbers]


def assert_as_specified(x, fmt):
    """Compare every block of two-dimensional ``x`` with the specification."""
    quantized = msdnum.quantize(x, fmt)
    dequantized = quantized.dequantize()
    size = quantized.format.block_size
    tensor = spec.tensor_scale(values(x), fmt)
    if tensor is not None:
        assert int(quantized.tensor_scale.view(np.uint32)) == spec.to_float32_bits(tensor)
    for row in range(x.shape[0]):
        for block, start in enumerate(range(0, x.shape[1], size)):
            part = (row, slice(start, start + size))
            scale, codes = spec.quantize_block(values(x[part]), fmt, tensor=tensor)
            assert quantized.scale_codes[row, block] == scale
            assert quantized.codes[part].tolist() == codes
            expected = spec.dequantize_block(scale, codes, fmt, tensor=tensor)
            assert words(expected) == [canonical(w) for w in dequantized[part].view(np.uint32)]


def canonical(word):
    return 0x7FC00000 if int(word) & 0x7FFFFFFF > 0x7F800000 else int(word)


@pytest.mark.parametrize("fmt", VARIANTS, **by_name)
def test_hostile_blocks_as_specified(fmt):
    assert_as_specified(CORPUS[:60], fmt)


@pytest.mark.parametrize("fmt", VARIANTS, **by_name)
def test_backends_agree(fmt):
    def both(x):
        quantized = msdnum.quantize(x, fmt)
        return quantized, quantized.dequantize()

    # The rules differ in a threshold: one of them is enough for eager JAX, which is slow to start.
    agree = on_all_backends if fmt in BLOCK_FORMATS.values() else on_numpy_and_jit
    agree(both, CORPUS)


@given(
    st.sampled_from(VARIANTS),
    st.lists(testing.blocks(40, tuple(testing.BLOCK_KINDS)), min_size=1, max_size=2),
)
def test_blocks_as_specified(fmt, blocks):
    assert_as_specified(np.stack(blocks), fmt)


@pytest.mark.parametrize("rounding", [r for r in Rounding if r is not Rounding.STOCHASTIC])
def test_element_roundings_as_specified(rounding):
    for row in CORPUS[:20]:
        quantized = msdnum.quantize(row, MXFP4, rounding=rounding)
        _, codes = spec.quantize_block(values(row), MXFP4, rounding=rounding)
        assert quantized.codes.tolist() == codes


def one_block(*numbers):
    return np.array(numbers, np.float32)


def test_an_amax_one_ulp_below_a_power_of_two_stays_below_it():
    for k in range(-120, 121):
        power = np.float32(2.0**k)
        below = np.nextafter(power, np.float32(0))
        assert msdnum.quantize(one_block(below), MXFP4).scale_codes[0] == 127 + k - 1 - 2
        assert msdnum.quantize(one_block(power), MXFP4).scale_codes[0] == 127 + k - 2


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


def test_ties_go_to_even():
    ties = one_block(0.25, 0.75, 1.25, 1.75, 2.5, 3.5, 5.0, -0.25, 4.0)
    quantized = msdnum.quantize(ties, MXFP4)
    assert quantized.dequantize().tolist() == [0.0, 1.0, 1.0, 2.0, 2.0, 4.0, 4.0, -0.0, 4.0]


def test_mxint8_uses_the_code_of_minus_two():
    quantized = msdnum.quantize(one_block(-1.9921875), MXINT8)
    assert quantized.dequantize().tolist() == [-2.0]
    assert quantized.integers().tolist() == [-128]


def test_nvfp4_by_hand():
    x = np.zeros((1, 32), np.float32)
    x[0, :2] = [2688.0, 1344.0]
    x[0, 16:18] = [6.0, -3.0]
    quantized = msdnum.quantize(x, NVFP4)
    assert float(quantized.tensor_scale) == 1.0
    assert quantized.scale_codes.view(ml_dtypes.float8_e4m3fn).astype(float).tolist() == [[448, 1]]
    assert_same_bits(quantized.dequantize(), x)


@given(testing.shapes(), st.data())
def test_any_axis_and_block_size_is_the_last_axis_block_by_block(shape, data):
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    x = rng.standard_normal(shape).astype(np.float32)
    axis = data.draw(st.integers(-x.ndim, x.ndim - 1))
    size = data.draw(st.integers(1, x.shape[axis]))
    fmt = data.draw(st.sampled_from([MXFP4, MXFP8_E4M3, INT8_GROUP, INT4_GROUP]))
    quantized = msdnum.quantize(x, fmt, axis=axis, block_size=size)
    codes = np.moveaxis(quantized.codes, axis, -1)
    scales = np.moveaxis(quantized.scale_codes, axis, -1)
    restored = np.moveaxis(quantized.dequantize(), axis, -1)
    moved = np.moveaxis(x, axis, -1)
    for block, start in enumerate(range(0, moved.shape[-1], size)):
        part = np.ascontiguousarray(moved[..., start : start + size])
        alone = msdnum.quantize(part, fmt, block_size=part.shape[-1])
        assert_same_bits(codes[..., start : start + size], alone.codes)
        assert_same_bits(scales[..., block], alone.scale_codes[..., 0])
        assert_same_bits(restored[..., start : start + size], alone.dequantize())


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


def test_stochastic_rounding_takes_its_words_in_the_place_of_the_elements():
    x = np.random.default_rng(5).standard_normal((3, 40)).astype(np.float32)
    random = np.random.default_rng(6).integers(0, 2**32, x.shape, dtype=np.uint32)

    def stochastic(x, random):
        return msdnum.quantize(x, MXFP4, rounding=Rounding.STOCHASTIC, random=random)

    quantized = on_all_backends(stochastic, x, random)
    for i, j in np.ndindex(x.shape):
        scale = 2.0 ** (int(quantized.scale_codes[i, j // 32]) - 127)
        code = spec.encode(
            spec.from_float(float(x[i, j]) / scale),
            E2M1,
            overflow=Overflow.SATURATE,
            rounding=Rounding.STOCHASTIC,
            random=int(random[i, j]),
        )
        assert quantized.codes[i, j] == code


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


def test_packing_puts_the_first_code_lowest():
    assert msdnum.pack(np.array([1, 2, 3, 4], np.uint8), E2M1).tolist() == [0x21, 0x43]
    six = np.array([1, 2, 3, 63], np.uint8)
    assert msdnum.pack(six, MXFP6_E2M3.element).tolist() == [0x81, 0x30, 0xFC]
    assert msdnum.pack(np.array([7, 9], np.uint8), MXFP8_E4M3.element).tolist() == [7, 9]


@given(st.sampled_from([E2M1, INT4, MXFP6_E2M3.element, MXFP8_E4M3.element]), st.data())
def test_packing_is_undone(fmt, data):
    codes = np.array(data.draw(st.lists(testing.codes(fmt), min_size=16, max_size=16)), np.uint8)
    codes = codes.reshape(2, 8)
    packed = msdnum.pack(codes, fmt)
    assert packed.size * 8 == codes.size * fmt.bits
    assert_same_bits(msdnum.unpack(packed, fmt), codes)
    number = int.from_bytes(packed[0].tobytes(), "little")
    assert [number >> (fmt.bits * i) & ((1 << fmt.bits) - 1) for i in range(8)] == list(codes[0])


def test_packing_agrees_on_all_backends():
    codes = np.arange(256, dtype=np.uint8).reshape(4, 64) % 16
    on_all_backends(lambda c: msdnum.unpack(msdnum.pack(c, E2M1), E2M1), codes)


def test_layouts_agree_under_jit():
    def there_and_back(x):
        blocks, scales = msdnum.to_blocks_and_scales(msdnum.quantize(x, MXFP4))
        return blocks, msdnum.from_blocks_and_scales(blocks, scales, MXFP4).dequantize()

    on_numpy_and_jit(there_and_back, CORPUS[:2])


def test_blocks_and_scales_of_a_checkpoint():
    x = np.random.default_rng(7).standard_normal((3, 5, 64)).astype(np.float32)
    quantized = msdnum.quantize(x, MXFP4)
    blocks, scales = msdnum.to_blocks_and_scales(quantized)
    assert blocks.shape == (3, 5, 2, 16)
    assert scales.shape == (3, 5, 2)
    low, high = blocks[0, 0, 0] & 15, blocks[0, 0, 0] >> 4
    assert_same_bits(np.stack([low, high], -1).ravel(), quantized.codes[0, 0, :32])
    for at in ((), (0,), (0, 0)):
        restored = msdnum.from_blocks_and_scales(blocks[at], scales[at], MXFP4)
        assert (restored.format.block_size, restored.divisor) == (32, 1)
        assert_same_bits(restored.dequantize(), quantized.dequantize()[at])


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"fmt": "MXFP4"}, TypeError, "fmt must be BlockFormat, got 'MXFP4'"),
        ({"block_size": 2.5}, TypeError, "block_size must be an integer or None, got 2.5"),
        ({"axis": True}, TypeError, "axis must be an integer or None, got True"),
        ({"axis": 2}, ValueError, r"axis must be in -2..1, got 2"),
        ({"axis": None, "block_size": 4}, ValueError, "block_size must be None where axis is None"),
        ({"block_size": 0}, ValueError, "block_size must be in 1..64, the axis length, got 0"),
        ({"block_size": 65}, ValueError, "block_size must be in 1..64, the axis length, got 65"),
        ({"rule": "floor"}, TypeError, "rule must be one of FLOOR, CEIL, RCEIL, EVEN, AMAX"),
        ({"rule": ScaleRule.AMAX}, ValueError, "rule must be AMAX exactly when the scale is not"),
        ({"fmt": NVFP4, "rule": ScaleRule.CEIL}, ValueError, "rule must be AMAX exactly when"),
        ({"x": np.float32(1)}, ValueError, "x must have at least one dimension"),
        ({"x": np.ones((2, 0), np.float32)}, ValueError, "x must not be empty"),
        ({"x": np.ones((2, 3), int)}, TypeError, "x must be float32, .*got int64: convert numbers"),
    ],
)
def test_bad_arguments(arguments, error, message):
    arguments = {"x": np.ones((2, 64), np.float32), "fmt": MXFP4} | arguments
    with pytest.raises(error, match=message):
        msdnum.quantize(**arguments)


def test_options_are_named():
    with pytest.raises(TypeError, match="positional"):
        msdnum.quantize(np.ones((2, 64), np.float32), MXFP4, -1)


def test_copies_of_formats_are_the_formats():
    x = np.ones((2, 64), np.float32)
    copy = pickle.loads(pickle.dumps(MXFP4))
    assert copy.scale is not E8M0
    assert_same_bits(msdnum.quantize(x, copy).dequantize(), x)


def test_wide_elements_are_scaled_too():
    fmt = BlockFormat("wide", BINARY32, E8M0, 4, ScaleRule.FLOOR)
    x = one_block(1.0, -2.5, 3.0, 4.0)
    assert_same_bits(on_numpy_and_jit(lambda x: msdnum.quantize(x, fmt).dequantize(), x), x)


def test_a_scale_is_divided_by_its_divisor():
    quantized = replace(msdnum.quantize(one_block(127.0, 3.0), INT8_ROW), divisor=2)
    assert quantized.scales().tolist() == [0.5]
    assert replace(quantized, divisor=1).scales().tolist() == [1.0]


def test_layouts_refuse_scales_they_cannot_hold():
    x = np.ones((2, 64), np.float32)
    term = msdnum.decompose(x, msdnum.SCHEMES["INT8_X2"]).terms[0]
    with pytest.raises(ValueError, match="quantized must have no scale but that of the blocks"):
        msdnum.to_blocks_and_scales(term)
    with pytest.raises(ValueError, match="quantized must have no scale but that of the blocks"):
        msdnum.to_blocks_and_scales(msdnum.quantize(x, NVFP4))
    with pytest.raises(ValueError, match="fmt must not need a tensor scale, got NVFP4"):
        msdnum.from_blocks_and_scales(np.zeros((2, 8), np.uint8), np.zeros(2, np.uint8), NVFP4)


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


def test_scales_of_a_vmapped_array_are_refused():
    x = jnp.ones((2, 32), jnp.float32)
    for fmt, axis in ((NVFP4, -1), (INT8_ROW, None)):
        quantized = jax.jit(jax.vmap(partial(msdnum.quantize, fmt=fmt, axis=axis)))(x)
        with pytest.raises(ValueError, match="dequantize inside"):
            quantized.dequantize()


def test_block_formats_that_mean_nothing():
    with pytest.raises(ValueError, match="element must have a sign, got E8M0"):
        BlockFormat("X", E8M0, E8M0, 32, ScaleRule.FLOOR)
    with pytest.raises(ValueError, match="scale must have a NaN, got E2M1"):
        BlockFormat("X", E2M1, E2M1, 32, ScaleRule.AMAX)


def test_bad_layouts():
    with pytest.raises(ValueError, match="codes must have a last axis divisible by 2"):
        msdnum.pack(np.zeros(3, np.uint8), E2M1)
    with pytest.raises(ValueError, match="packed must have a last axis divisible by 3"):
        msdnum.unpack(np.zeros(4, np.uint8), MXFP6_E2M3.element)
    with pytest.raises(ValueError, match="fmt must have 4, 6 or 8 bits, got BF16 of 16"):
        msdnum.pack(np.zeros(4, np.uint16), msdnum.ELEMENT_FORMATS["BF16"])
    with pytest.raises(ValueError, match="quantized must have whole blocks along its last axis"):
        msdnum.to_blocks_and_scales(msdnum.quantize(np.ones((2, 33), np.float32), MXFP4))
    with pytest.raises(ValueError, match="blocks must have at least two dimensions"):
        msdnum.from_blocks_and_scales(np.zeros(16, np.uint8), np.uint8(1), MXFP4)
    with pytest.raises(ValueError, match=r"scales must have the shape \(2, 3\), got \(3,\)"):
        msdnum.from_blocks_and_scales(np.zeros((2, 3, 16), np.uint8), np.zeros(3, np.uint8), MXFP4)
    with pytest.raises(ValueError, match="integers needs an integer element format, got E2M1"):
        msdnum.quantize(np.ones(32, np.float32), MXFP4).integers()
