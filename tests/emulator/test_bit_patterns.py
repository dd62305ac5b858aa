"""Bit patterns: fields, composition and shifts against fractions, on all backends."""

from fractions import Fraction

import jax
import jax.numpy as jnp
import ml_dtypes
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from msdnum import spec, testing
from msdnum.emulator import binary32, bit_patterns
from tests.support.agreement import assert_same_bits, on_all_backends
from tests.support.backends import RNG, SIZE, edges, subnormals


def test_the_class_of_zero_is_no_subnormal_that_a_flush_makes_zero():
    x = bit_patterns.fields(jnp.array([0, -(2**31)], jnp.int32))
    assert_same_bits(binary32._class(x), np.array([0.0, -0.0], np.float32))


@given(st.lists(testing.float32_bits(), min_size=1, max_size=40))
def test_fields_are_the_number(words):
    pattern = np.array(words, np.uint32).view(np.int32)
    x = bit_patterns.fields(pattern)
    for word, negative, e, significand in zip(words, *x, strict=True):
        value = spec.from_float32_bits(word)
        if not spec.is_finite(value):
            assert e == 128
            continue
        assert abs(spec.number(value)) == int(significand) * Fraction(2) ** (int(e) - 23)
        assert negative == spec.is_negative(value)
        assert significand == 0 or 2**23 <= significand < 2**24


def test_fields_agree_on_all_backends():
    on_all_backends(
        lambda x: bit_patterns.fields(x.view("int32")), np.concatenate([edges(), subnormals()])
    )


@given(st.integers(0, 2**24), st.integers(-1000, 1000), st.booleans())
@example(0, 100, False)
@example(0, 300, True)
@example(1, 127, False)
@example(1, 128, True)
@example(1, -149, False)
@example(3, -148, False)
@example(3, -150, True)
@example(2**24 - 1, -150, False)
@example(2**24 - 1, -151, False)
def test_compose_rounds_once(significand, exponent, negative):
    exact = spec.signed(negative, significand * Fraction(2) ** exponent)
    one = np.array([significand], np.int32)
    result = bit_patterns.compose(np.array([negative]), one, np.array([exponent], np.int32))
    assert int(result.view(np.uint32)[0]) == spec.to_float32_bits(spec.fl32(exact))


def test_compose_agrees_on_all_backends():
    significand = RNG.integers(0, 2**24 + 1, SIZE).astype(np.int32)
    exponent = RNG.integers(-400, 400, SIZE).astype(np.int32)
    on_all_backends(
        bit_patterns.compose, RNG.integers(0, 2, SIZE).astype(bool), significand, exponent
    )


def half_even(n: int, shift: int) -> int:
    return round(Fraction(n, 1 << shift))


@given(st.integers(0, 2**30), st.integers(0, 30))
def test_shift_rne(n, shift):
    assert bit_patterns.shift_rne(np.array([n], np.int32), shift)[0] == half_even(n, shift)


@given(st.integers(0, 2**24 - 1), st.integers(1, 100))
def test_shift_rne_by_adder(n, shift):
    rounded = bit_patterns.shift_rne_by_adder(np.array([n], np.int32), np.array([shift], np.int32))
    assert rounded[0] == half_even(n, shift)


def test_shift_rne_by_adder_agrees_on_all_backends():
    n = RNG.integers(0, 2**24, SIZE).astype(np.int32)
    on_all_backends(bit_patterns.shift_rne_by_adder, n, RNG.integers(1, 101, SIZE).astype(np.int32))


def test_float64_conversion_is_exact():
    x = np.concatenate([edges(), subnormals()])
    x = x[np.isfinite(x)]
    with jax.enable_x64(True):
        wide = on_all_backends(lambda x: bit_patterns.to_float64(x.view("int32")), x)
    assert_same_bits(wide, x.astype(np.float64) + 0.0)


def test_the_constants_are_those_of_binary32():
    assert tuple(np.array([np.nan, np.inf], np.float32).view(np.int32)) == (
        bit_patterns.NAN,
        bit_patterns.INF,
    )
    assert bit_patterns.fields(np.array([-1], np.int32)).negative == [True]


def test_nan_patterns_are_those_of_nan():
    pattern = np.array(
        [
            0,
            bit_patterns.INF - 1,
            bit_patterns.INF,
            bit_patterns.INF + 1,
            bit_patterns.NAN,
            2**31 - 1,
        ],
        np.int32,
    )
    pattern = np.concatenate([pattern, pattern | np.int32(-(2**31))])
    assert_same_bits(bit_patterns.is_nan(pattern), np.isnan(pattern.view(np.float32)))


@pytest.mark.parametrize("dtype", [np.float16, ml_dtypes.bfloat16, np.float32])
def test_patterns_of_narrow_numbers_are_those_of_the_same_float32(dtype):
    x = RNG.standard_normal(100).astype(dtype)
    assert_same_bits(bit_patterns.as_pattern(x), x.astype(np.float32).view(np.int32))


@pytest.mark.parametrize(
    ("x", "error", "message"),
    [
        ([1.0], TypeError, "x must be a NumPy or JAX array, got list"),
        (np.zeros(3), TypeError, "x must be float32, bfloat16 or float16, got float64"),
        (np.zeros(3, np.int32), TypeError, "got int32"),
        (np.zeros(3, np.complex64), TypeError, "got complex64"),
        (np.array([None]), TypeError, "got object"),
        (np.ma.ones(3, np.float32), TypeError, "got MaskedArray"),
        (np.zeros((0, 3), np.float32), ValueError, r"x must not be empty, got shape \(0, 3\)"),
    ],
)
def test_bad_arrays(x, error, message):
    with pytest.raises(error, match=message):
        bit_patterns.as_pattern(x)
