"""The bound of every truncating matrix unit against hostile products of its own formats.

The oracle is ``spec_accumulate``. A product counts with the power of two that it is aligned to, if
that is larger.
"""

import re
from fractions import Fraction
from itertools import chain

import numpy as np
import pytest
from hypothesis import given, target
from hypothesis import strategies as st

from msdnum import spec
from msdnum.emulator import blocks
from msdnum.evidence.product_bounds import Right
from msdnum.evidence.product_roundings import sum_roundings
from msdnum.formats import accumulators
from msdnum.formats.accumulators import Cdna3Unit, GroupedUnit, MatrixUnit
from msdnum.formats.blocks import NVFP4
from msdnum.formats.elements import E4M3, FP16
from msdnum.spec.accumulators import Number, factor, inner_product
from tests.support.paths import PROOFS

NARROW_RESULT = MatrixUnit("NARROW_RESULT", 4, 25, result_bits=13)
UNITS = [
    unit
    for unit in (*accumulators.ALL_ACCUMULATORS.values(), NARROW_RESULT)
    if isinstance(unit, MatrixUnit | GroupedUnit | Cdna3Unit)
]
UNIT = pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
FEW_SUM_BITS = [
    Cdna3Unit("FEW_SUM_BITS", 3, 1, 8, 8),
    Cdna3Unit("ROUNDED_BY_BINARY32", 4, 2, 25, 25),
]
TOP = 16
"""Exponent of the largest product of a witness."""


def element(unit):
    return E4M3 if unit.name.endswith("FP8") else FP16


def number(significand, exponent, fmt):
    """Return ``significand * 2**(exponent - precision + 1)`` truncated to a format."""
    step = spec.pow2(fmt.emin - fmt.precision + 1)
    x = int(significand * spec.pow2(exponent - fmt.precision + 1) / step) * step
    return factor(x, fmt)


def pair(left, right, exponent, fmt):
    """Return factors of these significands, of exponents that add up to one."""
    half = exponent // 2
    return number(left, half, fmt), number(right, exponent - half, fmt)


def power(exponent, fmt, sign=1):
    """Return factors of ``sign * 2**exponent``."""
    half = 2 ** (fmt.precision - 1)
    return pair(half, sign * half, exponent, fmt)


def just_below(exponent, fmt):
    """Return factors of the product of full precision that is next below ``2**exponent``."""
    half = 2 ** (fmt.precision - 1)
    return pair(half + 1, 2 * half - 2, exponent - 1, fmt)


def block(elements, exponent, size):
    """Return pairs of E2M1 elements that share a scale; their exponent is that of the scale."""
    scale = spec.pow2(exponent)
    padded = [*elements, *[(0, 0)] * (size - len(elements))]
    return [
        (
            Number(Fraction(x), scale, exponent, exponent, False),
            Number(Fraction(y), Fraction(1), 0, 0, False),
        )
        for x, y in padded
    ]


def ratio(pairs, unit):
    """Return error over bound of an inner product."""
    found = [(x.value * y.value, x.exponent + y.exponent) for x, y in pairs if x.value and y.value]
    a, b = zip(*pairs, strict=True)
    error = abs(inner_product(a, b, unit) - sum(product for product, _ in found))
    size = sum((max(abs(product), spec.pow2(e)) for product, e in found), Fraction(0))
    return error / (sum_roundings(unit, len(a)).gamma * size) if size else error


@st.composite
def hostile(draw, unit):
    """Draw large products, some about the points of truncation below them, subnormals and zeros."""
    bits = (unit.fraction_bits, getattr(unit, "result_bits", 23))
    exponents = st.builds(lambda bit, d: TOP - bit + d, st.sampled_from(bits), st.integers(-2, 3))
    signs = st.sampled_from([1, -1])
    if isinstance(unit, GroupedUnit):
        entry = st.sampled_from([0, 0.5, -0.5, 1, 1.5, -3, 6, -6])
        entries = st.lists(st.tuples(entry, entry), max_size=unit.exact)
        one = st.builds(block, entries, exponents | st.just(TOP), st.just(unit.exact))
        return list(chain.from_iterable(draw(st.lists(one, min_size=1, max_size=5))))
    fmt = element(unit)
    whole = 2**fmt.precision - 1
    significands = st.sampled_from([1, 3, whole // 2 + 1, whole, -whole, 0])
    near = st.builds(pair, significands, significands, exponents, st.just(fmt))
    tiny = st.builds(pair, significands, significands, st.just(2 * fmt.emin), st.just(fmt))
    large = st.builds(power, st.just(TOP), st.just(fmt), signs)
    one = large | near | tiny | st.builds(just_below, exponents, st.just(fmt))
    return draw(st.lists(one, min_size=1, max_size=unit.group + 4))


@pytest.mark.parametrize("unit", [*UNITS, *FEW_SUM_BITS], ids=lambda unit: unit.name)
@given(data=st.data())
def test_hostile_products_stay_within_the_bound(unit, data):
    found = ratio(data.draw(hostile(unit)), unit)
    target(float(found))
    assert found <= 1


def witness(unit, steps):
    """One product of ``2**TOP``; in each step one that the result loses, and the rest lost before.

    CDNA3 aligns the products of a step before it adds them to c: its witness is one step.
    """
    if isinstance(unit, GroupedUnit):
        most = [(6, 6)] * 14 + [(6, 1), (1.5, 1)]
        first = block([(1, 1)], TOP, unit.exact)
        late, lost = (block(most, TOP - bits - 9, unit.exact) for bits in (23, unit.fraction_bits))
        step = [late] + [lost] * (unit.group // unit.exact - 1)
        return list(chain(first, *step[:-1], *step * (steps - 1)))
    fmt = element(unit)
    first, lost = power(TOP, fmt), just_below(TOP - unit.fraction_bits, fmt)
    if isinstance(unit, Cdna3Unit):
        return [first] * unit.parts + [lost] * (unit.group - unit.parts)
    step = [just_below(TOP - unit.result_bits, fmt)] + [lost] * (unit.group - 1)
    return [first, *step[:-1], *step * (steps - 1)]


def written():
    """Return the ratio of every unit in the table of proofs/ratios.md, rounded down."""
    text = (PROOFS / "ratios.md").read_text(encoding="utf-8")
    return dict(re.findall(r"\b([A-Z]\w+) \| (0\.\d{4}) \|", text))


@UNIT
def test_the_bound_is_nearly_attained(unit):
    """Of ``group + 1`` addends ``group - 1`` lose a unit; the largest fits and loses nothing."""
    found = ratio(witness(unit, 2 if unit.fraction_bits == 13 else 16), unit)
    assert found <= 1
    expected = {**written(), NARROW_RESULT.name: "0.9955"}
    assert f"{float(found) - 0.00005:.4f}" == expected[unit.name]


def test_exact_groups_count_with_the_products_that_cancel_in_them():
    """All of a small product is lost; the group sums, of which one is zero, would forbid that."""
    unit = accumulators.BLACKWELL_MXFP4
    lost = block([(1, 1)], TOP - unit.fraction_bits - 1, unit.exact)
    pairs = [*block([(1, 1), (1, -1)], TOP, unit.exact), *lost]
    assert inner_product(*zip(*pairs, strict=True), unit) == 0
    assert 0 < ratio(pairs, unit) <= 1


def test_the_sum_bits_of_cdna3_count():
    """They round twice: half a unit and a whole one; 31 of them are within the unit to spare."""
    assert sum_roundings(Cdna3Unit("x", 8, 1, 24, 31), 8).unit_roundoff == Fraction(12, 2**24)
    assert sum_roundings(Cdna3Unit("x", 8, 1, 24, 24), 8).unit_roundoff == Fraction(13, 2**24)


def test_a_narrow_result_breaks_the_bound_of_a_wide_one():
    """So ``result_bits`` is needed: 23 of them promise 2**10 times less than 13 give."""
    wide = MatrixUnit("WIDE", NARROW_RESULT.group, NARROW_RESULT.fraction_bits)
    pairs = witness(NARROW_RESULT, 32)
    error = ratio(pairs, NARROW_RESULT) * sum_roundings(NARROW_RESULT, len(pairs)).gamma
    assert error > 100 * sum_roundings(wide, len(pairs)).gamma


def test_a_subnormal_scale_counts_as_normal():
    """``BLACKWELL_MXFP4`` aligns a product to its E4M3 scale's exponent, at least emin."""
    x = np.zeros((32, 1), np.float32)
    x[0], x[16:] = 6 * 448, 6 * 2.0**-9
    weight = blocks.quantize(x, NVFP4, axis=0)
    assert weight.scales().ravel().tolist() == [448, 2.0**-9]
    assert np.unique(Right.of(weight).least).tolist() == [2.0**-6, 448]
