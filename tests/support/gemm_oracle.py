"""Arrays for ``spec_accumulate``: what every accumulator must compute, one inner product at a time.

Shares no code with the emulator: ``spec`` for codes and roundings, fractions for the rest.
"""

from fractions import Fraction

import numpy as np

from msdnum import spec
from msdnum.formats.elements import BF16, FP16
from msdnum.spec.accumulators import factor, inner_product

__all__ = [
    "FLOATS", "as_float32", "fl", "float_numbers", "inner_product", "matrix", "quantized_numbers",
]  # fmt: skip

FLOATS = {"bfloat16": BF16, "float16": FP16}


def fl(x):
    """Return a number of any exact type rounded to binary32, RNE."""
    return spec.number(spec.fl32(Fraction(x)))


def quantized_numbers(q, terms_axis):
    """Return the numbers of a quantized array, (rows, k) of the left or (columns, k) of the right.

    Outside scales are left out.
    """
    codes = np.moveaxis(np.asarray(q.codes), terms_axis, -1)
    scale_codes = np.asarray(q.scale_codes)
    scale_codes = np.moveaxis(scale_codes, terms_axis, -1) if q.axis is not None else scale_codes
    element, scale = q.format.element, q.format.scale

    def number(i, k, code):
        x = spec.number(spec.decode(int(code), element))
        if scale.bits != 8:
            return factor(x, element)
        place = () if q.axis is None else (i, k // q.format.block_size)
        s = spec.number(spec.decode(int(scale_codes[place]), scale))
        return factor(x, element, s, scale)

    return [[number(i, k, code) for k, code in enumerate(row)] for i, row in enumerate(codes)]


def float_numbers(x, fmt):
    """Return the numbers of a matrix of floats, row by row."""
    return [[factor(Fraction(v), fmt) for v in row] for row in np.asarray(x, np.float64)]


def as_float32(x):
    """Return a finite Fraction that binary32 holds."""
    y = np.float32(float(x))
    assert Fraction(float(y)) == x
    return y


def matrix(left, right, accumulator):
    """Return all inner products as float32."""
    return np.array(
        [[as_float32(inner_product(a, b, accumulator)) for b in right] for a in left], np.float32
    )
