"""Quotients of binary64 by binary32 numbers, rounded once to binary32, or to integers."""

import numpy as np

from msdnum.emulator import backend, binary32, bit_patterns, element_rounding
from msdnum.emulator.backend import Array
from msdnum.emulator.bit_patterns import Fields
from msdnum.formats.elements import BINARY32
from msdnum.formats.modes import Overflow

__all__ = ["divide", "integer_and_rest"]

GUARD = 10
"""Bits put behind the 53 of a dividend: the quotient by 24 bits has 38 or more."""


def divide(pattern: Array, divisor: Array) -> Array:
    """Return the quotients of numbers, rounded once to binary32 (RNE), subnormals kept.

    Parameters
    ----------
    pattern : Array of int32 or int64
        Binary32 or binary64 patterns of the dividends.
    divisor : Array of float32
        Broadcast against them.

    Returns
    -------
    Array of float32
    """
    if bit_patterns.width(pattern) is bit_patterns.BINARY32:
        return binary32.divide(pattern.view("float32"), divisor)
    xp = backend.namespace(pattern)
    x, y = bit_patterns.fields(pattern), bit_patterns.fields(divisor.view("int32"))
    below = xp.maximum(y.significand, bit_patterns.IMPLICIT_BIT).astype("int64")
    dividend = x.significand << GUARD
    quotient = dividend // below
    # What is below the last bit sticks to it: no later rounding can mistake it for nothing.
    sticky = (quotient << 1) | (quotient * below != dividend).astype("int64")
    power = (
        x.exponent
        - y.exponent
        - (bit_patterns.BINARY64.fraction_bits - bit_patterns.FRACTION_BITS + GUARD + 1)
    )
    signed = _with_sign(sticky.astype("float64").view("int64"), x.negative != y.negative)
    finite = element_rounding.encode_scaled(signed, -power, BINARY32, Overflow.OVERFLOW)
    special = (x.exponent == 1024) | (y.exponent == 128) | (y.significand == 0)
    with np.errstate(all="ignore"):
        classes = _class(x, 1024) / _class(y, 128)
    return xp.where(special, classes.view("uint32"), finite).view("float32")


def _with_sign(magnitude: Array, negative: Array) -> Array:
    return magnitude | (negative.astype("int64") << 63)


def _class(x: Fields, special: int) -> Array:
    """Return NaN, Inf, 1 or 0, with sign, as float32: what decides about special quotients."""
    xp = backend.namespace(x.exponent)
    nan = (x.significand & (x.significand - 1)) != 0
    magnitude = xp.where(x.significand == 0, np.float32(0), np.float32(1))
    magnitude = xp.where(x.exponent == special, np.float32(np.inf), magnitude)
    magnitude = xp.where((x.exponent == special) & nan, np.float32(np.nan), magnitude)
    return xp.where(x.negative, -magnitude, magnitude)


def integer_and_rest(x: Array, y: Array) -> tuple[Array, Array]:
    """Return the quotient to the nearest integer, ties to even, and the rest ``x - quotient * y``.

    The division may be a little off, as jitted JAX's is: the rest, which is exact, corrects it.
    """
    xp = backend.namespace(x)
    quotient = xp.round(x / xp.where(y == 0, 1.0, y))
    rest = x - quotient * y
    away = (2 * xp.abs(rest) > y) | ((2 * xp.abs(rest) == y) & (quotient % 2 != 0))
    step = xp.where(away, xp.sign(rest), 0.0)
    return quotient + step, rest - step * y
