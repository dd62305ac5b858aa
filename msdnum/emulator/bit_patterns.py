"""Bit patterns of binary32 and binary64: fields, exact powers of two, rounding of integers."""

from typing import NamedTuple

import ml_dtypes

from msdnum.emulator.backend import Array, check_floats, maybe_any, namespace

__all__ = [
    "Fields", "as_pattern", "compose", "fields", "is_nan", "shift_rne", "to_float64", "with_sign",
]  # fmt: skip

FRACTION_BITS = 23


IMPLICIT_BIT = 1 << FRACTION_BITS


FRACTION_MASK = IMPLICIT_BIT - 1


MAGNITUDE_MASK = 0x7FFFFFFF


INF = 0x7F800000


NAN = 0x7FC00000


BIAS = 127


EMIN = -126


ETA_EXPONENT = -149


MAX_SHIFT = 30


class Width(NamedTuple):
    """An interchange format of IEEE 754 whose patterns are integers of one type."""

    fraction_bits: int
    bias: int
    float_type: str
    max_shift: int
    """More than the bits of a significand, less than those of the integers."""
    rest_type: str
    """Integers that hold 32 bits more than 0."""

    @property
    def inf(self) -> int:
        """Pattern of Inf."""
        return (2 * self.bias + 1) << self.fraction_bits

    @property
    def magnitude_mask(self) -> int:
        """All bits but that of the sign."""
        return ((2 * self.bias + 2) << self.fraction_bits) - 1

    @property
    def eta_exponent(self) -> int:
        """Exponent of the smallest subnormal number."""
        return 1 - self.bias - self.fraction_bits


BINARY32 = Width(FRACTION_BITS, BIAS, "float32", MAX_SHIFT, "uint32")


BINARY64 = Width(52, 1023, "float64", 62, "int64")


class Fields(NamedTuple):
    """A magnitude: ``significand * 2**(exponent - fraction_bits)``, arrays of int32 or int64.

    The significand of binary32 has 24 bits, subnormal numbers too; it is 0 for zero only. Inf and
    NaN have the exponent 128, or 1024 in binary64.
    """

    negative: Array
    exponent: Array
    significand: Array


def as_pattern(x: Array, name: str = "x") -> Array:
    """Return the binary32 patterns, as int32, of a float32, bfloat16 or float16 array.

    Raises
    ------
    TypeError
        If ``x`` is not such an array. float64 is refused: it would round twice.
    ValueError
        If ``x`` is empty.
    """
    check_floats(x, name)
    xp = namespace(x)
    if x.dtype == xp.float32:
        return x.view(xp.int32)
    if x.dtype == ml_dtypes.bfloat16:
        return x.view(xp.uint16).astype(xp.int32) << 16
    return x.astype(xp.float32).view(xp.int32)


def fields(pattern: Array) -> Fields:
    """Split binary32 (int32) or binary64 (int64) patterns, normalizing subnormal numbers."""
    xp, of, m = namespace(pattern), width(pattern), width(pattern).fraction_bits
    magnitude = pattern & of.magnitude_mask
    normalized, implicit = magnitude, 1 << m
    if maybe_any(magnitude < 1 << m):
        # A subnormal fraction, as a float, is normal; its exponent is 149 (or 1074) too large.
        subnormal = magnitude.astype(of.float_type).view(pattern.dtype) + (of.eta_exponent << m)
        normalized = xp.where(magnitude < 1 << m, subnormal, magnitude)
        implicit = (magnitude != 0).astype(pattern.dtype) << m
    significand = normalized & ((1 << m) - 1) | implicit
    return Fields(pattern < 0, (normalized >> m) - of.bias, significand)


def width(pattern: Array) -> Width:
    """Return the format of patterns: int32 are binary32, int64 binary64."""
    return BINARY64 if pattern.dtype.itemsize == 8 else BINARY32


def is_nan(pattern: Array) -> Array:
    """Return where patterns, int32 or int64, are those of NaN."""
    of = width(pattern)
    return (pattern & of.magnitude_mask) > of.inf


def shift_rne(n: Array, shift: Array) -> Array:
    """Return ``n / 2**shift`` to the nearest integer, ties to even; 0 <= n, shift <= 30."""
    quotient = n >> shift
    twice_rest = (n - (quotient << shift)) << 1
    return quotient + (twice_rest + (quotient & 1) > (1 << shift))


def shift_rne_by_adder(n: Array, shift: Array) -> Array:
    """Return ``n / 2**shift`` as ``shift_rne`` does, faster; n < 2**24, shift of 1 to 100.

    The adder rounds: above ``2**(23 + shift)`` the ulp of binary32 is ``2**shift``.
    """
    xp = namespace(n)
    offset = (shift + (BIAS + FRACTION_BITS)) << FRACTION_BITS
    return (n.astype(xp.float32) + offset.view(xp.float32)).view(xp.int32) - offset


def compose(negative: Array, significand: Array, exponent: Array) -> Array:
    """Return the float32 nearest to ``significand * 2**exponent``, ties to even.

    Exact unless the result is below 2**-126 or beyond the largest float32, which gives Inf.

    Parameters
    ----------
    negative : Array of bool
        Whether the sign is minus.
    significand : Array of int32
        0 to 2**24.
    exponent : Array of int32
        -1000 to 1000.
    """
    xp = namespace(significand)
    scaled = significand.astype(xp.float32).view(xp.int32)
    field = (scaled >> FRACTION_BITS) + exponent
    magnitude = scaled + (exponent << FRACTION_BITS)
    rare = (field <= 0) | (field > 254) | (significand == 0)
    if maybe_any(rare):
        magnitude = xp.where(rare, _compose_rare(significand, exponent, field), magnitude)
    return with_sign(magnitude, negative).view(xp.float32)


def _compose_rare(significand: Array, exponent: Array, field: Array) -> Array:
    """Return the pattern of a magnitude that is zero, subnormal or too large."""
    xp = namespace(significand)
    left = xp.clip(exponent - ETA_EXPONENT, 0, FRACTION_BITS)
    right = xp.clip(ETA_EXPONENT - exponent, 0, MAX_SHIFT)
    subnormal = shift_rne(xp.where(field > 0, 0, significand) << left, right)
    return xp.where((field > 254) & (significand != 0), INF, subnormal)


def with_sign(magnitude: Array | int, negative: Array) -> Array:
    """Return ``magnitude`` (int32 patterns) with the sign bit set where ``negative``."""
    return magnitude | (negative.astype("int32") << 31)


def to_float64(pattern: Array) -> Array:
    """Return the float64 numbers of binary32 patterns; zero is +0. JAX needs x64 for it.

    The patterns of Inf and NaN are read as if their exponent were one of a number.
    """
    xp = namespace(pattern)
    x = fields(pattern)
    power = (x.exponent.astype("int64") - FRACTION_BITS + 1023 << 52).view("float64")
    return xp.where(x.negative, -x.significand, x.significand).astype("float64") * power
