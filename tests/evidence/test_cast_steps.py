"""Steps of casts: the runs give what the specification and the emulator give of each pattern."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from msdnum import encode, spec, testing
from msdnum.conformance.own_formats import overflows_of
from msdnum.evidence.cast_steps import REFUSED, steps_of
from msdnum.formats.elements import BINARY32, E2M1, E4M3, E4M3FNUZ, E5M2, E8M0, FP16, INT8
from msdnum.formats.modes import Overflow, Rounding

DIRECTIONS = [mode for mode in Rounding if mode is not Rounding.STOCHASTIC]
SMALL = [E2M1, E4M3, E5M2, E8M0, E4M3FNUZ, INT8]


def answer(bits, fmt, rounding, overflow):
    try:
        value = spec.from_float32_bits(bits)
        return spec.encode(value, fmt, overflow=overflow, rounding=rounding)
    except ValueError:
        return REFUSED


@pytest.mark.parametrize("overflow", Overflow)
@pytest.mark.parametrize("fmt", SMALL, ids=lambda fmt: fmt.name)
@pytest.mark.parametrize("rounding", DIRECTIONS)
def test_a_run_is_what_the_specification_says_of_its_members(fmt, rounding, overflow):
    if overflow not in overflows_of(fmt):
        return
    steps = steps_of(fmt, rounding, overflow)
    rng = np.random.default_rng(0)
    edges = [start + d for start in map(int, steps.starts[::7]) for d in (-1, 0, 1)]
    for bits in [*map(int, rng.integers(0, 2**32, 60)), *(e for e in edges if 0 <= e < 2**32)]:
        assert steps.between(bits, bits + 1) == answer(bits, fmt, rounding, overflow), hex(bits)


@settings(max_examples=25, deadline=None)
@given(testing.random_element_formats(7), st.sampled_from(DIRECTIONS), st.data())
def test_runs_of_random_designs_are_right_too(fmt, rounding, data):
    overflow = data.draw(st.sampled_from(overflows_of(fmt)))
    steps = steps_of(fmt, rounding, overflow)
    for bits in data.draw(st.lists(testing.float32_bits(), min_size=5, max_size=20)):
        assert steps.between(bits, bits + 1) == answer(bits, fmt, rounding, overflow), hex(bits)


@pytest.mark.parametrize("fmt", [E4M3, E2M1, INT8], ids=lambda fmt: fmt.name)
def test_whole_blocks_are_what_the_emulator_gives(fmt):
    """The emulator shares no code with the steps."""
    overflow = overflows_of(fmt)[-1]
    steps = steps_of(fmt, Rounding.RNE, overflow)
    for start in range(0, 2**32, 2**32 // 64):
        if start & 0x7FFFFFFF > 0x7F800000:
            continue
        inputs = np.arange(start, start + 2**14, dtype=np.int64)
        x = inputs.astype(np.uint32).view(np.float32)
        expected = steps.between(start, start + inputs.size)
        assert np.array_equal(encode(x, fmt, overflow=overflow), expected)


def test_runs_are_neither_empty_nor_alike():
    steps = steps_of(E4M3, Rounding.RNE, Overflow.OVERFLOW)
    assert steps.starts[0] == 0
    assert (np.diff(steps.starts) > 0).all()
    assert (np.diff(steps.codes) != 0).all()


def test_pieces_are_of_the_same_whole():
    steps = steps_of(E2M1, Rounding.RTP, Overflow.SATURATE)
    low, high = 0x3E7FFFF0, 0x3E800010
    pieces = [steps.between(bits, bits + 1) for bits in range(low, high)]
    assert np.array_equal(np.concatenate(pieces), steps.between(low, high))


def test_what_is_no_step_function_is_refused():
    with pytest.raises(ValueError, match="fmt must have at most 16 bits, got BINARY32 with 32"):
        steps_of(BINARY32, Rounding.RNE, Overflow.OVERFLOW)
    with pytest.raises(ValueError, match="rounding must be a direction, got STOCHASTIC"):
        steps_of(FP16, Rounding.STOCHASTIC, Overflow.OVERFLOW)
    with pytest.raises(ValueError, match="overflow must be SATURATE for E2M1, got OVERFLOW"):
        steps_of(E2M1, Rounding.RNE, Overflow.OVERFLOW)
