"""Every class of accumulator has its place, and what has none is refused by name."""

from dataclasses import dataclass
from typing import get_args

import numpy as np
import pytest

from msdnum.emulator.gemm.products import matmul
from msdnum.emulator.gemm.units.kinds import KINDS, sums_of
from msdnum.formats.accumulator_kinds import AnyAccumulator
from msdnum.formats.accumulators import EXACT, HOPPER, SEQUENTIAL, Blocks

pytestmark = pytest.mark.core

ONES = np.ones((1, 1), np.float16)


@dataclass(frozen=True)
class Mine:
    name: str = "MINE"


def test_every_class_of_accumulator_has_sums_of_its_own():
    assert {*KINDS, Blocks} == set(get_args(AnyAccumulator))
    assert len(set(KINDS.values())) == len(KINDS)


@pytest.mark.parametrize("accumulator", [Mine(), "HOPPER", None, [HOPPER]])
def test_an_unknown_class_is_refused_with_those_that_are_known(accumulator):
    with pytest.raises(TypeError, match=r"one of the classes Blocks, .*MatrixUnit.*, got"):
        matmul(ONES, ONES, accumulator=accumulator)


def test_blocks_have_the_sums_of_what_is_inside():
    assert sums_of(Blocks(32, HOPPER)).inner == sums_of(HOPPER)
    assert type(sums_of(Blocks(32, EXACT))) is not type(sums_of(Blocks(32, SEQUENTIAL)))


def test_sums_without_steps_refuse_to_make_some():
    with pytest.raises(AssertionError, match="EXACT has no steps"):
        sums_of(EXACT).step(None, ())
