"""Helpers of the tests of the specification."""

from fractions import Fraction

import numpy as np
from hypothesis import strategies as st

from msdnum import spec
from msdnum.formats.modes import Overflow
from msdnum.spec.numbers import Special, Value

SAT, OVER = Overflow.SATURATE, Overflow.OVERFLOW


ETA = Fraction(1, 2**149)


LARGEST = Fraction((2**24 - 1) * 2**104)


NAMES = {"ids": lambda fmt: getattr(fmt, "name", None)}


float32s = st.floats(width=32, allow_nan=False, allow_infinity=False)


def pattern(x: np.float32) -> int:
    return int(np.asarray(x, np.float32).view(np.uint32))


def as_float(value: Value) -> np.float32:
    return np.uint32(spec.to_float32_bits(value)).view(np.float32)


def block(*values: object) -> list[Value]:
    return [v if isinstance(v, Special) else Fraction(str(v)) for v in values]
