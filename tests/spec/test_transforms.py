"""The specified transforms, by hand and against the definition of the matrix."""

from fractions import Fraction

import pytest

from msdnum import spec
from msdnum.formats.transforms import Hadamard, Permutation, Smoothing
from msdnum.spec import Special

NAN, INF, MINUS_INF = Special.NAN, Special.INFINITY, Special.NEGATIVE_INFINITY


def test_small_integers_are_transformed_exactly_by_the_matrix():
    for length in (1, 4, 16):
        x = [Fraction(3 * i % 11 - 5) for i in range(length)]
        signs = tuple(1 - 2 * (i % 3 == 0) for i in range(length))
        matrix = [[spec.hadamard_entry(i, j) for j in range(length)] for i in range(length)]
        exact = [
            sum(h * s * v for h, s, v in zip(row, signs, x, strict=True))
            * spec.hadamard_factor(length)
            for row in matrix
        ]
        assert [spec.number(y) for y in spec.transform(x, Hadamard(length, signs))] == exact


def test_the_order_of_additions_is_stated():
    """The nearest first: 1 + 2^-24 is lost, where 2^-24 + 2^-24 would not be."""
    tiny = Fraction(1, 2**24)
    x = [Fraction(1), tiny, tiny, Fraction(0)]
    assert spec.transform(x, Hadamard(4))[0] == Fraction(1, 2)
    assert spec.transform([x[0], x[3], x[1], x[2]], Hadamard(4))[0] == Fraction(1, 2) + tiny


def test_factors_are_rounded_to_nearest():
    for length in (2, 8, 32, 512):
        factor = spec.hadamard_factor(length)
        ulp = Fraction(1, 2 ** (24 + (length.bit_length() - 1) // 2))
        assert (factor - ulp / 2) ** 2 * length < 1 < (factor + ulp / 2) ** 2 * length


def test_inverses():
    x = [Fraction(n) for n in (5, -3, 2, 7)]
    for how in (
        Hadamard(4, (1, -1, -1, 1)), Permutation((2, 0, 3, 1)), Smoothing((1.0, 2.0, 0.5, 4.0)),
    ):  # fmt: skip
        assert spec.transform(x, how) != x
        assert spec.inverse(spec.transform(x, how), how) == x


@pytest.mark.parametrize(
    ("x", "y", "total"),
    [
        (Fraction(1), Special.NEGATIVE_ZERO, Fraction(1)),
        (Special.NEGATIVE_ZERO, Special.NEGATIVE_ZERO, Special.NEGATIVE_ZERO),
        (INF, MINUS_INF, NAN),
        (INF, INF, INF),
        (NAN, NAN, NAN),
        (MINUS_INF, Fraction(3), MINUS_INF),
        (NAN, INF, NAN),
    ],
)
def test_sums_of_specials(x, y, total):
    assert spec.add(x, y) == spec.add(y, x) == total
