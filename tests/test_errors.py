"""Errors and effective bits against values worked out by hand and against each other."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from msdnum import errors
from msdnum.errors import EFFECTIVE_BITS

pytestmark = pytest.mark.core

X = np.array([1.0, -2.0, 4.0, 8.0])
Y = np.array([1.25, -2.0, 3.5, 8.0])  # errors 1/4, 0, 1/2, 0

pairs = arrays(np.float32, 7, elements=st.floats(-(2.0**99), 2.0**99, width=32)).flatmap(
    lambda x: st.tuples(
        st.just(x), arrays(np.float32, 7, elements=st.floats(-(2.0**99), 2.0**99, width=32))
    )
)


def test_errors_by_hand() -> None:
    assert errors.forward_error_componentwise(X, Y) == 0.25
    assert errors.forward_error_normwise(X, Y) == 0.5 / 8
    assert errors.relative_l2(X, Y) == pytest.approx(math.sqrt(5 / 16 / 85), rel=1e-15)
    product = np.array([2.0, 8.0, 8.0, 16.0])
    assert errors.backward_error_componentwise(X, Y, product) == 0.125
    assert errors.backward_error_normwise(X, Y, product) == 0.5 / 16


HAND = {
    "worst_case_amax": 4,
    "worst_case_levels": math.log2(17),
    "worst_case_relative": 2,
    "rms_relative": -math.log2(math.sqrt((1 / 16 + 1 / 64) / 4)),
    "mean_relative": -math.log2(3 / 32),
    "median_relative": 4,
    "log_relative_error": 2.5,
    "relative_l1": -math.log2(0.75 / 15),
    "relative_l2": math.log2(85 * 16 / 5) / 2,
    "rms_over_amax": math.log2(8 / math.sqrt(5 / 64)),
    "equivalent_uniform": math.log2(16 / math.sqrt(12 * 5 / 64)),
    "snr": 10 * math.log10(85 * 16 / 5) / 6.02,
    "sine_enob": (10 * math.log10(85 * 16 / 5) - 1.76) / 6.02,
    "rate_distortion": math.log2((85 / 4 - (11 / 4) ** 2) * 64 / 5) / 2,
}


@pytest.mark.parametrize("name", EFFECTIVE_BITS)
def test_effective_bits_by_hand(name: str) -> None:
    assert EFFECTIVE_BITS[name](X, Y) == pytest.approx(HAND[name], rel=1e-14)


def test_registry_is_complete_and_documented() -> None:
    functions = [name for name in errors.__all__ if name.startswith("bits_")]
    assert sorted(EFFECTIVE_BITS) == sorted(name.removeprefix("bits_") for name in functions)
    assert all(
        "``" in (function.__doc__ or "").split("\n")[0] for function in EFFECTIVE_BITS.values()
    )


@pytest.mark.parametrize("name", EFFECTIVE_BITS)
def test_no_error_is_infinitely_many_bits_even_for_zeros(name: str) -> None:
    assert EFFECTIVE_BITS[name](X, X) == math.inf
    assert EFFECTIVE_BITS[name]([0.0, -0.0], [-0.0, 0.0]) == math.inf


@pytest.mark.parametrize("name", EFFECTIVE_BITS)
@pytest.mark.parametrize("bad", [math.inf, -math.inf, math.nan])
def test_inf_or_nan_approximation_leaves_no_bits(name: str, bad: float) -> None:
    robust = {"median_relative": 3, "worst_case_levels": 0}
    expected = robust.get(name, -math.inf)
    assert EFFECTIVE_BITS[name](X, [1.25, -2.0, bad, 8.0]) == pytest.approx(expected)


def test_zero_denominators() -> None:
    assert errors.forward_error_componentwise([0.0, 1.0], [0.5, 1.0]) == math.inf
    assert errors.forward_error_normwise([0.0, 1.0], [0.5, 1.0]) == 0.5
    assert errors.relative_l2([0.0], [1.0]) == math.inf
    assert errors.relative_l2([0.0], [0.0]) == 0
    assert errors.backward_error_componentwise([1.0], [1.5], [0.0]) == math.inf
    assert errors.bits_rate_distortion([2.0, 2.0], [2.0, 1.0]) == -math.inf


def test_uniform_quantizer_has_its_own_number_of_bits() -> None:
    """On a uniform input the two uniform-quantizer definitions give back the width."""
    levels = 2**6
    step = 2 / levels
    x = np.linspace(-1, 1, levels * 1001)
    y = (np.floor(np.minimum(x, 0.9999999) / step) + 0.5) * step
    assert errors.bits_equivalent_uniform(x, y) == pytest.approx(6, abs=1e-3)
    assert errors.bits_worst_case_amax(x, y) == pytest.approx(6, abs=1e-12)
    assert errors.bits_snr(x, y) == pytest.approx(6, abs=2e-3)


def test_squares_neither_overflow_nor_underflow() -> None:
    x = np.array([3.0, 4.0])
    for scale in (1e-300, 1e300):
        assert errors.relative_l2(x * scale, 0 * x) == pytest.approx(1, rel=1e-15)
        assert errors.bits_rms_over_amax(x * scale, 0 * x) == pytest.approx(
            math.log2(4 / math.sqrt(12.5)), rel=1e-13
        )


@given(pairs)
def test_relations_between_definitions(pair: tuple[np.ndarray, np.ndarray]) -> None:
    x, y = pair
    bits = {name: function(x, y) for name, function in EFFECTIVE_BITS.items()}
    assert bits["worst_case_relative"] <= bits["rms_relative"] + 1e-9
    assert bits["rms_relative"] <= bits["mean_relative"] + 1e-9
    assert bits["worst_case_amax"] <= bits["rms_over_amax"] + 1e-9
    assert bits["worst_case_relative"] <= bits["worst_case_amax"]
    assert bits["relative_l2"] <= bits["rms_over_amax"] + 1e-9
    assert bits["rate_distortion"] <= bits["relative_l2"] + 1e-9


@given(pairs, st.integers(-20, 20))
def test_errors_do_not_depend_on_a_common_power_of_two(
    pair: tuple[np.ndarray, np.ndarray], shift: int
) -> None:
    x, y = (np.asarray(a, np.float64) for a in pair)
    for function in (errors.forward_error_componentwise, errors.forward_error_normwise):
        assert function(np.ldexp(x, shift), np.ldexp(y, shift)) == function(x, y)


def test_ulp_distance() -> None:
    one = np.float32(1)
    up, down = np.nextafter(one, np.float32(2)), np.nextafter(one, np.float32(0))
    assert errors.ulp_distance([one], [up]) == 1
    assert errors.ulp_distance([one], [down]) == 0.5
    assert errors.ulp_distance([up], [one]) == 1
    assert errors.ulp_distance([down], [one]) == 1
    eta = np.float32(2.0**-149)
    assert errors.ulp_distance([0.0, -eta], [3 * eta, eta]) == 3
    assert errors.ulp_distance([1.5], [1.0], precision=2, emin=0) == 1
    assert errors.ulp_distance([0.5], [1.0], precision=2, emin=0) == 1
    assert errors.ulp_distance([448.0], [416.0], precision=4, emin=-6) == 1


def test_bad_input() -> None:
    with pytest.raises(ValueError, match="approximation must have the shape"):
        errors.relative_l2([1.0, 2.0], [1.0])
    with pytest.raises(ValueError, match="reference must be finite"):
        errors.relative_l2([math.nan], [1.0])
    with pytest.raises(ValueError, match="reference must not be empty"):
        errors.relative_l2([], [])
    with pytest.raises(ValueError, match="absolute_product must have the shape"):
        errors.backward_error_normwise(X, Y, [1.0])
    with pytest.raises(ValueError, match="absolute_product must be finite and nonnegative"):
        errors.backward_error_normwise(X, Y, -X)
    with pytest.raises(ValueError, match="precision must be positive"):
        errors.ulp_distance(X, Y, precision=0)
