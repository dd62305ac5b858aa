"""Numbers of the specification: arithmetic as of floats, logarithms."""

from fractions import Fraction

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from msdnum import spec
from msdnum.spec.numbers import Special

# Arithmetic of values ---------------------------------------------------------------------------


@given(st.floats(width=16), st.floats(width=16))
def test_values_multiply_and_subtract_as_floats_do(x: float, y: float) -> None:
    """Products and differences of binary16 numbers are exact in binary64."""
    with np.errstate(all="ignore"):
        product, difference = float(np.float64(x) * y), float(np.float64(x) - y)
    p, q = spec.from_float(x), spec.from_float(y)
    assert spec.multiply(p, q) == spec.from_float(product)
    expected = spec.from_float(difference)
    assert spec.subtract(p, q) == (Fraction(0) if expected is Special.NEGATIVE_ZERO else expected)


@given(st.fractions(Fraction(1, 10**30), 10**30))
def test_logarithms(x: Fraction) -> None:
    assert Fraction(2) ** spec.floor_log2(x) <= x < Fraction(2) ** (spec.floor_log2(x) + 1)
    assert Fraction(2) ** (spec.ceil_log2(x) - 1) < x <= Fraction(2) ** spec.ceil_log2(x)
