"""Decompositions of the specification: by hand, adding up, within bounds."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from msdnum import spec
from msdnum.formats.blocks import INT8_ROW, MXFP4
from msdnum.formats.elements import (
    E2M1,
    E2M3,
    E3M2,
    E4M3,
    E5M2,
    E8M0,
    INT4,
    INT8_SYMMETRIC,
    MXINT8_ELEMENT,
    ElementFormat,
    FloatFormat,
)
from msdnum.formats.modes import Arithmetic, ScaleRule
from msdnum.formats.schemes import OWN_AMAX, SCHEMES, Scheme
from msdnum.spec.numbers import Special
from tests.support.spec import ETA, LARGEST, as_float, block, float32s, pattern

moderate = st.floats(-(2.0**40), 2.0**40, width=32)


# Decomposition ----------------------------------------------------------------------------------

ELEMENT_TERMS = st.lists(
    st.sampled_from([E2M1, E2M3, E3M2, E4M3, E5M2, MXINT8_ELEMENT]), min_size=1, max_size=3
)


def reassembled(d: spec.Decomposition, elements: list[ElementFormat]) -> list[Fraction]:
    total = [spec.number(r) for r in d.remainders]
    for scale, codes, element in zip(d.scales, d.codes, elements, strict=True):
        for i, code in enumerate(codes):
            total[i] += spec.number(scale) * spec.number(spec.decode(code, element))
    return total


def specified(values: list[Fraction], scheme: Scheme) -> spec.Decomposition:
    """Return what the function of the scheme's scales says, which derives its own ratios."""
    elements = [fmt.element for fmt in scheme.formats]
    if scheme.formats[0].scale == E8M0:
        return spec.decompose_covering(values, elements, scheme.formats[0].rule)
    return spec.decompose_amax(values, elements, scheme.arithmetic)


@pytest.mark.parametrize("scheme", SCHEMES.values(), ids=lambda scheme: scheme.name)
@given(values=st.lists(moderate.map(Fraction), min_size=1, max_size=4))
@settings(max_examples=20)
def test_a_scheme_of_natural_ratios_is_what_its_scales_say(
    scheme: Scheme, values: list[Fraction]
) -> None:
    assert spec.decompose(values, scheme) == specified(values, scheme)


def test_ratios_and_rules_of_a_scheme_are_its_own() -> None:
    """Scales of 1/4 and, with a ratio of 32, 1/128: of the 1/10 that is left 6/128 is taken."""
    far = replace(SCHEMES["MXFP4_X2"], ratios=(Fraction(32),))
    d = spec.decompose(block(1, "0.6"), far)
    assert d.scales == (Fraction(1, 4), Fraction(1, 128))
    assert d.remainders == (0, Fraction(6, 10) - Fraction(1, 2) - Fraction(6, 128))
    own = replace(SCHEMES["MXFP4_X2"], ratios=OWN_AMAX)
    assert spec.decompose(block(1, "0.6"), own) == spec.decompose_own_amax(
        block(1, "0.6"), own.formats
    )
    floor = SCHEMES["MXFP4_X2"].with_rule(ScaleRule.FLOOR)
    assert spec.decompose(block("7.999"), floor).scales == (Fraction(1), Fraction(1, 8))
    fourth = replace(SCHEMES["INT8_X2"], ratios=(Fraction(4),))
    assert spec.decompose(block(127), fourth).scales == (Fraction(1), Fraction(1, 4))


def test_mxfp4_x2_by_hand() -> None:
    """alpha = 8 covers 5; the scales are alpha / 4 and alpha / 32."""
    d = spec.decompose_covering(block(5, "-0.3", "7/16"), [E2M1, E2M1])
    assert d.scales == (Fraction(2), Fraction(1, 4))
    assert d.codes == ((0x4, 0x8, 0x0), (0x6, 0xA, 0x4))
    assert d.remainders == d.carried == tuple(block(0, "-0.05", "-1/16"))


def test_a_fixed_point_term_leaves_one_bit_less_to_the_next() -> None:
    d = spec.decompose_covering(block(1, "1/128"), [MXINT8_ELEMENT, E2M1])
    assert d.scales == (Fraction(1), Fraction(1, 2**9))
    assert d.codes == ((0x40, 0x00), (0x0, 0x6))
    assert d.remainders == (0, 0)


@given(st.lists(moderate.map(Fraction), min_size=1, max_size=6), ELEMENT_TERMS)
def test_covering_terms_and_remainder_add_up_and_the_remainder_is_bounded(
    values: list[Fraction], elements: list[ElementFormat]
) -> None:
    d = spec.decompose_covering(values, elements)
    assert reassembled(d, elements) == values
    amax = max(map(abs, values))
    if amax > Fraction(1, 2**60):
        bound = Fraction(2) ** spec.ceil_log2(amax)
        for element in elements:
            bound /= 2 ** (element.precision + isinstance(element, FloatFormat))
            # An element's own underflow leaves more: half its eta, on its scale.
        assert d.scales[-1] * Fraction(elements[-1].eta) / 2 <= bound
        assert max(abs(r) for r in d.remainders) <= bound


def test_the_bound_of_mxfp4_x2_is_attained() -> None:
    """Paper, claim C2: alpha / 64, here with alpha = 1."""
    d = spec.decompose_covering(block(1, "0.640625"), [E2M1, E2M1])
    assert max(abs(r) for r in d.remainders) == Fraction(1, 64)


def test_under_the_ocp_rule_mxfp4_x2_breaks_the_bound() -> None:
    d = spec.decompose_covering(block("7.999"), [E2M1, E2M1], ScaleRule.FLOOR)
    assert d.scales == (Fraction(1), Fraction(1, 8))
    assert abs(d.remainders[0]) > Fraction(8, 64)


def test_exponents_are_clamped_to_e8m0() -> None:
    d = spec.decompose_covering([ETA, 3 * ETA], [E2M1, E2M1])
    assert d.scales == (Fraction(1, 2**127),) * 2
    assert reassembled(d, [E2M1, E2M1]) == [ETA, 3 * ETA]
    zero = spec.decompose_covering([Fraction(0), Special.NEGATIVE_ZERO], [E2M1, E2M1])
    assert zero.scales == (Fraction(1, 2**127),) * 2
    assert zero.codes == ((0, 8), (0, 0))


@given(st.lists(moderate.map(Fraction), min_size=1, max_size=6), st.integers(1, 3))
def test_exact_int8_is_the_papers(values: list[Fraction], terms: int) -> None:
    """Digits of base 254: scales M / 127 / 254**i, remainder at most half the last scale."""
    elements = [INT8_SYMMETRIC] * terms
    d = spec.decompose_amax(values, elements, Arithmetic.EXACT)
    amax = max(map(abs, values))
    assert d.scales == tuple(amax / 127 / 254**i for i in range(terms))
    assert reassembled(d, elements) == values
    assert d.carried == d.remainders
    assert max(abs(r) for r in d.remainders) <= amax / 254**terms


@given(st.lists(float32s, min_size=1, max_size=6), st.integers(1, 3))
def test_float32_int8_is_numpys_float32_arithmetic(numbers: list[float], terms: int) -> None:
    elements = [INT8_SYMMETRIC] * terms
    values = [spec.from_float(v) for v in numbers]
    d = spec.decompose_amax(values, elements, Arithmetic.FLOAT32)
    left = np.array(numbers, np.float32)
    with np.errstate(all="ignore"):
        scale = np.abs(left).max() / np.float32(127)
        for i in range(terms):
            scale = scale / np.float32(254) if i else scale
            digits = np.zeros(left.shape, np.float32)
            if scale:
                digits = np.clip(np.rint(left / scale), -127, 127)
            left = left - scale * digits
            assert spec.to_float32_bits(d.scales[i]) == pattern(scale)
            assert d.codes[i] == tuple(digits.astype(np.int8).view(np.uint8).tolist())
    assert [float(as_float(r)) for r in d.carried] == left.tolist()
    if all(spec.is_finite(v) for v in values):
        assert reassembled(d, elements) == [spec.number(v) for v in values]


def test_the_product_overflows_for_the_largest_number() -> None:
    """fl(127 * fl(LARGEST / 127)) is Inf: the second digit is then -127, of the wrong sign."""
    d = spec.decompose_amax([LARGEST], [INT8_SYMMETRIC] * 2, Arithmetic.FLOAT32)
    assert d.codes == ((127,), (0x81,))
    assert d.carried == (Special.NEGATIVE_INFINITY,)
    assert spec.number(d.remainders[0]) > LARGEST / 255


def test_mixed_integer_terms() -> None:
    d = spec.decompose_amax(block(127, 100, "0.5"), [INT8_SYMMETRIC, INT4])
    assert d.scales == (Fraction(1), Fraction(1, 14))
    assert d.codes == ((127, 100, 0), (0, 0, 7))


@pytest.mark.parametrize("bad", [Special.NAN, Special.INFINITY])
def test_a_block_with_nan_or_inf_decomposes_into_nan(bad: Special) -> None:
    nan = (Special.NAN,) * 2
    for d in (
        spec.decompose_covering([Fraction(1), bad], [E2M1] * 2),
        spec.decompose_amax([Fraction(1), bad], [INT8_SYMMETRIC] * 2),
        spec.decompose_own_amax([Fraction(1), bad], [MXFP4] * 2),
    ):
        assert d.scales == d.remainders == d.carried == nan
        assert d.codes == ((0, 0), (0, 0))


@given(st.lists(moderate.map(Fraction), min_size=1, max_size=6))
def test_own_amax_quantizes_what_is_left(values: list[Fraction]) -> None:
    fmt = replace(MXFP4, rule=ScaleRule.COVERING)
    d = spec.decompose_own_amax(values, [fmt] * 3)
    left = values
    for scale, codes in zip(d.scales, d.codes, strict=True):
        scale_code, expected = spec.quantize_block(left, fmt)
        assert scale == spec.decode(scale_code, E8M0)
        assert list(codes) == expected
        left = [
            x - spec.number(scale) * spec.number(spec.decode(c, E2M1))
            for x, c in zip(left, codes, strict=True)
        ]
    assert d.remainders == d.carried == tuple(left)


@given(st.lists(moderate.map(Fraction), min_size=1, max_size=4))
def test_own_amax_with_binary32_scales_rounds_every_operation(values: list[Fraction]) -> None:
    d = spec.decompose_own_amax(values, [INT8_ROW] * 2)
    assert reassembled(d, [INT8_SYMMETRIC] * 2) == values
    left = np.array([float(v) for v in values], np.float32)
    for scale, codes in zip(d.scales, d.codes, strict=True):
        assert spec.to_float32_bits(scale) == pattern(np.abs(left).max() / np.float32(127))
        left = left - as_float(scale) * np.array(codes, np.uint8).view(np.int8).astype(np.float32)
    assert [float(as_float(r)) for r in d.carried] == left.tolist()
