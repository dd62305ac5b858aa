"""Theorem digit-splits: over splits in fractions whose every operation errs as it may."""

from fractions import Fraction

import pytest
from hypothesis import example, given, target
from hypothesis import strategies as st

from msdnum import bounds
from tests.support.bounds import fl, parts

U = Fraction(1, 2**24)


def nearest(x):
    """Return the nearest integer, ties away from zero."""
    whole = (2 * abs(x) + 1).__floor__() // 2
    return whole if x >= 0 else -whole


def split(x, amax, first, ratio, count, integer):
    """Split as the kernels do, every operation rounded to binary32."""
    y = fl(fl(x / amax) * first)
    digits = [integer(y)]
    for _ in range(count - 1):
        y = fl(fl(y - digits[-1]) * ratio)
        digits.append(integer(y))
    return sum(Fraction(a) / (first * ratio**i) for i, a in enumerate(digits)) * amax


@given(
    part=parts(),
    amax=st.integers(2**23, 2**24 - 1).map(lambda n: Fraction(n, 2**23)),
    kernel=st.sampled_from([(127, 254, 2), (127, 254, 1), (128, 128, 2), (7, 15, 3)]),
    down=st.booleans(),
)
@example(part=Fraction(3, 4), amax=Fraction(1), kernel=(127, 254, 2), down=False)
def test_digit_splits(part, amax, kernel, down):
    x = fl(part * amax)
    integer = Fraction.__floor__ if down else nearest
    left = abs(x - split(x, amax, *kernel, integer))
    bound = amax * bounds.digit_splits(*kernel, rounding=1 if down else Fraction(1, 2))
    target(float(left / bound))
    assert left <= bound


@given(
    part=parts(),
    amax=st.integers(2**23, 2**24 - 1).map(lambda n: Fraction(n, 2**23)),
    first=st.sampled_from([Fraction(127), fl(Fraction("127.499")), Fraction(7)]),
    fused=st.booleans(),
)
@example(part=Fraction(1, 255), amax=Fraction(1), first=fl(Fraction("127.499")), fused=False)
def test_subtracting_from_the_quotient(part, amax, first, fused):
    """The first digit over ``first`` is subtracted from the quotient, rounded or not."""
    x, largest = fl(part * amax), int(first)
    t, second = fl(x / amax), fl(2 * first**2)
    one = nearest(fl(t * first))
    over = one * fl(1 / first)
    two = nearest(fl(fl(t - (over if fused else fl(over))) * second))
    two = min(max(two, -largest - 1), largest)
    left = abs(x - amax * (one / first + two / second))
    options = {"quotient": U} if fused else {}
    bound = amax * bounds.direct_split(first, second, largest, **options)
    target(float(left / bound))
    assert left <= bound


def test_a_digit_that_is_cut_counts():
    """Of 127.499 the rest can round to 128, which is cut to 127."""
    first = Fraction("127.499")
    kept, cut = (bounds.direct_split(first, 2 * first**2, n) for n in (128, 127))
    assert 0 < cut - kept < Fraction(1, 100) / (2 * first**2)


def test_the_formula():
    bound = bounds.digit_splits(127, 254, 3, division=3 * U, weights=Fraction(1, 10**6))
    tail = Fraction(1, 2) / 254**2 + (2 * U + U**2) / 2 * (1 + Fraction(1, 254))
    assert bound == tail / 127 + 4 * U + 3 * U**2 + Fraction(1, 10**6)
    assert bounds.digit_splits(digits=1) == Fraction(1, 254) + 2 * U + U**2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"first": 0}, "first must be positive"),
        ({"ratio": -1}, "ratio must be positive"),
        ({"digits": 0}, "digits must be at least 1, got 0"),
        ({"rounding": 0}, "rounding must be positive"),
        ({"division": -1}, "division and weights must be at least 0"),
        ({"weights": -1}, "division and weights must be at least 0, got 5.96e-08 and -1"),
    ],
)
def test_bad_arguments(options, message):
    with pytest.raises(ValueError, match=message):
        bounds.digit_splits(**options)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0, 1), "first must be positive"),
        ((1, 0), "second must be positive"),
        ((128, 1), "largest must hold the first digit, up to 128, got 127"),
    ],
)
def test_bad_arguments_of_direct_splits(arguments, message):
    with pytest.raises(ValueError, match=message):
        bounds.direct_split(*arguments)
    with pytest.raises(ValueError, match="division and quotient must be at least 0"):
        bounds.direct_split(127, 254, quotient=-1)
