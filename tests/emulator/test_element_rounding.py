"""Rounding of scaled numbers, and what it leaves."""

import numpy as np
import pytest

import msdnum
from msdnum import Overflow
from msdnum.emulator import bit_patterns, element_rounding
from msdnum.formats.elements import BF16, BINARY32, E2M1, E4M3, E8M0, INT8
from msdnum.formats.other_elements import UE5M3
from msdnum.formats.p3109_families import p3109
from tests.support.agreement import assert_same_bits
from tests.support.elements import NARROW, by_name, neighbours

SIGNED = [fmt for fmt in NARROW if fmt not in (E8M0, BF16)]


@pytest.mark.parametrize("above", [-9, 0, 1, 5])
@pytest.mark.parametrize("fmt", SIGNED, **by_name)
def test_remainders_are_what_rounded_numbers_leave(fmt, above):
    """One binade at a time, beyond the largest number too."""
    x = np.float32(np.random.default_rng(above + 9).uniform(1, 2, 200) * 2.0 ** (fmt.emax + above))
    x = np.concatenate([x, -x])
    quanta = element_rounding.round_to_quanta(bit_patterns.as_pattern(x), 0, fmt)
    rounded = msdnum.round_to(x, fmt, overflow=Overflow.SATURATE)
    codes = msdnum.encode(x, fmt, overflow=Overflow.SATURATE)
    assert_same_bits(rounded, msdnum.decode(codes, fmt))
    assert_same_bits(element_rounding.remainder_of(quanta, fmt), x - rounded)


def test_scaled_numbers_beyond_binary32_saturate():
    x = np.array([np.inf, 2.0**127, 1.0], np.float32)
    codes = element_rounding.encode_scaled(
        bit_patterns.as_pattern(x), -10, BINARY32, Overflow.SATURATE
    )
    largest = np.finfo(np.float32).max
    assert_same_bits(codes.view(np.float32), np.array([largest, largest, 1024], np.float32))


@pytest.mark.parametrize("fmt", [E4M3, INT8], **by_name)
def test_scaled_codes_are_the_numbers_times_the_scale(fmt):
    codes = np.arange(100, dtype=np.uint8)
    assert_same_bits(element_rounding.decode_scaled(codes, 5, fmt), 32 * msdnum.decode(codes, fmt))


def test_remainders_across_binades_and_of_one_unit():
    """Some beyond the largest number, 6, some one ulp beside a number, and some of both."""
    x = neighbours(np.array([2, 3, 3.75, 4, 6, 8, 100, 2.0**20], np.float32))
    quanta = element_rounding.round_to_quanta(bit_patterns.as_pattern(x), 0, E2M1)
    rounded = msdnum.round_to(x, E2M1, overflow=Overflow.SATURATE)
    assert_same_bits(element_rounding.remainder_of(quanta, E2M1), x - rounded)


@pytest.mark.parametrize("fmt", [fmt for fmt in NARROW if fmt.bits <= 8], **by_name)
def test_a_table_has_the_numbers_of_the_fields(fmt):
    """With scales that make numbers subnormal, and too large, and with those no factor has."""
    codes = np.arange(1 << fmt.bits, dtype=np.uint8)[:, None]
    exponent = np.int32([[-149, -148, -140, -127, -126, -1, 0, 100, 120, 127]])
    expected = element_rounding._decode_fields(codes, exponent, fmt)
    assert_same_bits(element_rounding.decode_scaled(codes, exponent, fmt), expected)
    beyond = np.int32([[-300, -150, 128, 300]])
    expected = element_rounding._decode_fields(codes, beyond, fmt)
    assert_same_bits(element_rounding.decode_scaled(codes, beyond, fmt), expected)


@pytest.mark.parametrize("fmt", [fmt for fmt in NARROW if fmt.bits <= 8], **by_name)
def test_many_codes_are_looked_up_in_pairs(fmt):
    """Every pair of neighbours is there, whether codes are even in number, and whatever order."""
    codes = np.random.default_rng(2).integers(0, 1 << fmt.bits, (3, 1 << 14)).astype(np.uint8)
    exponent = np.int32([[0], [-3], [5]])
    expected = np.stack([element_rounding.table_of(fmt)[row] for row in codes])
    with np.errstate(all="ignore"):
        expected *= np.float32([[1], [2**-3], [2**5]])
    for part in (slice(None), slice(None, -1)):
        found = element_rounding.decode_scaled(codes[:, part], exponent, fmt)
        assert_same_bits(found, expected[:, part])


@pytest.mark.parametrize("signed", [True, False])
def test_ties_of_one_bit_significands_go_to_even_codes(signed):
    fmt = p3109(6, 1, signed=signed)
    codes = [c for c in range(1, fmt.max_code) if fmt.value(c) > 0]
    middles = np.float32([(fmt.value(c) + fmt.value(c + 1)) / 2 for c in codes])
    found = msdnum.encode(middles, fmt, overflow=Overflow.SATURATE)
    assert found.tolist() == [c + c % 2 for c in codes]


def test_minus_zero_is_zero_where_there_is_no_sign_and_less_is_nan():
    found = msdnum.encode(np.float32([-0.0, -1.0]), UE5M3, overflow=Overflow.SATURATE)
    assert found.tolist() == [0, UE5M3.nan_code]
