"""Schemes: terms of their names, ratios, and what means nothing."""

from dataclasses import replace
from fractions import Fraction

import pytest

import msdnum
from msdnum import OWN_AMAX, SCHEMES, Arithmetic, ScaleRule, Scheme
from msdnum.formats.blocks import MXFP4, MXINT8, NVFP4
from msdnum.formats.elements import E2M1, E4M3, INT8_SYMMETRIC, FloatFormat, IntegerFormat
from msdnum.formats.elements import MXINT8_ELEMENT as FIXED
from msdnum.formats.scale_searches import EVERY_SCALE
from msdnum.formats.schemes import INT8_X2
from tests.support.decompositions import CORPUS, FLOOR, MIXED, POWERS, assert_sums_up, by_name


def test_schemes_have_the_terms_of_their_names():
    kinds = ("INT8_X{}", "INT8_X{}_FLOAT32", "MXFP4_X{}", "MXFP8_X{}")
    assert set(SCHEMES) == {kind.format(n) for kind in kinds for n in (1, 2, 3)}
    for name, scheme in SCHEMES.items():
        element, terms, *arithmetic = name.split("_")
        formats = {"INT8": INT8_SYMMETRIC, "MXFP4": E2M1, "MXFP8": E4M3}
        assert [fmt.element for fmt in scheme.formats] == [formats[element]] * int(terms[1])
        assert scheme.arithmetic is (Arithmetic.FLOAT32 if arithmetic else Arithmetic.EXACT)
        assert scheme.formats[0].block_size == (None if element == "INT8" else 32)


def test_the_largest_remainder_is_that_of_the_last_element():
    assert [scheme.largest_remainder for scheme in MIXED[:2]] == [Fraction(1, 2), 1]
    fixed_last = msdnum.covering_scheme("MXFP4+MXINT8", E2M1, FIXED)
    assert fixed_last.largest_remainder == Fraction(1, 128)


INTEGERS = INT8_X2.formats


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (((), None, Arithmetic.EXACT), "formats must name at least one term"),
        (((MXFP4, MXINT8), (Fraction(8),), Arithmetic.FLOAT32), "arithmetic must be EXACT"),
        (((MXFP4, replace(MXFP4, block_size=16)), None, Arithmetic.EXACT), "formats must differ"),
        (((NVFP4,), (), Arithmetic.EXACT), "formats must not have a tensor scale"),
        (
            ((replace(MXFP4, search=EVERY_SCALE),), (), Arithmetic.EXACT),
            "must not search their scales",
        ),
        ((POWERS, (), Arithmetic.EXACT), "ratios must be 1 for 2 terms, got 0"),
        ((POWERS, (Fraction(3),), Arithmetic.EXACT), "ratios must be powers of two"),
        (
            ((replace(MXFP4, element=FloatFormat("tiny", 2, 1, 4)),), (), Arithmetic.EXACT),
            "formats must hold 1",
        ),
        ((POWERS, (Fraction(2**22),), Arithmetic.EXACT), "ratios must be smaller.* got 4194304"),
        ((FLOOR, (Fraction(2**22),), Arithmetic.EXACT), "ratios must be smaller"),
        ((POWERS, (Fraction(0),), Arithmetic.EXACT), "ratios must be powers of two"),
        ((POWERS, (Fraction(-1, 2),), Arithmetic.EXACT), "ratios must be powers of two"),
        ((INTEGERS, (Fraction(1, 2),), Arithmetic.EXACT), "ratios must be integers in 1..254"),
        ((INTEGERS, (Fraction(0),), Arithmetic.EXACT), "ratios must be integers in 1..254"),
        ((INTEGERS, (Fraction(255),), Arithmetic.FLOAT32), "ratios must be integers in 1..254"),
        ((INTEGERS, OWN_AMAX, Arithmetic.EXACT), "ratios must be given in exact arithmetic"),
        ((INTEGERS[:1] * 4, (Fraction(254),) * 3, Arithmetic.EXACT), "at most 3 terms"),
        (
            ((replace(INTEGERS[0], element=FIXED),), (), Arithmetic.EXACT),
            "formats must be integers of at most 8 bits, no fractions",
        ),
        (
            (
                (replace(INTEGERS[0], element=IntegerFormat("INT9", 9, -256)),),
                (),
                Arithmetic.EXACT,
            ),
            "formats must be integers of at most 8 bits, no fractions",
        ),
        (
            ((replace(INTEGERS[0], element=E2M1),), (), Arithmetic.EXACT),
            "formats must be integers with BINARY32 scales",
        ),
        (
            ((replace(INTEGERS[0], scale=E4M3),), (), Arithmetic.EXACT),
            "formats must have E8M0 or BINARY32 scales",
        ),
    ],
)
def test_schemes_that_mean_nothing(arguments, message):
    with pytest.raises(ValueError, match=message):
        Scheme("name", *arguments)


@pytest.mark.parametrize("ratio", [1, 254])
def test_ratios_of_integers_at_the_edge(ratio):
    scheme = Scheme("edge", INTEGERS, (Fraction(ratio),), Arithmetic.EXACT)
    assert scheme.divisors == (127, 127 * ratio)
    assert_sums_up(CORPUS[3], msdnum.decompose(CORPUS[3], scheme))


@pytest.mark.parametrize(
    "scheme",
    [
        SCHEMES["INT8_X2_FLOAT32"],
        msdnum.covering_scheme("floor", E2M1, E2M1, rule=ScaleRule.FLOOR),
        msdnum.covering_scheme("MXINT8", FIXED),
    ],
    **by_name,
)
def test_a_scheme_that_may_saturate_or_round_promises_nothing(scheme):
    assert scheme.largest_remainder is None


def test_elements_of_a_covering_scheme_are_element_formats():
    with pytest.raises(TypeError, match=r"elements must be FloatFormat or .*, got 'E2M1'"):
        msdnum.covering_scheme("mine", E2M1, "E2M1")
