"""Exact references: FLINT against mpmath and Fractions bit for bit, rounding against the spec."""

import math
from fractions import Fraction

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from msdnum import exact
from msdnum.formats.elements import BF16, BINARY32, E2M1, E8M0, FP16
from msdnum.formats.modes import Overflow, Rounding
from tests.support.exact import bits, float32s, float64s

pytestmark = pytest.mark.core


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
