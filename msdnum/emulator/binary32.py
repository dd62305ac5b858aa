"""Operations of binary32, correctly rounded: NumPy's own, or integers that nothing fuses with."""

from collections.abc import Callable
from functools import wraps
from typing import TypeAlias

import numpy as np

from msdnum.emulator.backend import Array, is_jax, namespace
from msdnum.emulator.bit_patterns import (
    BIAS,
    EMIN,
    FRACTION_BITS,
    FRACTION_MASK,
    IMPLICIT_BIT,
    INF,
    MAX_SHIFT,
    Fields,
    compose,
    fields,
    shift_rne,
    with_sign,
)
from msdnum.emulator.machine_modes import flushes_subnormals

__all__ = ["add", "divide", "multiply", "multiply_scaled", "subtract"]


def _round_product(negative: Array, n: Array, exponent: Array) -> Array:
    """Return the binary32 pattern nearest to ``n * 2**exponent``; 2**26 <= n < 2**28.

    For n = 0, too, if the exponent is as low as that of a product with zero.
    """
    xp = namespace(n)
    e = exponent + 26 + (n >= 1 << 27)
    top = xp.clip(e, EMIN, 127)
    rounded = shift_rne(n, xp.clip(top - FRACTION_BITS - exponent, 0, MAX_SHIFT))
    magnitude = xp.where(e > 127, INF, ((top - EMIN) << FRACTION_BITS) + rounded)
    return with_sign(magnitude, negative)


Operation: TypeAlias = Callable[[Array, Array], Array]


def _native_in_numpy(native: Operation) -> Callable[[Operation], Operation]:
    """Keep a function for JAX, and for NumPy where the processor flushes subnormal numbers."""

    def choose(function: Operation) -> Operation:
        @wraps(function)
        def operation(a: Array, b: Array) -> Array:
            if is_jax(a) or is_jax(b):
                xp = namespace(a) if is_jax(a) else namespace(b)
                return function(xp.asarray(a), xp.asarray(b))
            with np.errstate(all="ignore"):
                return (function if flushes_subnormals() else native)(a, b)

        return operation

    return choose


@_native_in_numpy(np.multiply)
def multiply(a: Array, b: Array) -> Array:
    """Return the product of float32 arrays, rounded once (RNE), never fused, subnormals kept."""
    x, y = (fields(v.view("int32")) for v in (a, b))
    negative = x.negative != y.negative
    finite = _round_product(negative, _product(x, y), x.exponent + y.exponent - 26)
    special = (x.exponent == 128) | (y.exponent == 128)
    return _select_special(finite, special, _class(x) * _class(y))


def multiply_scaled(a: Array, b: Array, exponent: Array) -> Array:
    """Return ``a * b * 2**exponent`` for finite float32 arrays, rounded once (RNE)."""
    x, y = (fields(v.view("int32")) for v in (a, b))
    negative = x.negative != y.negative
    finite = _round_product(negative, _product(x, y), x.exponent + y.exponent - 26 + exponent)
    zero = (x.significand == 0) | (y.significand == 0)
    xp = namespace(a)
    return xp.where(zero, with_sign(xp.zeros_like(finite), negative), finite).view(xp.float32)


def _product(x: Fields, y: Fields) -> Array:
    """Return the product of the significands over 2**20, what is below in the last bit."""
    x_high, x_low = x.significand >> 12, x.significand & 0xFFF
    y_high, y_low = y.significand >> 12, y.significand & 0xFFF
    low = x_low * y_low
    middle = x_high * y_low + x_low * y_high + (low >> 12)
    sticky = ((middle & 0xFF) | (low & 0xFFF)) != 0
    return ((x_high * y_high) << 4) + (middle >> 8) | sticky


@_native_in_numpy(np.divide)
def divide(a: Array, b: Array) -> Array:
    """Return the quotient of float32 arrays, rounded once (RNE), subnormals kept."""
    xp = namespace(a)
    x, y = (fields(v.view("int32")) for v in (a, b))
    divisor = xp.maximum(y.significand, IMPLICIT_BIT)
    quotient, rest = _divide_integers(x.significand, divisor)
    n = (quotient << 1) | (rest != 0)
    negative = x.negative != y.negative
    finite = _round_product(negative, n, x.exponent - y.exponent - 27)
    special = (x.exponent == 128) | (y.exponent == 128) | (y.significand == 0)
    return _select_special(finite, special, _class(x) / _class(y))


def _divide_integers(x: Array, y: Array) -> tuple[Array, Array]:
    """Return quotient and rest of ``x * 2**26 / y`` for 24-bit x and y.

    The approximate quotient may come from any division that is right to a few ulp. The rest is then
    small, so its 32 low bits, which wrapping arithmetic gives, are all of it.
    """
    xp = namespace(x)
    quotient = (x.astype(xp.float32) / y.astype(xp.float32) * 2.0**26).astype(xp.int32)
    rest = (x << 26) - quotient * y
    step = xp.floor(rest.astype(xp.float32) / y.astype(xp.float32)).astype(xp.int32)
    quotient, rest = quotient + step, rest - step * y
    low, high = rest < 0, rest >= y
    return quotient - low + high, rest + xp.where(low, y, 0) - xp.where(high, y, 0)


def _select_special(finite: Array, special: Array, native: Array) -> Array:
    xp = namespace(finite)
    return xp.where(special, native.view(xp.int32), finite).view(xp.float32)


def _class(x: Fields) -> Array:
    """Return NaN, Inf, 1 or 0, with sign: what decides about special results."""
    xp = namespace(x.exponent)
    magnitude = xp.where(x.significand == 0, np.int32(0), np.int32(BIAS << FRACTION_BITS))
    magnitude = xp.where(x.exponent == 128, INF | x.significand & FRACTION_MASK, magnitude)
    return with_sign(magnitude, x.negative).view(xp.float32)


@_native_in_numpy(np.add)
def add(a: Array, b: Array) -> Array:
    """Return the sum of float32 arrays, rounded once (RNE), never fused, subnormals kept."""
    xp = namespace(a)
    x, y = (fields(v.view("int32")) for v in (a, b))
    # Scaled so that the larger operand is in [1, 2), the sum is exact or normal; an operand that
    # vanishes in the scaling is too small to change the rounded sum.
    top = xp.maximum(x.exponent, y.exponent)
    scaled = _scaled_down(x, top) + _scaled_down(y, top)
    total = fields(scaled.view(xp.int32))
    result = compose(total.negative, total.significand, total.exponent + top - FRACTION_BITS)
    return xp.where(top == 128, (a + b).view(xp.int32), result.view(xp.int32)).view(xp.float32)


def _scaled_down(x: Fields, top: Array) -> Array:
    xp = namespace(x.exponent)
    field = x.exponent - top + BIAS
    magnitude = (field << FRACTION_BITS) + (x.significand & FRACTION_MASK)
    magnitude = xp.where((field > 0) & (x.significand != 0), magnitude, 0)
    return with_sign(magnitude, x.negative).view(xp.float32)


def subtract(a: Array, b: Array) -> Array:
    """Return the difference of float32 arrays, rounded once (RNE), never fused."""
    return add(a, -b)
