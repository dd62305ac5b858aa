"""Transforms of arrays: as specified, the same bits in JAX, and taken back."""

from fractions import Fraction

import jax
import jax.numpy as jnp
import ml_dtypes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from msdnum import formats, quantize, spec, testing
from msdnum.emulator.transforms import inverse, transform, transform_factors
from msdnum.formats.transforms import Hadamard, Permutation, Smoothing, random_signs

KINDS = (
    Hadamard(1),
    Hadamard(2),
    Hadamard(8),
    Hadamard(8, random_signs(8, 3)),
    Hadamard(4, (1, -1, -1, 1)),
    Smoothing(tuple(2.0**k for k in range(-4, 4))),
    Smoothing((0.1, 3.0, 1e-38, 1e38, 7.0, 1e-44, 0.3, 1.5)),
    Permutation((3, 1, 0, 7, 2, 6, 5, 4)),
)
EACH_KIND = pytest.mark.parametrize("how", KINDS, ids=lambda how: repr(how)[:40])


def values(x):
    return [spec.from_float(float(v)) for v in x]


def patterns(x):
    return np.asarray(x).view(np.uint32)


@EACH_KIND
@given(bits=arrays(np.uint32, 8, elements=testing.float32_bits()))
def test_a_transform_and_its_inverse_are_as_specified(how, bits):
    x = bits.view(np.float32)
    for emulated, specified in ((transform, spec.transform), (inverse, spec.inverse)):
        assert values(emulated(x, how)) == specified(values(x), how)


@EACH_KIND
def test_jax_gives_the_same_bits_compiled_and_not(how):
    rng = np.random.default_rng(5)
    x = rng.integers(0, 2**32, (64, 8), np.uint32).view(np.float32)
    x[::2] = rng.standard_normal((32, 8))
    for function in (transform, inverse):
        expected = patterns(function(x, how))
        assert np.array_equal(patterns(function(jnp.asarray(x), how)), expected)
        compiled = jax.jit(lambda v, f=function: f(v, how))(jnp.asarray(x))
        assert np.array_equal(patterns(compiled), expected)


@given(
    x=arrays(np.int32, 16, elements=st.integers(-(2**18), 2**18)),
    seed=st.integers(0, 2**64 - 1),
)
def test_integers_that_fit_come_back_where_the_factor_is_a_power_of_two(x, seed):
    how = Hadamard(16, random_signs(16, seed))
    x = x.astype(np.float32)
    assert np.array_equal(inverse(transform(x, how), how), x)


@pytest.mark.parametrize("length", [2, 4, 32, 128])
def test_the_matrix_is_sylvesters_and_the_error_is_that_of_its_additions(length):
    how = Hadamard(length, random_signs(length, 9))
    x = np.random.default_rng(length).standard_normal(length).astype(np.float32)
    exact = [
        sum(spec.hadamard_entry(i, j) * s * Fraction(float(v))
            for j, (s, v) in enumerate(zip(how.signs, x, strict=True)))
        for i in range(length)
    ]  # fmt: skip
    size = sum(abs(Fraction(float(v))) for v in x)
    # A rounding for each stage, one for the factor and one for the product with it.
    bound = float(size) * length**-0.5 * 1.0001 * (how.stages + 2) * 2.0**-24
    errors = np.abs(transform(x, how).astype(float) - np.array(exact, float) * length**-0.5)
    assert errors.max() <= bound
    assert errors.max() > 0


def test_the_product_stays_the_same():
    rng = np.random.default_rng(2)
    a = rng.integers(-64, 64, (3, 16)).astype(np.float32)
    b = rng.integers(-64, 64, (16, 5)).astype(np.float32)
    exact = a.astype(int) @ b.astype(int)
    for how in (
        Hadamard(16, random_signs(16, 1)),
        Hadamard(4),
        Permutation(tuple(rng.permutation(16).tolist())),
        Smoothing(tuple(2.0 ** rng.integers(-5, 5, 16))),
    ):
        x, y = transform_factors(a, b, how)
        assert not np.array_equal(x, a)
        assert np.array_equal(x.astype(float) @ y.astype(float), np.array(exact, float))


def test_a_rotation_spreads_an_outlier_over_its_block():
    """So that a scale of its block is a quarter as large; what INT4 then rounds errs less."""
    rng = np.random.default_rng(1)
    x = rng.standard_normal((64, 16)).astype(np.float32)
    x[:, 0] = 24
    fmt = formats.BlockFormat("INT4", formats.INT4, formats.BINARY32, 16, formats.ScaleRule.AMAX)
    how = Hadamard(16, random_signs(16, 1))
    plain = quantize(x, fmt).dequantize()
    rotated = inverse(quantize(transform(x, how), fmt).dequantize(), how)
    assert np.abs(transform(x, how)).max() < 12
    assert np.mean((rotated - x) ** 2) < np.mean((plain - x) ** 2) / 4


def test_an_axis_by_number_and_small_types():
    x = np.arange(24, dtype=np.float32).reshape(2, 4, 3)
    how = Hadamard(4, (1, -1, 1, -1))
    found = transform(x.astype(ml_dtypes.bfloat16), how, axis=1)
    assert np.array_equal(found, transform(x, how, axis=-2))
    assert np.array_equal(found[:, :, 1], transform(x[:, :, 1], how))
    assert found.dtype == np.float32


@pytest.mark.parametrize(
    ("x", "how", "axis", "error", "message"),
    [
        (np.ones(6, np.float32), Hadamard(4), -1, ValueError, "multiple of 4 long along"),
        (np.ones(6, np.float32), Smoothing((1.0, 2.0)), -1, ValueError, "2 long along axis, got 6"),
        (np.ones(3, np.float32), Permutation((1, 0)), -1, ValueError, "2 long along axis, got 3"),
        (np.ones(4, np.float32), Hadamard(4), 1, ValueError, "axis must be one of the 1 of x"),
        (np.ones(4, int), Hadamard(4), -1, TypeError, "x must be float32, bfloat16"),
        (np.ones(4, np.float32), 4, -1, TypeError, "how must be a Hadamard, Smoothing or Perm"),
    ],
)  # fmt: skip
def test_what_does_not_suit_is_refused(x, how, axis, error, message):
    with pytest.raises(error, match=message):
        transform(x, how, axis=axis)


@EACH_KIND
def test_float64_is_rounded_once_to_float32(how):
    wide = np.random.default_rng(6).standard_normal((16, 8))
    wide[0] = 1 + 2.0**-24 + 2.0**-50, 2.0**-149 * 1.5, -0.0, 1e300, np.nan, 2.0**-150, 1, -np.inf
    with np.errstate(over="ignore"):
        narrow = wide.astype(np.float32)
    for function in (transform, inverse):
        expected = patterns(function(narrow, how))
        assert np.array_equal(patterns(function(wide, how)), expected)
        with jax.enable_x64():
            assert np.array_equal(patterns(function(jnp.asarray(wide), how)), expected)
