"""Measurements of others: what refutes a prediction, and predictions worked out by hand."""

from fractions import Fraction

import pytest

from msdnum.cost.machines import ASCEND_910B4, MACHINES
from msdnum.cost.published import (
    MEASUREMENTS,
    SQUARES,
    Kind,
    Measurement,
    Prediction,
    Standing,
    _digit_rows,
    waiting_of_products,
)
from msdnum.cost.workloads import Gemm

STANDS, REFUTED = Standing.STANDS, Standing.REFUTED


def measured(kind, low, high):
    return Measurement("x", "a source", "", "", kind, low, high, "", lambda: iter(()))


@pytest.mark.parametrize(
    ("kind", "value", "standing"),
    [
        (Kind.TIME, 5, STANDS),
        (Kind.TIME, Fraction(49, 10), REFUTED),  # a kernel that takes over twice the least
        (Kind.TIME, 20, STANDS),
        (Kind.TIME, 21, REFUTED),  # faster than peak rates
        (Kind.RATIO, 5, STANDS),
        (Kind.RATIO, 4, REFUTED),
        (Kind.RATIO, 40, STANDS),
        (Kind.RATIO, 41, REFUTED),
        (Kind.WHOLE, 9, REFUTED),  # the whole gains more than its products
        (Kind.WHOLE, 10, STANDS),
        (Kind.WHOLE, 1000, STANDS),
        (Kind.RATE, 9, REFUTED),  # faster than the peak
        (Kind.RATE, 40, STANDS),
        (Kind.RATE, 41, REFUTED),
        (Kind.ROWS, 41, REFUTED),
        (Kind.ROWS, None, REFUTED),
    ],
)
def test_what_refutes_a_prediction(kind, value, standing):
    assert measured(kind, 10, 20).standing(Prediction("assumed", value)) is standing


def test_a_range_that_is_none_is_refused():
    with pytest.raises(ValueError, match="low must be positive and at most high, got 2, 1"):
        measured(Kind.TIME, 2, 1)


def predicted(name):
    return {p.assumption: p.value for p in MEASUREMENTS[name].predict()}


def test_a_gain_is_that_of_bits_where_hbm_is_the_limit():
    """16 bits of a weight over 4 + 16/128, lifted through HBM over 32 bits more."""
    bits = predicted("W4A16 beside BF16, batch 1 to 4")
    stored = Fraction(33, 8)
    assert set(bits.values()) == {16 / (stored + 32), 16 / stored}


def test_lifting_through_hbm_moves_what_it_moves():
    """10 x 5120 x 5120, INT8: 40 bits a weight against 16, activations beside both."""
    weights, activations = 5120 * 5120, 10 * 2 * 5120
    by_hand = Fraction(16 * weights + 16 * activations, 40 * weights + 16 * activations)
    found = predicted("W8A16 beside BF16, tokens")
    assert found["Ascend 910B2: lifted weights through HBM, pipelined"] == by_hand


@pytest.mark.parametrize("n", [1024, 4096, 14336])
@pytest.mark.parametrize("k", [1024, 4096, 28672])
def test_digits_with_a_scale_for_128_weights_pay_for_at_most_fifteen_rows(k, n):
    """By hand, in bits through HBM: m rows cost what the two round trips of a weight cost."""
    found = {p.assumption: p.value for p in _digit_rows(ASCEND_910B4, Gemm(1, k, n))}
    lifting, digits = Fraction(33, 8) + 32, 3 * Fraction(33, 8)
    each_row = Fraction(2 * 3 * (4 * k + 32 * n * k // 128), k * n)
    (name,) = [name for name in found if "each digit, a scale for 128" in name]
    assert found[name] == (lifting - digits) / each_row
    assert 15 < found[name] < 16


def test_waiting_is_where_the_line_through_two_products_ends():
    waiting = waiting_of_products()
    small, large = (Fraction(2 * n**3, 24 * 8192 * 1800 * 10**6) for n, _ in SQUARES[:2])
    first, second = (Fraction(t) / 10**6 for _, t in SQUARES[:2])
    assert (first - waiting) / small == (second - waiting) / large
    assert Fraction(14) < waiting * 10**6 < 15


def test_every_measurement_says_what_it_is_and_every_prediction_of_what_machine():
    for name, of in MEASUREMENTS.items():
        assert of.name == name
        assert len(of.source) > 8
        assert of.not_stated
        for prediction in of.predict():
            machine = prediction.assumption.partition(":")[0]
            assert machine in MACHINES or machine in (*BOUND_BY, RATES)
            assert prediction.value is None or prediction.value > 0


BOUND_BY = "any machine bound by HBM", "any machine bound by its matrix unit"
RATES = "FP4 at four times the rate of BF16, bound by it"


def test_lifting_through_hbm_is_refuted_wherever_it_was_measured_and_through_a_cache_stands():
    standing = [
        (p.assumption, of.standing(p)) for of in MEASUREMENTS.values() for p in of.predict()
        if "lifted weights" in p.assumption
    ]  # fmt: skip
    through_hbm = {found for words, found in standing if "through HBM" in words}
    through_cache = {found for words, found in standing if "L2 cache, pipelined" in words}
    assert (through_hbm, through_cache) == ({REFUTED}, {STANDS})
