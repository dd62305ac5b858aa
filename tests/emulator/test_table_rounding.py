"""Rounding by table on arrays, against a search in fractions over tables drawn by Hypothesis."""

from fractions import Fraction
from itertools import pairwise

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from msdnum import (
    BlockFormat,
    Overflow,
    QuantizedArray,
    Rounding,
    ScaleRule,
    TableFormat,
    decode,
    encode,
    quantize,
    spec,
    testing,
)
from msdnum.emulator.element_numbers import decode_scaled
from msdnum.formats import BINARY32, E8M0, FP16, HIF8, IQ4_NL, NF4
from tests.support.agreement import assert_same_bits, on_all_backends, on_numpy_and_jit

DETERMINISTIC = [mode for mode in Rounding if mode is not Rounding.STOCHASTIC]
NUMBERS = st.one_of(
    st.sampled_from([0.0, -0.0, 1.0, -1.0, 2.0**-100, -(2.0**100)]),
    st.integers(-40, 40).map(lambda n: n / 8),
    st.floats(-4, 4, width=32).filter(lambda x: x == 0 or abs(x) > 2.0**-100),
)


@st.composite
def tables(draw):
    numbers = draw(st.lists(NUMBERS, min_size=8, max_size=8).filter(lambda x: len(set(x)) > 1))
    return TableFormat("drawn", tuple(numbers))


def around(fmt, exponent=0):
    """Return numbers, midpoints and their neighbours, and zeros, times a power of two."""
    numbers = [float(n.value) for n in fmt.ordered]
    middle = [(a + b) / 2 for a, b in pairwise(numbers)]
    x = np.array([*numbers, *middle, 0.0, -0.0], np.float32)
    x = np.concatenate([x, np.nextafter(x, np.float32(np.inf)), np.nextafter(x, -np.float32(3e38))])
    return np.ldexp(x, exponent)


@given(tables(), st.sampled_from(DETERMINISTIC))
def test_any_table_rounds_as_specified(fmt, rounding):
    x = around(fmt)
    found = encode(x, fmt, overflow=Overflow.SATURATE, rounding=rounding)
    for v, code in zip(x, found, strict=True):
        value = spec.from_float(float(v))
        assert code == spec.encode(value, fmt, overflow=Overflow.SATURATE, rounding=rounding)


@pytest.mark.parametrize("fmt", [HIF8, NF4, IQ4_NL], ids=lambda fmt: fmt.name)
def test_backends_and_float64_agree(fmt):
    x = around(fmt)
    x = np.append(x, np.float32([1e38, -1e38, 1e-42, -1e-42, np.inf, -np.inf]))
    for rounding in DETERMINISTIC:
        codes = on_all_backends(
            lambda v, r=rounding: encode(v, fmt, overflow=Overflow.SATURATE, rounding=r), x
        )
        wide = encode(x.astype(np.float64), fmt, overflow=Overflow.SATURATE, rounding=rounding)
        assert_same_bits(wide, codes)


def test_float64_is_rounded_once():
    middle = (NF4.value(7) + NF4.value(8)) / 2
    x = np.array([middle - 2.0**-50, middle, middle + 2.0**-50])
    np.testing.assert_array_equal(encode(x, NF4, overflow=Overflow.SATURATE), [7, 8, 8])


@given(st.data(), st.sampled_from([HIF8, NF4, IQ4_NL]))
def test_midpoints_are_midpoints(data, fmt):
    x = Fraction(data.draw(testing.midpoints(fmt)))
    assert any(a.value + b.value == 2 * x for a in fmt.ordered for b in fmt.ordered)


def test_a_power_of_two_scales_numbers_exactly():
    codes = np.arange(256, dtype=np.uint8)
    for exponent in (-120, 0, 100):
        found = on_numpy_and_jit(lambda c, e=exponent: decode_scaled(c, e, HIF8), codes)
        with np.errstate(over="ignore"):
            expected = np.ldexp(np.float32(HIF8.values), exponent)
        np.testing.assert_array_equal(found, expected)


def test_blocks_of_a_table():
    """NF4 as bitsandbytes stores it: blocks of 64, scale amax; HiF8 with powers of two."""
    nf4 = BlockFormat("NF4_64", NF4, BINARY32, 64, ScaleRule.AMAX)
    x = np.random.default_rng(7).normal(size=(3, 128)).astype(np.float32)
    q = on_numpy_and_jit(lambda v: quantize(v, nf4), x)
    amax = abs(x.reshape(3, 2, 64)).max(axis=-1)
    np.testing.assert_array_equal(q.scales(), amax)
    table = np.float32(NF4.values)
    scaled = x.reshape(3, 2, 64) / amax[..., None]
    nearest = abs(scaled[..., None].astype(np.float64) - table).argmin(axis=-1)
    np.testing.assert_array_equal(q.codes, nearest.reshape(3, 128))
    expected = table[nearest] * amax[..., None]
    np.testing.assert_array_equal(q.dequantize(), expected.reshape(3, 128))
    tapered = BlockFormat("MXHIF8", HIF8, E8M0, 32, ScaleRule.FLOOR)
    on_numpy_and_jit(lambda v: quantize(v, tapered).dequantize(), x)


@given(st.data())
def test_blocks_are_as_specified(data):
    fmt = BlockFormat("IQ4_NL", IQ4_NL, FP16, 32, ScaleRule.AMAX)
    x = data.draw(testing.blocks(32))
    q = quantize(x, fmt)
    values = [spec.from_float(float(v)) for v in x]
    scale, codes = spec.quantize_block(values, fmt)
    assert int(q.scale_codes[0]) == scale
    np.testing.assert_array_equal(q.codes, codes)


def test_a_format_without_zero_needs_a_scale_with_one():
    with pytest.raises(ValueError, match="scale must have a zero where the element has none"):
        BlockFormat("x", IQ4_NL, E8M0, 32, ScaleRule.FLOOR)
    zero = quantize(
        np.zeros((1, 32), np.float32), BlockFormat("x", IQ4_NL, FP16, 32, ScaleRule.AMAX)
    )
    assert isinstance(zero, QuantizedArray)
    np.testing.assert_array_equal(zero.dequantize(), np.zeros((1, 32)))


def test_what_a_table_cannot():
    x = np.float32([1, 2])
    with pytest.raises(ValueError, match="rounding must not be STOCHASTIC for NF4"):
        encode(x, NF4, overflow=Overflow.SATURATE, rounding=Rounding.STOCHASTIC,
               random=np.random.default_rng(0))  # fmt: skip
    with pytest.raises(ValueError, match="overflow must be SATURATE: NF4 has neither"):
        encode(x, NF4, overflow=Overflow.OVERFLOW)
    with pytest.raises(ValueError, match="x must not hold NaN: NF4"):
        encode(np.float32([np.nan]), NF4, overflow=Overflow.SATURATE)
    assert_same_bits(decode(jnp.asarray(np.uint8([0, 15])), NF4), np.float32([-1, 1]))
