"""All BF16 pairs: the worst by the specification, windows that cover what they say."""

from fractions import Fraction

import numpy as np
import pytest

from msdnum.emulator.decompositions import decompose
from msdnum.evidence.bf16_pairs import (
    LARGEST,
    ONE,
    Window,
    every_amax,
    profile,
    scale_free,
    to_float32,
)
from msdnum.evidence.promises import EVERY_AMAX, Promise
from msdnum.formats.modes import ScaleRule
from msdnum.formats.schemes import INT8_X2, INT8_X2_FLOAT32, MXFP4_X1, MXFP4_X2, MXFP8_X1
from msdnum.ledger.findings import Witness
from msdnum.trials.toolkit.promises import ALPHA_64
from tests.support.ledger import error_by_spec


def quiet(count):
    """Show no progress."""


@pytest.mark.parametrize("rule", [ScaleRule.CEIL, ScaleRule.RCEIL, ScaleRule.EVEN, ScaleRule.FLOOR])
def test_the_specification_reproduces_the_worst_block_of_every_amax(rule):
    scheme = MXFP4_X2.with_rule(rule, own_amax=True)
    found = profile(scheme, (Window(ONE, ONE + 127, depth=8),), quiet)
    promise = Promise("", scheme, ALPHA_64, None, EVERY_AMAX)
    for amax, block in found.blocks.items():
        assert block[0] == amax
        witness = Witness("BF16", block, len(block) - 1)
        assert error_by_spec(promise, witness)[0] == found.errors[amax]


def test_the_largest_error_in_a_window_is_that_of_all_its_pairs():
    window = Window(0x3FA0, 0x3FA3, depth=2)
    found = profile(MXFP4_X2, (window,), quiet)
    for amax in range(0x3FA0, 0x3FA4):
        xs = to_float32(np.arange(amax - 256, amax + 1, dtype=np.uint16))
        pair = np.stack([np.full_like(xs, xs[-1]), xs], axis=1)
        left = np.abs(decompose(pair, MXFP4_X2).remainder)
        assert found.errors[amax] == Fraction(float(left.max()))
        assert found.pairs[amax] >= 257


@pytest.mark.parametrize("rule", [ScaleRule.CEIL, ScaleRule.RCEIL, ScaleRule.FLOOR])
@pytest.mark.parametrize("amax", [0x3F80, 0x3F94, 0x3FBB, 0x3FFF])
def test_with_its_own_amax_no_block_of_three_is_worse(rule, amax):
    scheme = MXFP4_X2.with_rule(rule, own_amax=True)
    found = profile(scheme, (Window(amax, amax, depth=2),), quiet)
    xs = to_float32(np.arange(amax - 256, amax + 1, dtype=np.uint16))
    y, x = (grid.ravel() for grid in np.meshgrid(xs, xs))
    triples = np.stack([np.full_like(x, xs[-1]), y, x], axis=1)
    left = np.abs(decompose(triples, scheme).remainder)
    assert found.errors[amax] == Fraction(float(left.max()))


@pytest.mark.parametrize("scheme", [INT8_X2, INT8_X2_FLOAT32, MXFP4_X2, MXFP8_X1])
@pytest.mark.parametrize("binades", [-60, 17, 126])
def test_errors_scale_with_powers_of_two(scheme, binades):
    here, there = (
        profile(scheme, (Window(first, first + 127, depth=10),), quiet)
        for first in (ONE, ONE + 128 * binades)
    )
    factor = Fraction(2) ** binades
    assert list(there.errors.values()) == [factor * e for e in here.errors.values()]


@pytest.mark.parametrize("scheme", [INT8_X2, MXFP4_X2])
def test_a_window_too_shallow_is_deepened(scheme):
    shallow, deep = (
        profile(scheme, (Window(ONE, ONE + 9, depth=depth),), quiet) for depth in (0, None)
    )
    assert shallow == deep


def test_progress_counts_every_amax():
    told = []
    profile(MXFP4_X1, scale_free(depth=3), told.append)
    assert sum(told) == sum(len(window) for window in scale_free(depth=3))


def test_windows_cover_what_they_say():
    (window,) = every_amax()
    assert (window.first, window.last, window.lowest(77), len(window)) == (1, LARGEST, 0, LARGEST)
    assert to_float32(np.array([LARGEST], np.uint16))[0] == float.fromhex("0x1.fep127")
    chunks = list(Window(1, 3000, depth=4).chunks())
    assert [chunk.first for chunk in chunks[1:]] == [chunk.last + 1 for chunk in chunks[:-1]]
    assert (chunks[0].first, chunks[-1].last) == (1, 3000)
    rows = Window(700, 702, depth=1).rows()
    assert rows[:, 0].tolist() == [700, 701, 702]
    assert sorted({*rows[0].tolist()}) == [0, *range(572, 701)]


@pytest.mark.parametrize("ends", [(0, 5), (5, 4), (1, LARGEST + 1)])
def test_a_window_of_other_numbers_is_refused(ends):
    with pytest.raises(ValueError, match="window must lie in"):
        Window(*ends)
