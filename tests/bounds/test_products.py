"""Theorem gemm and its probabilistic twin: they hold, and are met."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import example, given, target
from hypothesis import strategies as st
from mpmath import iv

from msdnum import bounds, spec
from msdnum.formats.elements import BINARY32, E2M1, E4M3, INT8, INT8_SYMMETRIC
from msdnum.formats.modes import Arithmetic, ScaleRule
from tests.support.bounds import SUMS, fl, parts, terms_of, worst_part

# GEMM

SCHEMES = {
    "MXFP4": (spec.decompose_covering, (E2M1,) * 2, bounds.mxfp4_decomposition),
    "MXFP8": (spec.decompose_covering, (E4M3,), bounds.mxfp8_decomposition),
    "INT8": (spec.decompose_amax, (INT8_SYMMETRIC,) * 2, bounds.int8_decomposition),
}


def residuals_of(name):
    _, elements, bound = SCHEMES[name]
    return [bound(1, n + 1) for n in range(len(elements))]


def range_of(row, name):
    amax = max(map(abs, row))
    return amax if name == "INT8" else Fraction(2) ** spec.ceil_log2(amax)


@st.composite
def products(draw):
    """A row with any number of outliers, and a column of INT8 or INT4 codes with any signs."""
    n = draw(st.integers(1, 12))
    row = draw(st.lists(parts(), min_size=n, max_size=n))
    sizes = draw(st.lists(st.sampled_from([0, 0, 0, 4, 8]), min_size=n, max_size=n))
    column = draw(st.lists(st.integers(-127, 127), min_size=n, max_size=n))
    return [x / 2**e for x, e in zip(row, sizes, strict=True)], [Fraction(w) for w in column]


@pytest.mark.parametrize("order", ["exact", *SUMS])
@pytest.mark.parametrize("name", SCHEMES)
@given(product=products())
@example(
    product=(
        [Fraction(37, 64), Fraction(-37, 64), Fraction(1)],
        [Fraction(7), Fraction(-7), Fraction(0)],
    )
)
def test_gemm(name, order, product):
    row, column = product
    if not any(row):
        return
    decompose, elements, _ = SCHEMES[name]
    addends = [
        term * w
        for terms in terms_of(decompose(row, elements), elements)
        for term, w in zip(terms, column, strict=True)
    ]
    compute, accumulation = (sum, lambda n: bounds.EXACT) if order == "exact" else SUMS[order]
    bound = bounds.gemm(residuals_of(name), accumulation(len(addends))).at(
        sum(abs(x * w) for x, w in zip(row, column, strict=True)),
        range_of(row, name) * sum(map(abs, column)),
    )
    error = abs(compute(addends) - sum(x * w for x, w in zip(row, column, strict=True)))
    if bound:
        target(float(error / bound))
    assert error <= bound


@given(product=products(), s_w=st.integers(2**23, 2**24 - 1))
def test_gemm_int32(product, s_w):
    """Exact integer sums, then every operation rounded, and scales that are rounded quotients."""
    row, column = [fl(x) for x in product[0]], product[1]
    if not any(row):
        return
    block = spec.decompose_amax(row, (INT8_SYMMETRIC,) * 2, Arithmetic.FLOAT32)
    weight = Fraction(s_w, 2**23)
    total = Fraction(0)
    for codes, scale in zip(block.codes, block.scales, strict=True):
        digits = [spec.number(spec.decode(code, INT8)) for code in codes]
        exact = sum(q * w for q, w in zip(digits, column, strict=True))
        total = fl(total + fl(fl(fl(exact) * scale) * weight))
    amax = max(map(abs, row))
    if amax < Fraction(1, 2**60):
        return
    residuals = [bounds.int8_decomposition_float32(1, n) for n in (1, 2)]
    sums = [
        sum(abs(x * w) for x, w in zip(row, column, strict=True)) * weight,
        amax * sum(map(abs, column)) * weight,
    ]
    error = abs(total - sum(x * w for x, w in zip(row, column, strict=True)) * weight)
    assert error <= bounds.gemm(residuals, bounds.int32(2)).at(*sums)


@pytest.mark.parametrize("name", SCHEMES)
def test_gemm_is_attained(name):
    """All remainders the worst ones, of the sign of the weight."""
    rule = ScaleRule.AMAX if name == "INT8" else ScaleRule.COVERING
    decompose, elements, _ = SCHEMES[name]
    residuals = residuals_of(name)
    x = worst_part(elements, rule)
    row, column = [x, -x, x, Fraction(1)], [Fraction(3), Fraction(-5), Fraction(7), Fraction(0)]
    left = decompose(row, elements).remainders
    error = abs(sum(r * w for r, w in zip(left, column, strict=True)))
    assert error == bounds.gemm(residuals).at(15 * x, 15) == 15 * residuals[-1]


def test_gemm_underflow():
    bound = bounds.gemm([0], bounds.sequential(2), underflows=6)
    least = Fraction(BINARY32.eta)
    assert bound.at(0, 0) == bound.underflow == 3 * least * (1 + bounds.gamma(1))
    assert least / 2 - fl(least / 2) == least / 2


def test_gemm_formula():
    """Rounded are the terms, up to |A| and twice each remainder but the last."""
    u = Fraction(1, 2**5)
    bound = bounds.gemm([Fraction(1, 8), Fraction(1, 64)], bounds.Accumulation(3, u))
    assert bound.product == Fraction(3, 29)
    assert bound.amax == Fraction(1, 64) + Fraction(3, 29) * Fraction(17, 64)


# Probability


@given(seed=st.integers(0, 2**32 - 1), last=st.sampled_from([Fraction(0), Fraction(1, 64)]))
def test_gemm_probabilistic(seed, last):
    """Binary32 sums of random products, remainders of random sign: 8 deviations are enough."""
    rng, n, lam = np.random.default_rng(seed), 64, 8.0
    weights = np.float32(rng.choice([-1, 1], n))
    remainders = rng.choice([-1, 1], n) * float(last)
    products_ = np.float32(rng.uniform(-1, 1, n)) * weights
    computed = float(np.add.accumulate(products_, dtype=np.float32)[-1]) + remainders @ weights
    bound = bounds.gemm_probabilistic([last], bounds.sequential(n), n, lam)
    promised = bound.at(float(np.abs(products_).sum()), n, math.sqrt(n))
    error = abs(computed - math.fsum(map(float, products_)))
    target(error / promised)
    assert error <= promised


@given(bits=st.integers(4, 12), part=parts())
@example(bits=4, part=Fraction(-1))
def test_gemm_probabilistic_logarithm(bits, part):
    """The step from a product of roundings to their sum, enclosed: ``e**2 / (2 (1 - u))``."""
    u = Fraction(1, 2**bits)
    e = part * u
    wide = iv.mpf(e.numerator) / iv.mpf(e.denominator)
    error = abs(iv.log(1 + wide) - wide)
    assert error.a <= float(e**2 / (2 * (1 - u)))
    if part == -1:
        assert error.a > float(e**2 / (2 * (1 + u))), "a smaller step is refused"


def test_gemm_probabilistic_sequential():
    """Sequential binary32 sums of random products, against exact ones."""
    rng, n, lam = np.random.default_rng(3), 1024, 2.5
    products_ = np.float32(rng.uniform(-1, 1, (400, n)))
    computed = np.add.accumulate(products_, axis=1, dtype=np.float32)[:, -1]
    exact = np.array([math.fsum(map(float, row)) for row in products_])
    bound = bounds.gemm_probabilistic([0], bounds.sequential(n), n, lam)
    ratio = np.abs(computed - exact) / (bound.product * np.abs(products_).sum(axis=1))
    assert ratio.max() <= 1
    assert bound.product < bounds.sequential(n).gamma / 10
    assert bounds.gemm_probabilistic([0], bounds.sequential(n), n, 6.0).probability > 0.999


def test_gemm_probabilistic_remainders():
    """Hoeffding's inequality, for remainders uniform in their range: the worst case is rare."""
    rng, n, lam = np.random.default_rng(4), 256, 3.0
    bound = bounds.gemm_probabilistic([Fraction(1, 64)], bounds.EXACT, n, lam)
    sums = np.abs(rng.choice([-1, 1], (2000, n)).sum(axis=1)) / 64
    missed = np.mean(sums > bound.at(0, n, math.sqrt(n)))
    assert missed <= 2 * math.exp(-(lam**2) / 2)
    assert np.max(sums) > 0.8 * bound.amax_two_norm * math.sqrt(n)


@pytest.mark.parametrize("u", [2.0**-24, 2.0**-5])
def test_gemm_probabilistic_formula(u):
    d, lam = 31, 4.0
    accumulation = bounds.Accumulation(d, Fraction(u))
    bound = bounds.gemm_probabilistic([Fraction(1, 8), Fraction(1, 64)], accumulation, 100, lam)
    growth = math.exp(lam * math.sqrt(d) * u + d * u * u / (1 - u)) - 1
    assert bound.product == pytest.approx(growth, rel=1e-9)
    assert bound.amax == pytest.approx(growth * 17 / 64, rel=1e-9)
    assert bound.amax_two_norm == pytest.approx(4 / 64, rel=1e-12)
    assert bound.probability == pytest.approx(1 - 202 * math.exp(-8 * (1 - u) ** 2), rel=1e-9)
    assert bounds.gemm_probabilistic([1], bounds.EXACT, 9, 0.1).probability == 0
    assert bounds.ProbabilisticGemmBound(2, 3, 5, 1).at(10, 100, 1000) == 5320
