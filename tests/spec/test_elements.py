"""The specification against the formats' own values, brute force, ml_dtypes and NumPy's float32."""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from functools import cache

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from msdnum import spec
from msdnum.formats.blocks import (
    INT4_GROUP,
    INT8_ROW,
    MXFP4,
    MXFP8_E4M3,
    MXINT8,
    NVFP4,
    BlockFormat,
)
from msdnum.formats.elements import (
    BF16,
    BINARY32,
    E2M1,
    E2M3,
    E3M2,
    E4M3,
    E5M2,
    E8M0,
    ELEMENT_FORMATS,
    FP16,
    INT4,
    INT8,
    INT8_SYMMETRIC,
    MXINT8_ELEMENT,
    ElementFormat,
    FloatFormat,
    NonNumbers,
)
from msdnum.formats.modes import Arithmetic, Overflow, Rounding, ScaleRule
from msdnum.spec.numbers import Special, Value

pytestmark = pytest.mark.core

SMALL = [fmt for fmt in ELEMENT_FORMATS.values() if fmt.bits <= 8]
INTEGERS = [INT4, INT8, INT8_SYMMETRIC, MXINT8_ELEMENT]
DTYPES = {
    E2M1: ml_dtypes.float4_e2m1fn,
    E2M3: ml_dtypes.float6_e2m3fn,
    E3M2: ml_dtypes.float6_e3m2fn,
    E4M3: ml_dtypes.float8_e4m3fn,
    E5M2: ml_dtypes.float8_e5m2,
    E8M0: ml_dtypes.float8_e8m0fnu,
    BF16: ml_dtypes.bfloat16,
    FP16: np.float16,
}
DIRECTIONS = [rounding for rounding in Rounding if rounding is not Rounding.STOCHASTIC]
SAT, OVER = Overflow.SATURATE, Overflow.OVERFLOW
ETA = Fraction(1, 2**149)
LARGEST = Fraction((2**24 - 1) * 2**104)
NAMES = {"ids": lambda fmt: getattr(fmt, "name", None)}

float32s = st.floats(width=32, allow_nan=False, allow_infinity=False)
moderate = st.floats(-(2.0**40), 2.0**40, width=32)


def pattern(x: np.float32) -> int:
    return int(np.asarray(x, np.float32).view(np.uint32))


def as_float(value: Value) -> np.float32:
    return np.uint32(spec.to_float32_bits(value)).view(np.float32)


# Elements ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("fmt", [f for f in ELEMENT_FORMATS.values() if f.bits <= 16], **NAMES)
def test_decode_agrees_with_the_format_and_encode_inverts_it(fmt: ElementFormat) -> None:
    missing = {0x80} if fmt is INT8_SYMMETRIC else set()
    for code in fmt.codes:
        value = spec.decode(code, fmt)
        assert value == spec.from_float(fmt.value(code))
        if spec.is_finite(value) and code not in missing:
            assert spec.encode(value, fmt, overflow=SAT) == code


@pytest.mark.parametrize("rounding", DIRECTIONS)
@pytest.mark.parametrize("fmt", SMALL, **NAMES)
def test_no_direction_moves_a_value(fmt: ElementFormat, rounding: Rounding) -> None:
    for code in fmt.codes:
        value = spec.decode(code, fmt)
        if spec.is_finite(value) and not (fmt is INT8_SYMMETRIC and code == 0x80):
            assert spec.encode(value, fmt, overflow=SAT, rounding=rounding) == code


@given(st.integers(0, 2**32 - 1))
def test_binary32_is_numpys(bits: int) -> None:
    value = spec.from_float32_bits(bits)
    assert value == spec.from_float(float(np.uint32(bits).view(np.float32)))
    assert value == spec.from_float(BINARY32.value(bits))
    if value is not Special.NAN:
        assert spec.to_float32_bits(value) == bits


@given(st.floats(allow_nan=False))
def test_rounding_to_binary32_is_the_machines(x: float) -> None:
    with np.errstate(all="ignore"):
        expected = pattern(np.float32(x))
    assert spec.to_float32_bits(spec.from_float(x)) == expected


def neighbours(x: np.ndarray) -> np.ndarray:
    """Return the float32 numbers below, at and above each."""
    with np.errstate(all="ignore"):
        below, above = (np.nextafter(x, np.float32(end)) for end in (-np.inf, np.inf))
    return np.concatenate([below, x, above])


def breakpoints(fmt: FloatFormat, codes: range) -> np.ndarray:
    """Return values, the midpoints between them and their float32 neighbours, of both signs."""
    values = np.array([fmt.value(code) for code in codes])
    beyond = 2 * values[-1] - values[-2] if len(values) > 1 else values[-1]
    midpoints = (values + np.append(values[1:], beyond)) / 2
    below = values[0] * np.array([0.25, 0.5, 0.75])
    numbers = np.concatenate([values, midpoints, below]).astype(np.float32)
    extremes = np.array([0, 2.0**-149, 3.4028235e38, np.inf], np.float32)
    around = neighbours(np.concatenate([numbers, extremes]))
    return np.unique(np.concatenate([around, -around]).view(np.uint32)).view(np.float32)


def ml_dtypes_code(x: float, code: int, fmt: FloatFormat) -> int | None:
    """Return what the spec says where ml_dtypes, by ``code``, says something else."""
    if math.isnan(x):  # ml_dtypes keeps sign and payload, and gives -0 in formats without NaN
        return fmt.nan_code
    if fmt is E8M0 and 0 < x < 2.0**-126:
        # ml_dtypes 0.6 takes float32 subnormals to 2**-127 if that is not below them, else to
        # 2**-126: the nearest to 1.01 * 2**-127 is not what it returns.
        return None
    return code


def assert_agrees_with_ml_dtypes(x: np.ndarray, fmt: FloatFormat) -> None:
    # ml_dtypes saturates where there is neither Inf nor NaN, and overflows otherwise.
    overflow = SAT if fmt.nan_code is None else OVER
    with np.errstate(all="ignore"):
        codes = x.astype(DTYPES[fmt]).view(np.uint8 if fmt.bits <= 8 else np.uint16)
    for number, code in zip(x.tolist(), codes.tolist(), strict=True):
        expected = ml_dtypes_code(number, code, fmt)
        if expected is not None:
            got = spec.encode(spec.from_float(number), fmt, overflow=overflow)
            assert got == expected, (number.hex(), hex(got), hex(expected))


@pytest.mark.parametrize("fmt", [fmt for fmt in DTYPES if fmt.bits <= 8], **NAMES)
def test_breakpoints_agree_with_ml_dtypes(fmt: FloatFormat) -> None:
    assert_agrees_with_ml_dtypes(breakpoints(fmt, range(fmt.max_code + 1)), fmt)


BINADES = [(FP16, field) for field in (0, 15, 30)] + [(BF16, f) for f in (0, 1, 126, 254)]


@pytest.mark.parametrize(("fmt", "field"), BINADES, **NAMES)
def test_breakpoints_of_a_binade_agree_with_ml_dtypes(fmt: FloatFormat, field: int) -> None:
    start = field << fmt.fraction_bits
    codes = range(start, min(start + (1 << fmt.fraction_bits), fmt.max_code) + 1)
    assert_agrees_with_ml_dtypes(breakpoints(fmt, codes), fmt)


@pytest.mark.slow
@pytest.mark.parametrize("fmt", [FP16, BF16], **NAMES)
def test_all_breakpoints_agree_with_ml_dtypes(fmt: FloatFormat) -> None:
    assert_agrees_with_ml_dtypes(breakpoints(fmt, range(fmt.max_code + 1)), fmt)


@pytest.mark.parametrize(
    ("x", "code"),
    [("0.7499", 0xFF), ("0.75", 0), ("1", 0), ("1.01", 0), ("1.4999", 0), ("1.5", 1), ("2.99", 1)],
)
def test_e8m0_around_its_smallest_number(x: str, code: int) -> None:
    """In units of 2**-127, where ml_dtypes is no judge; ties go up."""
    assert spec.encode(Fraction(x) / 2**127, E8M0, overflow=OVER) == code


@pytest.mark.parametrize("fmt", [E2M1, E4M3, E8M0], **NAMES)
def test_all_bfloat16_patterns_agree_with_ml_dtypes(fmt: FloatFormat) -> None:
    patterns = np.arange(2**16, dtype=np.uint16).view(ml_dtypes.bfloat16)
    assert_agrees_with_ml_dtypes(patterns.astype(np.float32), fmt)


def test_int4_codes_are_those_of_ml_dtypes() -> None:
    numbers = np.arange(-8, 8)
    stored = numbers.astype(ml_dtypes.int4).view(np.uint8) & 0xF
    codes = [spec.encode(Fraction(int(n)), INT4, overflow=Overflow.SATURATE) for n in numbers]
    assert codes == stored.tolist()


@cache
def finite_values(fmt: ElementFormat) -> list[Fraction]:
    codes = [code for code in fmt.codes if not (fmt is INT8_SYMMETRIC and code == 0x80)]
    values = [spec.decode(code, fmt) for code in codes]
    return sorted({spec.number(v) for v in values if spec.is_finite(v)})


def nearest(x: Fraction, candidates: list[Fraction], rounding: Rounding) -> set[Fraction]:
    """Return what may become of ``x`` by choosing among all values of a format, sorted."""
    below = candidates[bisect_right(candidates, x) - 1]
    above = candidates[bisect_left(candidates, x)]
    toward_zero, away = (below, above) if x > 0 else (above, below)
    if rounding in (Rounding.RNE, Rounding.RNA):
        gap = abs(x - below) - abs(above - x)
        if gap == 0:
            return {away} if rounding is Rounding.RNA else {below, above}
        return {below if gap < 0 else above}
    return {
        Rounding.RTZ: {toward_zero}, Rounding.RTP: {above}, Rounding.RTN: {below}
    }[rounding]  # fmt: skip


@pytest.mark.parametrize("rounding", DIRECTIONS)
@pytest.mark.parametrize("fmt", [f for f in SMALL if f is not E8M0], **NAMES)
@given(data=st.data())
def test_rounding_picks_the_right_neighbour_of_all_values(
    fmt: ElementFormat, rounding: Rounding, data: st.DataObject
) -> None:
    finite = finite_values(fmt)
    i = data.draw(st.integers(0, len(finite) - 2))
    weight = data.draw(st.sampled_from([0, Fraction(1, 2), 1]) | st.fractions(0, 1))
    x = finite[i] + weight * (finite[i + 1] - finite[i])
    code = spec.encode(x, fmt, overflow=Overflow.SATURATE, rounding=rounding)
    allowed = nearest(x, finite, rounding)
    assert spec.number(spec.decode(code, fmt)) in allowed
    if len(allowed) == 2:
        # In all these formats the code of an even significand is even, ties of E8M0 apart.
        assert code % 2 == 0


TIES = [
    (E2M1, "0.25", 0x0), (E2M1, "0.75", 0x2), (E2M1, "1.25", 0x2), (E2M1, "1.75", 0x4),
    (E2M1, "2.5", 0x4), (E2M1, "3.5", 0x6), (E2M1, "5", 0x6), (E2M1, "-5", 0xE),
    (E8M0, "3", 0x81), (E8M0, "1.5", 0x80), (E8M0, "2.9", 0x80), (E4M3, "17", 0x58),
    (E4M3, "19", 0x5A), (E4M3, "464", 0x7E), (INT8, "0.5", 0), (INT8, "1.5", 2),
    (INT8, "-2.5", 0xFE), (MXINT8_ELEMENT, "-1.9921875", 0x80),
    (BINARY32, "16777217", 0x4B800000),
]  # fmt: skip


@pytest.mark.parametrize(("fmt", "x", "code"), TIES, **NAMES)
def test_ties_go_to_the_even_significand(fmt: ElementFormat, x: str, code: int) -> None:
    """OCP MX v1.0 asks for ties to even. For E8M0 the significand is 1, odd: ties go up."""
    assert spec.encode(Fraction(x), fmt, overflow=Overflow.SATURATE) == code


OVERFLOWS = [
    (E4M3, "464.001", SAT, 0x7E), (E4M3, "464.001", OVER, 0x7F), (E4M3, "-1000", SAT, 0xFE),
    (E4M3, "-1000", OVER, 0xFF), (E5M2, "61439", OVER, 0x7B), (E5M2, "61440", OVER, 0x7C),
    (E5M2, "61440", SAT, 0x7B), (E5M2, "-61440", OVER, 0xFC), (E5M2, "-1e9", SAT, 0xFB),
    (E2M1, "7", SAT, 0x7), (E2M1, "-100", SAT, 0xF), (E3M2, "100", SAT, 0x1F),
    (E2M3, "-8", SAT, 0x3F), (INT8, "127.5", SAT, 0x7F), (INT8, "-128.5", SAT, 0x80),
    (INT8, "-1000", SAT, 0x80), (INT8_SYMMETRIC, "-128", SAT, 0x81), (INT4, "7.5", SAT, 7),
    (INT4, "-9", SAT, 8), (MXINT8_ELEMENT, "2", SAT, 0x7F), (MXINT8_ELEMENT, "-2.1", SAT, 0x80),
]  # fmt: skip


@pytest.mark.parametrize(("fmt", "x", "overflow", "code"), OVERFLOWS, **NAMES)
def test_overflow(fmt: ElementFormat, x: str, overflow: Overflow, code: int) -> None:
    assert spec.encode(Fraction(x), fmt, overflow=overflow) == code


@pytest.mark.parametrize("rounding", DIRECTIONS)
def test_overflow_is_the_same_in_every_direction_once_the_rounded_magnitude_is_too_large(
    rounding: Rounding,
) -> None:
    for sign, code in ((1, 0x7C), (-1, 0xFC)):
        huge = Fraction(sign * 10**6)
        assert spec.encode(huge, E5M2, overflow=OVER, rounding=rounding) == code
    between = spec.encode(Fraction(60000), E5M2, overflow=OVER, rounding=rounding)
    assert between == (0x7C if rounding is Rounding.RTP else 0x7B)


SPECIALS = [
    (E4M3, Special.INFINITY, SAT, 0x7E), (E4M3, Special.INFINITY, OVER, 0x7F),
    (E4M3, Special.NEGATIVE_INFINITY, SAT, 0xFE),
    (E4M3, Special.NEGATIVE_INFINITY, OVER, 0xFF), (E4M3, Special.NAN, SAT, 0x7F),
    (E5M2, Special.NEGATIVE_INFINITY, OVER, 0xFC), (E5M2, Special.NEGATIVE_INFINITY, SAT, 0xFB),
    (E5M2, Special.NAN, OVER, 0x7E), (E2M1, Special.INFINITY, SAT, 0x7),
    (E2M1, Special.NEGATIVE_INFINITY, SAT, 0xF), (E2M1, Special.NEGATIVE_ZERO, SAT, 0x8),
    (INT8, Special.NEGATIVE_ZERO, SAT, 0), (INT8, Special.INFINITY, SAT, 0x7F),
    (INT8, Special.NEGATIVE_INFINITY, SAT, 0x80),
    (INT8_SYMMETRIC, Special.NEGATIVE_INFINITY, SAT, 0x81), (E2M1, Fraction(-1, 100), SAT, 0x8),
    (INT8, Fraction(-1, 100), SAT, 0), (BINARY32, Fraction(-1, 2**200), OVER, 0x80000000),
    (BF16, Special.NAN, OVER, 0x7FC0), (E8M0, Special.NAN, SAT, 0xFF),
    (E8M0, Special.INFINITY, SAT, 254), (E8M0, Special.INFINITY, OVER, 255),
    (E8M0, Special.NEGATIVE_INFINITY, SAT, 255), (E8M0, Fraction(-1), SAT, 255),
    (E8M0, Fraction(-1), OVER, 255), (E8M0, Fraction(0), SAT, 0), (E8M0, Fraction(0), OVER, 255),
    (E8M0, Special.NEGATIVE_ZERO, SAT, 0), (E8M0, Special.NEGATIVE_ZERO, OVER, 255),
    (E8M0, Fraction(3, 2**129), SAT, 0), (E8M0, Fraction(3, 2**129), OVER, 0),
    (E8M0, Fraction(299, 100 * 2**129), SAT, 0), (E8M0, Fraction(299, 100 * 2**129), OVER, 255),
    (E8M0, Fraction(2**128), SAT, 254), (E8M0, Fraction(2**128), OVER, 255),
    (E8M0, Fraction(3 * 2**126), OVER, 255), (E8M0, Fraction(3 * 2**126) - 1, OVER, 254),
]  # fmt: skip


@pytest.mark.parametrize(("fmt", "x", "overflow", "code"), SPECIALS, **NAMES)
def test_specials(fmt: ElementFormat, x: Value, overflow: Overflow, code: int) -> None:
    assert spec.encode(x, fmt, overflow=overflow) == code


@pytest.mark.parametrize("fmt", [E2M1, E4M3, E5M2, INT8, MXINT8_ELEMENT, BF16], **NAMES)
@given(data=st.data())
def test_stochastic_rounding_counts_the_random_words(
    fmt: ElementFormat, data: st.DataObject
) -> None:
    """Of the 2**32 words exactly floor(fraction * 2**32) round away, of either sign."""
    code = data.draw(st.integers(0, (fmt.max_integer if fmt in INTEGERS else fmt.max_code) - 1))
    low, high = spec.number(spec.decode(code, fmt)), spec.number(spec.decode(code + 1, fmt))
    fraction = data.draw(st.fractions(0, 1).filter(lambda f: f < 1))
    away = math.floor(fraction * 2**32)
    for sign in (1, -1):
        x = sign * (low + fraction * (high - low))
        for word in {0, away - 1, away, 2**32 - 1} - {-1}:
            got = spec.round_to(x, fmt, overflow=SAT, rounding=Rounding.STOCHASTIC, random=word)
            assert abs(spec.number(got)) == (high if word < away else low)


def test_rounding_to_a_format_is_decoding_its_code() -> None:
    assert spec.round_to(Fraction(5, 2), E2M1, overflow=SAT) == 2
    assert spec.round_to(Fraction(-1, 9), E2M1, overflow=SAT) is Special.NEGATIVE_ZERO
    assert spec.round_to(Fraction(5, 2), E2M1, overflow=SAT, rounding=Rounding.RTP) == 3


def test_a_format_without_zero_goes_to_the_smallest_number() -> None:
    fmt = FloatFormat("X", 3, 1, 3, NonNumbers.NAN, signed=False, subnormals=False)
    assert spec.encode(Fraction(1, 100), fmt, overflow=SAT) == 0
    assert spec.encode(Fraction(1, 100), fmt, overflow=OVER) == 0xF


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: spec.encode(Special.NAN, E2M1, overflow=SAT), "E2M1, which has no NaN"),
        (
            lambda: spec.encode(Special.NAN, INT8, overflow=SAT),
            "must be a number for INT8, got NaN",
        ),
        (
            lambda: spec.encode(Fraction(0), E2M1, overflow=OVER),
            "SATURATE for E2M1, got OVERFLOW",
        ),
        (
            lambda: spec.encode(Fraction(0), INT8, overflow=OVER),
            "SATURATE for INT8, got OVERFLOW",
        ),
        (lambda: spec.decode(16, E2M1), "code must be in 0..15 for E2M1, got 16"),
        (lambda: spec.decode(-1, INT8), "code must be in 0..255 for INT8, got -1"),
        (lambda: spec.number(Special.NAN), "value must be finite, got NaN"),
        (
            lambda: spec.encode(Fraction(1), BF16, overflow=SAT, rounding=Rounding.STOCHASTIC),
            "random must be in 0..2..32-1 for STOCHASTIC, got None",
        ),
        (
            lambda: spec.round_to_integer(Fraction(1), Rounding.STOCHASTIC, random=2**32),
            "random must be in 0..2..32-1",
        ),
        (
            lambda: spec.shared_exponent(Fraction(1), E2M1, ScaleRule.AMAX),
            "rule must give powers of two, got AMAX",
        ),
    ],
)
def test_bad_input(call: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


# Arithmetic of values ---------------------------------------------------------------------------


@given(st.floats(width=16), st.floats(width=16))
def test_values_multiply_and_subtract_as_floats_do(x: float, y: float) -> None:
    """Products and differences of binary16 numbers are exact in binary64."""
    with np.errstate(all="ignore"):
        product, difference = float(np.float64(x) * y), float(np.float64(x) - y)
    p, q = spec.from_float(x), spec.from_float(y)
    assert spec.multiply(p, q) == spec.from_float(product)
    expected = spec.from_float(difference)
    assert spec.subtract(p, q) == (Fraction(0) if expected is Special.NEGATIVE_ZERO else expected)


@given(st.fractions(Fraction(1, 10**30), 10**30))
def test_logarithms(x: Fraction) -> None:
    assert Fraction(2) ** spec.floor_log2(x) <= x < Fraction(2) ** (spec.floor_log2(x) + 1)
    assert Fraction(2) ** (spec.ceil_log2(x) - 1) < x <= Fraction(2) ** spec.ceil_log2(x)


# Blocks -----------------------------------------------------------------------------------------

RULES = [
    # amax, element, FLOOR, CEIL, RCEIL, EVEN
    ("4", E2M1, 0, 0, 0, 0), ("4.001", E2M1, 0, 1, 0, 0), ("6", E2M1, 0, 1, 0, 0),
    ("6.001", E2M1, 0, 1, 1, 0), ("6.999", E2M1, 0, 1, 1, 0), ("7", E2M1, 0, 1, 1, 1),
    ("7.999", E2M1, 0, 1, 1, 1), ("8", E2M1, 1, 1, 1, 1), ("3.999", E2M1, -1, 0, 0, 0),
    ("448", E4M3, 0, 1, 0, 0), ("448.1", E4M3, 0, 1, 1, 0), ("496", E4M3, 0, 1, 1, 1),
    ("57344", E5M2, 0, 1, 0, 0), ("61440", E5M2, 0, 1, 1, 1), ("7.5", E2M3, 0, 1, 0, 0),
    ("7.75", E2M3, 0, 1, 1, 1), ("28", E3M2, 0, 1, 0, 0), ("1", MXINT8_ELEMENT, 0, 0, 0, 0),
    ("1.984375", MXINT8_ELEMENT, 0, 1, 0, 0), ("1.9921875", MXINT8_ELEMENT, 0, 1, 1, 1),
    ("1.99", MXINT8_ELEMENT, 0, 1, 1, 0),
]  # fmt: skip


@pytest.mark.parametrize(("amax", "element", "floor", "ceil", "rceil", "even"), RULES, **NAMES)
def test_scale_rules(
    amax: str, element: ElementFormat, floor: int, ceil: int, rceil: int, even: int
) -> None:
    expected = {
        ScaleRule.FLOOR: floor, ScaleRule.CEIL: ceil, ScaleRule.RCEIL: rceil, ScaleRule.EVEN: even
    }  # fmt: skip
    for rule, exponent in expected.items():
        for binade in (-40, 0, 40):
            scaled = Fraction(amax) * Fraction(2) ** binade
            assert spec.shared_exponent(scaled, element, rule) == exponent + binade


@pytest.mark.parametrize("rule", [ScaleRule.FLOOR, ScaleRule.CEIL, ScaleRule.RCEIL, ScaleRule.EVEN])
def test_scales_at_the_ends_of_e8m0(rule: ScaleRule) -> None:
    fmt = replace(MXFP4, rule=rule)
    assert spec.shared_scale(ETA, fmt) == 0
    assert spec.shared_scale(Fraction(1, 2**126), fmt) == 0
    assert spec.shared_scale(Fraction(0), fmt) == 0
    top = spec.shared_scale(LARGEST, fmt)
    assert top == (252 if rule is ScaleRule.FLOOR else 253)
    mxint8 = spec.shared_scale(LARGEST, replace(MXINT8, rule=rule))
    assert mxint8 == 254  # CEIL would be 2**128


def test_one_ulp_below_a_power_of_two_keeps_its_binade() -> None:
    """A float log2 rounds up there in 243 of 247 binades (peers)."""
    for exponent in range(-100, 100):
        amax = Fraction(2) ** exponent * (1 - Fraction(1, 2**24))
        assert spec.shared_scale(amax, MXFP4) == exponent - 1 - 2 + 127


def block(*values: object) -> list[Value]:
    return [v if isinstance(v, Special) else Fraction(str(v)) for v in values]


def test_an_ocp_block_by_hand() -> None:
    code, codes = spec.quantize_block(block(5, -0.3, 0, Special.NEGATIVE_ZERO, 7.9, "0.124"), MXFP4)
    assert code == 127
    assert codes == [0x6, 0x9, 0x0, 0x8, 0x7, 0x0]
    assert spec.dequantize_block(code, codes, MXFP4) == block(
        4, -0.5, 0, Special.NEGATIVE_ZERO, 6, 0
    )


def test_a_scale_exponent_applies_exactly() -> None:
    code, codes = spec.quantize_block(block("1.5", "0.2"), MXFP8_E4M3)
    assert (code, codes) == (119, [0x7C, 0x65])  # 384 and 52 (51.2) times 2**-8
    assert spec.dequantize_block(code, codes, MXFP8_E4M3) == [Fraction(3, 2), Fraction(52, 256)]


@pytest.mark.parametrize("fmt", [MXFP4, MXFP8_E4M3, MXINT8, NVFP4, INT8_ROW, INT4_GROUP], **NAMES)
@pytest.mark.parametrize("bad", [Special.NAN, Special.INFINITY, Special.NEGATIVE_INFINITY])
def test_a_block_with_nan_or_inf_is_nan(fmt: BlockFormat, bad: Special) -> None:
    tensor = spec.tensor_scale([Fraction(1)], fmt)
    code, codes = spec.quantize_block([Fraction(1), bad], fmt, tensor=tensor)
    assert code == {E8M0: 0xFF, E4M3: 0x7F, BINARY32: 0x7FC00000}[fmt.scale]
    assert codes == [0, 0]
    assert spec.dequantize_block(code, codes, fmt, tensor=tensor) == [Special.NAN] * 2


@pytest.mark.parametrize("fmt", [MXFP4, MXFP8_E4M3, MXINT8, NVFP4, INT8_ROW, INT4_GROUP], **NAMES)
def test_a_zero_block(fmt: BlockFormat) -> None:
    zeros = [Fraction(0), Special.NEGATIVE_ZERO]
    tensor = spec.tensor_scale(zeros, fmt)
    code, codes = spec.quantize_block(zeros, fmt, tensor=tensor)
    assert code == 0
    minus = {MXFP4: 0x8, NVFP4: 0x8, MXFP8_E4M3: 0x80}.get(fmt, 0)
    assert codes == [0, minus]
    sign = Special.NEGATIVE_ZERO if minus else Fraction(0)
    assert spec.dequantize_block(code, codes, fmt, tensor=tensor) == [Fraction(0), sign]


def test_covering_scale_of_the_largest_number_dequantizes_to_infinity() -> None:
    fmt = replace(MXFP4, rule=ScaleRule.COVERING)
    code, codes = spec.quantize_block([LARGEST, -LARGEST], fmt)
    assert (code, codes) == (253, [0x6, 0xE])
    assert spec.dequantize_block(code, codes, fmt) == [Special.INFINITY, Special.NEGATIVE_INFINITY]


def float32_division(x: np.ndarray, scale: np.float32) -> np.ndarray:
    with np.errstate(all="ignore"):
        return x / scale


@given(st.lists(float32s, min_size=1, max_size=6))
def test_int8_rows_are_numpys_float32_arithmetic(numbers: list[float]) -> None:
    x = np.array(numbers, np.float32)
    scale = np.abs(x).max() / np.float32(127)
    code, codes = spec.quantize_block([spec.from_float(v) for v in numbers], INT8_ROW)
    assert code == pattern(scale)
    digits = np.zeros(x.shape, np.int8)
    if scale:
        digits = np.clip(np.rint(float32_division(x, scale)), -127, 127).astype(np.int8)
    assert codes == digits.view(np.uint8).tolist()
    with np.errstate(all="ignore"):
        expected = digits.astype(np.float32) * scale
    got = spec.dequantize_block(code, codes, INT8_ROW)
    assert [as_float(v).tobytes() for v in got] == [v.tobytes() for v in expected]


@given(st.lists(float32s, min_size=16, max_size=32), st.data())
def test_nvfp4_is_numpys_float32_arithmetic(numbers: list[float], data: st.DataObject) -> None:
    outlier = data.draw(st.sampled_from([1.0, 2.0**10, 2.0**20]))
    numbers = [np.clip(n * outlier, -3e38, 3e38) if i == 20 else n for i, n in enumerate(numbers)]
    x = np.array(numbers, np.float32)
    values = [spec.from_float(float(v)) for v in x]
    tensor = spec.tensor_scale(values, NVFP4)
    t = np.abs(x).max() / np.float32(6) / np.float32(448)
    assert spec.to_float32_bits(tensor) == pattern(t)
    first = x[:16]
    scale = np.zeros((), ml_dtypes.float8_e4m3fn)
    with np.errstate(all="ignore"):
        if t:
            ideal = np.abs(first).max() / np.float32(6) / t
            scale = np.minimum(ideal, np.float32(448)).astype(ml_dtypes.float8_e4m3fn)
        effective = scale.astype(np.float32) * t
        divisor = effective if effective else np.float32(np.inf)
        expected = (first / divisor).astype(ml_dtypes.float4_e2m1fn)
        product = expected.astype(np.float32) * effective
    code, codes = spec.quantize_block(values[:16], NVFP4, tensor=tensor)
    assert code == int(scale.view(np.uint8))
    assert codes == expected.view(np.uint8).tolist()
    got = spec.dequantize_block(code, codes, NVFP4, tensor=tensor)
    assert [as_float(v).tobytes() for v in got] == [v.tobytes() for v in product]


def test_a_quotient_by_a_float_scale_is_rounded_to_binary32_first() -> None:
    """The true quotient is just above 64.5 and binary32 has the tie; likewise 17/16 for NVFP4."""
    amax, x = spec.from_float32_bits(0x3FD187F6), spec.from_float32_bits(0x3F54D4B0)
    assert spec.number(x) / spec.number(spec.fl32(amax / 127)) > Fraction(129, 2)
    assert spec.quantize_block([amax, x], INT8_ROW)[1] == [127, 64]
    d = spec.decompose_amax([amax, x], [INT8_SYMMETRIC], Arithmetic.FLOAT32)
    assert d.codes == ((127, 64),)
    tensor = Fraction(2**23 + 15)
    ideal = (17 * tensor + 1) / 16
    assert spec.encode(ideal / tensor, E4M3, overflow=SAT) == 0x39
    assert spec.shared_scale(6 * ideal, NVFP4, tensor) == 0x38


def test_the_tensor_scale_ignores_what_is_not_finite() -> None:
    values = [Fraction(2688), Special.INFINITY, Special.NAN]
    assert spec.tensor_scale(values, NVFP4) == 1
    assert spec.tensor_scale(values, MXFP4) is None


def test_stochastic_blocks_take_one_word_for_each_element() -> None:
    codes = spec.quantize_block(
        block(4, "2.5", "2.5"), MXFP4, rounding=Rounding.STOCHASTIC, random=[0, 2**31 - 1, 2**31]
    )[1]
    assert codes == [0x6, 0x5, 0x4]


# Decomposition ----------------------------------------------------------------------------------

ELEMENT_TERMS = st.lists(
    st.sampled_from([E2M1, E2M3, E3M2, E4M3, E5M2, MXINT8_ELEMENT]), min_size=1, max_size=3
)


def reassembled(d: spec.Decomposition, elements: list[ElementFormat]) -> list[Fraction]:
    total = [spec.number(r) for r in d.remainders]
    for scale, codes, element in zip(d.scales, d.codes, elements, strict=True):
        for i, code in enumerate(codes):
            total[i] += spec.number(scale) * spec.number(spec.decode(code, element))
    return total


def test_mxfp4_x2_by_hand() -> None:
    """alpha = 8 covers 5; the scales are alpha / 4 and alpha / 32."""
    d = spec.decompose_covering(block(5, "-0.3", "7/16"), [E2M1, E2M1])
    assert d.scales == (Fraction(2), Fraction(1, 4))
    assert d.codes == ((0x4, 0x8, 0x0), (0x6, 0xA, 0x4))
    assert d.remainders == d.carried == tuple(block(0, "-0.05", "-1/16"))


def test_a_fixed_point_term_leaves_one_bit_less_to_the_next() -> None:
    d = spec.decompose_covering(block(1, "1/128"), [MXINT8_ELEMENT, E2M1])
    assert d.scales == (Fraction(1), Fraction(1, 2**9))
    assert d.codes == ((0x40, 0x00), (0x0, 0x6))
    assert d.remainders == (0, 0)


@given(st.lists(moderate.map(Fraction), min_size=1, max_size=6), ELEMENT_TERMS)
def test_covering_terms_and_remainder_add_up_and_the_remainder_is_bounded(
    values: list[Fraction], elements: list[ElementFormat]
) -> None:
    d = spec.decompose_covering(values, elements)
    assert reassembled(d, elements) == values
    amax = max(map(abs, values))
    if amax > Fraction(1, 2**60):
        bound = Fraction(2) ** spec.ceil_log2(amax)
        for element in elements:
            bound /= 2 ** (element.precision + isinstance(element, FloatFormat))
            # An element's own underflow leaves more: half its eta, on its scale.
        assert d.scales[-1] * Fraction(elements[-1].eta) / 2 <= bound
        assert max(abs(r) for r in d.remainders) <= bound


def test_the_bound_of_mxfp4_x2_is_attained() -> None:
    """Paper, claim C2: alpha / 64, here with alpha = 1."""
    d = spec.decompose_covering(block(1, "0.640625"), [E2M1, E2M1])
    assert max(abs(r) for r in d.remainders) == Fraction(1, 64)


def test_under_the_ocp_rule_mxfp4_x2_breaks_the_bound() -> None:
    d = spec.decompose_covering(block("7.999"), [E2M1, E2M1], ScaleRule.FLOOR)
    assert d.scales == (Fraction(1), Fraction(1, 8))
    assert abs(d.remainders[0]) > Fraction(8, 64)


def test_exponents_are_clamped_to_e8m0() -> None:
    d = spec.decompose_covering([ETA, 3 * ETA], [E2M1, E2M1])
    assert d.scales == (Fraction(1, 2**127),) * 2
    assert reassembled(d, [E2M1, E2M1]) == [ETA, 3 * ETA]
    zero = spec.decompose_covering([Fraction(0), Special.NEGATIVE_ZERO], [E2M1, E2M1])
    assert zero.scales == (Fraction(1, 2**127),) * 2
    assert zero.codes == ((0, 8), (0, 0))


@given(st.lists(moderate.map(Fraction), min_size=1, max_size=6), st.integers(1, 3))
def test_exact_int8_is_the_papers(values: list[Fraction], terms: int) -> None:
    """Digits of base 254: scales M / 127 / 254**i, remainder at most half the last scale."""
    elements = [INT8_SYMMETRIC] * terms
    d = spec.decompose_amax(values, elements, Arithmetic.EXACT)
    amax = max(map(abs, values))
    assert d.scales == tuple(amax / 127 / 254**i for i in range(terms))
    assert reassembled(d, elements) == values
    assert d.carried == d.remainders
    assert max(abs(r) for r in d.remainders) <= amax / 254**terms


@given(st.lists(float32s, min_size=1, max_size=6), st.integers(1, 3))
def test_float32_int8_is_numpys_float32_arithmetic(numbers: list[float], terms: int) -> None:
    elements = [INT8_SYMMETRIC] * terms
    values = [spec.from_float(v) for v in numbers]
    d = spec.decompose_amax(values, elements, Arithmetic.FLOAT32)
    left = np.array(numbers, np.float32)
    with np.errstate(all="ignore"):
        scale = np.abs(left).max() / np.float32(127)
        for i in range(terms):
            scale = scale / np.float32(254) if i else scale
            digits = np.zeros(left.shape, np.float32)
            if scale:
                digits = np.clip(np.rint(left / scale), -127, 127)
            left = left - scale * digits
            assert spec.to_float32_bits(d.scales[i]) == pattern(scale)
            assert d.codes[i] == tuple(digits.astype(np.int8).view(np.uint8).tolist())
    assert [float(as_float(r)) for r in d.carried] == left.tolist()
    if all(spec.is_finite(v) for v in values):
        assert reassembled(d, elements) == [spec.number(v) for v in values]


def test_the_product_overflows_for_the_largest_number() -> None:
    """fl(127 * fl(LARGEST / 127)) is Inf: the second digit is then -127, of the wrong sign."""
    d = spec.decompose_amax([LARGEST], [INT8_SYMMETRIC] * 2, Arithmetic.FLOAT32)
    assert d.codes == ((127,), (0x81,))
    assert d.carried == (Special.NEGATIVE_INFINITY,)
    assert spec.number(d.remainders[0]) > LARGEST / 255


def test_mixed_integer_terms() -> None:
    d = spec.decompose_amax(block(127, 100, "0.5"), [INT8_SYMMETRIC, INT4])
    assert d.scales == (Fraction(1), Fraction(1, 14))
    assert d.codes == ((127, 100, 0), (0, 0, 7))


@pytest.mark.parametrize("bad", [Special.NAN, Special.INFINITY])
def test_a_block_with_nan_or_inf_decomposes_into_nan(bad: Special) -> None:
    nan = (Special.NAN,) * 2
    for d in (
        spec.decompose_covering([Fraction(1), bad], [E2M1] * 2),
        spec.decompose_amax([Fraction(1), bad], [INT8_SYMMETRIC] * 2),
        spec.decompose_own_amax([Fraction(1), bad], [MXFP4] * 2),
    ):
        assert d.scales == d.remainders == d.carried == nan
        assert d.codes == ((0, 0), (0, 0))


@given(st.lists(moderate.map(Fraction), min_size=1, max_size=6))
def test_own_amax_quantizes_what_is_left(values: list[Fraction]) -> None:
    fmt = replace(MXFP4, rule=ScaleRule.COVERING)
    d = spec.decompose_own_amax(values, [fmt] * 3)
    left = values
    for scale, codes in zip(d.scales, d.codes, strict=True):
        scale_code, expected = spec.quantize_block(left, fmt)
        assert scale == spec.decode(scale_code, E8M0)
        assert list(codes) == expected
        left = [
            x - spec.number(scale) * spec.number(spec.decode(c, E2M1))
            for x, c in zip(left, codes, strict=True)
        ]
    assert d.remainders == d.carried == tuple(left)


@given(st.lists(moderate.map(Fraction), min_size=1, max_size=4))
def test_own_amax_with_binary32_scales_rounds_every_operation(values: list[Fraction]) -> None:
    d = spec.decompose_own_amax(values, [INT8_ROW] * 2)
    assert reassembled(d, [INT8_SYMMETRIC] * 2) == values
    left = np.array([float(v) for v in values], np.float32)
    for scale, codes in zip(d.scales, d.codes, strict=True):
        assert spec.to_float32_bits(scale) == pattern(np.abs(left).max() / np.float32(127))
        left = left - as_float(scale) * np.array(codes, np.uint8).view(np.int8).astype(np.float32)
    assert [float(as_float(r)) for r in d.carried] == left.tolist()
