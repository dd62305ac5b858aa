"""Powers of two that a box gives back: as far as the formats of elements and results reach."""

import numpy as np
import pytest

from msdnum.evidence.black_boxes import BlackBox
from msdnum.evidence.products_of_powers import powers_of, split
from msdnum.formats.accumulators import CDNA2, HOPPER, HOPPER_FP8, HOPPER_FP16, INT32
from msdnum.formats.elements import BF16
from tests.support.probes import box_of


@pytest.mark.parametrize(
    ("unit", "low", "high"),
    [(HOPPER, -149, 127), (HOPPER_FP8, -18, 16), (HOPPER_FP16, -24, 15), (CDNA2, -126, 127),
     (INT32, 0, 12)],
    ids=lambda x: getattr(x, "name", None),
)  # fmt: skip
def test_the_range_is_that_of_elements_and_results(unit, low, high):
    powers = powers_of(box_of(unit))
    assert (powers.low, powers.high) == (low, high)


def test_products_are_split_into_numbers_of_the_format():
    box = box_of(HOPPER)
    products = np.array([[1.5 * 2.0**e for e in range(-140, 120, 13)] + [0.0]])
    a, b = split(products, box)
    np.testing.assert_array_equal(a * b, products)
    assert (np.abs(b[b != 0]) == np.exp2(np.rint(np.log2(b[b != 0])))).all()


def test_sums_of_some_products_are_asked_by_their_places():
    powers = powers_of(box_of(HOPPER))
    found = powers.sums([{0: 1.0, 5: 0.5}, {3: -2.0}], [1.0, 0.0])
    np.testing.assert_array_equal(found, [2.5, -2.0])
    np.testing.assert_array_equal(powers.pairs([{1: (3.0, -0.5)}]), [-1.5])


def test_a_box_that_does_not_multiply_is_no_product():
    box = BlackBox("nothing", BF16, lambda a, b, c: np.zeros(len(a)), 8, takes_c=False)
    with pytest.raises(ValueError, match=r"must give 1 for one product 1 \* 1 in BF16, got 0.0"):
        powers_of(box)
