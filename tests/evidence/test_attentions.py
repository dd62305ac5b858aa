"""Attention beside its reference: drawn from the seed."""

import numpy as np

from msdnum.evidence.attentions import drawn


def test_rows_are_drawn_from_the_seed():
    first, second = (
        drawn("normal", (1, 4, 32), np.random.default_rng(7), "MXFP8") for _ in range(2)
    )
    assert (first.output == second.output).all()
