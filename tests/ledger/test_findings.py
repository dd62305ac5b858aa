"""Findings: a witness points into its block."""

import pytest

from msdnum.ledger.findings import Witness


def test_a_witness_points_into_its_block():
    with pytest.raises(ValueError, match=r"element must be in 0\.\.1, got 2"):
        Witness("BF16", (1, 2), 2)
