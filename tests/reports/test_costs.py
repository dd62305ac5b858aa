"""Storage of a report, by hand."""

from fractions import Fraction

import msdnum
from msdnum import BLOCK_FORMATS, report
from tests.support.pages import X


def test_storage_by_hand():
    assert report(BLOCK_FORMATS["NVFP4"], X).storage.bits_per_element == Fraction(9, 2)
    assert report(BLOCK_FORMATS["INT8_ROW"], X).storage.bits_per_element == 8
    array = msdnum.quantize(X, BLOCK_FORMATS["MXFP4"])
    assert report(array, X).storage.bits_per_element == 4 + Fraction(4 * 8, 80)
