"""The strategies keep their promises, and reach the edges that they promise."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import Phase, find, given, settings
from hypothesis import strategies as st
from hypothesis.errors import NoSuchExample

from msdnum import testing
from msdnum.formats.blocks import BLOCK_FORMATS
from msdnum.formats.elements import (
    BINARY32,
    E2M1,
    E4M3,
    E8M0,
    ELEMENT_FORMATS,
    INT8_SYMMETRIC,
    FloatFormat,
)
from msdnum.formats.modes import Overflow, Rounding, ScaleRule
from msdnum.testing import BLOCK_KINDS, FINITE_KINDS, SIGN, blocks

EVERY_FORMAT = pytest.mark.parametrize("fmt", ELEMENT_FORMATS.values(), ids=lambda fmt: fmt.name)
NARROW = pytest.mark.parametrize(
    "fmt", [f for f in ELEMENT_FORMATS.values() if f is not BINARY32], ids=lambda fmt: fmt.name
)
KINDS = pytest.mark.parametrize("kind", BLOCK_KINDS)


UNSHRUNK = settings(max_examples=5000, derandomize=True, phases=[Phase.generate])


def reach(strategy, condition):
    return find(strategy, condition, settings=UNSHRUNK)


def bits(x):
    return int(np.float32(x).view(np.uint32))


@pytest.mark.parametrize(
    ("strategy", "members"),
    [
        (testing.element_formats(), list(ELEMENT_FORMATS.values())),
        (testing.block_formats(), list(BLOCK_FORMATS.values())),
        (testing.overflows(), list(Overflow)),
        (testing.roundings(), [mode for mode in Rounding if mode is not Rounding.STOCHASTIC]),
        (testing.scale_rules(), [rule for rule in ScaleRule if rule is not ScaleRule.AMAX]),
    ],
)
def test_choices_are_complete(strategy, members):
    for member in members:
        reach(strategy, lambda drawn, member=member: drawn == member)


@given(testing.float_formats())
def test_float_formats_are_floating_point(fmt):
    assert isinstance(fmt, FloatFormat)


@EVERY_FORMAT
@given(data=st.data())
def test_codes_and_values_are_of_the_format(fmt, data):
    assert data.draw(testing.codes(fmt)) in fmt.codes
    value = data.draw(testing.finite_values(fmt))
    assert abs(value) <= fmt.max_finite or value == getattr(fmt, "min_integer", 0) * fmt.eta
    assert (Fraction(value) / Fraction(fmt.eta)).denominator == 1


@EVERY_FORMAT
def test_both_ends_of_the_codes_are_reached(fmt):
    for code in (0, fmt.codes[-1]):
        assert reach(testing.codes(fmt), lambda drawn, code=code: drawn == code) == code
    reach(testing.finite_values(fmt), lambda drawn: drawn == fmt.max_finite)


def test_symmetric_values_leave_out_the_missing_integer():
    strategy = testing.finite_values(INT8_SYMMETRIC)
    assert reach(strategy, lambda value: value < -126) == -127
    with pytest.raises(NoSuchExample):
        reach(strategy, lambda value: value < -127)


@NARROW
@given(data=st.data())
def test_midpoints_are_float32_and_halfway(fmt, data):
    x = data.draw(testing.midpoints(fmt))
    assert float(np.float32(x)) == x
    if fmt.bits > 8:
        return
    values = sorted({v for v in fmt.values if np.isfinite(v)})
    below = [v for v in values if v < x]
    above = [v for v in values if v > x]
    if below and above:
        assert Fraction(x) * 2 == Fraction(below[-1]) + Fraction(above[0])
    else:
        assert abs(x) - fmt.max_finite > 0 or x < values[0]


@pytest.mark.parametrize(
    ("fmt", "x"), [(E2M1, 7.0), (E2M1, -7.0), (E2M1, 0.25), (E4M3, 464.0), (E8M0, 1.5 * 2.0**127)]
)
def test_the_ends_are_among_the_midpoints(fmt, x):
    reach(testing.midpoints(fmt), lambda drawn: drawn == x)
    for other in (np.nextafter(np.float32(x), np.float32(to)) for to in (-np.inf, np.inf)):
        reach(testing.near_midpoints(fmt), lambda drawn, other=other: drawn == other)


def test_midpoints_of_integers_pass_both_ends():
    for x in (-127.5, 127.5):
        reach(testing.midpoints(INT8_SYMMETRIC), lambda drawn, x=x: drawn == x)


def test_binary32_has_no_midpoints_in_float32():
    with pytest.raises(ValueError, match=r"fmt must be narrower than binary32, got BINARY32"):
        testing.midpoints(BINARY32)


@pytest.mark.parametrize(
    "pattern",
    [0, 0x80000000, 1, 0x7FFFFF, 0x800000, 0x7F7FFFFF, 0x7F800000, 0xFF800000, 0x3F800001],
)
def test_float32_edges_are_reached(pattern):
    assert reach(testing.float32_bits(), lambda drawn: drawn == pattern) == pattern


def test_float32_patterns_are_not_edges_only():
    reach(testing.float32_bits(), lambda drawn: drawn & 0xFFFF not in (0, 1, 0xFFFF))
    reach(testing.float32_bits(), lambda drawn: drawn & 0x7FFFFFFF > 0x7F800000)


@given(testing.bfloat16_bits())
def test_bfloat16_patterns_end_in_zeros(pattern):
    assert 0 <= pattern < 2**32
    assert pattern % 2**16 == 0


def amax(x):
    return np.abs(x).max()


def near_power(pattern):
    return any((pattern + step) % 2**23 == 0 for step in (0, 1, -1, 0x10000, -0x10000))


PROPERTIES = {
    "zero": lambda x: not x.any(),
    "all_equal": lambda x: len(np.unique(x.view(np.uint32))) == 1,
    "one_outlier": lambda x: ((np.abs(x) >= 256) & (np.abs(x) > 1)).sum() == 1,
    "near_amax": lambda x: bits(np.abs(x).min()) + 6 * 2**23 >= bits(amax(x)),
    "amax_near_power": lambda x: near_power(bits(amax(x))),
    "subnormal": lambda x: amax(x) < 2.0**-126,
    "least_scale": lambda x: 0 < amax(x) <= 2.0**-107,
    "greatest_scale": lambda x: 2.0**126 <= amax(x) < np.inf,
    "near_overflow": lambda x: np.isfinite(x).all() and (np.abs(x) >= 2.0**127).all(),
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


def test_sign_is_the_sign_bit():
    assert bits(-0.0) == SIGN
