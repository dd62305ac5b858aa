"""Real tensors obey the bounds."""

from fractions import Fraction

import numpy as np

from msdnum.evidence import decompositions
from msdnum.trials.toolkit import tensors
from tests.support.ledger import CLAIMED, FAILS, HOLDS, ledger_of


def test_underflow_is_part_of_the_promise_to_a_tensor():
    x = np.full((2, 32), 2.0**-133, np.float32)
    for promise in tensors.TENSOR_PROMISES:
        assert decompositions.judge_blocks(x, promise).verdict is HOLDS
    assert decompositions.judge_blocks(x, CLAIMED[2]).verdict is FAILS


def test_real_tensors_obey_the_bounds():
    ledger = ledger_of("model")
    assert ledger.unexpected == []
    assert all(row.finding.ratio > Fraction(1, 2) for row in ledger.rows)
