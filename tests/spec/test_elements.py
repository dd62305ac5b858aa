"""The specification against the formats' own values, brute force, ml_dtypes and NumPy's float32."""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Callable
from fractions import Fraction
from functools import cache

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from msdnum import spec
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
from msdnum.formats.modes import Overflow, Rounding, ScaleRule
from msdnum.spec.numbers import Special, Value
from tests.support.spec import NAMES, OVER, SAT, pattern

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


@pytest.mark.long
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


def test_a_format_that_flushes_has_zeros_below_its_smallest_normal_number() -> None:
    fmt = FloatFormat("X", 3, 2, subnormals=False)
    smallest = Fraction(1, 4)
    assert [fmt.value(code) for code in range(5)] == [0, 0, 0, 0, smallest]
    assert spec.decode(0b100011, fmt) is Special.NEGATIVE_ZERO
    below = smallest * Fraction(15, 16)  # Halfway to the next, were there one.
    for rounding in (Rounding.RNE, Rounding.RNA, Rounding.RTP):
        assert spec.encode(below, fmt, overflow=SAT, rounding=rounding) == 4
    assert spec.encode(below - Fraction(1, 999), fmt, overflow=SAT) == 0
    assert spec.encode(-below, fmt, overflow=SAT, rounding=Rounding.RTZ) == 0b100000
    assert spec.encode(smallest / 9, fmt, overflow=SAT, rounding=Rounding.RTP) == 0


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
