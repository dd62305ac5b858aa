"""Layouts say of formats what NumPy and ml_dtypes say of their types."""

import ml_dtypes
import numpy as np
import pytest

from msdnum.device.dot_families import draw_dots
from msdnum.device.layouts import BINARY64, layout_of
from msdnum.formats.elements import BF16, BINARY32, E4M3, E5M2, FP16, TF32

ALL = [*map(layout_of, (FP16, BF16, TF32, E4M3, E5M2, BINARY32)), BINARY64]
SHAPE = (24, 16, 32)


@pytest.mark.parametrize("fmt", ALL, ids=lambda fmt: fmt.name)
def test_a_layout_says_what_numpy_says(fmt):
    finfo = ml_dtypes.finfo(fmt.dtype)
    largest = fmt.numbers(np.array([fmt.largest, 1 << fmt.fraction_bits]))
    assert fmt.emin == finfo.minexp
    assert largest[1] == finfo.smallest_normal
    if fmt.name != "TF32":
        assert largest[0] == finfo.max
    assert float(largest[0]) < 2.0**fmt.emax * 2
    assert np.signbit(fmt.numbers(np.array([fmt.sign])).astype(np.float64)).all()


def test_tf32_has_no_bit_below_its_own():
    tf32 = layout_of(TF32)
    given = draw_dots("ordinary", tf32, tf32, layout_of(BINARY32), SHAPE, 1)
    assert not (given.a.view(np.uint32) & 0x1FFF).any()
