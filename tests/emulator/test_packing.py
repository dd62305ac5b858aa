"""Packing and layouts: the first code lowest, and undone."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import msdnum
from msdnum import testing
from msdnum.formats.blocks import MXFP6_E2M3, MXFP8_E4M3
from msdnum.formats.elements import E2M1, INT4
from tests.support.agreement import assert_same_bits, on_all_backends


def test_packing_puts_the_first_code_lowest():
    assert msdnum.pack(np.array([1, 2, 3, 4], np.uint8), E2M1).tolist() == [0x21, 0x43]
    six = np.array([1, 2, 3, 63], np.uint8)
    assert msdnum.pack(six, MXFP6_E2M3.element).tolist() == [0x81, 0x30, 0xFC]
    assert msdnum.pack(np.array([7, 9], np.uint8), MXFP8_E4M3.element).tolist() == [7, 9]


@given(st.sampled_from([E2M1, INT4, MXFP6_E2M3.element, MXFP8_E4M3.element]), st.data())
def test_packing_is_undone(fmt, data):
    codes = np.array(data.draw(st.lists(testing.codes(fmt), min_size=16, max_size=16)), np.uint8)
    codes = codes.reshape(2, 8)
    packed = msdnum.pack(codes, fmt)
    assert packed.size * 8 == codes.size * fmt.bits
    assert_same_bits(msdnum.unpack(packed, fmt), codes)
    number = int.from_bytes(packed[0].tobytes(), "little")
    assert [number >> (fmt.bits * i) & ((1 << fmt.bits) - 1) for i in range(8)] == list(codes[0])


def test_packing_agrees_on_all_backends():
    codes = np.arange(256, dtype=np.uint8).reshape(4, 64) % 16
    on_all_backends(lambda c: msdnum.unpack(msdnum.pack(c, E2M1), E2M1), codes)


def test_codes_share_bytes_along_any_axis():
    codes = np.arange(24, dtype=np.uint8).reshape(4, 6) % 16

    def both(codes):
        packed = msdnum.pack(codes, E2M1, axis=0)
        return packed, msdnum.unpack(packed, E2M1, axis=0)

    packed, back = on_all_backends(both, codes)
    assert_same_bits(packed, codes[0::2] | codes[1::2] << 4)
    assert_same_bits(back, codes)


def test_an_axis_that_is_not_whole_bytes_is_refused():
    with pytest.raises(ValueError, match=r"axis 0 divisible by 2, got shape \(3, 2\)"):
        msdnum.pack(np.zeros((3, 2), np.uint8), E2M1, axis=0)
    with pytest.raises(ValueError, match="axis must be one of the 1 of packed, got 1"):
        msdnum.unpack(np.zeros(2, np.uint8), E2M1, axis=1)
