"""Terms of any block formats: as specified in fractions, the same bits in JAX, worst cases."""

from dataclasses import replace
from fractions import Fraction

import jax
import numpy as np
import pytest

from msdnum import Arithmetic, BlockFormat, ScaleRule, Scheme, bounds, decompose, matmul, spec
from msdnum.emulator import decompose_terms
from msdnum.evidence import among_pairs, remainders
from msdnum.evidence.product_bounds import exact_values
from msdnum.formats import (
    BINARY32,
    E4M3,
    EXACT,
    FOUR_OVER_SIX,
    INT4,
    INT8_ROW,
    INT8_SYMMETRIC,
    MXFP4,
    NVFP4,
    OWN_AMAX,
)
from tests.support.agreement import on_numpy_and_jit
from tests.support.corpus import hostile_blocks

SMALL = replace(NVFP4, name="NVFP4/4", block_size=4)
E4M3_ROWS = BlockFormat("E4M3_ROWS", E4M3, BINARY32, None, ScaleRule.AMAX)
INT4_E4M3 = BlockFormat("INT4_E4M3", INT4, E4M3, 8, ScaleRule.AMAX)
INT8_8 = BlockFormat("INT8_8", INT8_SYMMETRIC, BINARY32, 8, ScaleRule.AMAX)


def scheme(*formats, ratios=OWN_AMAX):
    return Scheme(f"{len(formats)} terms", formats, ratios, Arithmetic.FLOAT32)


TWICE = scheme(NVFP4, NVFP4)
SCHEMES = {
    "NVFP4 twice": TWICE,
    "a block size for each term": scheme(replace(MXFP4, block_size=16), SMALL, INT8_8),
    "E4M3 rows, then NVFP4": scheme(E4M3_ROWS, NVFP4),
    "four terms": scheme(*[INT4_E4M3] * 4),
    "ratio 7": scheme(SMALL, SMALL, ratios=(Fraction(7),)),
    "ratio 13/2": scheme(E4M3_ROWS, E4M3_ROWS, ratios=(Fraction(13, 2),)),
    "four over six, then E4M3": scheme(replace(NVFP4, search=FOUR_OVER_SIX), E4M3_ROWS),
}
EACH = pytest.mark.parametrize("name", SCHEMES)


def drawn(seed=0, n=24):
    """Return numbers of many binades in one row: a tensor has one row in the specification."""
    rng = np.random.default_rng(seed)
    return (rng.normal(size=(1, n)) * 2.0 ** rng.integers(-12, 3, (1, n))).astype(np.float32)


@EACH
def test_every_term_is_as_specified(name):
    used = SCHEMES[name]
    for x in (drawn(1), drawn(2) * 2.0**-120, hostile_blocks(9)[8:9, :24]):
        found = decompose(x, used)
        values = [spec.from_float(float(v)) for v in x[0]]
        wanted = spec.requantize(values, used.formats, used.ratios)
        for term, specified in zip(found.terms, wanted.terms, strict=True):
            assert term.scale_codes.ravel().tolist() == list(specified.scale_codes)
            assert term.codes.ravel().tolist() == list(specified.codes)
            if term.tensor_scale is not None:
                assert spec.from_float(float(term.tensor_scale)) == specified.tensor
        left = [spec.from_float(float(v)) for v in found.remainder[0]]
        assert left == [spec.number(v) if spec.is_finite(v) else v for v in wanted.remainders]


def test_the_remainder_is_what_the_terms_leave():
    x = drawn(3)
    found = decompose(x, SCHEMES["ratio 13/2"])
    total = sum(exact_values(term) for term in found.terms)
    np.testing.assert_allclose(total + found.remainder, x, rtol=2.0**-45)
    assert np.abs(found.remainder).max() < np.abs(x - found.terms[0].dequantize()).max()


@pytest.mark.parametrize("name", ["NVFP4 twice", "ratio 7"])
def test_jit_gives_the_same_bits(name):
    x = np.concatenate([np.repeat(drawn(4), 3, axis=0), hostile_blocks(30)[:, :24]])
    with jax.enable_x64():
        on_numpy_and_jit(lambda x: decompose(x, SCHEMES[name]), x)


def test_products_take_the_terms():
    x, w = drawn(5, 32), np.eye(32, dtype=np.float32)
    terms = decompose_terms(x, TWICE)
    parts = [matmul(term, w, accumulator=EXACT) for term in terms]
    np.testing.assert_array_equal(matmul(terms, w, accumulator=EXACT), parts[0] + parts[1])


def test_the_worst_of_all_pairs():
    worst = among_pairs(TWICE)
    assert worst.bound == bounds.remainder(TWICE) == float("inf")
    amax, x = (spec.from_float32_bits(bits << 16) for bits in worst.witness.block)
    # The tensor whose amax is 2 has this block of two, and nothing else that matters.
    block = np.float32([[2, 2, float(amax), float(x)]])
    short = scheme(*[replace(NVFP4, block_size=2)] * 2)
    left = np.abs(decompose(block, short).terms[0].dequantize() - block)[0, 2:]
    assert Fraction(1, 200) < worst.error < Fraction(1, 20)
    assert left.max() / float(amax) > float(worst.error)
    assert worst.evidence.count == 2_089_152


@pytest.mark.parametrize(
    ("formats", "ratios", "message"),
    [
        ((NVFP4, SMALL), (Fraction(8),), "scales and blocks in common beside ratios"),
        ((NVFP4, NVFP4), (), "ratios must be 1 for 2 terms, got 0"),
        ((NVFP4, NVFP4), (Fraction(1, 3),), "ratios must be positive binary32 numbers, got 1/3"),
        ((MXFP4, MXFP4), (Fraction(8),), "arithmetic must be EXACT with E8M0 scales"),
        ((replace(NVFP4, rows=2),), OWN_AMAX, "blocks of one row"),
    ],
)
def test_what_is_no_scheme(formats, ratios, message):
    with pytest.raises(ValueError, match=message):
        scheme(*formats, ratios=ratios)


def test_nothing_is_proved_of_terms_that_are_quantized_anew():
    """Not even of digits of INT8, whose theorem is about binary32 scales."""
    small_scales = BlockFormat("INT8_E4M3", INT8_SYMMETRIC, E4M3, 8, ScaleRule.AMAX)
    for used in (scheme(small_scales), scheme(*[small_scales] * 2, ratios=(Fraction(254),)), TWICE):
        assert [term.remainder for term in bounds.term_bounds(used)] == [float("inf")] * used.terms
    x = drawn(6)
    assert np.isinf(remainders(x, TWICE)).all()


def test_digits_are_as_before():
    assert not scheme(INT8_ROW, INT8_ROW).requantizes
    assert scheme(INT8_ROW, INT8_8).requantizes
