"""Orders of addition are found of sums whose order is known, whatever it is."""

import numpy as np
import pytest

from msdnum.evidence.addition_orders import START, AdditionOrder, Meeting, order_of
from msdnum.evidence.black_boxes import box_of_function
from msdnum.evidence.products_of_powers import powers_of
from msdnum.formats.accumulators import EXACT, PAIRWISE, Blocks
from msdnum.formats.elements import BINARY32, E4M3
from tests.support.probes import PRESETS, box_of

GROUPS = {
    "VOLTA": 4, "AMPERE": 8, "HOPPER": 16, "HOPPER_FP8": 32, "BLACKWELL_MXFP4": 64, "CDNA2": 4,
    "CDNA3": 8, "CDNA1_BF16": 2, "SEQUENTIAL": 1, "BLOCKS_32_SEQUENTIAL": 32, "CDNA3_XF32": 4,
    "HOPPER_TF32": 8, "BLOCKS_32_IN_2_HOPPER": 32, "BLACKWELL_FP8_FP16": 32, "CDNA3_FNUZ": 16,
}  # fmt: skip


def found_of(box):
    return order_of(box, powers_of(box))


@pytest.mark.parametrize("unit", PRESETS, ids=lambda u: u.name)
def test_the_order_of_every_preset_is_found(unit):
    order = found_of(box_of(unit))
    leaves = order.tree.leaves
    assert sorted(leaf for leaf in leaves if leaf != START) == list(range(order.length))
    if unit.name in GROUPS:
        assert order.group == GROUPS[unit.name]
    assert order.is_pairwise == (unit is PAIRWISE)
    assert order.is_exact == (unit is EXACT or "INT32" in unit.name)


def summed(tree, products):
    """Add products, float32, in the order of a nested tuple of places."""
    if isinstance(tree, int):
        return products[tree]
    total = summed(tree[0], products)
    for other in tree[1:]:
        total = np.float32(total + summed(other, products))
    return total


TREES = {
    "reversed": (((3, 2), 1), 0),
    "lanes": ((((0, 4), 8), ((1, 5), 9)), (((2, 6), 10), ((3, 7), 11))),
    "lopsided": ((0, (1, (2, (3, 4)))), ((5, 6), 7)),
    "from the middle": ((2, 3), (1, (4, (0, 5)))),
}


def as_meeting(tree):
    """Return the tree that is found: children by their first leaf."""
    if isinstance(tree, int):
        return tree
    children = sorted((as_meeting(x) for x in tree), key=first_leaf)
    return Meeting(tuple(children))


def first_leaf(tree):
    return tree if isinstance(tree, int) else tree.leaves[0]


@pytest.mark.parametrize("name", TREES)
def test_any_tree_is_found(name):
    tree = as_meeting(TREES[name])

    def product(a, b):
        return np.array([[summed(TREES[name], a[0] * b[:, 0])]], np.float32)

    with np.errstate(all="ignore"):
        box = box_of_function(product, BINARY32, len(tree.leaves), shape=(1, 1))
        assert found_of(box).tree == tree


def test_an_order_is_told_in_words():
    assert str(found_of(box_of(PAIRWISE))) == "pairwise: neighbours, then their sums"
    assert str(found_of(box_of(EXACT))) == "exact, as far as the format can show"
    blocks = found_of(box_of(Blocks(32, EXACT), E4M3, 96))
    assert str(blocks) == "the sum so far and a sum of 32 (without loss), 3 times"
    assert blocks.start == "first"
    lanes = AdditionOrder(as_meeting(TREES["lanes"]), 12)
    assert "every 4th" in str(lanes)
    assert AdditionOrder(0, 1).start == "not asked"
    assert str(AdditionOrder(0, 1)) == "one product"


def test_sums_that_follow_no_order_are_refused():
    rng = np.random.default_rng(0)

    def random(a, b):
        order = rng.permutation(a.shape[1])
        total = np.float32(0)
        for k in order:
            total = np.float32(total + a[0, k] * b[k, 0])
        return np.array([[total]])

    box = box_of_function(random, BINARY32, 24, shape=(1, 1))
    with pytest.raises(ValueError, match="must add products in some order"):
        found_of(box)
