"""Families of numbers: of the format, the same each time, and with a c where one is taken."""

import numpy as np
import pytest

from msdnum.evidence.black_boxes import elements_of
from msdnum.evidence.unit_batteries import BATTERIES, batteries
from msdnum.formats.accumulators import BLACKWELL_MXFP4, EXACT, HOPPER, HOPPER_FP16, INT32
from tests.support.probes import box_of


@pytest.mark.parametrize(
    "unit", [HOPPER, HOPPER_FP16, BLACKWELL_MXFP4, INT32, EXACT], ids=lambda u: u.name
)
def test_rows_are_numbers_of_the_format(unit):
    box = box_of(unit)
    rows, again = (list(batteries(box, 15)) for _ in range(2))
    assert len(rows) == len(BATTERIES)
    for (a, b, c), (x, y, z) in zip(rows, again, strict=True):
        elements_of(a, box.fmt), elements_of(b, box.fmt)
        np.testing.assert_array_equal(a, x)
        np.testing.assert_array_equal(b, y)
        assert (c is None) == (not box.takes_c)
        if c is not None:
            np.testing.assert_array_equal(c, z)
            np.testing.assert_array_equal(c.astype(np.float16), c)


def test_they_hold_cancelling_sparse_and_tiny_products():
    normal, mixed, cancelling, sparse, bottom = batteries(box_of(HOPPER), 127)
    products = cancelling[0] * cancelling[1]
    assert (products[:, ::2] == -products[:, 1::2]).mean() > 0.5
    assert (sparse[0] == 0).mean() > 0.8
    assert np.abs(bottom[0]).max() < 2.0**-70
    spread = np.log2(np.abs(mixed[0][mixed[0] != 0]))
    assert spread.max() - spread.min() > 20
    assert np.abs(normal[0]).max() < 10
