"""Decomposition: specification, NumPy, JAX eager and jitted; and x == sum of terms + remainder."""

from dataclasses import FrozenInstanceError, replace
from fractions import Fraction

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import msdnum
from msdnum import OWN_AMAX, SCHEMES, Arithmetic, Scheme, bounds, spec, testing
from msdnum.emulator.decompositions import _divide_exactly
from msdnum.formats.elements import (
    BINARY32,
    E2M1,
    E3M2,
    E4M3,
    E8M0,
    FP16,
    INT4,
    INT8_SYMMETRIC,
    FloatFormat,
    IntegerFormat,
)
from msdnum.formats.schemes import INT8_X2, INT8_X2_FLOAT32, INT8_X3, MXFP4_X2, MXFP8_X1
from tests.support.agreement import assert_same_bits, on_all_backends, on_numpy_and_jit
from tests.support.decompositions import CORPUS, FLOOR, MIXED, POWERS, assert_sums_up, by_name
from tests.support.selection import quick

pytestmark = pytest.mark.core

OWN = [
    replace(scheme, name=f"{scheme.name}-OWN", ratios=OWN_AMAX)
    for scheme in (MXFP4_X2, INT8_X2_FLOAT32, MIXED[0], MIXED[5], MIXED[6], MIXED[7])
]


ALL = [*SCHEMES.values(), *MIXED, *OWN]

COMPILED = {"MXFP4_X1", "MXFP4_X2", "MXFP8_X2", "INT8_X2", "INT8_X2_FLOAT32", "MXFP4_X2-OWN"}
"""One of each kind, for `make test`."""


def values(x):
    return [spec.from_float32_bits(word) for word in x.view(np.uint32).tolist()]


def specified(x, scheme):
    return spec.decompose(values(x), scheme)


def assert_as_specified(x, scheme):
    """Compare every block of two-dimensional ``x`` with the specification."""
    result = msdnum.decompose(x, scheme)
    size = scheme.formats[0].block_size or x.shape[1]
    for row in range(x.shape[0]):
        for start in range(0, x.shape[1], size):
            part = (row, slice(start, start + size))
            expected = specified(x[part], scheme)
            codes = tuple(tuple(term.codes[part].tolist()) for term in result.terms)
            assert codes == expected.codes
            for left, wanted in zip(
                result.scaled_remainder[part], expected.remainders, strict=True
            ):
                if spec.is_finite(wanted):
                    assert Fraction(float(left)) == result.denominator * spec.number(wanted)
                else:
                    assert np.isnan(left)


@pytest.mark.parametrize("scheme", ALL, **by_name)
def test_hostile_blocks_as_specified(scheme):
    assert_as_specified(CORPUS[:60], scheme)


@pytest.mark.parametrize("scheme", quick(ALL, COMPILED), **by_name)
def test_backends_agree(scheme):
    # Eager JAX compiles every operation for itself: enough of it in the schemes of the paper.
    agree = on_all_backends if scheme in SCHEMES.values() else on_numpy_and_jit
    with jax.enable_x64(True):
        agree(lambda x: msdnum.decompose(x, scheme), CORPUS)


@pytest.mark.parametrize("scheme", quick(ALL, COMPILED), **by_name)
def test_terms_alone_are_the_terms(scheme):
    whole = msdnum.decompose(CORPUS, scheme)
    alone = msdnum.decompose_terms(CORPUS, scheme)
    for term, other in zip(whole.terms, alone, strict=True):
        assert_same_bits(term.codes, other.codes)
        assert_same_bits(term.scale_codes, other.scale_codes)
    if scheme.arithmetic is Arithmetic.FLOAT32 or scheme.formats[0].scale is E8M0:
        on_numpy_and_jit(lambda x: msdnum.decompose_terms(x, scheme), CORPUS)


@given(st.sampled_from(ALL), testing.rows(kinds=tuple(testing.BLOCK_KINDS)))
def test_rows_as_specified_and_summing_up(scheme, row):
    assert_as_specified(row[None], scheme)
    assert_sums_up(row, msdnum.decompose(row, scheme))


def test_the_scales_of_the_paper():
    x = np.array([5.0, -0.3, 0.01, 3.0], np.float32)
    alpha = 8.0
    first, second = msdnum.decompose(x, MXFP4_X2).terms
    assert first.scales().tolist() == [alpha / 4]
    assert second.scales().tolist() == [alpha / 32]
    assert msdnum.decompose(x, MXFP8_X1).terms[0].scales().tolist() == [alpha / 256]
    first, second = msdnum.decompose(x, INT8_X2).terms
    assert (first.divisor, second.divisor) == (127, 127 * 254)
    assert first.scale_codes.view(np.float32).tolist() == [5.0]
    assert second.scales().tolist() == [float(np.float32(5.0) / np.float32(127 * 254))]


@pytest.mark.parametrize("arithmetic", Arithmetic)
def test_terms_of_unlike_ratios_as_specified(arithmetic):
    elements = (INT8_SYMMETRIC, INT8_SYMMETRIC, INT4)
    scheme = msdnum.amax_scheme("unlike", *elements, arithmetic=arithmetic, block_size=16)
    assert scheme.ratios == (254, 14)
    assert_as_specified(CORPUS[:20], scheme)


def test_powers_of_two_of_unlike_ratios_as_specified():
    scheme = msdnum.covering_scheme("unlike", E4M3, E2M1, E3M2)
    assert scheme.ratios == (Fraction(1, 2), 32)
    assert_as_specified(CORPUS[:20], scheme)


def test_exact_ties_go_to_even():
    x = np.array([127, 0.5, 1.5, 2.5, -0.5, -1.5, -2.5, 63.5], np.float32)
    (term,) = msdnum.decompose(x, SCHEMES["INT8_X1"]).terms
    assert term.integers().tolist() == [127, 0, 2, 2, 0, -2, -2, 64]


def test_a_quotient_that_is_rounded_to_a_tie_is_corrected():
    y = 2.0**52 + 1
    x = np.array([3 * 2.0**51 + 1, -3 * 2.0**51 - 1])  # half a unit below 3 y / 2
    assert (x / y).tolist() == [1.5, -1.5], "binary64 cannot tell them from ties"
    quotient, rest = _divide_exactly(x, np.full(2, y))
    assert quotient.tolist() == [1, -1]
    assert rest.tolist() == [(y - 1) / 2, (1 - y) / 2]


class Inexact(np.ndarray):
    """An array whose quotients are an ulp too large or too small."""

    aim = np.inf

    def __truediv__(self, other):
        return np.nextafter(super().__truediv__(other), self.aim)


@pytest.mark.parametrize("aim", [-np.inf, np.inf], ids=["small", "large"])
def test_a_quotient_that_is_off_is_corrected(aim):
    """Ties, where the wrong neighbour is nearer, and a rest of a third of the divisor."""
    y = np.array([2.0, 2, 2, 2, 2, 2, 3, 3, 3, 3])
    x = np.array([1.0, 3, 5, -1, -3, -5, 4, 5, -4, -5]).view(Inexact)
    x.aim = aim
    quotient, rest = _divide_exactly(x, y)
    assert quotient.tolist() == [0, 2, 2, 0, -2, -2, 1, 2, -1, -2]
    assert rest.tolist() == [1, -1, 1, -1, 1, -1, 1, -1, -1, 1]


def test_schemes_and_results_are_values():
    result = msdnum.decompose(CORPUS[:1], MXFP4_X2)
    for value, field in ((MXFP4_X2, "name"), (result, "scheme"), (result.terms[0], "axis")):
        with pytest.raises(FrozenInstanceError):
            setattr(value, field, None)
    assert "MXFP4_X2" in result._repr_html_()


def test_options_are_named():
    for call in (msdnum.decompose, msdnum.decompose_terms):
        with pytest.raises(TypeError, match="positional"):
            call(CORPUS, MXFP4_X2, -1)


def test_the_two_arithmetics_differ():
    x = np.random.default_rng(8).standard_normal((64, 512)).astype(np.float32)
    exact, executed = msdnum.decompose(x, INT8_X2), msdnum.decompose(x, INT8_X2_FLOAT32)
    digits = [np.mean(a.codes != b.codes) for a, b in zip(exact.terms, executed.terms, strict=True)]
    assert 0 < digits[1] < 0.01
    assert exact.denominator == 127 * 254
    assert_same_bits(exact.remainder, exact.scaled_remainder / (127 * 254))
    assert np.abs(exact.remainder - executed.remainder).max() < np.abs(x).max() / 30000
    assert executed.denominator == 1


def test_any_axis():
    x = np.random.default_rng(9).standard_normal((40, 3)).astype(np.float32)
    along = msdnum.decompose(x, MXFP4_X2, axis=0)
    moved = msdnum.decompose(np.ascontiguousarray(x.T), MXFP4_X2)
    assert_same_bits(along.remainder, moved.remainder.T)
    assert_same_bits(along.remainder, along.scaled_remainder)
    column = msdnum.decompose_terms(x[:, 1], MXFP4_X2)
    assert_same_bits(column[1].codes, along.terms[1].codes[:, 1])
    assert along.terms[0].scale_codes.shape == (2, 3)
    whole = msdnum.decompose(x, INT8_X3, axis=None)
    flat = msdnum.decompose(x.ravel(), INT8_X3)
    assert_same_bits(whole.remainder.ravel(), flat.remainder)


def test_jax_without_float64():
    x = jnp.asarray(CORPUS)
    for scheme in (INT8_X2, INT8_X2_FLOAT32):
        with pytest.raises(ValueError, match="jax_enable_x64"):
            msdnum.decompose(x, scheme)
    with pytest.raises(ValueError, match="the exact arithmetic of INT8_X2 is held in float64"):
        msdnum.decompose_terms(x, INT8_X2)


@pytest.mark.parametrize(
    "element",
    [
        FP16,
        BINARY32,
        FloatFormat("E3M0", 3, 0, 3),
        IntegerFormat("INT16", 16, -32768),
        IntegerFormat("INT10", 10, -511),
    ],
    ids=lambda element: element.name,
)
def test_any_element_leaves_an_exact_remainder(element):
    scheme = msdnum.covering_scheme("any", element, element)
    for row in CORPUS[:60:3]:
        assert_sums_up(row, msdnum.decompose(row, scheme))
    on_numpy_and_jit(lambda x: msdnum.decompose(x, scheme), CORPUS)


def test_the_remainder_over_its_denominator_is_divided():
    with jax.enable_x64(True):
        on_all_backends(lambda x: msdnum.decompose(x, INT8_X2).remainder, CORPUS)


@pytest.mark.parametrize("power", range(-6, 22))
@pytest.mark.parametrize("formats", [POWERS, FLOOR], ids=["CEIL", "FLOOR"])
def test_any_ratio_leaves_an_exact_remainder(formats, power):
    scheme = Scheme("any", formats, (Fraction(2) ** power,), Arithmetic.EXACT)
    for row in CORPUS[:60:3]:
        assert_sums_up(row, msdnum.decompose(row, scheme))


def test_bad_arguments():
    with pytest.raises(TypeError, match="scheme must be Scheme, got 'INT8_X2'"):
        msdnum.decompose(CORPUS, "INT8_X2")
    with pytest.raises(TypeError, match="x must be float32, bfloat16 or float16, got float64"):
        msdnum.decompose([1.0, 0.1], INT8_X2)
    with pytest.raises(TypeError, match="x must be float32, bfloat16 or float16, got float64"):
        msdnum.decompose(CORPUS.astype(np.float64), MXFP4_X2)
    with pytest.raises(ValueError, match=r"axis must be in -2\.\.1, got 5"):
        msdnum.decompose(CORPUS, MXFP4_X2, axis=5)


# What the last term leaves

ONE_BINADE = FloatFormat("E1M2", 1, 2, 0)


BOUNDED = [
    *(scheme for name, scheme in SCHEMES.items() if not name.endswith("FLOAT32")),
    *(msdnum.covering_scheme(f"E1M2_X{n}", *[ONE_BINADE] * n) for n in (1, 2, 3)),
    msdnum.covering_scheme("INT8+E2M1", INT8_SYMMETRIC, E2M1),
    replace(SCHEMES["MXFP4_X2"], name="own", ratios=OWN_AMAX),
]


def test_a_format_with_one_normal_binade_is_decomposed_as_specified():
    scheme = msdnum.covering_scheme("E1M2_X3", *[ONE_BINADE] * 3)
    assert scheme.ratios == (8, 8)
    assert_as_specified(CORPUS[:40], scheme)


@pytest.mark.parametrize("scheme", BOUNDED, **by_name)
def test_the_largest_remainder_is_that_of_the_theorem(scheme):
    elements = [fmt.element for fmt in scheme.formats]
    x = np.random.default_rng(0).random((4096, 1), dtype=np.float32)
    formats = tuple(replace(fmt, block_size=2) for fmt in scheme.formats)
    result = msdnum.decompose(np.hstack([x, x**0]), replace(scheme, formats=formats))
    promised = bounds.mixed_decomposition(elements, 1, rule=scheme.formats[0].rule)
    found = float(np.abs(result.remainder).max())
    assert 0 < found <= promised * (1 + 2**-50)
    if scheme.ratios is OWN_AMAX:
        return
    scale = Fraction(1, 2 ** elements[0].emax) if scheme.formats[0].scale == E8M0 else Fraction(1)
    for ratio in scheme.ratios:
        scale /= ratio
    if scheme.formats[0].scale != E8M0:
        scale /= 127
    assert scheme.largest_remainder * scale == promised
