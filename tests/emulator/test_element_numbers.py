"""Numbers of codes times powers of two: computed from fields, and looked up in pairs."""

import numpy as np
import pytest

import msdnum
from msdnum.emulator import element_numbers
from msdnum.formats.elements import BF16, E4M3, E8M0, INT8
from tests.support.agreement import assert_same_bits
from tests.support.elements import NARROW, by_name

SIGNED = [fmt for fmt in NARROW if fmt not in (E8M0, BF16)]


@pytest.mark.parametrize("fmt", [E4M3, INT8], **by_name)
def test_scaled_codes_are_the_numbers_times_the_scale(fmt):
    codes = np.arange(100, dtype=np.uint8)
    assert_same_bits(element_numbers.decode_scaled(codes, 5, fmt), 32 * msdnum.decode(codes, fmt))


@pytest.mark.parametrize("fmt", [fmt for fmt in NARROW if fmt.bits <= 8], **by_name)
def test_a_table_has_the_numbers_of_the_fields(fmt):
    """With scales that make numbers subnormal, and too large, and with those no factor has."""
    codes = np.arange(1 << fmt.bits, dtype=np.uint8)[:, None]
    exponent = np.int32([[-149, -148, -140, -127, -126, -1, 0, 100, 120, 127]])
    expected = element_numbers._decode_fields(codes, exponent, fmt)
    assert_same_bits(element_numbers.decode_scaled(codes, exponent, fmt), expected)
    beyond = np.int32([[-300, -150, 128, 300]])
    expected = element_numbers._decode_fields(codes, beyond, fmt)
    assert_same_bits(element_numbers.decode_scaled(codes, beyond, fmt), expected)


@pytest.mark.parametrize("fmt", [fmt for fmt in NARROW if fmt.bits <= 8], **by_name)
def test_many_codes_are_looked_up_in_pairs(fmt):
    """Every pair of neighbours is there, whether codes are even in number, and whatever order."""
    codes = np.random.default_rng(2).integers(0, 1 << fmt.bits, (3, 1 << 14)).astype(np.uint8)
    exponent = np.int32([[0], [-3], [5]])
    expected = np.stack([element_numbers.table_of(fmt)[row] for row in codes])
    with np.errstate(all="ignore"):
        expected *= np.float32([[1], [2**-3], [2**5]])
    for part in (slice(None), slice(None, -1)):
        found = element_numbers.decode_scaled(codes[:, part], exponent, fmt)
        assert_same_bits(found, expected[:, part])
