"""Test vectors of single numbers: encode and decode of every element format."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import pairwise

from msdnum import spec
from msdnum.conformance.vectors import Case, Group, Standard, one
from msdnum.formats.elements import (
    BF16,
    BINARY32,
    E4M3,
    E5M2,
    E8M0,
    ELEMENT_FORMATS,
    FP16,
    MXINT8_ELEMENT,
    TWOS_COMPLEMENT,
    ElementFormat,
    FloatFormat,
    IntegerFormat,
    SpacedFormat,
    TableFormat,
)
from msdnum.formats.modes import Overflow, Rounding
from msdnum.spec.numbers import Special

__all__ = ["cast_groups", "cast_vector", "decode_groups", "decodings_of", "encodings_of"]

INTEGERS = "paper, section 3: integers to nearest, saturating"
"""Two's complement says what a code is, and not how a number becomes one."""

SIGN = 1 << 31
LARGEST, INFINITY, NAN = 0x7F7FFFFF, 0x7F800000, 0x7FC00000
DIRECTED = (Rounding.RNA, Rounding.RTZ, Rounding.RTP, Rounding.RTN)

NOTES = {
    "infinity": "the format has no Inf and MX says nothing of converting one: saturated",
    "nan": "the format has no NaN and MX says nothing of converting one: refused",
    "negative-zero": "no sentence keeps the sign of zero: kept",
    "minus-two": "-2 may be left unused: used",
}
E8M0_NOTE = "MX defines E8M0 but no conversion to it: {}"
E8M0_CHOICES = {
    "ties": "to nearest, the even integer of a one-bit significand is 2: up",
    "neighbours": "to nearest",
    "overflow": "saturates or becomes NaN",
    "infinity": "saturates or becomes NaN",
    "zero": "saturates to 2^-127 or becomes NaN",
    "underflow": "saturates to 2^-127 or becomes NaN",
    "negative": "NaN",
}


def cast_groups() -> Iterator[Group]:
    """Yield the vectors of ``encode``, from binary32 to every narrower format."""
    for fmt in ELEMENT_FORMATS.values():
        if fmt != BINARY32:
            yield from encodings_of(fmt, _overflows(fmt))


def encodings_of(fmt: ElementFormat, overflows: Sequence[Overflow]) -> Iterator[Group]:
    """Yield the vectors of ``encode`` to one format."""
    for overflow in overflows:
        yield from _groups(fmt, Rounding.RNE, overflow, _inputs(fmt))
    if isinstance(fmt, FloatFormat | TableFormat) and fmt.bits <= 8 and fmt != E8M0:
        inside = {name: _inputs(fmt)[name] for name in ("values", "ties", "neighbours")}
        for rounding in DIRECTED:
            yield from _groups(fmt, rounding, Overflow.SATURATE, inside)


def _overflows(fmt: ElementFormat) -> tuple[Overflow, ...]:
    if fmt in (BF16, FP16):
        return (Overflow.OVERFLOW,)
    return tuple(Overflow) if fmt in (E4M3, E5M2, E8M0) else (Overflow.SATURATE,)


def _inputs(fmt: ElementFormat) -> dict[str, list[int]]:
    """Return binary32 patterns by topic."""
    if isinstance(fmt, TableFormat):
        return _inputs_of_table(fmt)
    values = _magnitudes(fmt)
    ties = [spec.to_float32_bits((a + b) / 2) for a, b in pairwise(values)]
    step = values[-1] - values[-2]
    beyond = spec.to_float32_bits(values[-1] + step / 2) if fmt is not BF16 else 0x7F7F8000
    inputs = {
        "values": [spec.to_float32_bits(value) for value in values if value],
        "ties": ties,
        "neighbours": [near for bits in ties for near in _around(bits) if near != bits],
        "overflow": sorted({min(bits, LARGEST) for bits in (*_around(beyond), LARGEST)}),
        "infinity": [INFINITY],
    }
    if fmt == E8M0:
        inputs["overflow"] = [0x7F400000, LARGEST]
        inputs["underflow"] = [1, 0x00200000]
        return inputs | {"zero": [0], "negative": [SIGN | 0x3F800000], "nan": [NAN]}
    return {topic: _both_signs(bits) for topic, bits in inputs.items()} | {
        "zero": [0],
        "negative-zero": [SIGN],
        "nan": [NAN],
    }


def _inputs_of_table(fmt: TableFormat) -> dict[str, list[int]]:
    """Return binary32 patterns by topic; a midpoint that is no binary32 number is beside two."""
    values = [number.value for number in fmt.ordered]
    middles = [(a + b) / 2 for a, b in pairwise(values)]
    nearest = [spec.to_float32_bits(spec.fl32(middle)) for middle in middles]
    exact = [spec.number(spec.from_float32_bits(bits)) for bits in nearest]
    ties = [bits for bits, x, middle in zip(nearest, exact, middles, strict=True) if x == middle]
    ends = [values[0], values[-1], *([] if fmt.beyond is None else [Fraction(fmt.beyond)])]
    beyond = [
        near
        for end in ends
        if end
        for near in _around(spec.to_float32_bits(spec.fl32(end * 3 / 2)))
    ]
    return {
        "values": [spec.to_float32_bits(value) for value in values if value],
        "ties": ties,
        "neighbours": [near for bits in nearest for near in _around(bits) if near not in ties],
        "overflow": sorted({*beyond, LARGEST, SIGN | LARGEST}),
        "infinity": [INFINITY, SIGN | INFINITY],
        "zero": [0],
        "negative-zero": [SIGN],
        "nan": [NAN],
    }


def _around(bits: int) -> tuple[int, int, int]:
    """Return a pattern between its neighbours; the least there is begins at zero."""
    return max(bits - 1, 0), bits, bits + 1


def _both_signs(patterns: list[int]) -> list[int]:
    return [bits | sign for bits in patterns for sign in (0, SIGN)]


def _magnitudes(fmt: SpacedFormat) -> list[Fraction]:
    """Return the numbers >= 0 of a format, or those around its edges if they are many."""
    if isinstance(fmt, IntegerFormat):
        codes = list(range(fmt.max_integer + 1))
    elif fmt.bits <= 8:
        codes = list(range(fmt.max_code + 1))
    else:
        edges = (0, 1 << fmt.fraction_bits, fmt.bias << fmt.fraction_bits, fmt.max_code)
        near = {edge + d for edge in edges for d in range(-2, 3)}
        codes = sorted(code for code in near if 0 <= code <= fmt.max_code)
    return [spec.number(spec.decode(code, fmt)) for code in codes]


def _groups(
    fmt: ElementFormat, rounding: Rounding, overflow: Overflow, inputs: dict[str, list[int]]
) -> Iterator[Group]:
    found: dict[str, list[Case]] = defaultdict(list)
    for topic, patterns in inputs.items():
        for bits in sorted(set(patterns)):
            case, code = _case(bits, fmt, rounding, overflow)
            found[_topic(topic, code, fmt)].append(case)
    names = {"fmt": fmt.name, "rounding": rounding.name, "overflow": overflow.name}
    for topic, cases in found.items():
        yield Group("encode", names, topic, *_standing(fmt, topic, rounding), tuple(cases))


def cast_vector(bits: int, fmt: ElementFormat, rounding: Rounding, overflow: Overflow) -> Group:
    """Return the vector of one binary32 pattern, whatever it is."""
    case, code = _case(bits, fmt, rounding, overflow)
    topic = _topic(_kind(bits, fmt), code, fmt)
    names = {"fmt": fmt.name, "rounding": rounding.name, "overflow": overflow.name}
    return Group("encode", names, topic, *_standing(fmt, topic, rounding), (case,))


def _kind(bits: int, fmt: ElementFormat) -> str:
    value = spec.from_float32_bits(bits)
    special = {
        Special.NAN: "nan",
        Special.INFINITY: "infinity",
        Special.NEGATIVE_INFINITY: "infinity",
        Special.NEGATIVE_ZERO: "negative-zero",
    }
    if isinstance(value, Special):
        return special[value]
    if not value:
        return "zero"
    if fmt != E8M0:
        return "values"
    if value < 0:
        return "negative"
    # A power of two has one answer; what lies between two, or beyond them, has several.
    return "values" if bits & 0x7FFFFF == 0 or bits == 0x400000 else "neighbours"


def _case(
    bits: int, fmt: ElementFormat, rounding: Rounding, overflow: Overflow
) -> tuple[Case, int | None]:
    given = {"x": one(BINARY32, bits)}
    try:
        value = spec.from_float32_bits(bits)
        code = spec.encode(value, fmt, overflow=overflow, rounding=rounding)
    except ValueError:
        return Case(f"{bits:08X}", given, None), None
    return Case(f"{bits:08X}", given, {"codes": one(fmt, code)}), code


def _topic(topic: str, code: int | None, fmt: ElementFormat) -> str:
    """Give results that a standard leaves open a topic of their own, whatever led to them."""
    if code is not None and spec.decode(code, fmt) is Special.NEGATIVE_ZERO:
        return "negative-zero"
    return "minus-two" if fmt == MXINT8_ELEMENT and code == 0x80 else topic


def _standing(fmt: ElementFormat, topic: str, rounding: Rounding) -> tuple[str, Standard, str]:
    """Return the source of a topic, whether it decides, and what else there is to say."""
    source = INTEGERS if fmt.source == TWOS_COMPLEMENT else fmt.source
    if rounding is not Rounding.RNE:
        source += f"; direction {rounding.name}: IEEE 754-2019, 4.3"
    if fmt == E8M0 and topic in E8M0_CHOICES:
        return source, Standard.LEAVES_OPEN, E8M0_NOTE.format(E8M0_CHOICES[topic])
    if topic == "negative-zero" and fmt in (BF16, FP16):
        return "IEEE 754-2019, 6.3", Standard.DECIDES, ""
    has_specials = not isinstance(fmt, IntegerFormat) and fmt.nan_code is not None
    if topic in NOTES and not (topic in ("infinity", "nan") and has_specials):
        return source, Standard.LEAVES_OPEN, NOTES[topic]
    return source, Standard.DECIDES, ""


def decode_groups() -> Iterator[Group]:
    """Yield the vectors of ``decode``: every code of every format up to 8 bits."""
    for fmt in ELEMENT_FORMATS.values():
        if fmt.bits <= 8:
            yield decodings_of(fmt)


def decodings_of(fmt: ElementFormat) -> Group:
    """Return the vectors of ``decode`` of one format: every code."""
    cases = tuple(_decoded(code, fmt) for code in fmt.codes)
    names = {"fmt": fmt.name}
    return Group("decode", names, "codes", fmt.source, Standard.DECIDES, "", cases)


def _decoded(code: int, fmt: ElementFormat) -> Case:
    value = spec.to_float32_bits(spec.decode(code, fmt))
    given = {"codes": one(fmt, code)}
    return Case(str(given["codes"]), given, {"values": one(BINARY32, value)})
