"""Lanes and chains: what cannot be one is refused."""

from dataclasses import replace

import pytest

from msdnum.formats.accumulators import INSTRUCTIONS, X86_BF16
from msdnum.formats.chained_units import ChainUnit, LanesUnit
from msdnum.formats.elements import E4M3


@pytest.mark.parametrize(
    ("change", "match"),
    [({"lanes": 4}, "lanes must divide the group of 6, got 4"), ({"group": 0}, "group must be")],
)
def test_lanes_of_different_lengths_are_refused(change, match):
    with pytest.raises(ValueError, match=match):
        replace(LanesUnit("six", 6, 3), **change)


@pytest.mark.parametrize("order", [(), (0, 2), (1, 1), (1, 2)])
def test_an_order_has_each_product_once(order):
    with pytest.raises(ValueError, match="order must have each of 0, 1"):
        ChainUnit("none", order)


def test_a_chain_has_a_group_and_an_output_with_infinity():
    assert X86_BF16.group == 2
    assert INSTRUCTIONS["X86_BF16"] == X86_BF16
    with pytest.raises(ValueError, match="output must be a signed float format"):
        ChainUnit("E4M3", output=E4M3)
