"""Strategies for blocks keep their promises, and what fails shrinks to few elements."""

import numpy as np
import pytest
from hypothesis import find, given, settings
from hypothesis import strategies as st

from msdnum import testing
from msdnum.testing import BLOCK_KINDS, FINITE_KINDS, blocks
from tests.support.strategies import bits, reach

KINDS = pytest.mark.parametrize("kind", BLOCK_KINDS)


def amax(x):
    return np.abs(x).max()


def there(x):
    """Return the elements that have not been made zero: the largest is always among them."""
    return x[x != 0] if x.any() else x[:1]


def near_power(pattern):
    return any((pattern + step) % 2**23 == 0 for step in (0, 1, -1, 0x10000, -0x10000))


PROPERTIES = {
    "zero": lambda x: not x.any(),
    "all_equal": lambda x: len(np.unique(there(x).view(np.uint32))) == 1,
    "one_outlier": lambda x: ((np.abs(x) >= 256) & (np.abs(x) > 1)).sum() == 1,
    "near_amax": lambda x: bits(np.abs(there(x)).min()) + 6 * 2**23 >= bits(amax(x)),
    "amax_near_power": lambda x: near_power(bits(amax(x))),
    "subnormal": lambda x: amax(x) < 2.0**-126,
    "least_scale": lambda x: 0 < amax(x) <= 2.0**-107,
    "greatest_scale": lambda x: 2.0**126 <= amax(x) < np.inf,
    "near_overflow": lambda x: np.isfinite(x).all() and (np.abs(there(x)) >= 2.0**127).all(),
    "any": lambda x: np.isfinite(x).all(),
    "inf": lambda x: np.isinf(x).sum() == 1 and not np.isnan(x).any(),
    "nan": lambda x: np.isnan(x).sum() == 1 and not np.isinf(x).any(),
}


@KINDS
@pytest.mark.parametrize("size", [1, 32])
@settings(max_examples=30)
@given(data=st.data())
def test_every_kind_of_block_is_what_it_says(kind, size, data):
    x = data.draw(blocks(size, [kind]))
    assert x.dtype == np.float32
    assert x.shape == (size,)
    assert PROPERTIES[kind](x)


@KINDS
def test_every_kind_but_zeros_varies(kind):
    x = reach(blocks(4, [kind]), lambda x: x.any() or kind == "zero")
    reach(blocks(4, [kind]), lambda y: y.tobytes() != x.tobytes())
    reach(blocks(4, [kind]), lambda y: np.signbit(y).any())


def test_the_ends_of_the_scales_are_reached():
    reach(blocks(1, ["least_scale"]), lambda x: amax(x) == 2.0**-149)
    reach(blocks(1, ["greatest_scale"]), lambda x: bits(amax(x)) == 0x7F7FFFFF)
    for step in (-0x10000, -1, 0, 1, 0x10000):
        power = blocks(1, ["amax_near_power"])
        reach(power, lambda x, step=step: (bits(amax(x)) - step) % 2**23 == 0)


@given(blocks(3))
def test_blocks_are_finite_unless_asked(x):
    assert np.isfinite(x).all()
    assert set(BLOCK_KINDS) - set(FINITE_KINDS) == {"inf", "nan"}


@pytest.mark.parametrize("size", [0, -1])
def test_empty_blocks_are_refused(size):
    with pytest.raises(ValueError, match=rf"block_size must be positive, got {size}"):
        blocks(size)


@pytest.mark.parametrize("kinds", [["zeros"], []])
def test_unknown_kinds_are_refused(kinds):
    with pytest.raises(ValueError, match=r"kinds must be some of zero, .*nan, got \["):
        blocks(4, kinds)


@given(testing.rows(8, 3))
def test_rows_are_blocks_end_to_end(x):
    assert x.dtype == np.float32
    assert x.ndim == 1
    assert 1 <= x.size <= 24


def test_rows_reach_every_length():
    for size in (1, 3, 4, 5, 12):
        reach(testing.rows(4, 3), lambda x, size=size: x.size == size)


@given(testing.bfloat16(blocks(4, list(BLOCK_KINDS))))
def test_bfloat16_keeps_the_top_half(x):
    assert not (x.view(np.uint32) & 0xFFFF).any()


@given(testing.bfloat16(blocks(4, ["nan"])), testing.bfloat16(blocks(4, ["inf"])))
def test_bfloat16_keeps_nan_and_inf(nan, inf):
    assert np.isnan(nan).sum() == 1
    assert np.isinf(inf).sum() == 1


@given(testing.shapes(2, 40))
def test_shapes_have_no_empty_axis(shape):
    assert 1 <= len(shape) <= 2
    assert all(1 <= side <= 40 for side in shape)


@pytest.mark.parametrize("kind", FINITE_KINDS)
def test_a_block_shrinks_to_one_element_that_is_not_zero(kind):
    if kind == "zero":
        return
    small = settings(derandomize=True, max_examples=500)
    x = find(blocks(32, [kind]), lambda x: bool(x.any()), settings=small)
    assert np.count_nonzero(x) == 1
    assert x[0] != 0


def test_a_block_shrinks_to_the_two_elements_that_matter():
    small = settings(derandomize=True, max_examples=500)
    x = find(blocks(32), lambda x: np.count_nonzero(x) > 1, settings=small)
    assert np.count_nonzero(x) == 2


def test_blocks_are_whole_or_in_part_or_one_element():
    for count in (1, 5, 8):
        reach(blocks(8, ["near_overflow"]), lambda x, n=count: np.count_nonzero(x) == n)
