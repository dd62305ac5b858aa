"""Formats against the tables of the standards, written out."""

import math
from dataclasses import FrozenInstanceError, replace

import ml_dtypes
import numpy as np
import pytest

from msdnum.formats.blocks import MXFP4
from msdnum.formats.elements import (
    BF16,
    BINARY32,
    E2M1,
    E2M3,
    E3M2,
    E4M3,
    E5M2,
    E8M0,
    FP16,
    INT4,
    INT8,
    INT8_SYMMETRIC,
    MXINT8_ELEMENT,
    FloatFormat,
    IntegerFormat,
    NonNumbers,
)

pytestmark = pytest.mark.core

# OCP MX v1.0, section 5.3; OCP OFP8 v1.0, section 5; IEEE 754-2019, section 3.6.
# bits, bias, precision, emin, emax, max_finite, min_normal, max subnormal, min subnormal
FLOATS = {
    E2M1: (4, 1, 2, 0, 2, 6.0, 1.0, 0.5, 0.5),
    E2M3: (6, 1, 4, 0, 2, 7.5, 1.0, 0.875, 0.125),
    E3M2: (6, 3, 3, -2, 4, 28.0, 0.25, 0.1875, 0.0625),
    E4M3: (8, 7, 4, -6, 8, 448.0, 2.0**-6, 0.875 * 2.0**-6, 2.0**-9),
    E5M2: (8, 15, 3, -14, 15, 57344.0, 2.0**-14, 0.75 * 2.0**-14, 2.0**-16),
    BF16: (16, 127, 8, -126, 127, 255 * 2.0**120, 2.0**-126, 127 * 2.0**-133, 2.0**-133),
    FP16: (16, 15, 11, -14, 15, 65504.0, 2.0**-14, 1023 * 2.0**-24, 2.0**-24),
    BINARY32: (
        32, 127, 24, -126, 127, (2**24 - 1) * 2.0**104, 2.0**-126, (2**23 - 1) * 2.0**-149,
        2.0**-149,
    ),
}  # fmt: skip


@pytest.mark.parametrize("fmt", FLOATS, ids=lambda fmt: fmt.name)
def test_floats_are_those_of_the_standards(fmt: FloatFormat) -> None:
    bits, bias, precision, emin, emax, largest, normal, subnormal, smallest = FLOATS[fmt]
    assert (fmt.bits, fmt.bias, fmt.precision) == (bits, bias, precision)
    assert (fmt.emin, fmt.emax) == (emin, emax)
    assert (fmt.max_finite, fmt.min_normal, fmt.min_subnormal) == (largest, normal, smallest)
    assert fmt.value((1 << fmt.fraction_bits) - 1) == subnormal
    assert fmt.value(1 << fmt.fraction_bits) == normal
    assert fmt.eta == smallest
    assert fmt.unit_roundoff == 2.0**-precision
    assert fmt.codes == range(2**bits)


def test_special_codes() -> None:
    """Which patterns are no numbers: OCP MX v1.0, sections 5.3 and 5.4."""
    nan = {fmt: [c for c in fmt.codes if math.isnan(fmt.value(c))] for fmt in (E4M3, E5M2, E8M0)}
    assert nan[E4M3] == [0x7F, 0xFF]
    assert nan[E5M2] == [0x7D, 0x7E, 0x7F, 0xFD, 0xFE, 0xFF]
    assert nan[E8M0] == [0xFF]
    assert [c for c in E5M2.codes if math.isinf(E5M2.value(c))] == [0x7C, 0xFC]
    assert E5M2.value(0xFC) == -math.inf
    for fmt in (E2M1, E2M3, E3M2, INT4, INT8, INT8_SYMMETRIC, MXINT8_ELEMENT):
        assert all(map(math.isfinite, fmt.values))
    expected = {
        E2M1: (None, None), E2M3: (None, None), E3M2: (None, None), E4M3: (None, 0x7F),
        E5M2: (0x7C, 0x7E), E8M0: (None, 0xFF), BF16: (0x7F80, 0x7FC0), FP16: (0x7C00, 0x7E00),
        BINARY32: (0x7F800000, 0x7FC00000),
    }  # fmt: skip
    assert {f: (f.inf_code, f.nan_code) for f in expected} == expected


def test_e8m0_is_all_powers_of_two() -> None:
    assert (E8M0.bits, E8M0.bias, E8M0.precision, E8M0.emin, E8M0.emax) == (8, 127, 1, -127, 127)
    assert list(E8M0.values)[:-1] == [2.0**e for e in range(-127, 128)]
    assert E8M0.min_normal == 2.0**-127
    assert E8M0.max_finite == 2.0**127
    assert E8M0.min_subnormal is None


def test_e2m1_has_the_sixteen_values_of_the_standard() -> None:
    positive = [0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0]
    assert list(E2M1.values) == positive + [-x for x in positive]
    assert math.copysign(1, E2M1.value(8)) == -1


@pytest.mark.parametrize(
    ("fmt", "bits", "smallest", "largest", "emax", "precision", "eta"),
    [
        (INT4, 4, -8, 7, 2, 3, 1.0),
        (INT8, 8, -128, 127, 6, 7, 1.0),
        (INT8_SYMMETRIC, 8, -127, 127, 6, 7, 1.0),
        (MXINT8_ELEMENT, 8, -128, 127, 0, 7, 2.0**-6),  # OCP MX v1.0, section 5.3.4: 1 + 63/64
    ],
)
def test_integers(
    fmt: IntegerFormat,
    bits: int,
    smallest: int,
    largest: int,
    emax: int,
    precision: int,
    eta: float,
) -> None:
    assert (fmt.bits, fmt.min_integer, fmt.max_integer) == (bits, smallest, largest)
    assert (fmt.emax, fmt.precision, fmt.eta) == (emax, precision, eta)
    assert fmt.max_finite == largest * eta
    assert list(fmt.values) == [
        (code - 2**bits if code >= 2 ** (bits - 1) else code) * eta for code in range(2**bits)
    ]


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


@pytest.mark.parametrize("fmt", DTYPES, ids=lambda fmt: fmt.name)
def test_every_value_agrees_with_ml_dtypes(fmt: FloatFormat) -> None:
    codes = np.array(fmt.codes, np.uint8 if fmt.bits <= 8 else np.uint16)
    expected = codes.view(DTYPES[fmt]).astype(np.float32)
    got = np.array(list(fmt.values), np.float32)
    nan = np.isnan(expected)
    assert np.array_equal(np.isnan(got), nan)
    assert got[~nan].tobytes() == expected[~nan].tobytes()


def test_formats_are_values() -> None:
    assert replace(E2M1) == E2M1
    assert hash(replace(E2M1)) == hash(E2M1)
    for value, field in ((E2M1, "bias"), (INT8, "bits"), (MXFP4, "block_size")):
        with pytest.raises(FrozenInstanceError):
            setattr(value, field, 2)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            (0, 3, 7),
            "exponent_bits must be in 1..8 and .* in 0..23, got 0 and 3 for 'X'",
        ),
        ((9, 3, 7), "exponent_bits must be in 1..8"),
        ((4, -1, 7), "exponent_bits must be in 1..8"),
        ((4, 24, 7), "exponent_bits must be in 1..8"),
        ((1, 3, 0, NonNumbers.IEEE), "exponent_bits must be at least 2 and fraction_bits"),
        ((3, 0, 3, NonNumbers.IEEE), "exponent_bits must be at least 2 and fraction_bits"),
        ((4, 3, 7, NonNumbers.NONE, False), "signed must be True"),
        ((1, 0, 0, NonNumbers.NAN), "'X' has no number besides zero and what is no number"),
        ((8, 23, 128, NonNumbers.IEEE), "bias must keep every value within binary32"),
        ((8, 7, 127), "bias must keep every value within binary32"),
        ((8, 0, 126, NonNumbers.NAN, False, False), "bias must keep every value within binary32"),
    ],
)
def test_float_formats_that_cannot_be(arguments: tuple, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        FloatFormat("X", *arguments)


@pytest.mark.parametrize(
    "arguments",
    [(1, 0, 0), (8, 23, 127, NonNumbers.IEEE), (2, 0, 1, NonNumbers.NAN), (1, 1, 0, NonNumbers.NAN),
     (8, 0, 127, NonNumbers.NAN, False, False), (8, 16, 133, NonNumbers.IEEE)],
)  # fmt: skip
def test_float_formats_at_the_edge(arguments: tuple) -> None:
    fmt = FloatFormat("X", *arguments)
    finite = [x for x in map(fmt.value, range(min(len(fmt.codes), 5000))) if math.isfinite(x)]
    assert fmt.value(fmt.max_code) == fmt.max_finite >= max(finite)
    assert (
        2.0**fmt.emax <= fmt.max_finite < 2.0 ** (fmt.emax + 1) or fmt.max_finite < fmt.min_normal
    )
    assert np.float32(fmt.max_finite) == fmt.max_finite


def test_the_smallest_formats_of_their_kinds():
    ieee = FloatFormat("X", 2, 1, 1, NonNumbers.IEEE)
    assert (ieee.max_finite, ieee.inf_code, ieee.nan_code) == (3.0, 6, 7)
    assert FloatFormat("X", 1, 0, 0).min_subnormal is None


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((1, -1), "bits must be in 2..16, got 1 for 'X'"),
        ((17, -(2**16)), "bits must be in 2..16, got 17 for 'X'"),
        ((8, -126), "min_integer must be -128, -127 or 0, got -126 for 'X'"),
        ((8, -129), "min_integer must be -128, -127 or 0, got -129 for 'X'"),
        ((8, -128, -1), "fraction_bits must be in 0..100, got -1 for 'X'"),
        ((8, -128, 101), "fraction_bits must be in 0..100, got 101 for 'X'"),
    ],
)
def test_integer_formats_that_cannot_be(arguments: tuple, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        IntegerFormat("X", *arguments)


def test_integer_formats_at_the_edge() -> None:
    assert IntegerFormat("X", 2, -2).max_integer == 1
    assert IntegerFormat("X", 16, -(2**15), 100).max_finite == (2**15 - 1) * 2.0**-100
