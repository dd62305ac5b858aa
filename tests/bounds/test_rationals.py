"""All bounds take and give rationals: options by name, values that compare, bad arguments."""

import dataclasses
import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mpmath import MPContext

from msdnum import bounds
from msdnum.formats.elements import (
    E2M1,
)
from msdnum.formats.modes import ScaleRule


def test_the_defaults_are_the_papers_schemes():
    assert bounds.int8_decomposition() == Fraction(1, 64516)
    assert bounds.mixed_decomposition([E2M1]) == Fraction(1, 8)
    assert bounds.int8_decomposition_float32() == bounds.int8_decomposition_float32(1, 2)
    assert bounds.mxfp4_decomposition() == Fraction(1, 64)
    assert bounds.mxfp8_decomposition() == Fraction(1, 32)
    assert bounds.int32_overflow() == 133_144
    assert bounds.mxfp4_scale_rules(ScaleRule.COVERING).alpha == Fraction(1, 64)
    assert bounds.mxfp4_scale_rules(ScaleRule.RCEIL).alpha == Fraction(1, 32)
    no_rescaling = bounds.attention(1, [0], bounds.EXACT, exp_error=0.5, rescalings=0)
    assert bounds.attention(1, exp_error=0.5) == no_rescaling


@pytest.mark.parametrize(
    ("function", "arguments"),
    [
        (bounds.mixed_decomposition, ([E2M1], 1, ScaleRule.COVERING)),
        (bounds.mxfp4_scale_rules, (ScaleRule.CEIL, 2, True)),
        (bounds.gemm, ([0], bounds.EXACT, 0)),
        (bounds.attention, (0, [0], bounds.EXACT, 0)),
        (bounds.rms_error, ([E2M1], ScaleRule.COVERING)),
    ],
)
def test_options_are_named(function, arguments):
    function(*arguments[:-1])
    with pytest.raises(TypeError, match="positional"):
        function(*arguments)


@pytest.mark.parametrize(
    "bound",
    [
        bounds.element_rounding(E2M1),
        bounds.mxfp4_scale_rules(ScaleRule.CEIL),
        bounds.EXACT,
        bounds.gemm([0]),
        bounds.gemm_probabilistic([0], bounds.EXACT, 1, 1),
        bounds.attention(0),
        bounds.rms_error([E2M1]),
    ],
    ids=lambda bound: type(bound).__name__,
)
def test_bounds_are_values(bound):
    field = dataclasses.fields(bound)[0].name
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(bound, field, 0)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: bounds.mixed_decomposition([], 1), "elements must name at least one format"),
        (lambda: bounds.mixed_decomposition([E2M1], 3), "amax must be a power of two"),
        (lambda: bounds.mixed_decomposition([E2M1], 0), "amax must be positive and finite, got 0"),
        (lambda: bounds.mxfp4_decomposition(math.inf), "amax must be positive and finite, got inf"),
        (lambda: bounds.mxfp4_decomposition(1, 0), "terms must be at least 1, got 0"),
        (lambda: bounds.int8_decomposition(1, 0), "terms must be at least 1, got 0"),
        (lambda: bounds.int8_decomposition_float32(1, 4), "terms must be 1, 2 or 3 in .*, got 4"),
        (lambda: bounds.mxfp8_decomposition(1, 1, -1), "binade must be at least 0, got -1"),
        (lambda: bounds.mixed_decomposition([E2M1], 1, rule=ScaleRule.FLOOR), "COVERING or AMAX"),
        (lambda: bounds.mxfp4_scale_rules(ScaleRule.AMAX), "rule must give power-of-two scales"),
        (lambda: bounds.mxfp4_scale_rules(ScaleRule.CEIL, 0), "terms must be at least 1, got 0"),
        (lambda: bounds.gamma(-1), "roundings must be at least 0"),
        (lambda: bounds.gamma(2**24), "in \\[0, 1\\), got 16777216"),
        (lambda: bounds.gamma(-1, 0), "roundings must be at least 0"),
        (lambda: bounds.gamma(1, -0.5), "in \\[0, 1\\), got 1 \\* -0.5"),
        (lambda: bounds.Accumulation(2**25), "roundings \\* unit_roundoff"),
        (lambda: bounds.sequential(0), "n must be at least 1, got 0"),
        (lambda: bounds.blocked(3, 0), "block_size must be at least 1, got 0"),
        (lambda: bounds.matrix_unit(3, 0, 25), "group must be at least 1, got 0"),
        (lambda: bounds.int32(0), "terms must be at least 1, got 0"),
        (lambda: bounds.int32_overflow(0, 1), "max_a must be at least 1, got 0"),
        (lambda: bounds.int32_overflow(1, 0), "max_b must be at least 1, got 0"),
        (lambda: bounds.gemm([]), "residuals must be one or more numbers >= 0"),
        (lambda: bounds.gemm([1, -1]), "residuals must be one or more numbers >= 0"),
        (lambda: bounds.gemm_probabilistic([1], bounds.EXACT, 8, 0), "confidence must be positive"),
        (lambda: bounds.gemm_probabilistic([1], bounds.EXACT, 0, 1), "addends must be at least 1"),
        (
            lambda: bounds.gemm_probabilistic([1], bounds.matrix_unit(8, 8, 25), 8, 1),
            "accumulation must round to nearest",
        ),
        (lambda: bounds.attention(-1), "score_error must be >= 0"),
        (lambda: bounds.attention(0, exp_error=1), "exp_error in \\[0, 1\\)"),
        (lambda: bounds.attention(0, exp_error=-0.5), "exp_error in \\[0, 1\\)"),
    ],
)
def test_bad_arguments_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@given(
    d=st.integers(1, 10**5),
    bits=st.integers(18, 40),
    confidence=st.floats(0.1, 30),
    failure=st.floats(1e-300, 0.99),
    score=st.floats(0, 4),
)
def test_floats_in_bounds_are_rounded_outward(d, bits, confidence, failure, score):
    """Against the same formulas with 60 digits: never below, and never far above."""
    u, part = Fraction(1, 2**bits), Fraction(1, 7)
    sums = bounds.Accumulation(d, u)
    context = MPContext()
    context.dps = 60
    exp, sqrt, log = context.exp, context.sqrt, context.log
    wide, n, lam = context.mpf(u.numerator) / u.denominator, context.mpf(d), context.mpf(confidence)
    growth = context.expm1(lam * sqrt(n) * wide + n * wide**2 / (1 - wide))
    chance = bounds.gemm_probabilistic([part], sums, 9, confidence)
    martingale = bounds.gemm_martingale([part], sums, failure)
    factor = sqrt(2 * log(2 / context.mpf(failure)))
    grown = factor * sqrt(n) * wide * (1 + wide) ** n
    attention = bounds.attention(score, [part], sums)
    shift = context.mpf(score)
    both = (2 * n + 1) * wide / (1 - (2 * n + 1) * wide)
    for found, exact in (
        (chance.product, growth),
        (chance.amax, growth / 7),
        (chance.amax_two_norm, lam / 7),
        (martingale.product, grown),
        (martingale.amax, grown / 7),
        (martingale.amax_two_norm, factor / 7),
        (attention.deviation, exp(shift) * context.expm1(shift)),
        (attention.spread, context.tanh(shift / 2)),
        (attention.weighted, exp(2 * shift) * both),
    ):
        assert exact <= found <= exact * (1 + context.mpf(2) ** -40)
    missed = 20 * exp(-((lam * (1 - wide)) ** 2) / 2)
    assert chance.probability <= max(0, 1 - missed)
