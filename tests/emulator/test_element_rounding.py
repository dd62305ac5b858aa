"""Rounding of scaled numbers, and what it leaves."""

import numpy as np
import pytest

import msdnum
from msdnum import Overflow
from msdnum.emulator import bit_patterns, element_rounding
from msdnum.formats.elements import BF16, BINARY32, E2M1, E8M0
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


def test_remainders_across_binades_and_of_one_unit():
    """Some beyond the largest number, 6, some one ulp beside a number, and some of both."""
    x = neighbours(np.array([2, 3, 3.75, 4, 6, 8, 100, 2.0**20], np.float32))
    quanta = element_rounding.round_to_quanta(bit_patterns.as_pattern(x), 0, E2M1)
    rounded = msdnum.round_to(x, E2M1, overflow=Overflow.SATURATE)
    assert_same_bits(element_rounding.remainder_of(quanta, E2M1), x - rounded)


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
