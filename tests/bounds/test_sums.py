"""Bounds on sums in every order: they hold, are nearly met, and int32 overflows where they say."""

from fractions import Fraction

import pytest
from hypothesis import given, target
from hypothesis import strategies as st

from msdnum import bounds
from tests.support.bounds import SUMS, U, sum_matrix_unit

MANTISSAS = st.one_of(st.integers(-(2**24), 2**24), st.sampled_from([1, -1, 3, 2**23, 2**24 - 1]))


@pytest.mark.parametrize("name", SUMS)
@given(xs=st.lists(st.tuples(MANTISSAS, st.integers(-30, 2)), min_size=1, max_size=40))
def test_sums(name, xs):
    xs = [m * Fraction(2) ** e for m, e in xs]
    compute, accumulation = SUMS[name]
    size = sum(map(abs, xs))
    bound = accumulation(len(xs)).gamma * size
    error = abs(compute(xs) - sum(xs))
    assert error <= bound
    if bound:
        target(float(error / bound))


@pytest.mark.parametrize("n", [2, 4, 8, 64])
@pytest.mark.parametrize("name", ["sequential", "blocked", "pairwise"])
def test_sums_are_nearly_attained(name, n):
    """1 absorbs half a unit at each of its roundings, and every addition but those is exact."""
    compute, accumulation = SUMS[name]
    lost = {
        "sequential": range(1, n),
        "blocked": [*range(1, min(4, n)), *range(4, n, 4)],
        "pairwise": [2**k for k in range(n.bit_length() - 1)],
    }[name]
    xs = [Fraction(1), *(U if i in lost else Fraction(0) for i in range(1, n))]
    error = sum(xs) - compute(xs)
    assert error == accumulation(n).roundings * U
    assert error / accumulation(n).gamma / sum(xs) > 1 - 2 * n * U


@pytest.mark.parametrize(("group", "bits"), [(4, 25), (16, 25), (8, 13), (32, 13)])
def test_matrix_unit_is_nearly_attained(group, bits):
    """Every product is just too small to survive the alignment to 1."""
    xs = [Fraction(1)] + [Fraction(2**24 - 1, 2 ** (24 + bits))] * (4 * group - 1)
    error = sum(xs) - sum_matrix_unit(xs, group, bits)
    ratio = error / bounds.matrix_unit(len(xs), group, bits).gamma / sum(xs)
    assert Fraction(1, 2) * (1 if bits == 13 else Fraction(3, 4)) < ratio < 1


def test_depths():
    assert [bounds.pairwise_sum(n).roundings for n in (1, 2, 3, 4, 5, 1024)] == [0, 1, 2, 2, 3, 10]
    assert [bounds.blocked(n, 32).roundings for n in (1, 32, 33, 4096)] == [0, 31, 32, 158]
    assert bounds.int32(2) == bounds.Accumulation(4)
    assert bounds.matrix_unit(100, 16, 25) == bounds.Accumulation(
        7, Fraction(17, 2**25) + Fraction(1, 2**23), nearest=False
    )
    assert bounds.gamma(3, Fraction(1, 10)) == Fraction(3, 7)
    assert bounds.EXACT.gamma == 0


@given(a=st.integers(1, 2**15), b=st.integers(1, 2**15))
def test_int32_overflow(a, b):
    """K products of the largest digits fit, and one more does not."""
    k = bounds.int32_overflow(a, b)
    target(k * a * b / (2**31 - 1))
    assert k * a * b <= 2**31 - 1 < (k + 1) * a * b


def test_int32_overflow_of_the_digits_in_use():
    for a, b, k in (
        (127, 127, 133_144),
        (127, 8, 2_113_665),
        (128, 128, 131_071),
        (12, 12, 14_913_080),
    ):
        assert bounds.int32_overflow(a, b) == k


def test_nothing_is_bounded_by_roundings_that_are_not_all():
    unknown = bounds.Accumulation(0, bounded=False)
    for bound in (
        lambda: unknown.gamma,
        lambda: bounds.gemm([0], unknown),
        lambda: bounds.gemm_probabilistic([0], unknown, 8, 4),
        lambda: bounds.gemm_martingale([0], unknown, 1e-3),
        lambda: bounds.attention(0.0, accumulation=unknown),
    ):
        with pytest.raises(ValueError, match="accumulation must be bounded"):
            bound()
