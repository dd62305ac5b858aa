"""Elements: the codes of a format and the numbers that they stand for.

A code is an unsigned int.
"""

from fractions import Fraction
from functools import cache

from msdnum.formats.elements import BINARY32, ElementFormat, FloatFormat, IntegerFormat, TableFormat
from msdnum.formats.modes import Overflow, Rounding
from msdnum.spec.numbers import (
    Special,
    Value,
    floor_log2,
    is_finite,
    is_negative,
    number,
    pow2,
    round_significand,
    round_to_integer,
    signed,
)
from msdnum.spec.tables import decode_by_table, encode_by_table

__all__ = [
    "decode", "encode", "fl32", "from_float32_bits", "max_finite", "nan_code", "round_to",
    "to_float32_bits",
]  # fmt: skip


def decode(code: int, fmt: ElementFormat) -> Value:
    """Return the value that ``code`` stands for.

    Source: OCP MX v1.0, section 5.3; OCP OFP8 v1.0, section 5; IEEE 754-2019, section 3.4.

    Examples
    --------
    >>> from msdnum import spec
    >>> from msdnum.formats import E4M3
    >>> spec.decode(0x01, E4M3), spec.decode(0x7F, E4M3)
    (Fraction(1, 512), <Special.NAN: 'NaN'>)
    """
    if not 0 <= code < 2**fmt.bits:
        raise ValueError(f"code must be in 0..{2**fmt.bits - 1} for {fmt.name}, got {code}")
    if isinstance(fmt, TableFormat):
        return decode_by_table(code, fmt)
    if isinstance(fmt, IntegerFormat):
        integer = code - 2**fmt.bits if fmt.signed and code >= 2 ** (fmt.bits - 1) else code
        return integer * pow2(-fmt.fraction_bits)
    rest, fraction = divmod(code, 2**fmt.fraction_bits)
    sign, field = divmod(rest, 2**fmt.exponent_bits)
    found = _non_number(code, sign, code - sign * 2 ** (fmt.bits - 1), fmt)
    if found is not None:
        return found
    significand = fraction * pow2(-fmt.fraction_bits)
    if fmt.has_zero and field == 0:
        kept = significand if fmt.subnormals else Fraction(0)
        return signed(sign == 1, kept * pow2(1 - fmt.bias))
    return signed(sign == 1, (1 + significand) * pow2(field - fmt.bias))


def _non_number(code: int, sign: int, magnitude: int, fmt: FloatFormat) -> Special | None:
    """Return what a code stands for that is no number; None if it is one."""
    if code == fmt.nan_code:
        return Special.NAN
    if magnitude <= fmt.max_code:
        return None
    if magnitude != fmt.inf_code:
        return Special.NAN
    return Special.NEGATIVE_INFINITY if sign else Special.INFINITY


@cache
def max_finite(fmt: ElementFormat) -> Fraction:
    """Return the largest number of the format.

    Examples
    --------
    >>> from msdnum import spec
    >>> from msdnum.formats import E4M3, MXINT8_ELEMENT
    >>> spec.max_finite(E4M3), spec.max_finite(MXINT8_ELEMENT)
    (Fraction(448, 1), Fraction(127, 64))
    """
    if isinstance(fmt, TableFormat):
        return max(abs(rung.value) for rung in fmt.ordered)
    code = fmt.max_integer if isinstance(fmt, IntegerFormat) else fmt.max_code
    return number(decode(code, fmt))


def encode(
    value: Value,
    fmt: ElementFormat,
    *,
    overflow: Overflow,
    rounding: Rounding = Rounding.RNE,
    random: int | None = None,
) -> int:
    """Return the code of ``value`` rounded to the format.

    Parameters
    ----------
    value : Fraction or Special
        What to round.
    fmt : ElementFormat
        Format to round to.
    overflow : Overflow
        The value is first rounded as if the exponent were unbounded above. Where that magnitude
        exceeds ``max_finite``, in every rounding direction, and for Inf: SATURATE gives
        ``max_finite`` with the sign; OVERFLOW gives Inf, or NaN for lack of Inf, with the sign.
    rounding : Rounding
        Direction in which a value between two numbers of the format goes.
    random : int, optional
        Uniform in [0, 2**32), for STOCHASTIC.

    Returns
    -------
    int
        The code. NaN gives the canonical NaN, with the sign bit clear where there are two. The sign
        of zero is kept, and negative numbers that underflow give -0, in formats that have one.

    Raises
    ------
    ValueError
        If the result would be an Inf or NaN that the format lacks: NaN into a format without NaN, a
        negative number into an unsigned one, OVERFLOW for a format with neither Inf nor NaN.

    Notes
    -----
    An unsigned format gives NaN for every negative number (-0 counts as zero). A format without
    subnormals is rounded with the exponent unbounded below as well. What then lies below its
    smallest number is a zero with the sign; in one without zero (E8M0) that number under SATURATE
    and NaN under OVERFLOW.

    Examples
    --------
    >>> from fractions import Fraction
    >>> from msdnum import spec
    >>> from msdnum.formats import E2M1, Overflow
    >>> spec.encode(Fraction(5, 2), E2M1, overflow=Overflow.SATURATE)  # between 2 and 3
    4
    >>> spec.decode(4, E2M1)
    Fraction(2, 1)
    """
    if isinstance(fmt, TableFormat):
        return encode_by_table(value, fmt, overflow, rounding)
    if isinstance(fmt, IntegerFormat):
        return _encode_integer(value, fmt, overflow, rounding, random)
    return _encode_float(value, fmt, overflow, rounding, random)


def _encode_integer(
    value: Value, fmt: IntegerFormat, overflow: Overflow, rounding: Rounding, random: int | None
) -> int:
    if overflow is Overflow.OVERFLOW:
        raise ValueError(f"overflow must be SATURATE for {fmt.name}, got OVERFLOW")
    if value is Special.NAN:
        raise ValueError(f"value must be a number for {fmt.name}, got NaN")
    negative = is_negative(value)
    if is_finite(value):
        scaled = abs(number(value)) * 2**fmt.fraction_bits
        magnitude = round_to_integer(scaled, rounding, negative=negative, random=random)
    else:
        magnitude = 2**fmt.bits
    integer = -min(magnitude, -fmt.min_integer) if negative else min(magnitude, fmt.max_integer)
    return integer % (1 << fmt.bits)


def _encode_float(
    value: Value, fmt: FloatFormat, overflow: Overflow, rounding: Rounding, random: int | None
) -> int:
    if overflow is Overflow.OVERFLOW and fmt.nan_code is None:
        raise ValueError(f"overflow must be SATURATE for {fmt.name}, got OVERFLOW")
    negative = is_negative(value)
    if value is Special.NAN or (negative and value is not Special.NEGATIVE_ZERO and not fmt.signed):
        return nan_code(fmt, value)
    sign = 1 << (fmt.bits - 1) if negative and fmt.signed else 0
    if not is_finite(value):
        return _overflow_code(fmt, overflow, sign)
    emin = fmt.emin if fmt.subnormals else None
    rounded = round_significand(
        abs(number(value)), fmt.precision, rounding, emin=emin, negative=negative, random=random
    )
    if fmt.ties_by_code and rounding is Rounding.RNE:
        rounded = _with_even_code(abs(number(value)), rounded, fmt)
    if rounded > max_finite(fmt):
        return _overflow_code(fmt, overflow, sign)
    if not fmt.subnormals and rounded < pow2(fmt.emin):
        if not fmt.has_zero:
            return 0 if overflow is Overflow.SATURATE else nan_code(fmt, value)
        rounded = Fraction(0)
    if not rounded and not fmt.has_negative_zero:
        return 0
    return sign + _magnitude_code(rounded, fmt)


def _with_even_code(x: Fraction, rounded: Fraction, fmt: FloatFormat) -> Fraction:
    """Return that of two numbers around a tie of one-bit significands whose code is even."""
    tie = rounded > x and rounded * 3 == x * 4
    return rounded / 2 if tie and _magnitude_code(rounded, fmt) % 2 else rounded


def _magnitude_code(x: Fraction, fmt: FloatFormat) -> int:
    """Return the code of a magnitude that the format holds."""
    if x < pow2(fmt.emin):
        return int(x / pow2(fmt.emin - fmt.fraction_bits))
    exponent = floor_log2(x)
    fraction = (x / pow2(exponent) - 1) * 2**fmt.fraction_bits
    return ((exponent + fmt.bias) << fmt.fraction_bits) + int(fraction)


def nan_code(fmt: FloatFormat, value: Value) -> int:
    """Return the code of NaN, or raise if ``value`` cannot become one."""
    if fmt.nan_code is None:
        raise ValueError(
            f"value must be representable in {fmt.name}, which has no NaN, got {value}"
        )
    return fmt.nan_code


def _overflow_code(fmt: FloatFormat, overflow: Overflow, sign: int) -> int:
    if overflow is Overflow.SATURATE:
        return sign + fmt.max_code
    if fmt.inf_code is None:
        return sign | nan_code(fmt, Special.INFINITY)
    return sign + fmt.inf_code


def round_to(
    value: Value,
    fmt: ElementFormat,
    *,
    overflow: Overflow,
    rounding: Rounding = Rounding.RNE,
    random: int | None = None,
) -> Value:
    """Return ``value`` rounded to the format; see `encode`.

    Examples
    --------
    >>> from fractions import Fraction
    >>> from msdnum import spec
    >>> from msdnum.formats import E4M3, Overflow
    >>> spec.round_to(Fraction(1, 3), E4M3, overflow=Overflow.SATURATE)
    Fraction(11, 32)
    """
    return decode(encode(value, fmt, overflow=overflow, rounding=rounding, random=random), fmt)


def fl32(value: Value) -> Value:
    """Return ``value`` rounded to binary32, RNE, overflow to Inf: one IEEE operation.

    Examples
    --------
    >>> from fractions import Fraction
    >>> from msdnum import spec
    >>> spec.fl32(Fraction(1, 10))
    Fraction(13421773, 134217728)
    """
    return round_to(value, BINARY32, overflow=Overflow.OVERFLOW)


def from_float32_bits(bits: int) -> Value:
    """Return the value of a binary32 bit pattern.

    Examples
    --------
    >>> from msdnum import spec
    >>> spec.from_float32_bits(0x3DCCCCCD), spec.from_float32_bits(0x80000000)
    (Fraction(13421773, 134217728), <Special.NEGATIVE_ZERO: '-0'>)
    """
    return decode(bits, BINARY32)


def to_float32_bits(value: Value) -> int:
    """Return the binary32 bit pattern of ``value``, rounded RNE, overflow to Inf.

    Examples
    --------
    >>> from fractions import Fraction
    >>> from msdnum import spec
    >>> hex(spec.to_float32_bits(Fraction(1, 10)))
    '0x3dcccccd'
    """
    return encode(value, BINARY32, overflow=Overflow.OVERFLOW)
