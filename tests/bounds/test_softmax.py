"""The bound on attention: it holds, each part of it is met, and it is their sum."""

import math
from decimal import Decimal, localcontext
from fractions import Fraction

import pytest
from hypothesis import example, given, target
from hypothesis import strategies as st

from msdnum import bounds, spec
from msdnum.formats.elements import E2M1
from tests.support.bounds import fl, remainder, sum_sequential, terms_of

# Attention


def exponential(x):
    with localcontext() as context:
        context.prec = 40
        return Fraction((Decimal(x.numerator) / Decimal(x.denominator)).exp())


def softmax(scores):
    weights = [exponential(s - max(scores)) for s in scores]
    return [w / sum(weights) for w in weights]


@st.composite
def attention_rows(draw):
    n = draw(st.integers(1, 6))
    scores = draw(st.lists(st.integers(-64, 64), min_size=n, max_size=n))
    moves = draw(st.lists(st.sampled_from([-1, 1, 1, 0]), min_size=n, max_size=n))
    values_ = draw(st.lists(st.integers(-127, 127), min_size=n, max_size=n))
    return [Fraction(s, 8) for s in scores], moves, [Fraction(v) for v in values_]


@pytest.mark.parametrize("rounded", [False, True], ids=["exact", "binary32"])
@given(
    row=attention_rows(),
    error=st.sampled_from([Fraction(0), Fraction(1, 1000), Fraction(1, 10), Fraction(1)]),
)
@example(
    row=([Fraction(0), Fraction(-12)], [-1, 1], [Fraction(0), Fraction(1)]), error=Fraction(1, 10)
)
def test_attention(rounded, row, error):
    scores, moves, v = row
    exact = softmax(scores)
    moved = [s + m * error for s, m in zip(scores, moves, strict=True)]
    weights = [fl(exponential(s - max(moved))) for s in moved]
    terms = terms_of(spec.decompose_covering(weights, (E2M1,) * 2), (E2M1,) * 2)
    addends = [p * x for term in terms for p, x in zip(term, v, strict=True)]
    if rounded:
        accumulation = bounds.sequential(len(addends))
        output = fl(sum_sequential(addends) / sum_sequential(weights))
    else:
        accumulation, output = bounds.EXACT, sum(addends) / sum(weights)
    aim = sum(p * x for p, x in zip(exact, v, strict=True))
    sums = [
        float(sum(p * abs(x - aim) for p, x in zip(exact, v, strict=True))),
        float(max(v) - min(v)),
        float(sum(abs(p * x) for p, x in zip(exact, v, strict=True))),
        float(max(exact) * sum(map(abs, v))),
    ]
    bound = bounds.attention(
        float(error), [Fraction(1, 5), Fraction(1, 37)], accumulation, exp_error=2.0**-24
    )
    deviation = abs(output - aim)
    if bound.at(*sums):
        target(float(deviation) / bound.at(*sums))
    assert deviation <= bound.at(*sums)


@pytest.mark.parametrize("error", [Fraction(1, 1000), Fraction(1, 10), Fraction(1)])
def test_softmax_perturbation_is_attained(error):
    """Weights in the ratio 1 : exp(e), the score of the first going up, of the second down."""
    before, after = softmax([Fraction(0), error])[0], softmax([error, Fraction(0)])[0]
    ratio = float(after - before) / bounds.attention(float(error)).spread
    assert ratio == pytest.approx(1, rel=1e-12)
    assert ratio <= 1


@pytest.mark.parametrize("error", [0.01, 0.3, 2.0])
def test_float_bounds_are_rounded_up_by_a_few_ulps(error):
    grown = exponential(Fraction(error))
    excess = Fraction(bounds.attention(error).spread) * (grown + 1) / (grown - 1) - 1
    assert 12 < excess * 2**52 < 40


def test_softmax_perturbation_of_few_keys():
    """Where one key has nearly all the weight, the deviation decides: twice the light weight."""
    before = softmax([Fraction(0), Fraction(-12)])[1]
    after = softmax([Fraction(-1, 100), Fraction(-12) + Fraction(1, 100)])[1]
    bound = bounds.attention(0.01).at(float(2 * before * (1 - before)), 1)
    assert 0.98 < float(after - before) / bound <= 1


def test_attention_weights_are_attained():
    """The weights 1 and 37/64, each in a block of its own: the second is left as 36/64 or 38/64."""
    weights, v = [Fraction(1), Fraction(37, 64)], [Fraction(0), Fraction(5)]
    left = [remainder(w, w, (E2M1,) * 2) for w in weights]
    error = sum(r * x for r, x in zip(left, v, strict=True)) / sum(weights)
    largest = weights[1] / sum(weights)
    bound = bounds.attention(0, [Fraction(1, 5), Fraction(1, 37)])
    assert bound.at(0, 0, 0, float(largest * v[1])) == pytest.approx(float(error), rel=1e-12)
    assert bound.at(0, 0, 0, float(largest * v[1])) >= float(error)
    assert (bound.weighted, bound.at(1, 1, 1, 0, 2)) == (0, 2)


def test_attention_coefficients():
    accumulation = bounds.sequential(11)
    bound = bounds.attention(0.5, [Fraction(1, 8)], accumulation, exp_error=0.25, rescalings=3)
    change = math.e / 0.75**8
    divided = 1 + float(bounds.gamma(11))
    shift = math.sqrt(change)
    assert bound.deviation == pytest.approx(shift * (shift - 1), rel=1e-9)
    assert bound.spread == pytest.approx((shift - 1) / (shift + 1), rel=1e-9)
    assert bound.weighted == pytest.approx(change * float(bounds.gamma(21)), rel=1e-9)
    part = (1 + float(bounds.gamma(10))) / 8
    assert bound.block == pytest.approx(change * part * divided, rel=1e-9)


def test_attention_without_a_decomposition_leaves_nothing_of_the_weights():
    bound = bounds.attention(0.5)
    assert (bound.weighted, bound.block, bound.values) == (0, 0, 1)


def test_attention_sums_add_up():
    bound = bounds.AttentionBound(2, 3, 5, 7, 11)
    assert [bound.at(1, 1), bound.at(2, 1), bound.at(1, 1, 1, 10, 100)] == [2, 3, 1177]
