"""Online softmax: the order of tiles, short tiles, and rows that see nothing."""

from dataclasses import replace

import numpy as np
import pytest

from msdnum.emulator.attention.flash import attend
from msdnum.emulator.attention.kv_cache import KV_FORMATS
from msdnum.emulator.attention.methods import FLOAT32_FLASH, Mask
from msdnum.evidence.attentions import DECOMPOSING
from tests.support.agreement import assert_same_bits
from tests.support.attention import drawn, over_cache


def test_a_query_that_sees_nothing_gives_nan():
    found = attend(drawn(3, 8), drawn(2, 8), drawn(2, 4), FLOAT32_FLASH, mask=Mask.CAUSAL)
    assert np.isnan(found[0]).all()
    assert np.isfinite(found[1:]).all()


@pytest.mark.parametrize("name", KV_FORMATS)
def test_short_last_tiles_are_filled_up_with_nothing(name):
    """33 tokens in tiles of 32, or with 31 more that do not count: the same bits."""
    method = replace(DECOMPOSING[name], tile=32)
    q, k, v = drawn(3, 32), drawn(64, 32), drawn(64, 8)
    k[33:], v[33:] = 0, 0
    short, long = over_cache(name, method), over_cache(name, method, lengths=33)
    assert_same_bits(short(q, k[:33], v[:33]), long(q, k, v))


def test_the_order_of_tiles_is_part_of_the_definition():
    q, k, v = drawn(4, 32), drawn(64, 32), drawn(64, 8)
    one = attend(q, k, v, FLOAT32_FLASH)
    assert (one != attend(q, k, v, replace(FLOAT32_FLASH, tile=16))).any()
