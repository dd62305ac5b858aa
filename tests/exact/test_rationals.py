"""Exact references: FLINT against mpmath and Fractions bit for bit, rounding against the spec."""

import math
from fractions import Fraction

import ml_dtypes
import mpmath
import numpy as np
import pytest
from flint import arb, fmpz_mat
from flint import ctx as flint_ctx
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from msdnum import exact, spec
from msdnum.formats.elements import (
    BF16,
    BINARY32,
    E2M1,
    E2M3,
    E3M2,
    E4M3,
    E5M2,
    E8M0,
    ELEMENT_FORMATS,
    FP16,
    INT8_SYMMETRIC,
    ElementFormat,
    FloatFormat,
    IntegerFormat,
    NonNumbers,
)
from msdnum.formats.modes import Arithmetic, Overflow, Rounding

pytestmark = pytest.mark.core

SIGNED = [fmt for fmt in ELEMENT_FORMATS.values() if fmt is not E8M0]
DIRECTIONS = [rounding for rounding in Rounding if rounding is not Rounding.STOCHASTIC]
float32s = st.floats(width=32, allow_nan=False, allow_infinity=False)
float64s = st.floats(allow_nan=False, allow_infinity=False)


def overflows(fmt: ElementFormat) -> list[Overflow]:
    plain = isinstance(fmt, IntegerFormat) or fmt.specials is NonNumbers.NONE
    return [Overflow.SATURATE] if plain else list(Overflow)


def bits(x: object, dtype: type = np.float64) -> bytes:
    return np.asarray(x, dtype).tobytes()


def matmul(a: np.ndarray, b: np.ndarray) -> list[list[Fraction]]:
    """Multiply in Fractions, entry by entry."""
    a, b = a.astype(np.float64), b.astype(np.float64)
    columns = [[Fraction(y) for y in column.tolist()] for column in b.T]
    return [
        [sum((Fraction(x) * y for x, y in zip(row.tolist(), column, strict=True)), Fraction(0))
         for column in columns]
        for row in a
    ]  # fmt: skip


@st.composite
def factors(draw: st.DrawFn, elements: st.SearchStrategy[float] = float32s) -> tuple:
    m, k, n = draw(array_shapes(min_dims=3, max_dims=3, max_side=4))
    return draw(arrays(np.float64, (m, k), elements=elements)), draw(
        arrays(np.float64, (k, n), elements=elements)
    )


def entries(matrix: exact.ExactMatrix) -> list[list[Fraction]]:
    rows, columns = matrix.shape
    return [[matrix[i, j] for j in range(columns)] for i in range(rows)]


@given(factors())
def test_product_is_the_product_of_fractions(pair: tuple) -> None:
    a, b = pair
    assert entries(exact.product(a, b)) == matmul(a, b)


@given(factors(float64s))
@settings(max_examples=50)
def test_product_holds_the_whole_range_of_binary64(pair: tuple) -> None:
    a, b = pair
    assert entries(exact.product(a, b)) == matmul(a, b)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, ml_dtypes.bfloat16, np.int8, np.int32])
def test_product_agrees_with_mpmath_bit_for_bit(dtype: type) -> None:
    rng = np.random.default_rng(0)
    a, b = ((rng.standard_normal(shape) * 50).astype(dtype) for shape in ((9, 33), (33, 7)))
    ctx = exact.context(400)
    reference = exact.mp_gemm(exact.mp_matrix(a, ctx), exact.mp_matrix(b, ctx), ctx)
    c = exact.product(a, b)
    rounded = c.correctly_rounded(BINARY32, overflow=Overflow.OVERFLOW)
    for i in range(9):
        for j in range(7):
            assert c[i, j] == exact.to_fraction(reference[i, j])
            assert bits(c.to_float64()[i, j]) == bits(exact.to_float64(reference[i, j]))
            single = exact.correctly_rounded(reference[i, j], BINARY32, overflow=Overflow.OVERFLOW)
            assert bits(rounded[i, j], np.float32) == bits(single, np.float32)


@pytest.mark.parametrize("shift", range(8, 14))
def test_significands_that_together_exceed_int64(shift: int) -> None:
    widest = 2.0**53 - 1
    c = exact.product([[widest * 2.0**shift, 1.0]], [[1.0], [1.0]])
    assert c[0, 0] == (2**53 - 1) * 2**shift + 1


def test_cancellation_and_scale_extremes() -> None:
    a = np.array([[2.0**127, 2.0**-149, -(2.0**127)]], np.float32)
    b = np.array([[2.0**127], [2.0**-149], [2.0**127]], np.float32)
    assert exact.product(a, b)[0, 0] == Fraction(1, 2**298)
    assert exact.product(a, b).to_float64()[0, 0] == 2.0**-298
    assert exact.condition_numbers(a, b)[0, 0] == float(Fraction(2**255 * 2**298 + 1))


def test_row_and_column_scales_that_are_not_dyadic() -> None:
    digits = np.array([[127, -3], [1, 0]], np.int8)
    weights = np.array([[1, 2], [-7, 8]], np.int8)
    rows, columns = [Fraction(3, 127), Fraction(5, 127)], [Fraction(1, 7), Fraction(2, 3)]
    c = exact.product(digits, weights, row_scales=rows, column_scales=columns)
    assert c[0, 1] == (254 - 24) * Fraction(3, 127) * Fraction(2, 3)
    assert c[1, 0] == Fraction(5, 127 * 7)
    assert c.to_float64()[0, 1] == float(Fraction(460, 127))
    absolute = exact.absolute_product(digits, weights, row_scales=rows, column_scales=columns)
    assert absolute[0, 1] == (254 + 24) * Fraction(2, 127)


@given(factors(), st.data())
def test_errors_are_exact(pair: tuple, data: st.DataObject) -> None:
    a, b = pair
    scale = [Fraction(1, 127 + i) for i in range(a.shape[0])]
    c = exact.product(a, b, row_scales=scale)
    approximation = data.draw(arrays(np.float64, c.shape, elements=float32s))
    expected = [
        [x - Fraction(y) for x, y in zip(row, approximations, strict=True)]
        for row, approximations in zip(entries(c), approximation.tolist(), strict=True)
    ]
    assert entries(c.minus(approximation)) == expected


@given(factors(st.integers(-4, 4).map(float)))
def test_condition_numbers(pair: tuple) -> None:
    a, b = pair
    expected = [
        [float(x / abs(y)) if y else (math.inf if x else 0.0) for x, y in zip(p, q, strict=True)]
        for p, q in zip(matmul(abs(a), abs(b)), matmul(a, b), strict=True)
    ]
    assert exact.condition_numbers(a, b).tolist() == expected


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


@pytest.mark.parametrize(
    ("a", "b", "message"),
    [
        ([[1.0, math.nan]], [[1.0], [1.0]], "a must be finite"),
        ([[1.0]], [[math.inf]], "b must be finite"),
        ([[1.0]], [[1.0], [1.0]], "b must have 1 rows to match a, got 2"),
        ([1.0], [[1.0]], "a must be a nonempty matrix"),
        (np.zeros((0, 2)), [[1.0]], "a must be a nonempty matrix"),
        ([[2**53]], [[1]], "a must be less than 2"),
    ],
)
def test_bad_matrices(a: object, b: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        exact.product(a, b)


def test_bad_arguments() -> None:
    with pytest.raises(TypeError, match="a must be real and at most binary64, got complex128"):
        exact.product([[1j]], [[1.0]])
    with pytest.raises(ValueError, match="scales must number 1, got 2"):
        exact.product([[1.0]], [[1.0]], row_scales=[Fraction(1)] * 2)
    with pytest.raises(ValueError, match="must be positive"):
        exact.product([[1.0]], [[1.0]], row_scales=[Fraction(0)])
    c = exact.product([[1.0]], [[1.0]])
    with pytest.raises(ValueError, match="approximation must have shape"):
        c.minus([[1.0, 2.0]])
    with pytest.raises(ValueError, match="other must have shape"):
        c.over(exact.product([[1.0]], [[1.0, 2.0]]))
    with pytest.raises(ValueError, match="number"):
        exact.ExactMatrix(c.integers, (Fraction(1),) * 2, (Fraction(1),))
    with pytest.raises(ValueError, match="fmt must be signed"):
        c.correctly_rounded(E8M0, overflow=Overflow.SATURATE)
    with pytest.raises(ValueError, match="overflow must be SATURATE for E2M1"):
        c.correctly_rounded(E2M1, overflow=Overflow.OVERFLOW)
    with pytest.raises(ValueError, match="rounding must not be STOCHASTIC"):
        c.correctly_rounded(BF16, overflow=Overflow.SATURATE, rounding=Rounding.STOCHASTIC)


def test_useful_size_agrees_with_integer_arithmetic() -> None:
    """At 256 cubed the product of small integers is known from int64."""
    rng = np.random.default_rng(2)
    a, b = rng.integers(-127, 128, (2, 256, 256))
    c = exact.product(a.astype(np.int8), np.ldexp(b.astype(np.float32), -7))
    expected = np.ldexp((a @ b).astype(np.float64), -7)
    assert bits(c.to_float64()) == bits(expected)
    assert not c.minus(expected).to_float64().any()
    half = c.correctly_rounded(FP16, overflow=Overflow.OVERFLOW)
    assert bits(half, np.float32) == bits(expected.astype(np.float16), np.float32)
