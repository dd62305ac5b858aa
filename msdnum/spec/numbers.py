"""The specification: what every emulator must compute, one number at a time.

Integers and Fractions only, no logarithm and no floating-point operation: slow and obviously right.
A value is a Fraction or one of four specials; a code is an unsigned int.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum, unique
from fractions import Fraction
from functools import cache
from itertools import pairwise

from msdnum.formats.elements import (
    BINARY32,
    E8M0,
    BlockFormat,
    ElementFormat,
    FloatFormat,
    IntegerFormat,
    Specials,
)
from msdnum.formats.modes import Arithmetic, Overflow, Rounding, ScaleRule

__all__ = [
    "Decomposition",
    "Special",
    "Value",
    "ceil_log2",
    "decode",
    "decompose_amax",
    "decompose_covering",
    "decompose_own_amax",
    "dequantize_block",
    "divide",
    "encode",
    "fl32",
    "floor_log2",
    "from_float",
    "from_float32_bits",
    "is_finite",
    "is_negative",
    "max_finite",
    "multiply",
    "number",
    "pow2",
    "quantize_block",
    "round_significand",
    "round_to",
    "round_to_integer",
    "shared_exponent",
    "shared_scale",
    "signed",
    "subtract",
    "tensor_scale",
    "to_float32_bits",
]


@unique
class Special(Enum):
    """The values that are no Fraction."""

    NEGATIVE_ZERO = "-0"
    INFINITY = "+Inf"
    NEGATIVE_INFINITY = "-Inf"
    NAN = "NaN"


Value = Fraction | Special


# ------------------------------------------------------------------------------------------------
# Values
# ------------------------------------------------------------------------------------------------


def is_negative(value: Value) -> bool:
    """Return whether the sign is minus; NaN has no sign."""
    if isinstance(value, Fraction):
        return value < 0
    return value in (Special.NEGATIVE_ZERO, Special.NEGATIVE_INFINITY)


def is_finite(value: Value) -> bool:
    """Return whether the value is a number."""
    return isinstance(value, Fraction) or value is Special.NEGATIVE_ZERO


def number(value: Value) -> Fraction:
    """Return a finite value as a Fraction, the sign of zero forgotten."""
    if isinstance(value, Fraction):
        return value
    if value is Special.NEGATIVE_ZERO:
        return Fraction(0)
    raise ValueError(f"value must be finite, got {value.value}")


def signed(negative: bool, magnitude: Fraction) -> Value:
    """Return the finite value of this sign and magnitude."""
    if negative:
        return -magnitude if magnitude else Special.NEGATIVE_ZERO
    return magnitude


def from_float(x: float) -> Value:
    """Return the value of a Python float, exactly."""
    if math.isnan(x):
        return Special.NAN
    if math.isinf(x):
        return Special.INFINITY if x > 0 else Special.NEGATIVE_INFINITY
    return signed(math.copysign(1, x) < 0, abs(Fraction(x)))


def multiply(x: Value, y: Value) -> Value:
    """Return the exact product, with the signs, zeros and specials of IEEE 754."""
    if is_finite(x) and is_finite(y):
        return signed(is_negative(x) != is_negative(y), abs(number(x) * number(y)))
    if Special.NAN in (x, y) or any(is_finite(v) and not number(v) for v in (x, y)):
        return Special.NAN
    return Special.NEGATIVE_INFINITY if is_negative(x) != is_negative(y) else Special.INFINITY


def divide(x: Value, y: Fraction) -> Value:
    """Return the exact quotient of ``x`` by a positive ``y``; -0, Inf and NaN stay."""
    return signed(is_negative(x), abs(number(x)) / y) if is_finite(x) else x


def subtract(x: Value, y: Value) -> Value:
    """Return the exact difference; the zero it may give has no sign."""
    if is_finite(x) and is_finite(y):
        return number(x) - number(y)
    if not is_finite(x):
        return Special.NAN if x is y or y is Special.NAN else x
    return multiply(Fraction(-1), y)


@cache
def pow2(exponent: int) -> Fraction:
    """Return ``2**exponent``."""
    return Fraction(2) ** exponent


def floor_log2(x: Fraction) -> int:
    """Return the largest e with ``2**e <= x``, for positive x."""
    estimate = x.numerator.bit_length() - x.denominator.bit_length()
    return estimate if pow2(estimate) <= x else estimate - 1


def ceil_log2(x: Fraction) -> int:
    """Return the smallest e with ``x <= 2**e``, for positive x."""
    return -floor_log2(1 / x)


# ------------------------------------------------------------------------------------------------
# Rounding
# ------------------------------------------------------------------------------------------------


def round_to_integer(
    x: Fraction, rounding: Rounding, *, negative: bool = False, random: int | None = None
) -> int:
    """Round the magnitude ``x >= 0`` of a number of the given sign to an integer.

    Ties to even means the even *integer*: for a precision of one bit, where every significand is
    the integer 1, a tie goes up. STOCHASTIC takes ``random``, a uniform integer r in [0, 2**32),
    and goes up when the first 32 bits of the discarded fraction exceed r.
    """
    down = math.floor(x)
    fraction = x - down
    half = Fraction(1, 2)
    match rounding:
        case Rounding.RNE:
            up = fraction > half or (fraction == half and down % 2 == 1)
        case Rounding.RNA:
            up = fraction >= half
        case Rounding.RTZ:
            up = False
        case Rounding.RTP:
            up = fraction > 0 and not negative
        case Rounding.RTN:
            up = fraction > 0 and negative
        case Rounding.STOCHASTIC:
            if random is None or not 0 <= random < 2**32:
                raise ValueError(f"random must be in 0..2**32-1 for STOCHASTIC, got {random}")
            up = math.floor(fraction * 2**32) > random
    return down + up


def round_significand(
    x: Fraction,
    precision: int,
    rounding: Rounding = Rounding.RNE,
    *,
    emin: int | None = None,
    negative: bool = False,
    random: int | None = None,
) -> Fraction:
    """Round the magnitude ``x >= 0`` to ``precision`` bits, the exponent unbounded above.

    Below ``2**emin`` the spacing stays that of the binade of ``2**emin``; without ``emin`` the
    exponent is unbounded below as well.
    """
    if x == 0:
        return x
    exponent = floor_log2(x) if emin is None else max(floor_log2(x), emin)
    quantum = pow2(exponent - precision + 1)
    return quantum * round_to_integer(x / quantum, rounding, negative=negative, random=random)


# ------------------------------------------------------------------------------------------------
# Elements
# ------------------------------------------------------------------------------------------------


def decode(code: int, fmt: ElementFormat) -> Value:
    """Return the value that ``code`` stands for.

    Source: OCP MX v1.0, section 5.3; OCP OFP8 v1.0, section 5; IEEE 754-2019, section 3.4.
    """
    if not 0 <= code < 2**fmt.bits:
        raise ValueError(f"code must be in 0..{2**fmt.bits - 1} for {fmt.name}, got {code}")
    if isinstance(fmt, IntegerFormat):
        integer = code if code < 2 ** (fmt.bits - 1) else code - 2**fmt.bits
        return integer * pow2(-fmt.fraction_bits)
    rest, fraction = divmod(code, 2**fmt.fraction_bits)
    sign, field = divmod(rest, 2**fmt.exponent_bits)
    all_ones = 2**fmt.exponent_bits - 1, 2**fmt.fraction_bits - 1
    if fmt.specials is Specials.IEEE and field == all_ones[0]:
        infinity = Special.NEGATIVE_INFINITY if sign else Special.INFINITY
        return Special.NAN if fraction else infinity
    if fmt.specials is Specials.NAN and (field, fraction) == all_ones:
        return Special.NAN
    significand = fraction * pow2(-fmt.fraction_bits)
    if fmt.subnormals and field == 0:
        return signed(sign == 1, significand * pow2(1 - fmt.bias))
    return signed(sign == 1, (1 + significand) * pow2(field - fmt.bias))


@cache
def max_finite(fmt: ElementFormat) -> Fraction:
    """Return the largest number of the format."""
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
        Rounding direction.
    random : int, optional
        Uniform in [0, 2**32), for STOCHASTIC.

    Returns
    -------
    int
        The code. NaN gives the canonical NaN with the sign bit clear. The sign of zero is kept, and
        negative numbers that underflow give -0, in formats that have one.

    Raises
    ------
    ValueError
        If the result would be an Inf or NaN that the format lacks: NaN into a format without NaN, a
        negative number into an unsigned one, OVERFLOW for a format with neither Inf nor NaN.

    Notes
    -----
    An unsigned format gives NaN for every negative number (-0 counts as zero). A format without
    zero (E8M0) is rounded with the exponent unbounded below as well; what then lies below its
    smallest number, zero included, gives that number under SATURATE and NaN under OVERFLOW.
    """
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
        return _nan_code(fmt, value)
    sign = 1 << (fmt.bits - 1) if negative and fmt.signed else 0
    if not is_finite(value):
        return _overflow_code(fmt, overflow, sign)
    emin = fmt.emin if fmt.subnormals else None
    rounded = round_significand(
        abs(number(value)), fmt.precision, rounding, emin=emin, negative=negative, random=random
    )
    if rounded > max_finite(fmt):
        return _overflow_code(fmt, overflow, sign)
    if not fmt.subnormals and rounded < pow2(fmt.emin):
        return 0 if overflow is Overflow.SATURATE else _nan_code(fmt, value)
    return sign + _magnitude_code(rounded, fmt)


def _magnitude_code(x: Fraction, fmt: FloatFormat) -> int:
    """Return the code of a magnitude that the format holds."""
    if x < pow2(fmt.emin):
        return int(x / pow2(fmt.emin - fmt.fraction_bits))
    exponent = floor_log2(x)
    fraction = (x / pow2(exponent) - 1) * 2**fmt.fraction_bits
    return ((exponent + fmt.bias) << fmt.fraction_bits) + int(fraction)


def _nan_code(fmt: FloatFormat, value: Value) -> int:
    if fmt.nan_code is None:
        raise ValueError(
            f"value must be representable in {fmt.name}, which has no NaN, got {value}"
        )
    return fmt.nan_code


def _overflow_code(fmt: FloatFormat, overflow: Overflow, sign: int) -> int:
    if overflow is Overflow.SATURATE:
        return sign + fmt.max_code
    if fmt.inf_code is None:
        return sign + _nan_code(fmt, Special.INFINITY)
    return sign + fmt.inf_code


def round_to(
    value: Value,
    fmt: ElementFormat,
    *,
    overflow: Overflow,
    rounding: Rounding = Rounding.RNE,
    random: int | None = None,
) -> Value:
    """Return ``value`` rounded to the format; see `encode`."""
    return decode(encode(value, fmt, overflow=overflow, rounding=rounding, random=random), fmt)


def fl32(value: Value) -> Value:
    """Return ``value`` rounded to binary32, RNE, overflow to Inf: one IEEE operation."""
    return round_to(value, BINARY32, overflow=Overflow.OVERFLOW)


def from_float32_bits(bits: int) -> Value:
    """Return the value of a binary32 bit pattern."""
    return decode(bits, BINARY32)


def to_float32_bits(value: Value) -> int:
    """Return the binary32 bit pattern of ``value``, rounded RNE, overflow to Inf."""
    return encode(value, BINARY32, overflow=Overflow.OVERFLOW)


# ------------------------------------------------------------------------------------------------
# Shared scales
# ------------------------------------------------------------------------------------------------


def shared_exponent(amax: Fraction, element: ElementFormat, rule: ScaleRule) -> int:
    """Return the exponent of the power-of-two scale of a block with ``amax > 0``, unclamped.

    Source: OCP MX v1.0, section 6.3 (FLOOR); torchao's names for the other rules. EVEN rounds
    ``amax`` to the element's precision (RNE, exponent unbounded) and then proceeds as FLOOR.
    """
    match rule:
        case ScaleRule.FLOOR:
            return floor_log2(amax) - element.emax
        case ScaleRule.CEIL:
            return ceil_log2(amax) - element.emax
        case ScaleRule.RCEIL:
            return ceil_log2(amax / max_finite(element))
        case ScaleRule.EVEN:
            return floor_log2(round_significand(amax, element.precision)) - element.emax
    raise ValueError(f"rule must give powers of two, got {rule.name}")


def shared_scale(amax: Fraction, fmt: BlockFormat, tensor: Value | None = None) -> int:
    """Return the scale code of a block with largest magnitude ``amax``.

    Powers of two are clamped to [2**-127, 2**127]; ``amax`` = 0 gives 2**-127. AMAX is
    ``fl32(amax / max_finite)``, divided by ``tensor`` (`tensor_scale`) with another binary32
    rounding where the format has one, then rounded to the scale format, saturating. A zero
    ``tensor`` gives scale 0.
    """
    if fmt.scale == E8M0:
        return _e8m0_code(shared_exponent(amax, fmt.element, fmt.rule) if amax else -127)
    ideal = fl32(amax / max_finite(fmt.element))
    if tensor is not None:
        ideal = fl32(divide(ideal, number(tensor))) if number(tensor) else Fraction(0)
    return encode(ideal, fmt.scale, overflow=Overflow.SATURATE)


def _e8m0_code(exponent: int) -> int:
    return min(max(exponent, -127), 127) + 127


def tensor_scale(values: Sequence[Value], fmt: BlockFormat) -> Value | None:
    """Return the binary32 scale of a whole tensor, None for a format without one.

    ``fl32(fl32(amax / max_finite(element)) / max_finite(scale))``, with ``amax`` over the finite
    elements. Source: NVIDIA's public description of NVFP4.
    """
    if not fmt.tensor_scale:
        return None
    amax = _amax([value for value in values if is_finite(value)])
    return fl32(divide(fl32(amax / max_finite(fmt.element)), max_finite(fmt.scale)))


def _amax(values: Sequence[Value]) -> Fraction:
    return max((abs(number(value)) for value in values), default=Fraction(0))


def _effective_scale(code: int, fmt: BlockFormat, tensor: Value | None) -> Value:
    """Return what an element is multiplied with: exact for E8M0, else a binary32 value."""
    scale = decode(code, fmt.scale)
    return scale if tensor is None else fl32(multiply(scale, tensor))


def quantize_block(
    values: Sequence[Value],
    fmt: BlockFormat,
    *,
    rounding: Rounding = Rounding.RNE,
    random: Sequence[int] | None = None,
    tensor: Value | None = None,
) -> tuple[int, list[int]]:
    """Return the scale code and the element codes of one block.

    A power-of-two scale divides exactly; any other division is rounded to binary32 first. Elements
    saturate. Where the scale is 0, elements are zeros that keep their sign where the format has
    one. In a block with an Inf or a NaN all element codes are 0 and the scale is NaN. ``random``
    has one integer for each element (STOCHASTIC). For another scale rule,
    ``dataclasses.replace(fmt, rule=...)``.

    Source: OCP MX v1.0, section 6.3; paper, section on decomposition, for INT8 rows.
    """
    if not all(is_finite(value) for value in values):
        return _nan_code(fmt.scale, Special.NAN), [0] * len(values)
    scale_code = shared_scale(_amax(values), fmt, tensor)
    scale = number(_effective_scale(scale_code, fmt, tensor))
    if scale:
        quotients = [divide(value, scale) for value in values]
    else:
        quotients = [signed(is_negative(value), Fraction(0)) for value in values]
    if fmt.scale != E8M0:
        quotients = [fl32(quotient) for quotient in quotients]
    words = [None] * len(values) if random is None else random
    return scale_code, [
        encode(x, fmt.element, overflow=Overflow.SATURATE, rounding=rounding, random=word)
        for x, word in zip(quotients, words, strict=True)
    ]


def dequantize_block(
    scale_code: int, codes: Sequence[int], fmt: BlockFormat, *, tensor: Value | None = None
) -> list[Value]:
    """Return element times scale, rounded to binary32 (RNE, overflow to Inf)."""
    scale = _effective_scale(scale_code, fmt, tensor)
    return [fl32(multiply(decode(code, fmt.element), scale)) for code in codes]


# ------------------------------------------------------------------------------------------------
# Decomposition
# ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Decomposition:
    """A block as a sum of terms: ``x == sum of scales[i] * codes[i] + remainders``.

    Parameters
    ----------
    scales : tuple of Value
        One per term, exact (``amax / 127`` is a Fraction).
    codes : tuple of tuple of int
        Element codes, one tuple per term.
    remainders : tuple of Value
        What the terms leave of each element, exactly; the sign of zero is not defined.
    carried : tuple of Value
        The remainder as the arithmetic computed it; equal to ``remainders`` unless binary32
        rounds. It is infinite where a product overflows, as 127 * fl(amax / 127) does for the
        largest binary32 number.

    Notes
    -----
    In a block with an Inf or a NaN all scales and remainders are NaN and all codes 0.
    """

    scales: tuple[Value, ...]
    codes: tuple[tuple[int, ...], ...]
    remainders: tuple[Value, ...]
    carried: tuple[Value, ...]


def decompose_covering(
    values: Sequence[Value],
    elements: Sequence[ElementFormat],
    rule: ScaleRule = ScaleRule.COVERING,
) -> Decomposition:
    """Decompose one block with power-of-two scales, one term per element format.

    The first exponent follows from ``rule`` (the paper's: ``alpha / 2**emax``). Each term of
    precision p leaves ``2**-(p + 1)`` of its range alpha (``2**-p`` if it is fixed-point) to the
    next, whose scale is that range over its own ``2**emax``. Exponents are clamped to
    [-127, 127] last.

    Source: paper, claim C2; theorem mxfp4-decomposition.
    """
    if not all(is_finite(value) for value in values):
        return _not_a_number(len(values), len(elements))
    amax = _amax(values)
    exponent = shared_exponent(amax, elements[0], rule) if amax else -127
    exponents = [exponent]
    for previous, element in pairwise(elements):
        exponents.append(exponents[-1] + previous.emax - _gain(previous) - element.emax)
    scales = [number(decode(_e8m0_code(exponent), E8M0)) for exponent in exponents]
    return _decompose(values, elements, scales, _exact)


def _gain(element: ElementFormat) -> int:
    """Return g such that rounding ``|x| <= 2**emax`` leaves at most ``2**(emax - g)``."""
    narrows = isinstance(element, FloatFormat) and element.emin < element.emax
    return element.precision + narrows


def _exact(value: Value) -> Value:
    return value


def decompose_amax(
    values: Sequence[Value],
    elements: Sequence[IntegerFormat],
    arithmetic: Arithmetic = Arithmetic.EXACT,
) -> Decomposition:
    """Decompose one block with scales ``amax / 127``, then each ``/ 254`` (INT8).

    In general ``amax / max_integer`` of the first format, then half the previous scale
    over the ``max_integer`` of the next. EXACT keeps rationals; FLOAT32 rounds every quotient,
    product and difference to binary32 (RNE, no FMA, subnormals kept). A scale that underflows to
    0 has codes 0.

    Source: paper, claim C1; theorems int8-decomposition and int8-decomposition-float32.
    """
    if not all(is_finite(value) for value in values):
        return _not_a_number(len(values), len(elements))
    fl = fl32 if arithmetic is Arithmetic.FLOAT32 else _exact
    scales = [number(fl(_amax(values) / max_finite(elements[0])))]
    for element in elements[1:]:
        scales.append(number(fl(scales[-1] / (2 * max_finite(element)))))
    return _decompose(values, elements, scales, fl)


def _not_a_number(size: int, terms: int) -> Decomposition:
    nan = (Special.NAN,)
    return Decomposition(nan * terms, ((0,) * size,) * terms, nan * size, nan * size)


def decompose_own_amax(values: Sequence[Value], formats: Sequence[BlockFormat]) -> Decomposition:
    """Decompose one block, each term being `quantize_block` of what is left of it.

    With binary32 scales every operation is rounded to binary32, as in FLOAT32 arithmetic.
    """
    fl = _exact if formats[0].scale == E8M0 else fl32
    remainders = carried = list(values)
    scales, codes = [], []
    for fmt in formats:
        scale_code, digits = quantize_block(carried, fmt)
        scales.append(decode(scale_code, fmt.scale))
        codes.append(tuple(digits))
        remainders = _leave(remainders, digits, scales[-1], fmt.element, _exact)
        carried = _leave(carried, digits, scales[-1], fmt.element, fl)
    return Decomposition(tuple(scales), tuple(codes), tuple(remainders), tuple(carried))


def _decompose(
    values: Sequence[Value],
    elements: Sequence[ElementFormat],
    scales: Sequence[Fraction],
    fl: Callable[[Value], Value],
) -> Decomposition:
    """Quantize with each scale what the terms before it have left, ``fl`` after every operation."""
    remainders = carried = list(values)
    codes = []
    for element, scale in zip(elements, scales, strict=True):
        digits = [_digit(value, scale, element, fl) for value in carried]
        codes.append(tuple(digits))
        remainders = _leave(remainders, digits, scale, element, _exact)
        carried = _leave(carried, digits, scale, element, fl)
    return Decomposition(tuple(scales), tuple(codes), tuple(remainders), tuple(carried))


def _digit(
    value: Value, scale: Fraction, element: ElementFormat, fl: Callable[[Value], Value]
) -> int:
    if not scale:
        return 0
    return encode(fl(divide(value, scale)), element, overflow=Overflow.SATURATE)


def _leave(
    values: Sequence[Value],
    codes: Sequence[int],
    scale: Value,
    element: ElementFormat,
    fl: Callable[[Value], Value],
) -> list[Value]:
    """Return ``value - scale * element``, ``fl`` after both operations."""
    terms = [fl(multiply(scale, decode(code, element))) for code in codes]
    return [fl(subtract(value, term)) for value, term in zip(values, terms, strict=True)]
