"""References in mpmath: decompositions by the specification, softmax in intervals, one rounding."""

import math
from fractions import Fraction

import mpmath
import numpy as np
import pytest
from flint import arb, fmpz_mat
from flint import ctx as flint_ctx
from hypothesis import given, settings
from hypothesis import strategies as st

from msdnum import exact, spec
from msdnum.formats.elements import (
    BINARY32,
    E2M1,
    E2M3,
    E3M2,
    E4M3,
    E5M2,
    E8M0,
    ELEMENT_FORMATS,
    INT8_SYMMETRIC,
    ElementFormat,
    FloatFormat,
    IntegerFormat,
    NonNumbers,
)
from msdnum.formats.modes import Arithmetic, Overflow, Rounding
from tests.support.exact import bits, float32s, float64s

SIGNED = [fmt for fmt in ELEMENT_FORMATS.values() if fmt is not E8M0]


DIRECTIONS = [rounding for rounding in Rounding if rounding is not Rounding.STOCHASTIC]


def overflows(fmt: ElementFormat) -> list[Overflow]:
    plain = isinstance(fmt, IntegerFormat) or fmt.specials is NonNumbers.NONE
    return [Overflow.SATURATE] if plain else list(Overflow)


def scalars(fmt: ElementFormat) -> st.SearchStrategy[Fraction]:
    """Draw numbers around the format: values, midpoints, their tiny neighbours and anything."""
    codes = st.integers(0, 2**fmt.bits - 2)
    values = st.builds(
        lambda code, half, nudge: (
            _fraction(fmt, code)
            + (_fraction(fmt, code + 1) - _fraction(fmt, code)) * Fraction(half, 4)
            + nudge
        ),
        codes,
        st.integers(0, 4),
        st.sampled_from([Fraction(s, 3**t) for s in (-1, 0, 1) for t in (70, 200, 700)]),
    )
    return values | float64s.map(Fraction) | st.fractions(-1000, 1000)


def _fraction(fmt: ElementFormat, code: int) -> Fraction:
    value = fmt.value(code)
    return Fraction(value) if math.isfinite(value) else Fraction(fmt.max_finite) * 2


@pytest.mark.parametrize("rounding", DIRECTIONS)
@pytest.mark.parametrize("fmt", SIGNED, ids=lambda fmt: fmt.name)
@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_rounding_a_matrix_agrees_with_the_spec(
    fmt: ElementFormat, rounding: Rounding, data: st.DataObject
) -> None:
    numbers = data.draw(st.lists(scalars(fmt), min_size=1, max_size=8))
    overflow = data.draw(st.sampled_from(overflows(fmt)))
    ones = exact.ExactMatrix(
        fmpz_mat(1, len(numbers), [x.numerator for x in numbers]),
        (Fraction(1),),
        tuple(Fraction(1, x.denominator) for x in numbers),
    )
    got = ones.correctly_rounded(fmt, overflow=overflow, rounding=rounding)[0]
    for x, y in zip(numbers, got, strict=True):
        single = exact.correctly_rounded(x, fmt, overflow=overflow, rounding=rounding)
        both_nan = math.isnan(single) and math.isnan(y)  # a NaN has no sign as a value
        assert both_nan or bits(y, np.float32) == bits(single, np.float32), (x, y, single)


@pytest.mark.parametrize(
    ("x", "expected"),
    [
        (Fraction(2**24 + 1), 2.0**24),  # a tie
        (Fraction(2**24 + 1) + Fraction(1, 10**40), 2.0**24 + 2),  # binary64 would make it a tie
        (Fraction(2**24 + 1) - Fraction(1, 10**40), 2.0**24),
        (Fraction(1, 2**150), 0.0),
        (Fraction(1, 2**150) + Fraction(1, 2**500), 2.0**-149),
        (Fraction(2**128 - 2**103), math.inf),
        (Fraction(2**128 - 2**103) - Fraction(1, 10**9), 2.0**128 - 2.0**104),
    ],
)
def test_rounds_once(x: Fraction, expected: float) -> None:
    for sign in (1, -1):
        y = exact.correctly_rounded(sign * x, BINARY32, overflow=Overflow.OVERFLOW)
        assert y == sign * expected


def test_to_float64_rounds_once_and_overflows() -> None:
    tie = Fraction(2**53 + 1)
    assert exact.to_float64(tie) == 2.0**53
    assert exact.to_float64(tie + Fraction(1, 10**300)) == 2.0**53 + 2
    assert exact.to_float64(Fraction(1, 2**1075) + Fraction(1, 2**3000)) == 2.0**-1074
    assert exact.to_float64(Fraction(-(2**1024))) == -math.inf
    assert exact.product([[2.0**1000]], [[-(2.0**1000)]]).to_float64()[0, 0] == -math.inf


@given(st.lists(float32s.map(Fraction), min_size=1, max_size=5), st.integers(1, 3))
def test_mpmath_amax_decomposition_agrees_with_the_spec(values: list[Fraction], terms: int) -> None:
    amax = max(map(abs, values))
    if amax < Fraction(1, 2**20):
        return
    ctx = exact.context(400)
    elements = [INT8_SYMMETRIC] * terms
    scales = exact.amax_scales(exact.to_mpf(float(amax), ctx), elements)
    digits, remainders = exact.mp_decompose(
        [exact.to_mpf(float(x), ctx) for x in values], elements, scales, ctx
    )
    reference = spec.decompose_amax(values, elements, Arithmetic.EXACT)
    for term, codes in zip(digits, reference.codes, strict=True):
        assert [int(q) for q in term] == [spec.decode(code, INT8_SYMMETRIC) for code in codes]
    bound = float(amax) * 2.0**-380
    for got, expected in zip(remainders, reference.remainders, strict=True):
        assert abs(exact.to_fraction(got) - spec.number(expected)) <= bound


@given(
    st.lists(float32s.map(Fraction), min_size=1, max_size=5),
    st.lists(st.sampled_from([E2M1, E2M3, E3M2, E4M3, E5M2]), min_size=1, max_size=3),
)
def test_mpmath_covering_decomposition_agrees_with_the_spec(
    values: list[Fraction], elements: list[FloatFormat]
) -> None:
    amax = max(map(abs, values))
    if amax < Fraction(1, 2**60):
        return
    ctx = exact.context(400)
    scales = exact.covering_scales(exact.to_mpf(float(amax), ctx), elements, ctx)
    digits, remainders = exact.mp_decompose(
        [exact.to_mpf(float(x), ctx) for x in values], elements, scales, ctx
    )
    reference = spec.decompose_covering(values, elements)
    assert [exact.to_fraction(s) for s in scales] == list(reference.scales)
    for element, term, codes in zip(elements, digits, reference.codes, strict=True):
        decoded = [spec.number(spec.decode(code, element)) for code in codes]
        assert [exact.to_fraction(q) for q in term] == decoded
    assert [exact.to_fraction(r) for r in remainders] == list(reference.remainders)


def test_mpmath_ties_go_to_even() -> None:
    ctx = exact.context()
    values = [exact.to_mpf(x, ctx) for x in (127.0, 0.5, 1.5, -2.5)]
    digits, remainders = exact.mp_decompose(values, [INT8_SYMMETRIC], [ctx.one], ctx)
    assert digits == [[127, 0, 2, -2]]
    assert remainders == [0, 0.5, -0.5, -0.5]
    values = [exact.to_mpf(x, ctx) for x in (2.5, 0.25, 1.75, -5.0)]
    assert exact.mp_decompose(values, [E2M1], [ctx.one], ctx)[0] == [[2, 0, 2, -4]]


def test_softmax_lies_in_its_interval_enclosure() -> None:
    """Ball arithmetic (Arb) proves 200 bits of what mpmath computes with 256."""
    rng = np.random.default_rng(1)
    scores = rng.standard_normal((2, 9)) * 30
    ctx = exact.context(256)
    weights = exact.mp_softmax(exact.mp_matrix(scores, ctx), ctx)
    previous, flint_ctx.prec = flint_ctx.prec, 300
    try:
        for i, row in enumerate(scores.tolist()):
            powers = [arb(x).exp() for x in row]
            for j, power in enumerate(powers):
                fraction = exact.to_fraction(weights[i, j])
                value = arb(fraction.numerator) / arb(fraction.denominator)
                assert abs(value * sum(powers, arb(0)) / power - 1) < arb(2) ** -240
    finally:
        flint_ctx.prec = previous


def test_attention() -> None:
    """Uniform scores average the values; one dominating key picks its value."""
    ctx = exact.context()
    v = np.array([[1.0, 2.0], [3.0, 5.0]])
    mean = exact.mp_attention([[0.0]], [[1.0], [2.0]], v, ctx)
    assert [exact.to_float64(x) for x in mean] == [2.0, 3.5]
    picked = exact.mp_attention([[100.0] * 4], [[100.0] * 4, [1.0] * 4], v, ctx)
    assert [exact.to_float64(x) for x in picked] == [1.0, 2.0]
    half = exact.mp_attention([[1.0] * 4], [[1.0] * 4, [0.0] * 4], v, ctx)
    weight = 1 / (1 + math.exp(-2))  # the score is 4 / sqrt(4)
    assert exact.to_float64(half[0, 0]) == pytest.approx(3 - 2 * weight, rel=1e-15)


def test_the_global_context_is_left_alone() -> None:
    before = mpmath.mp.prec
    ctx = exact.context(1000)
    exact.mp_attention([[1.0]], [[1.0]], [[1.0]], ctx)
    assert ctx.prec == 1000
    assert mpmath.mp.prec == before
    assert exact.context().prec == 256


@given(float64s)
def test_conversion_is_exact(x: float) -> None:
    ctx = exact.context(10)  # a float is converted exactly whatever the precision
    assert exact.to_fraction(exact.to_mpf(x, ctx)) == Fraction(x)


def test_a_fraction_is_rounded_to_the_context() -> None:
    third = exact.to_fraction(exact.to_mpf(Fraction(1, 3), exact.context(10)))
    assert third == Fraction(683, 2048)
