"""Blocks: the shared scale that a rule gives, and elements divided by it."""

from collections.abc import Sequence
from fractions import Fraction

from msdnum.formats.blocks import BlockFormat
from msdnum.formats.elements import E8M0, ElementFormat, IntegerFormat
from msdnum.formats.modes import Criterion, Overflow, Rounding, ScaleRule
from msdnum.formats.scale_searches import ScaleSearch
from msdnum.spec.elements import decode, encode, fl32, max_finite, nan_code
from msdnum.spec.numbers import (
    Special,
    Value,
    ceil_log2,
    divide,
    floor_log2,
    is_finite,
    is_negative,
    multiply,
    number,
    round_significand,
    signed,
)

__all__ = [
    "candidate_scales", "dequantize_block", "dequantize_levels", "e8m0_code", "elements_by",
    "largest_magnitude",
    "quantize_block", "searched_block", "shared_exponent", "shared_scale", "tensor_scale",
]  # fmt: skip

ZERO = Fraction(0)


def shared_exponent(amax: Fraction, element: ElementFormat, rule: ScaleRule) -> int:
    """Return the exponent of the power-of-two scale of a block with ``amax > 0``, unclamped.

    Source: OCP MX v1.0, section 6.3 (FLOOR); torchao's names for the other rules. EVEN rounds
    ``amax`` to the element's precision (RNE, exponent unbounded) and then proceeds as FLOOR.

    Examples
    --------
    >>> from fractions import Fraction
    >>> from msdnum import ScaleRule, spec
    >>> from msdnum.formats import E2M1
    >>> spec.shared_exponent(Fraction(7), E2M1, ScaleRule.FLOOR)
    0
    >>> spec.shared_exponent(Fraction(7), E2M1, ScaleRule.CEIL)
    1
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
        return e8m0_code(shared_exponent(amax, fmt.element, fmt.rule) if amax else -127)
    ideal = fl32(amax / max_finite(fmt.element))
    if tensor is not None:
        ideal = fl32(divide(ideal, number(tensor))) if number(tensor) else Fraction(0)
    return encode(ideal, fmt.scale, overflow=Overflow.SATURATE)


def e8m0_code(exponent: int) -> int:
    """Return the code of a power of two, its exponent clamped to [-127, 127]."""
    return min(max(exponent, -127), 127) + 127


def tensor_scale(values: Sequence[Value], fmt: BlockFormat) -> Value | None:
    """Return the binary32 scale of a whole tensor, None for a format without one.

    ``fl32(fl32(amax / max_finite(element)) / max_finite(scale))``, with ``amax`` over the finite
    elements; a search may name another largest scale. Source: NVIDIA's public description of NVFP4.
    """
    if not fmt.tensor_scale:
        return None
    largest = max_finite(fmt.scale)
    if fmt.search is not None and fmt.search.largest_scale is not None:
        largest = Fraction(fmt.search.largest_scale)
    amax = largest_magnitude([value for value in values if is_finite(value)])
    return fl32(divide(fl32(amax / max_finite(fmt.element)), largest))


def largest_magnitude(values: Sequence[Value]) -> Fraction:
    """Return amax of finite values; 0 of none."""
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
    saturate. Where the scale is 0, or times the tensor scale beyond binary32, elements are zeros
    that keep their sign where the format has one. In a block with an Inf or a NaN all element
    codes are 0 and the scale is NaN. ``random`` has one integer for each element (STOCHASTIC). For
    another scale rule, ``dataclasses.replace(fmt, rule=...)``; a format with a search has the scale
    of `searched_block`.

    Source: OCP MX v1.0, section 6.3; paper, section on decomposition, for INT8 rows.

    Examples
    --------
    >>> from fractions import Fraction
    >>> from msdnum import spec
    >>> from msdnum.formats import MXFP4
    >>> block = [Fraction(7), Fraction(1, 3), Fraction(0)]
    >>> spec.quantize_block(block, MXFP4)  # the scale code 127 is 1, and 7 saturates
    (127, [7, 1, 0])
    """
    if not all(is_finite(value) for value in values):
        return nan_code(fmt.scale, Special.NAN), [0] * len(values)
    if fmt.search is not None:
        return searched_block(values, fmt, rounding=rounding, random=random, tensor=tensor)
    scale_code = shared_scale(largest_magnitude(values), fmt, tensor)
    return scale_code, elements_by(scale_code, values, fmt, rounding, random, tensor)


def elements_by(
    scale_code: int,
    values: Sequence[Value],
    fmt: BlockFormat,
    rounding: Rounding = Rounding.RNE,
    random: Sequence[int] | None = None,
    tensor: Value | None = None,
) -> list[int]:
    """Return the codes of elements over a scale."""
    scale = _effective_scale(scale_code, fmt, tensor)
    if is_finite(scale) and number(scale):
        quotients = [divide(value, number(scale)) for value in values]
    else:
        quotients = [signed(is_negative(value), Fraction(0)) for value in values]
    if fmt.scale != E8M0:
        quotients = [fl32(quotient) for quotient in quotients]
    words = [None] * len(values) if random is None else random
    return [
        encode(x, fmt.element, overflow=Overflow.SATURATE, rounding=rounding, random=word)
        for x, word in zip(quotients, words, strict=True)
    ]


def dequantize_block(
    scale_code: int, codes: Sequence[int], fmt: BlockFormat, *, tensor: Value | None = None
) -> list[Value]:
    """Return element times scale, rounded to binary32 (RNE, overflow to Inf).

    Examples
    --------
    >>> from msdnum import spec
    >>> from msdnum.formats import MXFP4
    >>> spec.dequantize_block(128, [7, 1, 0], MXFP4)
    [Fraction(12, 1), Fraction(1, 1), Fraction(0, 1)]
    """
    scale = _effective_scale(scale_code, fmt, tensor)
    return [fl32(multiply(decode(code, fmt.element), scale)) for code in codes]


def dequantize_levels(
    scale_code: int, minimum_code: int, codes: Sequence[int], fmt: BlockFormat
) -> list[Value]:
    """Return ``fl32(fl32(level * scale) + minimum)`` of a block of integers with a minimum.

    A level is a number less the lowest of the element format; the minimum is a code of the format
    of the scale.

    Source: llama.cpp, ggml-quants.c, dequantize_row_q4_1.

    Examples
    --------
    >>> from fractions import Fraction
    >>> from msdnum import spec
    >>> from msdnum.formats import INT4_GROUP
    >>> bits = spec.to_float32_bits
    >>> spec.dequantize_levels(bits(Fraction(1, 2)), bits(Fraction(-2)), [8, 7], INT4_GROUP)
    [Fraction(-2, 1), Fraction(11, 2)]
    """
    element = fmt.element
    if not isinstance(element, IntegerFormat):
        raise ValueError(f"fmt must have integer elements, got {element.name}")
    scale, minimum = (decode(code, fmt.scale) for code in (scale_code, minimum_code))
    if not (is_finite(scale) and is_finite(minimum)):
        raise ValueError("scale and minimum must be finite: what Inf and NaN give is not specified")
    levels = [number(decode(code, element)) - element.min_integer for code in codes]
    products = [number(fl32(level * number(scale))) for level in levels]
    return [fl32(product + number(minimum)) for product in products]


def candidate_scales(amax: Fraction, fmt: BlockFormat, tensor: Value | None = None) -> list[int]:
    """Return the scale codes that the search of a format tries.

    They are of ``amax / divisor``, or all positive ones. With ``nonzero`` the least positive code
    stands for 0.
    """
    search = fmt.search
    assert search is not None
    if search.divisors is None:
        return list(range(fmt.scale.has_zero, fmt.scale.max_code + 1))
    codes = []
    for divisor in search.divisors:
        ideal = fl32(amax / Fraction(divisor))
        if tensor is not None:
            ideal = fl32(divide(ideal, number(tensor))) if number(tensor) else Fraction(0)
        codes.append(encode(ideal, fmt.scale, overflow=Overflow.SATURATE))
    return [max(code, 1) if search.nonzero and amax else code for code in codes]


def searched_block(
    values: Sequence[Value],
    fmt: BlockFormat,
    *,
    rounding: Rounding = Rounding.RNE,
    random: Sequence[int] | None = None,
    tensor: Value | None = None,
) -> tuple[int, list[int]]:
    """Return the first of the candidates whose elements have the least error, by `ScaleSearch`.

    One that is beyond binary32 once it is multiplied by the tensor scale is none. Where all are,
    the scale is NaN and all codes are 0.

    Examples
    --------
    >>> from dataclasses import replace
    >>> from fractions import Fraction
    >>> from msdnum import spec
    >>> from msdnum.formats import FOUR_OVER_SIX, NVFP4
    >>> fmt = replace(NVFP4, search=FOUR_OVER_SIX)
    >>> block = [Fraction(6), Fraction(5)]  # 5 is between 4 and 6; of 1.5 times 4 it is 3 times 1.5
    >>> code, elements = spec.searched_block(block, fmt)
    >>> spec.decode(code, NVFP4.scale), elements
    (Fraction(3, 2), [6, 5])
    """
    search = fmt.search
    assert search is not None
    best: tuple[Fraction, int, list[int]] | None = None
    for code in candidate_scales(largest_magnitude(values), fmt, tensor):
        effective = _effective_scale(code, fmt, tensor)
        if not is_finite(effective):
            continue
        scale = number(effective)
        codes = elements_by(code, values, fmt, rounding, random, tensor)
        restored = [number(decode(c, fmt.element)) * scale for c in codes]
        error = _error([number(v) - r for v, r in zip(values, restored, strict=True)], search)
        if best is None or error < best[0]:
            best = error, code, codes
    return (nan_code(fmt.scale, Special.NAN), [0] * len(values)) if best is None else best[1:]


def _error(errors: Sequence[Fraction], search: ScaleSearch) -> Fraction:
    wide = [Fraction(float(abs(error))) for error in errors]
    short = [round_significand(e, 24, Rounding.RTZ) if e else ZERO for e in wide]
    match search.criterion:
        case Criterion.SQUARED:
            return _sum_by_halves([error**2 for error in short])
        case Criterion.ABSOLUTE:
            return _sum_by_halves(short)
        case Criterion.LARGEST:
            return max(short)


def _sum_by_halves(terms: Sequence[Fraction]) -> Fraction:
    """Return the sum in binary64, one half added to the other until one number is left."""
    left = [*terms, *[ZERO] * ((1 << (len(terms) - 1).bit_length()) - len(terms))]
    while len(left) > 1:
        half = len(left) // 2
        pairs = zip(left[:half], left[half:], strict=True)
        left = [Fraction(float(a + b)) for a, b in pairs]
    return left[0]
