"""Bounds computed along: never broken, met, tighter than those of before, and of matmul's sums."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from msdnum import bounds, spec
from msdnum.emulator.attention.flash import attend
from msdnum.emulator.blocks import quantize
from msdnum.emulator.decompositions import decompose_terms
from msdnum.evidence import running_bounds
from msdnum.evidence.attention_bounds import attention_bound
from msdnum.evidence.attentions import DECOMPOSING, drawn
from msdnum.evidence.products import Product, decomposed
from msdnum.evidence.running_bounds import running_product
from msdnum.formats.accumulators import EXACT, HOPPER, INT32, SEQUENTIAL
from msdnum.formats.blocks import INT4_GROUP, INT8_ROW, MXFP4, MXFP8_E4M3
from msdnum.formats.elements import E8M0
from msdnum.formats.schemes import INT8_X2, INT8_X2_FLOAT32, INT8_X3, MXFP4_X2, MXFP8_X1
from msdnum.inputs import families
from tests.support.attention_bounds import SHAPE

CASES = {
    "MXFP4 x2": (MXFP4_X2, MXFP4),
    "MXFP8": (MXFP8_X1, MXFP8_E4M3),
    "INT8 x2 by INT8": (INT8_X2_FLOAT32, INT8_ROW),
    "INT8 x3 by INT4": (INT8_X3, INT4_GROUP),
    "INT8 x2, exact": (INT8_X2, INT8_ROW),
}


def drawn_product(case, k, rng, family="normal", size=1.0):
    scheme, fmt = CASES[case]
    x = families.family(family).generate((4, k), rng=rng) * np.float32(size)
    w = rng.standard_normal((k, 6)).astype(np.float32)
    return x, scheme, quantize(w, fmt, axis=0, block_size=None if fmt.scale == E8M0 else k)


@pytest.mark.parametrize("accumulator", [SEQUENTIAL, EXACT], ids=lambda a: a.name)
@pytest.mark.parametrize("case", CASES)
def test_it_is_never_broken_and_tighter(case, accumulator):
    rng = np.random.default_rng(5)
    for k in (1, 64, 512):
        for family in ("normal", "outlier_per_block", "ill_conditioned"):
            x, scheme, w = drawn_product(case, k, rng, family)
            given = Product.of(x, w)
            found = running_product(x, scheme, w, accumulator)
            before = decomposed(scheme)(given, accumulator)
            error = np.abs(found.product - given.product) - 2.0**-52 * np.abs(given.product)
            assert (error <= found.bound).all(), (k, family)
            assert (found.product == before.product).all()
            assert np.median(found.bound / before.bound) < (0.75 if k > 1 else 1.01)


@pytest.mark.parametrize("case", CASES)
def test_nor_of_tiny_and_huge_operands(case):
    for exponent in (-140, -120, -100, 0, 80):
        rng = np.random.default_rng(6)
        x, scheme, w = drawn_product(case, 32, rng, size=2.0**exponent)
        given = Product.of(x, w)
        found = running_product(x, scheme, w, SEQUENTIAL)
        error = np.abs(found.product - given.product) - 2.0**-52 * np.abs(given.product)
        assert (error <= found.bound).all(), exponent


@given(
    pairs=st.lists(st.tuples(st.integers(-255, 255), st.integers(-20, 20)), min_size=1, max_size=12)
)
@example([(m, 0) for m in range(99, 160)])
def test_its_floats_are_rounded_outward(pairs):
    """Against the theorem's sum in fractions: no float of the bound is below it."""
    row = np.float32([[m * 2.0**e for m, e in pairs]])
    column = np.float32([[(2 * m + 1) * 2.0**-e] for m, e in pairs])
    total, shares = Fraction(0), Fraction(0)
    for i, (x, w) in enumerate(zip(row[0], column[:, 0], strict=True)):
        product = Fraction(float(x)) * Fraction(float(w))
        rounded = Fraction(float(np.float32(float(product))))
        shares += abs(rounded - product)
        if i:
            total = Fraction(float(np.float32(float(total)) + np.float32(float(rounded))))
            shares += abs(total) / 2**24
        else:
            total = rounded
    found = running_product(row, None, column, SEQUENTIAL)
    assert Fraction(float(found.product[0, 0])) == total
    assert shares <= Fraction(float(found.bound[0, 0])) <= shares * (1 + Fraction(1, 2**40))


def test_a_sum_that_overflows_has_none():
    x = np.full((1, 32), 3e38, np.float32)
    w = quantize(np.full((32, 1), 6, np.float32), MXFP4, axis=0)
    assert running_product(x, MXFP4_X2, w, SEQUENTIAL).bound == np.inf


def test_it_is_met_by_one_rounding():
    """1 + 2**-24 becomes 1: half a unit, and 2**-24 of the result."""
    x, ones = np.float32([[1, 2.0**-24]]), np.ones((2, 1), np.float32)
    found = running_product(x, None, ones, SEQUENTIAL)
    assert found.product == 1
    assert 2.0**-24 <= found.bound[0, 0] <= 2.0**-24 * (1 + 2.0**-40)


def test_it_is_the_theorem_of_the_sums_on_the_way():
    """Against ``bounds.running_error`` of sums in integers and fractions, of one entry."""
    x, scheme, w = drawn_product("MXFP4 x2", 32, np.random.default_rng(7))
    found = running_product(x, scheme, w, SEQUENTIAL)
    column = [Fraction(float(v)) for v in w.dequantize()[:, 0]]
    terms = [[Fraction(float(v)) for v in t.dequantize()[0]] for t in decompose_terms(x, scheme)]
    left = [Fraction(float(v)) - sum(t) for v, *t in zip(x[0], *terms, strict=True)]
    inputs = sum(abs(r * v) for r, v in zip(left, column, strict=True))
    results, total = [], Fraction(0)
    for term in terms:
        partial = Fraction(0)
        for i, (a, b) in enumerate(zip(term, column, strict=True)):
            partial = spec.number(spec.fl32(partial + a * b))
            results += [partial] if i else []
        total = spec.number(spec.fl32(total + partial))
    results.append(total)
    promised = bounds.running_error(results, inputs=inputs)
    assert total == Fraction(float(found.product[0, 0]))
    assert promised <= Fraction(found.bound[0, 0]) <= promised * (1 + Fraction(1, 2**40))


@pytest.mark.parametrize("cache", DECOMPOSING)
def test_attention_with_scores_that_are_bounded_along(cache):
    head = drawn("normal", SHAPE, np.random.default_rng(4), cache)
    method = DECOMPOSING[cache]
    error = np.abs(attend(head.exact.queries, head.keys, head.values, method) - head.output)
    before = attention_bound(head.exact, head.keys, head.values, method)
    found = attention_bound(head.exact, head.keys, head.values, method, running=True)
    assert (error <= found).all()
    assert (found <= 0.9 * before).all()


def test_sums_in_another_order_are_seen(monkeypatch):
    x, w = np.random.default_rng(8).standard_normal((2, 256, 1)).astype(np.float32)

    def backwards(row, right):
        return in_order(row[::-1], right[::-1])

    in_order = running_bounds._in_order
    monkeypatch.setattr(running_bounds, "_in_order", backwards)
    with pytest.raises(RuntimeError, match="not come out as those of matmul"):
        running_product(x.T, None, w, SEQUENTIAL)


def test_what_is_left_over_counts(monkeypatch):
    x, scheme, w = drawn_product("MXFP4 x2", 64, np.random.default_rng(9))
    given = Product.of(x, w)
    monkeypatch.setattr(running_bounds, "_left_over", lambda x, terms: np.zeros(x.shape))
    found = running_product(x, scheme, w, SEQUENTIAL)
    assert (np.abs(found.product - given.product) > found.bound).any()


def test_bad_arguments():
    x, scheme, w = drawn_product("MXFP4 x2", 32, np.random.default_rng(1))
    with pytest.raises(ValueError, match="SEQUENTIAL, EXACT or INT32, got HOPPER"):
        running_product(x, scheme, w, HOPPER)
    grouped = quantize(np.ones((64, 2), np.float32), INT4_GROUP, axis=0, block_size=32)
    with pytest.raises(ValueError, match="weight must have E8M0 scales, or one binary32 scale"):
        running_product(np.ones((1, 64), np.float32), INT8_X2, grouped, INT32)
