"""Binary32 arithmetic without a float unit to trust: IEEE on JAX and on NumPy."""

from fractions import Fraction
from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from msdnum import spec, testing
from msdnum.emulator import binary32
from tests.support.agreement import assert_same_bits
from tests.support.backends import RNG, SIZE, edges, subnormals


def patterns(size: int = SIZE) -> np.ndarray:
    return RNG.integers(0, 2**32, size, dtype=np.uint32).view(np.float32)


def near(x: np.ndarray, ulps: int) -> np.ndarray:
    steps = RNG.integers(-ulps, ulps + 1, x.size)
    return (x.view(np.int32) + steps.astype(np.int32)).view(np.float32)


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


@pytest.mark.parametrize("operation", [binary32.add, binary32.multiply, binary32.divide])
def test_integers_give_the_bits_of_numpy(operation):
    """The way of JAX, and of a processor that flushes subnormal numbers, on NumPy's arrays."""
    rng = np.random.default_rng(11)
    words = rng.integers(0, 2**32, (2, 100_000), dtype=np.uint32)
    a, b = np.concatenate([words, words[:, ::-1] & 0x807FFFFF], axis=1).view(np.float32)
    with np.errstate(all="ignore"):
        found, native = operation.__wrapped__(a, b), operation(a, b)
        assert operation.__wrapped__(np.asarray(a[0]), b[0]) == operation(a[0], b[0])
    same = found.view(np.uint32) == native.view(np.uint32)
    assert (same | np.isnan(found) & np.isnan(native)).all()
