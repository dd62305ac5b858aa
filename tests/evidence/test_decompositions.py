"""Blocks judged by their worst element."""

from dataclasses import replace

import numpy as np
import pytest

from msdnum.evidence import decompositions
from msdnum.evidence.promises import EVERY_AMAX, INT8_NORMAL, Bound, Promise
from msdnum.formats.schemes import INT8_X2, INT8_X2_FLOAT32, MXFP4_X2
from msdnum.ledger.findings import Witness
from msdnum.trials.toolkit.promises import ALPHA_64, M_64516
from tests.support.ledger import CLAIMED, FAILS, HOLDS, block_of


@pytest.fixture(scope="module")
def all_bf16():
    return decompositions.Pairs(deep=False)


def test_blocks_are_judged_by_their_worst_element():
    x = np.zeros((3, 40), np.float32)
    x[1, 32:34] = 1.0, 37 / 64
    promise = Promise("", MXFP4_X2, ALPHA_64, None, EVERY_AMAX)
    finding = decompositions.judge_blocks(x, promise)
    assert finding.ratio == 1
    assert finding.verdict is HOLDS
    assert finding.witness == Witness("BF16", (0x3F80, 0x3F14, *[0] * 30), 1)
    tighter = replace(promise, bound=Bound("alpha/65", "alpha", lambda alpha: alpha / 65))
    assert decompositions.judge_blocks(x, tighter).verdict is FAILS


def test_a_block_that_bf16_does_not_hold_is_shown_in_binary32():
    finding = decompositions.judge_blocks(
        block_of(1, 1 / 3), Promise("", INT8_X2, M_64516, None, EVERY_AMAX)
    )
    assert finding.witness.format == "BINARY32"
    assert finding.witness.block == (0x3F800000, 0x3EAAAAAB)


def test_zeros_are_no_error():
    finding = decompositions.judge_blocks(np.zeros((2, 32), np.float32), CLAIMED[0])
    assert (finding.verdict, finding.ratio, finding.found) == (HOLDS, 0, "0")


@pytest.mark.long
def test_all_pairs_give_what_those_up_to_powers_of_two_give(all_bf16):
    deep = decompositions.Pairs(deep=True)
    for promise in (CLAIMED[0], Promise("", INT8_X2_FLOAT32, M_64516, None, INT8_NORMAL)):
        quick = all_bf16.judge(promise)
        assert deep.judge(promise).ratio == quick.ratio
