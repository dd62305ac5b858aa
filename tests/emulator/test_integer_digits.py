"""Digits by NumPy's own division: those of the integers' way, whatever the operands."""

import numpy as np
import pytest

from msdnum.emulator import integer_digits
from msdnum.emulator.integer_digits import digits_over
from msdnum.formats.elements import INT4, INT8, INT8_SYMMETRIC


@pytest.mark.parametrize("fmt", [INT8, INT8_SYMMETRIC, INT4], ids=lambda fmt: fmt.name)
def test_native_digits_are_those_of_integer_division(fmt, monkeypatch):
    rng = np.random.default_rng(4)
    x = rng.integers(-(2**31), 2**31, (600, 16)).astype(np.int32).view(np.float32)
    scale = rng.integers(0, 0x7F800000, (600, 1)).astype(np.int32).view(np.float32)
    # Ties, halves of a digit off, and whatever the format saturates.
    with np.errstate(over="ignore"):
        x[:300] = scale[:300] * (rng.integers(-300, 300, (300, 16)) / 2).astype(np.float32)
    x[~np.isfinite(x)] = 1
    x[0], scale[1], scale[2], x[2], x[3] = np.inf, 0, np.nan, np.nan, -0.0
    codes, digits = digits_over(x, scale, fmt)
    monkeypatch.setattr(integer_digits, "flushes_subnormals", lambda: True)
    expected_codes, expected = digits_over(x, scale, fmt)
    assert codes.dtype == expected_codes.dtype
    np.testing.assert_array_equal(codes, expected_codes)
    np.testing.assert_array_equal(digits, expected)
    assert len(np.unique(codes)) == 2**fmt.bits - (fmt is INT8_SYMMETRIC)
