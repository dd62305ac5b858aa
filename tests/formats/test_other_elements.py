"""Formats of papers, libraries and machines: their numbers, against others' or written out."""

import hashlib

import ml_dtypes
import numpy as np
import pytest

from msdnum import Overflow, Rounding, decode, encode, spec
from msdnum.formats import (
    E3M4,
    E4M3_IEEE,
    E4M3B11FNUZ,
    E6M2,
    HIF4_ELEMENT,
    HIF8,
    INT2,
    INT3,
    INT6,
    IQ4_NL,
    NF4,
    OTHER_FORMATS,
    UE4M3,
    UE5M3,
    UINT2,
    UINT4,
    UINT8,
    IntegerFormat,
)
from tests.support.agreement import on_numpy_and_jit

PEERS = {
    E3M4: ml_dtypes.float8_e3m4, E4M3_IEEE: ml_dtypes.float8_e4m3,
    E4M3B11FNUZ: ml_dtypes.float8_e4m3b11fnuz, INT2: ml_dtypes.int2, UINT2: ml_dtypes.uint2,
    UINT4: ml_dtypes.uint4, UINT8: np.uint8,
}  # fmt: skip
EVERY = pytest.mark.parametrize("fmt", OTHER_FORMATS.values(), ids=lambda fmt: fmt.name)
DETERMINISTIC = [mode for mode in Rounding if mode is not Rounding.STOCHASTIC]
BF16 = np.arange(1 << 16, dtype=np.uint16).view(ml_dtypes.bfloat16)


def encodable(fmt, x=BF16):
    return x if fmt.nan_code is not None else x[~np.isnan(x.astype(np.float32))]


@pytest.mark.parametrize("fmt", PEERS, ids=lambda fmt: fmt.name)
def test_codes_are_those_of_the_peer(fmt):
    codes = np.arange(1 << fmt.bits, dtype=np.uint8)
    theirs = codes.astype(PEERS[fmt]) if fmt.bits < 4 else codes.view(PEERS[fmt])
    if fmt in (INT2,):
        theirs = np.where(codes > 1, codes.astype(np.int8) - 4, codes)
    np.testing.assert_array_equal(decode(codes, fmt), theirs.astype(np.float32))


@pytest.mark.parametrize("fmt", [E3M4, E4M3_IEEE, E4M3B11FNUZ], ids=lambda fmt: fmt.name)
def test_every_bfloat16_rounds_as_with_the_peer(fmt):
    with np.errstate(invalid="ignore", over="ignore"):
        theirs = BF16.astype(np.float32).astype(PEERS[fmt]).view(np.uint8)
    ours = encode(BF16, fmt, overflow=Overflow.OVERFLOW)
    numbers = ~np.isnan(BF16.astype(np.float32))
    np.testing.assert_array_equal(ours[numbers], theirs[numbers])


@EVERY
def test_arrays_are_as_specified_on_every_backend(fmt):
    x = encodable(fmt)
    for overflow in Overflow if fmt.nan_code is not None else [Overflow.SATURATE]:
        for rounding in DETERMINISTIC:
            if rounding is Rounding.RNE:
                codes = on_numpy_and_jit(lambda v, o=overflow: encode(v, fmt, overflow=o), x)
            else:
                codes = encode(x, fmt, overflow=overflow, rounding=rounding)
            for i in range(0, len(x), 173):
                value = spec.from_float(float(x[i]))
                assert codes[i] == spec.encode(value, fmt, overflow=overflow, rounding=rounding)


@EVERY
def test_every_number_is_encoded_to_itself(fmt):
    codes = np.arange(1 << fmt.bits, dtype=np.uint8)
    x = on_numpy_and_jit(lambda c: decode(c, fmt), codes)
    for code in fmt.codes:
        value = spec.decode(code, fmt)
        assert spec.to_float32_bits(value) & 0x7FFFFFFF == x.view(np.uint32)[code] & 0x7FFFFFFF
    finite = x[np.isfinite(x)]
    for rounding in DETERMINISTIC:
        again = decode(encode(finite, fmt, overflow=Overflow.SATURATE, rounding=rounding), fmt)
        np.testing.assert_array_equal(again, finite)
        np.testing.assert_array_equal(np.signbit(again), np.signbit(finite))


def test_hif8_is_that_of_its_paper():
    """Table 2 of arXiv:2409.16626; the digest is of en_dtypes 0.0.4's numbers, for every code."""
    assert [HIF8.value(c) for c in (0, 1, 7, 8, 15)] == [0, 2.0**-22, 2.0**-16, 1, 1.875]
    assert HIF8.value(0x6E) == 2.0**15 == HIF8.max_finite
    assert HIF8.value(0x6F) == np.inf
    assert HIF8.value(0xEF) == -np.inf
    assert np.isnan(HIF8.value(0x80))
    numbers = np.float32(HIF8.values)
    numbers[0x80] = np.nan
    found = hashlib.sha256(numbers.view("<u4").tobytes()).hexdigest()
    assert found == "2ac829ee895e0e5e803c4484a3953db8d598c6c8131b98ca32f75502a7a2fb4c"


def test_every_bfloat16_rounds_to_hif8_as_with_its_maker():
    """RNA and overflow; the digest is of the codes that en_dtypes 0.0.4 gives."""
    codes = encode(BF16, HIF8, overflow=Overflow.OVERFLOW, rounding=Rounding.RNA)
    assert (
        hashlib.sha256(codes.tobytes()).hexdigest() == "bca1768faaec90c66563dedd844a67aa"
        "3203a96199637780bc6d22901180d57b"
    )


def test_ties_of_hif8_between_binades():
    x = np.float32([1.0625, 2.0**-23, 3 * 2.0**-23, 40960])
    away = encode(x, HIF8, overflow=Overflow.OVERFLOW, rounding=Rounding.RNA)
    even = encode(x, HIF8, overflow=Overflow.OVERFLOW)
    np.testing.assert_array_equal(away, [9, 1, 2, 0x6F])
    np.testing.assert_array_equal(even, [8, 0, 2, 0x6E])


def test_constants_written_out():
    assert (UE4M3.bits, UE4M3.max_finite, UE4M3.nan_code) == (7, 448, 0x7F)
    assert (UE5M3.bits, UE5M3.max_finite, UE5M3.nan_code) == (8, 114688, 0xFF)
    assert (E6M2.bits, E6M2.min_normal, E6M2.max_finite) == (8, 2.0**-48, 1.5 * 2.0**15)
    assert HIF4_ELEMENT.values[:8] == (0, 0.25, 0.5, 0.75, 1, 1.25, 1.5, 1.75)
    assert INT3.values == (0, 1, 2, 3, -4, -3, -2, -1)
    assert (INT6.min_integer, INT6.max_integer) == (-32, 31)
    assert (NF4.value(0), NF4.value(7), NF4.value(15)) == (-1, 0, 1)
    assert (IQ4_NL.has_zero, NF4.has_zero) == (False, True)


def test_unsigned_integers_saturate_at_both_ends():
    x = np.float32([-3, -0.4, 0.5, 1.5, 254.5, 255.5, 1e9])
    codes = on_numpy_and_jit(lambda v: encode(v, UINT8, overflow=Overflow.SATURATE), x)
    np.testing.assert_array_equal(codes, [0, 0, 0, 2, 254, 255, 255])
    assert IntegerFormat("UINT8", 8, 0) == UINT8
    with pytest.raises(ValueError, match="min_integer must be -128, -127 or 0, got -5"):
        IntegerFormat("x", 8, -5)
