"""Rounding by the adder: the codes of the integers' way, for any float format and block."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from msdnum import quantize, spec
from msdnum.emulator.adder_rounding import codes_by_adder, suits_adder, suits_terms, terms_by_adder
from msdnum.emulator.element_rounding import codes_of, encode_scaled, remainder_of, round_to_quanta
from msdnum.formats.blocks import MXFP4, MXFP8_E4M3, BlockFormat
from msdnum.formats.elements import (
    BF16,
    E2M1,
    E2M3,
    E3M2,
    E4M3,
    E4M3FNUZ,
    E5M2,
    E8M0,
    FP16,
    FloatFormat,
    NonNumbers,
)
from msdnum.formats.modes import Overflow, Rounding, ScaleRule
from msdnum.formats.p3109_families import p3109

SUITED = [E2M1, E2M3, E3M2, E4M3, E5M2, FP16]
JITTED = jax.jit(codes_by_adder, static_argnums=2)


def slowly(pattern, exponent, fmt):
    return encode_scaled(pattern, exponent, fmt, Overflow.SATURATE)


def hostile(fmt, rng, rows=64, length=96):
    """Return rows of any finite numbers below their first, ties of the format, and their scales."""
    top = rng.integers(1, 255 << 23, (rows, 1), dtype=np.int32)
    below = rng.integers(0, 1 << 30, (rows, length), dtype=np.int32) % (top + 1)
    near = np.maximum(top - (rng.integers(0, 12, (rows, length), dtype=np.int32) << 23), 0)
    near &= ~((1 << (21 - min(fmt.fraction_bits, 20))) - 1)
    pattern = np.where(rng.random((rows, length)) < 0.5, below, np.minimum(near, top))
    pattern[:, :1] = top
    pattern |= np.int32(-(2**31)) * rng.integers(0, 2, pattern.shape, dtype=np.int32)
    exponent = np.clip((top >> 23) - 127 - fmt.emax + rng.integers(0, 2, top.shape), -127, 126)
    return pattern.astype(np.int32), exponent.astype(np.int32)


@pytest.mark.parametrize("fmt", SUITED, ids=lambda fmt: fmt.name)
def test_the_codes_are_those_of_the_integers(fmt):
    pattern, exponent = hostile(fmt, np.random.default_rng(5), 256)
    expected = slowly(pattern, exponent, fmt)
    np.testing.assert_array_equal(codes_by_adder(pattern, exponent, fmt), expected)
    on_jax = JITTED(jax.device_put(pattern), jax.device_put(exponent), fmt)
    np.testing.assert_array_equal(on_jax, expected)
    assert on_jax.dtype == expected.dtype


@given(
    st.integers(2, 5), st.integers(0, 12), st.sampled_from([NonNumbers.NONE, NonNumbers.IEEE]),
    st.integers(0, 2**32 - 1),
)  # fmt: skip
def test_formats_of_strangers(exponent_bits, fraction_bits, specials, seed):
    if specials is NonNumbers.IEEE and not fraction_bits:
        fraction_bits = 1
    fmt = FloatFormat("strange", exponent_bits, fraction_bits, specials=specials)
    pattern, exponent = hostile(fmt, np.random.default_rng(seed), 8)
    if suits_adder(pattern, fmt, Rounding.RNE):
        expected = slowly(pattern, exponent, fmt)
        np.testing.assert_array_equal(codes_by_adder(pattern, exponent, fmt), expected)


def test_all_that_one_scale_can_meet():
    """Every fraction of 12 bits in every binade that E2M1 and E4M3 have, and some below."""
    fraction = np.arange(1 << 12, dtype=np.int32) << 11
    for fmt in (MXFP4.element, MXFP8_E4M3.element):
        binades = np.arange(fmt.emin - fmt.fraction_bits - 3, fmt.emax + 2, dtype=np.int32)
        pattern = (((binades + 127) << 23)[:, None] | fraction).astype(np.int32)
        exponent = np.zeros((len(binades), 1), np.int32)
        expected = slowly(pattern, exponent, fmt)
        np.testing.assert_array_equal(codes_by_adder(pattern, exponent, fmt), expected)


def terms_slowly(pattern, exponents, formats):
    """Return the codes of terms by integers: each rounds the exact pattern of what is left."""
    codes = []
    for fmt, exponent in zip(formats, exponents, strict=True):
        quanta = round_to_quanta(pattern, exponent, fmt)
        codes.append(codes_of(quanta, fmt, Overflow.SATURATE))
        pattern = remainder_of(quanta, fmt).view(np.int32)
    return codes


@pytest.mark.parametrize(
    ("formats", "drops"),
    [((E2M1,) * 3, (3, 3)), ((E4M3,) * 2, (5,)), ((E4M3, E2M1, E2M1), (9, 0)), ((E5M2,) * 2, (3,))],
    ids=["E2M1", "E4M3", "mixed", "E5M2"],
)
def test_terms_are_those_of_the_integers(formats, drops):
    """Subnormal numbers, zeros of either sign, ties, numbers that the first scale loses."""
    rng = np.random.default_rng(7)
    pattern, exponent = hostile(formats[0], rng, 512)
    pattern[:, 1::7] = rng.integers(0, 9, pattern[:, 1::7].shape, dtype=np.int32)
    pattern[:, 1::14] |= np.int32(-(2**31))
    exponents = [np.maximum(exponent - sum(drops[:i]), -127) for i in range(len(formats))]
    assert suits_terms(pattern, formats, drops)
    expected = terms_slowly(pattern, exponents, formats)
    on_jax = jax.jit(partial(terms_by_adder, formats=formats))
    for terms in (terms_by_adder(pattern, exponents, formats), on_jax(pattern, exponents)):
        for found, right in zip(terms, expected, strict=True):
            assert found.dtype == right.dtype
            np.testing.assert_array_equal(found, right)


def test_terms_that_do_not_suit():
    pattern, wide = np.zeros(1, np.int32), FloatFormat("wide", 7, 3)
    assert not suits_terms(pattern, (E2M1, E2M1), (-1,))
    assert not suits_terms(pattern, (E2M1, E2M1), (44,))
    assert not suits_terms(pattern, (wide, wide), (40,))
    assert not suits_terms(pattern, (E2M1, E8M0), (3,))


@pytest.mark.parametrize("fmt", [BF16, E8M0, E4M3FNUZ], ids=lambda fmt: fmt.name)
def test_formats_that_do_not_suit(fmt):
    assert not suits_adder(np.zeros(1, np.int32), fmt, Rounding.RNE)


def test_what_does_not_suit():
    assert not suits_adder(np.zeros(1, np.int32), E2M1, Rounding.RNA)
    assert not suits_adder(np.zeros(1, np.int64), E2M1, Rounding.RNE)
    assert suits_adder(np.zeros(1, np.int32), E2M1, Rounding.RNE)


@pytest.mark.parametrize(
    ("element", "x"),
    [
        (FloatFormat("P", 4, 3, specials=NonNumbers.INF_AND_ONE_NAN), [448, -1e-6, 1, -1]),
        (p3109(8, 4), [224, -0.0, 1, -1]),
        (FloatFormat("E6M0", 6, 0, ties_by_code=True), [8, 1.5, 3, 6]),
        (p3109(8, 1), [2.0**30, 1.5, 3, 6]),
    ],
    ids=["one NaN", "P3109 p4", "ties by code", "P3109 p1"],
)
def test_what_the_adder_does_not_know_is_rounded_without_it(element, x):
    """It has a zero of either sign, and ties go to an even significand."""
    fmt, x = BlockFormat("B", element, E8M0, 4, ScaleRule.FLOOR), np.float32(x)
    scale, codes = spec.quantize_block([spec.from_float(float(v)) for v in x], fmt)
    for found in (quantize(x, fmt), quantize(jnp.asarray(x), fmt)):
        assert np.asarray(found.codes).tolist() == list(codes)
        assert found.scale_codes.item() == scale
