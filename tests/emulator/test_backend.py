"""Binary32 arithmetic without a float unit to trust: against Fractions, and JAX against NumPy."""

from dataclasses import dataclass
from fractions import Fraction
from typing import ClassVar

import jax
import jax.numpy as jnp
import ml_dtypes
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from msdnum import spec, testing
from msdnum.emulator import backend, binary32, bit_patterns
from tests.support.agreement import assert_same_bits, on_all_backends

RNG = np.random.default_rng(20260513)
SIZE = 200_000


def patterns(size: int = SIZE) -> np.ndarray:
    return RNG.integers(0, 2**32, size, dtype=np.uint32).view(np.float32)


def subnormals(size: int = SIZE) -> np.ndarray:
    signs = RNG.integers(0, 2, size, dtype=np.uint32) << 31
    return (RNG.integers(0, 2**24, size, dtype=np.uint32) | signs).view(np.float32)


def near(x: np.ndarray, ulps: int) -> np.ndarray:
    steps = RNG.integers(-ulps, ulps + 1, x.size)
    return (x.view(np.int32) + steps.astype(np.int32)).view(np.float32)


def edges() -> np.ndarray:
    """Every sign and exponent with the fractions where rounding goes wrong."""
    exponents = np.arange(512, dtype=np.uint32) << 23
    fractions = np.array([0, 1, 2, 0x3FFFFF, 0x400000, 0x400001, 0x7FFFFE, 0x7FFFFF], np.uint32)
    return (exponents[:, None] | fractions).ravel().view(np.float32)


def operands() -> list[tuple[np.ndarray, np.ndarray]]:
    x = patterns()
    e = edges()
    return [
        (x, patterns()),
        (x, near(x, 4)),
        (subnormals(), subnormals()),
        (subnormals(), RNG.standard_normal(SIZE).astype(np.float32)),
        (np.repeat(e, 64), np.tile(e[::64], e.size)),
        (np.repeat(e, 16), RNG.choice(e, 16 * e.size)),
    ]


@pytest.mark.parametrize(
    "operation", [binary32.add, binary32.subtract, binary32.multiply, binary32.divide]
)
def test_jax_arithmetic_is_ieee(operation):
    for a, b in operands():
        assert_same_bits(jax.jit(operation)(a, b), operation(a, b))
    a, b = RNG.choice(edges(), 100), RNG.choice(edges(), 100)
    for x, y in ((jnp.asarray(a), jnp.asarray(b)), (jnp.asarray(a), b), (a, jnp.asarray(b))):
        result = operation(x, y)
        assert isinstance(result, jax.Array), "a host operand is taken to JAX"
        assert_same_bits(result, operation(a, b))


def test_the_sum_that_jax_compiles_is_ieee_on_numpy_too():
    for a, b in operands():
        with np.errstate(all="ignore"):
            assert_same_bits(binary32.add.__wrapped__(a, b), a + b)


@given(testing.float32_bits(), testing.float32_bits(), st.integers(-600, 600))
@example(0x3F800001, 0x3F800001, -149)
@example(0x43808000, 0x477F0100, 0)  # 257 * 65281, a tie that goes down
@example(0x45800800, 0x45801800, 0)  # 4097 * 4099, a tie that goes up
@example(0x3F803000, 0x3FFFBAAB, 0)  # 2**-11 above a tie, in units of the last place
@example(0x45800800, 0x45801800, -800)
@example(0x45800800, 0x45801800, 800)
@example(0x3FC00000, 0x40000000, -150)
@example(0x80000000, 0x3F800000, 600)
@example(0x3F800000, 0x00000000, 600)
@example(0x7F7FFFFF, 0x3FC00000, 0)
def test_a_scaled_product_is_rounded_once(a, b, exponent):
    x, y = spec.from_float32_bits(a), spec.from_float32_bits(b)
    if spec.is_finite(x) and spec.is_finite(y):
        exact = abs(spec.number(x) * spec.number(y)) * Fraction(2) ** exponent
        expected = spec.fl32(spec.signed(spec.is_negative(x) != spec.is_negative(y), exact))
        one, other = (np.array([word], np.uint32).view(np.float32) for word in (a, b))
        product = binary32.multiply_scaled(one, other, np.array([exponent], np.int32))
        assert int(product.view(np.uint32)[0]) == spec.to_float32_bits(expected)


def test_a_product_is_not_contracted_into_a_sum():
    x, s, q = (RNG.standard_normal(SIZE).astype(np.float32) for _ in range(3))

    def residual(x, s, q):
        return binary32.subtract(x, binary32.multiply(s, q))

    assert_same_bits(jax.jit(residual)(x, s, q), x - s * q)
    native = jax.jit(lambda x, s, q: x - s * q)(x, s, q)
    assert not np.array_equal(native, x - s * q), "XLA no longer contracts: the trap is gone"


def test_division_by_a_broadcast_scale_is_a_division():
    x = RNG.standard_normal((512, 256)).astype(np.float32)
    s = np.abs(RNG.standard_normal((512, 1))).astype(np.float32)
    assert_same_bits(jax.jit(binary32.divide)(x, s), x / s)


def test_the_class_of_zero_is_no_subnormal_that_a_flush_makes_zero():
    x = bit_patterns.fields(jnp.array([0, -(2**31)], jnp.int32))
    assert_same_bits(binary32._class(x), np.array([0.0, -0.0], np.float32))


class Inexact(np.ndarray):
    """An array whose quotients are off by a few ulps, each by a factor of its own."""

    factors: ClassVar[list[float]] = []

    def __truediv__(self, other):
        return super().__truediv__(other) * np.float32(self.factors.pop(0))


@pytest.mark.parametrize("second", [1 - 2.0**-22, 1.0, 1 + 2.0**-22])
@pytest.mark.parametrize("first", [1 - 2.0**-22, 1.0, 1 + 2.0**-22])
def test_the_rest_corrects_a_division_that_is_off(first, second):
    """Quotients that are integers, or a smallest fraction above or below one."""
    divisors = range(2**24 - 399, 2**24, 2)
    pairs = [(rest * pow(2**26, -1, y) % y or y, y) for y in divisors for rest in (-1, 0, 1)]
    x, y = np.array([(x, y) for x, y in pairs if x >= 2**23], np.int32).T
    Inexact.factors = [first, second]
    quotient, rest = binary32._divide_integers(x.view(Inexact), y)
    exact = x.astype(np.int64) << 26
    assert quotient.tolist() == (exact // y).tolist()
    assert rest.tolist() == (exact % y).tolist()


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


def chunks(x):
    """Return how many rows ``map_rows`` gives its function at a time."""
    seen = []
    backend.map_rows(lambda v: (seen.append(len(v)) or v,), x)
    return seen


def test_rows_come_in_chunks_of_the_cache_in_numpy_and_at_once_in_jax():
    wide = np.zeros((5, backend.CACHED_ELEMENTS // 2), np.float32)
    assert chunks(wide) == [2, 2, 1]
    assert chunks(wide[:2]) == [2]
    assert chunks(np.zeros((2, 2 * backend.CACHED_ELEMENTS), np.float32)) == [1, 1]
    assert chunks(jnp.asarray(wide)) == [5]


def test_random_words_come_from_a_generator_a_key_or_the_caller():
    x = np.zeros((3, 4), np.float32)
    words = np.random.default_rng(1).integers(0, 2**32, x.shape, dtype=np.uint32)
    assert_same_bits(backend.random_words(np.random.default_rng(1), x), words)
    assert backend.random_words(words, x) is words
    drawn = backend.random_words(jax.random.key(1), jnp.asarray(x))
    assert_same_bits(drawn, jax.random.bits(jax.random.key(1), x.shape, np.uint32))
    assert words.max() > 2**31
    with pytest.raises(ValueError, match=r"random must have the shape of x, \(3, 4\), got \(4,\)"):
        backend.random_words(words[0], x)
    for other in (words.astype(np.int64), 7):
        with pytest.raises(
            TypeError, match="random must be a numpy Generator, a JAX key or uint32"
        ):
            backend.random_words(other, x)
    with pytest.raises(ValueError, match="random must be a JAX key or words where x is traced"):
        jax.jit(lambda v: backend.random_words(np.random.default_rng(1), v))(x)


def test_the_derivative_is_that_of_the_identity():
    x = jnp.array([0.3, 2.7], jnp.float32)
    assert jax.grad(lambda v: (2 * backend.straight_through(jnp.round, v)).sum())(x).tolist() == [
        2,
        2,
    ]
    assert backend.straight_through(np.round, np.array([2.7], np.float32)) == [3]


def test_a_remembered_class_is_a_pytree_of_its_data():
    @backend.pytree(data=("a",), static=("b",))
    @dataclass(frozen=True)
    class Pair:
        a: int
        b: str

    backend.register_pytrees()
    assert jax.tree.leaves(Pair(3, "x")) == [3]
    assert jax.tree.map(lambda v: v + 1, Pair(3, "x")) == Pair(4, "x")


def test_rows_in_chunks_are_rows_at_once():
    x = RNG.standard_normal((70, 4096)).astype(np.float32)
    doubled, largest = backend.map_rows(lambda v: (v + v, v.max(axis=-1, keepdims=True)), x)
    assert_same_bits(doubled, x + x)
    assert_same_bits(largest, x.max(axis=-1, keepdims=True))


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


def test_one_dtype_or_several_are_named():
    with pytest.raises(TypeError, match="codes must be uint8, got float32"):
        backend.check_array(np.zeros(3, np.float32), "codes", ("uint8",))
    with pytest.raises(TypeError, match="codes must be uint8, int8 or int16, got float32"):
        backend.check_array(np.zeros(3, np.float32), "codes", ("uint8", "int8", "int16"))


def test_float64_needs_x64_in_jax():
    with pytest.raises(ValueError, match="the remainder is held in float64"):
        backend.require_float64(jnp.zeros(3), "the remainder")
    backend.require_float64(np.zeros(3, np.float32), "the remainder")
    with jax.enable_x64(True):
        backend.require_float64(jnp.zeros(3), "the remainder")
