"""Inner products one at a time, over the Fractions: what every accumulator must compute.

Shares no code with the emulator: `spec` for codes and roundings, the definitions for the rest.
"""

import math
from fractions import Fraction
from itertools import zip_longest
from typing import NamedTuple

import numpy as np

from msdnum import spec
from msdnum.accumulators import (
    Blocks,
    Cdna3Unit,
    Exact,
    FusedUnit,
    GroupedUnit,
    MatrixUnit,
    Pairwise,
    PairwiseUnit,
    Sequential,
)
from msdnum.formats import BF16, E8M0, FP16, IntegerFormat


class Number(NamedTuple):
    """An element: its value without the scale, the scale inside, and the unit's exponents."""

    element: Fraction
    scale: Fraction
    exponent: int
    scale_exponent: int
    subnormal: bool = False

    @property
    def value(self):
        return self.element * self.scale


def quantized_numbers(q, terms_axis):
    """Return the numbers of a quantized array, (rows, k) of the left or (columns, k) of the right.

    Outside scales are left out.
    """
    codes = np.moveaxis(np.asarray(q.codes), terms_axis, -1)
    scale_codes = np.asarray(q.scale_codes)
    scale_codes = np.moveaxis(scale_codes, terms_axis, -1) if q.axis is not None else scale_codes
    element, scale = q.format.element, q.format.scale
    rows = []
    for i, row in enumerate(codes):
        numbers = []
        for k, code in enumerate(row):
            x = spec.number(spec.decode(int(code), element))
            s, e = Fraction(1), 0
            if scale.bits == 8:
                place = () if q.axis is None else (i, k // q.format.block_size)
                s = spec.number(spec.decode(int(scale_codes[place]), scale))
                e = max(spec.floor_log2(s), -127 if scale is E8M0 else -6) if s else -6
            numbers.append(_number(x, s, e, element, scale is E8M0 or scale.bits == 32))
        rows.append(numbers)
    return rows


def _number(x, s, e, element, power):
    emin = -(10**6) if isinstance(element, IntegerFormat) or not power else element.emin
    magnitude = abs(x) if power else abs(x * s)
    own = max(spec.floor_log2(magnitude), emin) if magnitude else None
    exponent = None if own is None else own + (e if power else 0)
    return Number(x, s, exponent, e)


def float_numbers(x, fmt):
    """Return the numbers of a matrix of floats, row by row."""
    return [[_float(Fraction(v), fmt) for v in row] for row in np.asarray(x, np.float64)]


def _float(x, fmt):
    own = spec.floor_log2(abs(x)) if x else fmt.emin
    exponent = max(own, fmt.emin) if x else None
    return Number(x, Fraction(1), exponent, 0, own < fmt.emin)


def fl(x):
    return spec.number(spec.fl32(Fraction(x)))


def truncated(x, quantum):
    """Return x truncated to a multiple of quantum."""
    magnitude = math.floor(abs(x) / quantum) * quantum
    return magnitude if x >= 0 else -magnitude


def lowered(x, quantum):
    return math.floor(x / quantum) * quantum


def exponent_of(c):
    return max(spec.floor_log2(abs(c)), -126) if c else -126


def inner_product(a, b, accumulator, c=Fraction(0)):
    """Return c plus the sum of products of two lists of numbers, as the accumulator does."""
    match accumulator:
        case Exact():
            return fl(c + sum(x.value * y.value for x, y in zip(a, b, strict=True)))
        case Sequential():
            for x, y in zip(a, b, strict=True):
                c = fl(c + fl(x.value * y.value))
            return c
        case Pairwise():
            return fl(c + tree([fl(x.value * y.value) for x, y in zip(a, b, strict=True)], fl))
        case Blocks(size, inner):
            for start in range(0, len(a), size):
                part = slice(start, start + size)
                c = fl(c + inner_product(a[part], b[part], inner))
            return c
    for start in range(0, len(a), accumulator.group):
        part = slice(start, start + accumulator.group)
        c = step(c, a[part], b[part], accumulator)
    return c


def tree(terms, rounding):
    while len(terms) > 1:
        pairs = zip_longest(terms[::2], terms[1::2])
        terms = [x if y is None else rounding(x + y) for x, y in pairs]
    return terms[0]


def step(c, a, b, unit):
    match unit:
        case MatrixUnit():
            return matrix_unit(c, a, b, unit)
        case GroupedUnit():
            return grouped_unit(c, a, b, unit)
        case FusedUnit():
            return fl(c + sum(p for p, _ in products(a, b)))
        case Cdna3Unit():
            return cdna3(c, a, b, unit)
        case PairwiseUnit():
            return pairwise_unit(c, a, b, unit)
    raise AssertionError(unit)


def products(a, b):
    """Return (product, exponent) of the pairs that are not zero."""
    pairs = zip(a, b, strict=True)
    return [(x.value * y.value, x.exponent + y.exponent) for x, y in pairs if x.value and y.value]


def matrix_unit(c, a, b, unit):
    found = products(a, b)
    top = max([exponent_of(c), *[e for _, e in found]])
    quantum = spec.pow2(top - unit.fraction_bits)
    total = sum(truncated(x, quantum) for x in [c, *[p for p, _ in found]])
    return truncated(total, spec.pow2(exponent_of(total) - unit.result_bits))


def grouped_unit(c, a, b, unit):
    addends = []
    for start in range(0, len(a), unit.exact):
        part = slice(start, start + unit.exact)
        total = sum(x.element * y.element for x, y in zip(a[part], b[part], strict=True))
        total *= a[start].scale * b[start].scale
        if total:
            addends.append((total, a[start].scale_exponent + b[start].scale_exponent))
    top = max([exponent_of(c), *[e for _, e in addends]])
    quantum = spec.pow2(top - unit.fraction_bits)
    total = sum(truncated(x, quantum) for x in [c, *[p for p, _ in addends]])
    return truncated(total, spec.pow2(exponent_of(total) - 23))


def cdna3(c, a, b, unit):
    sums = []
    for part in range(unit.parts):
        found = products(a[part :: unit.parts], b[part :: unit.parts])
        top = max([-126, *[e for _, e in found]])
        quantum = spec.pow2(top - unit.fraction_bits)
        sums.append((sum(truncated(p, quantum) for p, _ in found), top))
    joint = max(top for _, top in sums)
    total = sum(lowered(s, spec.pow2(joint - unit.fraction_bits)) for s, _ in sums)
    top = max(joint, exponent_of(c))
    if unit.drops_accumulator and exponent_of(c) < top - unit.fraction_bits - 1:
        c = Fraction(0)
    total = lowered(total, spec.pow2(top - unit.sum_bits))
    return fl(total + lowered(c, spec.pow2(top - unit.fraction_bits)))


def pairwise_unit(c, a, b, unit):
    def flushed(x):
        x = fl(x)
        return x if abs(x) >= spec.pow2(-126) else Fraction(0)

    terms = [
        Fraction(0) if x.subnormal or y.subnormal else flushed(x.value * y.value)
        for x, y in zip(a, b, strict=True)
    ]
    terms += [Fraction(0)] * (-len(terms) % unit.group)
    return flushed(flushed(c) + tree(terms, flushed))


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


FLOATS = {"bfloat16": BF16, "float16": FP16}
