"""Measurements that need a place or a range that is not there answer None, not a number."""

import numpy as np
import pytest

from msdnum.evidence.black_boxes import BlackBox
from msdnum.evidence.products_of_powers import powers_of
from msdnum.evidence.unit_measurements import UnitMeasurement
from msdnum.formats.accumulators import HOPPER, INT32
from msdnum.formats.elements import BF16, BINARY32
from tests.support.probes import box_of


def rounded(mode):
    """A box that adds exactly, in float64, and rounds to 12 fraction bits by itself."""

    def dots(a, b, c):
        total = (a.astype(np.float64) * b.astype(np.float64)).sum(axis=1)
        with np.errstate(invalid="ignore", divide="ignore"):
            last = np.exp2(np.floor(np.log2(np.abs(total))) - 12)
            return np.where(total == 0, total, mode(total / last) * last)

    return BlackBox("rounded", BF16, dots, 8, takes_c=False)


@pytest.mark.parametrize(
    ("mode", "name"),
    [
        (np.rint, "to nearest, ties to even"), (np.trunc, "towards zero"), (np.floor, "down"),
        (np.ceil, "up"), (lambda x: np.copysign(np.floor(np.abs(x) + 0.5), x),
                          "to nearest, ties away"),
        (lambda x: np.where(x == np.floor(x), x, 2 * np.floor(x / 2) + 1), "to odd"),
    ],
)  # fmt: skip
def test_each_rounding_is_told_from_all_others(mode, name):
    measurement = UnitMeasurement(powers_of(rounded(mode)), list(range(8)))
    assert measurement.result_bits() == 12
    assert measurement.rounding(12, None) == name


def test_a_place_that_is_not_there_answers_nothing():
    powers = powers_of(box_of(HOPPER))
    alone = UnitMeasurement(powers, [0])
    assert alone.apart(25) is None
    assert alone.normalized(25) is None
    assert alone.overflow() is None
    assert alone.exponent_of_zero(25) is None


def test_integers_have_no_subnormal_numbers():
    measurement = UnitMeasurement(powers_of(box_of(INT32)), list(range(8)))
    assert measurement.inputs() is None
    assert measurement.results() is None
    assert measurement.result_bits() is None


@pytest.mark.parametrize("fused", [True, False])
def test_products_that_are_rounded_first_are_seen(fused):
    def dots(a, b, c):
        total = np.zeros(len(a))
        for k in range(a.shape[1]):
            product = a[:, k].astype(np.float64) * b[:, k]
            with np.errstate(over="ignore"):
                product = product if fused else product.astype(np.float32)
                total = (total + product).astype(np.float32).astype(np.float64)
        return total

    box = BlackBox("chain", BINARY32, dots, 8, takes_c=False)
    assert UnitMeasurement(powers_of(box), list(range(8))).rounded_products() is not fused
