"""Arrays of one element format: encode, decode, round. No float operation meets a subnormal.

A magnitude is rounded to an integer number of quanta, where the quantum is the spacing of the
format around it. Put behind the exponent, that integer *is* the code: the implicit bit and a carry
out of the significand both land where they belong.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from msdnum import bits
from msdnum.bits import Array, Fields
from msdnum.codes import ML_DTYPES, as_codes, check_values, storage_dtype
from msdnum.floats import as_numbers, patterns
from msdnum.formats import BlockFormat, ElementFormat, FloatFormat, IntegerFormat
from msdnum.jax_settings import under_own_settings
from msdnum.modes import Overflow, Rounding

__all__ = ["as_ml_dtype", "check_mode", "decode", "encode", "round_to"]


@under_own_settings
def encode(
    x: Array,
    fmt: ElementFormat,
    *,
    overflow: Overflow,
    rounding: Rounding = Rounding.RNE,
    random: Any = None,
) -> Array:
    """Return the codes of ``x`` rounded to ``fmt``.

    Parameters
    ----------
    x : Array of float32, bfloat16, float16 or float64, or Python's numbers
        Any shape. Smaller floats of ``ml_dtypes`` and torch tensors on the CPU are taken, too. Each
        number is rounded once.
    fmt : ElementFormat
        The target.
    overflow : Overflow
        SATURATE: a rounded magnitude above ``max_finite``, and Inf, become ``max_finite``.
        OVERFLOW: they become Inf, or NaN in a format without Inf, with the sign of x.
    rounding : Rounding
        Decided as if the exponent range had no upper end.
    random : numpy.random.Generator, JAX key or Array of uint32
        Required by STOCHASTIC, refused otherwise. A magnitude goes up if the fraction of the
        quantum it lies above its lower neighbour, cut to 32 bits, exceeds its random word.

    Returns
    -------
    Array of uint8, uint16 or uint32
        Bit patterns, of the shape of ``x``; integers in two's complement of ``fmt.bits`` bits.
        Zero keeps its sign where the format has one. A NaN becomes the positive quiet NaN.

    Raises
    ------
    TypeError
        If ``x``, ``overflow`` or ``rounding`` is not of its type.
    ValueError
        If ``x`` is empty; if ``fmt`` has no NaN and ``x`` does, or has no code for an overflow and
        ``overflow`` is OVERFLOW; if ``random`` is missing or unused.

    Notes
    -----
    Under ``jax.jit`` values cannot raise: a NaN without a code becomes ``+max_finite``, as in
    PTX ``cvt.satfinite``. E8M0 has no zero and no sign: what rounds below 2**-127 saturates to it
    or overflows to NaN, and a negative number is NaN.

    Source: OCP OFP8 v1.0, section 5.2; OCP MX v1.0, section 5.3; ``spec.encode``.
    """
    check_mode("fmt", fmt, ElementFormat)
    check_mode("overflow", overflow, Overflow)
    pattern = patterns(as_numbers(x, "x"))
    _check_representable(pattern, fmt, overflow)
    words = check_random(rounding, random, pattern)
    return encode_scaled(pattern, 0, fmt, overflow, rounding, words)


@under_own_settings
def decode(codes: Array, fmt: ElementFormat) -> Array:
    """Return the numbers that ``codes`` stand for.

    Parameters
    ----------
    codes : Array of uint8, uint16 or uint32, or Python's integers
        As ``encode`` returns them. Types that hold the same bits are taken, too.
    fmt : ElementFormat
        Their format.

    Returns
    -------
    Array of float32
        Exact, of the shape of ``codes``. NaN is the positive quiet NaN.

    Raises
    ------
    TypeError
        If ``codes`` does not have the storage type of the format.
    ValueError
        If ``codes`` is empty or, outside ``jit``, has bits above the format's width.
    """
    return decode_scaled(checked_codes(codes, fmt), 0, fmt)


@under_own_settings
def round_to(
    x: Array,
    fmt: ElementFormat,
    *,
    overflow: Overflow,
    rounding: Rounding = Rounding.RNE,
    random: Any = None,
) -> Array:
    """Return ``decode(encode(x))`` as float32; its derivative in JAX is that of the identity.

    Parameters, errors and notes are those of ``encode``.
    """

    def rounded(v: Array) -> Array:
        codes = encode(v, fmt, overflow=overflow, rounding=rounding, random=random)
        return decode_scaled(codes, 0, fmt)

    return bits.straight_through(rounded, as_numbers(x, "x"))


@under_own_settings
def as_ml_dtype(codes: Array, fmt: ElementFormat) -> Array:
    """Return ``codes`` seen, without a copy, as the ``ml_dtypes`` or NumPy type of ``fmt``.

    Raises
    ------
    ValueError
        If there is no such type, or ``codes`` are JAX's and the type is narrower than a byte: JAX
        would reinterpret its bits.
    """
    if fmt not in ML_DTYPES:
        names = ", ".join(known.name for known in ML_DTYPES)
        raise ValueError(f"fmt must be one of {names}, got {fmt!r}")
    codes = checked_codes(codes, fmt)
    if fmt.bits < 8 and bits.is_jax(codes):
        raise ValueError(f"codes must be a NumPy array for {fmt.name}, got a JAX array")
    return codes.view(np.dtype(ML_DTYPES[fmt]))


def check_mode(name: str, value: object, expected: Any) -> None:
    """Raise unless ``value`` is an ``expected``."""
    if not isinstance(value, expected):
        choices = getattr(expected, "__members__", None)
        kind = f"one of {', '.join(choices)}" if choices else _type_name(expected)
        known = _FORMATS_BY_NAME.get(expected, "") if isinstance(value, str) else ""
        raise TypeError(f"{name} must be {kind}, got {value!r}{known}")


_FORMATS_BY_NAME: dict[Any, str] = {
    ElementFormat: ": msdnum.ELEMENT_FORMATS has them by name",
    BlockFormat: ": msdnum.BLOCK_FORMATS has them by name",
}


def _type_name(expected: Any) -> str:
    members = getattr(expected, "__args__", (expected,))
    return " or ".join(member.__name__ for member in members)


def check_integer(name: str, value: object) -> None:
    """Raise unless ``value`` is an integer or None."""
    if value is not None and (isinstance(value, bool) or not isinstance(value, int | np.integer)):
        raise TypeError(f"{name} must be an integer or None, got {value!r}")


def checked_codes(x: Array, fmt: ElementFormat, name: str = "codes") -> Array:
    """Return codes of ``fmt`` as unsigned integers, or raise: ``codes.as_codes``, with values."""
    check_mode("fmt", fmt, ElementFormat)
    codes = as_codes(x, fmt, name)
    check_values(codes, fmt, name)
    return codes


def _check_representable(pattern: Array, fmt: ElementFormat, overflow: Overflow) -> None:
    if isinstance(fmt, FloatFormat) and fmt.nan_code is not None:
        return
    if overflow is Overflow.OVERFLOW:
        raise ValueError(f"overflow must be SATURATE: {fmt.name} has neither Inf nor NaN")
    if not bits.is_traced(pattern) and bool(bits.is_nan(pattern).any()):
        raise ValueError(f"x must not hold NaN: {fmt.name} has no code for it")


def check_random(rounding: Rounding, random: Any, x: Array) -> Array | None:
    """Return the random words that the rounding needs, or None; raise if there should be none."""
    check_mode("rounding", rounding, Rounding)
    if rounding is Rounding.STOCHASTIC:
        return bits.random_words(random, x)
    if random is not None:
        raise ValueError(f"random must be None for rounding {rounding.name}")
    return None


def _quantum(fmt: ElementFormat) -> tuple[int, int]:
    """Return fraction bits m and the exponent up to which the quantum stays ``2**(emin - m)``."""
    if isinstance(fmt, IntegerFormat):
        return fmt.precision, fmt.precision - fmt.fraction_bits
    return fmt.fraction_bits, fmt.emin


def _is_gradual(fmt: ElementFormat) -> bool:
    """Return whether the quantum stays the same below the smallest normal number."""
    return isinstance(fmt, IntegerFormat) or fmt.subnormals


class Quanta(NamedTuple):
    """|x| / 2**exponent as a number of quanta, rounded: what codes and remainders are made of."""

    pattern: Array
    x: Fields
    above: Array
    """Exponent above that of the smallest normal number."""
    shift: Array
    """The quantum over the ulp of x is ``2**shift``."""
    count: Array


def round_to_quanta(
    pattern: Array,
    exponent: Array | int,
    fmt: ElementFormat,
    rounding: Rounding = Rounding.RNE,
    words: Array | None = None,
) -> Quanta:
    """Round ``x / 2**exponent``. Nothing is divided: no quotient is out of range.

    Parameters
    ----------
    pattern : Array of int32 or int64
        The binary32 or binary64 patterns of x.
    exponent : Array of int32, or int
        Broadcast against ``pattern``; -300 to 300.
    fmt, rounding
        As for ``encode``.
    words : Array of uint32, optional
        The random words of STOCHASTIC.
    """
    xp = bits.namespace(pattern)
    m, emin = _quantum(fmt)
    of, x = bits.width(pattern), bits.fields(pattern)
    above = x.exponent - (exponent + emin)
    behind = xp.clip(-above, 0, 60) if _is_gradual(fmt) else xp.zeros_like(above)
    shift = behind + (of.fraction_bits - m)
    if words is not None:
        count = _round_stochastic(x.significand, shift, words, of)
    elif of is bits.BINARY32 and rounding is Rounding.RNE and m < bits.FRACTION_BITS:
        count = bits.shift_rne_by_adder(x.significand, shift)
    else:
        count = _ROUND[rounding](x.significand, xp.minimum(shift, of.max_shift), x.negative)
    return Quanta(pattern, x, above, shift, count)


def encode_scaled(
    pattern: Array,
    exponent: Array | int,
    fmt: ElementFormat,
    overflow: Overflow,
    rounding: Rounding = Rounding.RNE,
    words: Array | None = None,
) -> Array:
    """Return the codes of ``x / 2**exponent``; parameters as for ``round_to_quanta``."""
    return codes_of(round_to_quanta(pattern, exponent, fmt, rounding, words), fmt, overflow)


def remainder_of(quanta: Quanta, fmt: ElementFormat) -> Array:
    """Return what the saturated code, times ``2**exponent``, leaves of x, as float32.

    Exact for finite x below ``2**(emax + 23 - m)`` times the scale, in whose binades
    ``max_finite`` is a multiple of the ulp of x. Zero is +0.
    """
    x = quanta.x
    left = x.significand - _taken(quanta, fmt)
    negative = (x.negative != (left < 0)) & (left != 0)
    return bits.compose(negative, abs(left), x.exponent - bits.FRACTION_BITS)


def _taken(quanta: Quanta, fmt: ElementFormat) -> Array:
    """Return the rounded and saturated magnitude in units of the ulp of x."""
    xp = bits.namespace(quanta.count)
    taken = quanta.count << xp.minimum(quanta.shift, bits.MAX_SHIFT)
    above_emax = quanta.above + _quantum(fmt)[1] - fmt.emax
    may_saturate = above_emax >= 0
    if not bits.maybe_any(may_saturate):
        return taken
    largest, unit = _largest(fmt, quanta.x.negative)
    align = bits.FRACTION_BITS + unit - fmt.emax
    limited = xp.minimum(taken, largest << xp.clip(align - above_emax, 0, align))
    return xp.where(may_saturate, limited, taken)


def _largest(fmt: ElementFormat, negative: Array) -> tuple[Array | int, int]:
    """Return the largest magnitude as an integer and the exponent of its unit."""
    if isinstance(fmt, IntegerFormat):
        asymmetry = -fmt.min_integer - fmt.max_integer
        return fmt.max_integer + asymmetry * negative.astype("int32"), -fmt.fraction_bits
    implicit = 1 << fmt.fraction_bits
    return implicit | fmt.max_code & (implicit - 1), fmt.emax - fmt.fraction_bits


def codes_of(quanta: Quanta, fmt: ElementFormat, overflow: Overflow) -> Array:
    """Return the codes of rounded numbers."""
    xp = bits.namespace(quanta.pattern)
    m, emin = _quantum(fmt)
    lowest = 0 if _is_gradual(fmt) else -2
    magnitude = (xp.clip(quanta.above, lowest, fmt.emax + 1 - emin) << m) + quanta.count
    if isinstance(fmt, IntegerFormat):
        codes = _integer_codes(magnitude, quanta, fmt)
    else:
        codes = _float_codes(magnitude, quanta, fmt, overflow)
    return codes.astype(storage_dtype(fmt))


def _integer_codes(magnitude: Array, quanta: Quanta, fmt: IntegerFormat) -> Array:
    xp = bits.namespace(magnitude)
    # A NaN, which only jitted code meets here, has no sign.
    negative = quanta.x.negative & ~bits.is_nan(quanta.pattern)
    clipped = xp.minimum(magnitude, _largest(fmt, negative)[0])
    return xp.where(negative, -clipped, clipped) & ((1 << fmt.bits) - 1)


def _float_codes(magnitude: Array, quanta: Quanta, fmt: FloatFormat, overflow: Overflow) -> Array:
    xp = bits.namespace(magnitude)
    if not fmt.signed:
        return _unsigned_codes(magnitude, quanta, fmt, overflow)
    if overflow is Overflow.SATURATE:
        codes = xp.minimum(magnitude, fmt.max_code)
    else:
        codes = xp.where(magnitude > fmt.max_code, _overflow_code(fmt), magnitude)
    codes = codes | quanta.x.negative.astype(xp.int32) << (fmt.bits - 1)
    not_a_number = bits.is_nan(quanta.pattern)
    if not bits.maybe_any(not_a_number):
        return codes
    return xp.where(not_a_number, fmt.max_code if fmt.nan_code is None else fmt.nan_code, codes)


def _unsigned_codes(
    magnitude: Array, quanta: Quanta, fmt: FloatFormat, overflow: Overflow
) -> Array:
    xp = bits.namespace(magnitude)
    codes = magnitude if fmt.subnormals else magnitude - (1 << fmt.fraction_bits)
    if overflow is Overflow.SATURATE:
        codes = xp.clip(codes, 0, fmt.max_code)
    else:
        codes = xp.where(codes > fmt.max_code, _overflow_code(fmt), codes)
        codes = xp.where(codes < 0, fmt.nan_code, codes)
    below_zero = quanta.x.negative & (quanta.x.significand != 0)
    return xp.where(bits.is_nan(quanta.pattern) | below_zero, fmt.nan_code, codes)


def _overflow_code(fmt: FloatFormat) -> int | None:
    return fmt.nan_code if fmt.inf_code is None else fmt.inf_code


def _rest(n: Array, shift: Array) -> Array:
    return n & ((1 << shift) - 1)


def _round_nearest_away(n: Array, shift: Array, negative: Array) -> Array:
    return (n >> shift) + ((_rest(n, shift) << 1) >= (1 << shift))


def _round_toward_positive(n: Array, shift: Array, negative: Array) -> Array:
    return (n >> shift) + ((_rest(n, shift) != 0) & ~negative)


def _round_toward_negative(n: Array, shift: Array, negative: Array) -> Array:
    return _round_toward_positive(n, shift, ~negative)


def _round_stochastic(n: Array, shift: Array, words: Array, of: bits.Width) -> Array:
    xp = bits.namespace(n)
    clamped = xp.minimum(shift, of.max_shift)
    rest = _rest(n, clamped).astype(of.rest_type)
    left = xp.clip(32 - shift, 0, 31).astype(of.rest_type)
    right = xp.clip(shift - 32, 0, of.max_shift).astype(of.rest_type)
    return (n >> clamped) + (((rest << left) >> right) > words)


_ROUND: dict[Rounding, Callable[[Array, Array, Array], Array]] = {
    Rounding.RNE: lambda n, shift, negative: bits.shift_rne(n, shift),
    Rounding.RNA: _round_nearest_away,
    Rounding.RTZ: lambda n, shift, negative: n >> shift,
    Rounding.RTP: _round_toward_positive,
    Rounding.RTN: _round_toward_negative,
}
"""An integer divided by ``2**shift``, rounded, for each deterministic mode."""


def decode_scaled(codes: Array, exponent: Array | int, fmt: ElementFormat) -> Array:
    """Return ``decode(codes) * 2**exponent`` as float32, rounded (RNE) where it is not exact.

    Parameters
    ----------
    codes : Array of unsigned integers
        Codes of ``fmt``.
    exponent : Array of int32, or int
        Broadcast against ``codes``; -300 to 300.
    """
    xp = bits.namespace(codes)
    pattern = codes.astype(xp.int32)
    if isinstance(fmt, IntegerFormat):
        negative = pattern > fmt.max_integer
        integer = xp.where(negative, (1 << fmt.bits) - pattern, pattern)
        power = xp.asarray(exponent, dtype=xp.int32) - fmt.fraction_bits
        return bits.compose(negative, integer, power)
    return _decode_float(pattern, exponent, fmt)


def _decode_float(pattern: Array, exponent: Array | int, fmt: FloatFormat) -> Array:
    xp = bits.namespace(pattern)
    m = fmt.fraction_bits
    magnitude = pattern & ((1 << (fmt.exponent_bits + m)) - 1)
    field = magnitude >> m
    lowest = int(fmt.subnormals)
    significand = magnitude & ((1 << m) - 1) | (field >= lowest).astype(xp.int32) << m
    power = xp.maximum(field, lowest) - (fmt.bias + m) + exponent
    negative = pattern != magnitude
    value = bits.compose(negative, significand, power)
    if fmt.nan_code is None:
        return value
    decoded = xp.where(magnitude > fmt.max_code, bits.NAN, value.view(xp.int32))
    if fmt.inf_code is not None:
        decoded = xp.where(magnitude == fmt.inf_code, bits.with_sign(bits.INF, negative), decoded)
    return decoded.view(xp.float32)
