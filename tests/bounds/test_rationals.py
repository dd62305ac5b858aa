"""All bounds take and give rationals: options by name, values that compare, bad arguments."""

import dataclasses
import math
from fractions import Fraction

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from mpmath import MPContext

from msdnum import bounds
from msdnum.formats.elements import E2M1
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


CONTEXT = MPContext()
CONTEXT.dps = 60


def wide(x):
    """Return a number with 60 digits."""
    x = Fraction(x)
    return CONTEXT.mpf(x.numerator) / x.denominator


def covers(found, exact, bits=40):
    """Say whether a float is not below a number of 60 digits, and not far above."""
    return exact <= found <= exact * (1 + CONTEXT.mpf(2) ** -bits) + CONTEXT.mpf(2) ** -1070


SUMS = st.floats(0, 1e300)


@given(
    d=st.integers(1, 10**5),
    bits=st.integers(18, 40),
    confidence=st.floats(0.1, 30),
    failure=st.floats(5e-324, 0.99),
    part=st.fractions(0, 1),
    sums=st.tuples(SUMS, SUMS, SUMS),
)
def test_floats_in_bounds_are_rounded_outward(d, bits, confidence, failure, part, sums):
    """Against the same formulas with 60 digits: never below, and never far above."""
    u, exp, sqrt, log = Fraction(1, 2**bits), CONTEXT.exp, CONTEXT.sqrt, CONTEXT.log
    adding = bounds.Accumulation(d, u)
    small, n, lam = wide(u), CONTEXT.mpf(d), CONTEXT.mpf(confidence)
    growth = CONTEXT.expm1(lam * sqrt(n) * small + n * small**2 / (1 - small))
    chance = bounds.gemm_probabilistic([part], adding, 9, confidence)
    martingale = bounds.gemm_martingale([part], adding, failure)
    factor = sqrt(2 * log(2 / CONTEXT.mpf(failure)))
    grown = factor * sqrt(n) * small * (1 + small) ** n
    one, two, three = map(wide, sums)
    rounded = wide(martingale.product) * one + wide(martingale.amax) * two
    spread = wide(martingale.amax_two_norm) * three
    for found, exact in (
        (chance.product, growth),
        (chance.amax, growth * wide(part)),
        (chance.amax_two_norm, lam * wide(part)),
        (martingale.product, grown),
        (martingale.amax, grown * wide(part)),
        (martingale.amax_two_norm, factor * wide(part)),
        (martingale.at(*sums), sqrt(rounded**2 + spread**2)),
        (
            chance.at(*sums),
            wide(chance.product) * one
            + wide(chance.amax) * two
            + wide(chance.amax_two_norm) * three,
        ),
    ):
        assert covers(found, exact)
    missed = 20 * exp(-((lam * (1 - small)) ** 2) / 2)
    assert chance.probability <= max(0, 1 - missed)


@given(
    d=st.integers(1, 10**5),
    bits=st.integers(18, 40),
    score=st.floats(0, 100),
    power=st.sampled_from([0.0, 2.0**-24, 1e-3]),
    rescalings=st.integers(0, 50),
    part=st.fractions(0, 1),
    sums=st.tuples(*[st.floats(0, 1e60)] * 5),
)
@example(1, 24, 5e-324, 0.0, 0, Fraction(1, 2**1100), (1.0,) * 5)
def test_so_are_those_of_attention(d, bits, score, power, rescalings, part, sums):
    u, exp, n = Fraction(1, 2**bits), CONTEXT.exp, CONTEXT.mpf(d)
    adding = bounds.Accumulation(d, u) if (2 * d + 1) * u < 1 else bounds.Accumulation(1, u)
    n = CONTEXT.mpf(adding.roundings)
    found = bounds.attention(score, [part], adding, exp_error=power, rescalings=rescalings)
    shift = wide(score) - (rescalings + 1) * CONTEXT.log1p(-wide(power))
    both, divided = (k * wide(u) / (1 - k * wide(u)) for k in (2 * n + 1, n + 1))
    coefficients = (
        exp(shift) * CONTEXT.expm1(shift),
        CONTEXT.tanh(shift / 2),
        exp(2 * shift) * both,
        exp(2 * shift) * wide(part) * (1 + adding.gamma) * (1 + divided),
        CONTEXT.mpf(1),
    )
    names = ("deviation", "spread", "weighted", "block", "values")
    for name, exact in zip(names, coefficients, strict=True):
        assert covers(getattr(found, name), exact, 36), name
    used = [wide(getattr(found, name)) * wide(x) for name, x in zip(names, sums, strict=True)]
    assert covers(found.at(*sums), min(used[:2]) + sum(used[2:]))


def test_what_is_beyond_binary64_is_inf():
    """No bound is an error, and none is NaN."""
    sums = bounds.sequential(1024)
    far = bounds.attention(1e4, [0, 0], sums)
    assert (far.deviation, far.weighted, far.block) == (math.inf, math.inf, 0)
    assert bounds.gemm_probabilistic([0], sums, 9, 1e300).product == math.inf
    assert bounds.gemm_probabilistic([0], sums, 9, 1e300).probability == 1 - 2.0**-53
    assert bounds.gemm_martingale([10**400], sums, 0.5).amax == math.inf


@given(x=st.fractions(0, 10**6), y=st.floats(0, 1e150), z=st.floats(0, 1e150))
@example(Fraction(1, 2**1100), 1e-200, 1e-200)
def test_floats_above(x, y, z):
    assert x <= bounds.above(x) <= x * (1 + Fraction(1, 2**52)) + Fraction(1, 2**1074)
    assert Fraction(y) <= Fraction(bounds.up(y))
    assert Fraction(y) * Fraction(z) <= Fraction(bounds.times(y, z))
    assert bounds.exponential(y) >= min(math.exp(min(y, 700)), math.inf)
    assert bounds.exponential(1e4) == bounds.above(10**400) == math.inf
