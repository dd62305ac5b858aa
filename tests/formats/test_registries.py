"""Registries, and what formats are called where they are printed."""

from dataclasses import replace
from fractions import Fraction

import jax
import numpy as np
import pytest

import msdnum
from msdnum import BLOCK_FORMATS, ELEMENT_FORMATS, SCHEMES, FloatFormat, IntegerFormat
from msdnum.conformance import casts
from msdnum.formats.elements import BINARY32, E2M1, E4M3, E8M0, FP16, NonNumbers
from msdnum.formats.modes import ScaleRule


def test_a_name_in_place_of_a_format_is_sent_to_its_registry():
    x = np.ones(32, np.float32)
    with pytest.raises(TypeError, match=r"got 'MXFP4': msdnum\.BLOCK_FORMATS has them by name"):
        msdnum.quantize(x, "MXFP4")
    with pytest.raises(TypeError, match=r"got 'MXFP4_X2': msdnum\.SCHEMES has them by name"):
        msdnum.decompose(x, "MXFP4_X2")
    with pytest.raises(TypeError, match=r"got 'E2M1': msdnum\.ELEMENT_FORMATS has them by name"):
        msdnum.round_to(x, "E2M1", overflow=msdnum.Overflow.SATURATE)


# Text


def test_what_is_printed_is_one_short_line():
    x = np.ones((2, 64), np.float32)
    q = msdnum.quantize(x, BLOCK_FORMATS["NVFP4"])
    things = [
        *ELEMENT_FORMATS.values(), *BLOCK_FORMATS.values(), *SCHEMES.values(), q,
        *(msdnum.decompose(x, scheme) for scheme in SCHEMES.values()),
    ]  # fmt: skip
    for thing in things:
        assert len(repr(thing)) <= 150, repr(thing)
        assert "\n" not in repr(thing)
    assert repr(q) == (
        "QuantizedArray(codes=uint8[2, 64], scale_codes=uint8[2, 4], tensor_scale=float32[], "
        "format=NVFP4, axis=-1)"
    )
    found = repr(msdnum.decompose(x, SCHEMES["MXFP4_X2"]))
    assert found == "Decomposition(MXFP4_X2, 2 terms, scaled_remainder=float32[2, 64])"


def test_formats_that_differ_print_differently():
    assert repr(replace(E2M1, bias=2)) != repr(E2M1)
    assert repr(replace(E4M3, specials=NonNumbers.NONE)) != repr(E4M3)
    mxfp4 = BLOCK_FORMATS["MXFP4"]
    assert repr(replace(mxfp4, rule=ScaleRule.CEIL)) != repr(mxfp4)
    far = replace(SCHEMES["MXFP4_X2"], ratios=(Fraction(16),))
    assert (
        repr(far)
        == "Scheme('MXFP4_X2', formats=(MX-E2M1, MX-E2M1), ratios=(16,), arithmetic=EXACT)"
    )


def test_what_jax_makes_of_arrays_prints():
    q = msdnum.quantize(np.ones((2, 64), np.float32), BLOCK_FORMATS["MXFP4"])
    d = msdnum.decompose(np.ones((2, 64), np.float32), SCHEMES["MXFP4_X2"])
    assert "codes=None" in repr(jax.tree.unflatten(jax.tree.structure(q), [None, None]))
    seen = []
    jax.jit(lambda a, b: seen.extend((repr(a), repr(b))))(q, d)
    assert "codes=uint8[2, 64]" in seen[0]
    assert "scaled_remainder=float32[2, 64]" in seen[1]


# Formats


@pytest.mark.parametrize("fmt", ELEMENT_FORMATS.values(), ids=lambda fmt: fmt.name)
def test_the_usual_bias_is_that_of_every_standard(fmt):
    if isinstance(fmt, FloatFormat):
        assert fmt.bias == 2 ** (fmt.exponent_bits - 1) - 1
        usual = FloatFormat(
            "usual", fmt.exponent_bits, fmt.fraction_bits, specials=fmt.specials,
            signed=fmt.signed, subnormals=fmt.subnormals,
        )  # fmt: skip
        assert replace(usual, name=fmt.name) == fmt
        assert type(usual.bias) is int


def test_values_are_a_tuple_that_prints_and_a_wide_format_has_too_many():
    assert repr(ELEMENT_FORMATS["E2M1"].values).startswith("(0.0, 0.5, 1.0, 1.5, 2.0")
    assert np.array(E2M1.values).shape == (16,)
    assert len(FP16.values) == 2**16
    with pytest.raises(ValueError, match=r"BINARY32 has 2\*\*32 values: too many to list"):
        _ = BINARY32.values


# Sources


@pytest.mark.parametrize(
    "fmt", [*ELEMENT_FORMATS.values(), *BLOCK_FORMATS.values()], ids=lambda fmt: fmt.name
)
def test_every_format_of_the_package_has_a_source(fmt):
    assert fmt.source


def test_a_format_of_ones_own_has_no_borrowed_source():
    assert FloatFormat("X", 2, 2).source == IntegerFormat("Y", 4, -8).source == ""


def test_a_source_is_no_part_of_what_a_format_is():
    own = replace(E2M1, source="mine")
    assert own == E2M1
    assert hash(own) == hash(E2M1)
    assert E2M1.source == "OCP MX v1.0, 5.3.3"


def test_vectors_name_the_source_of_their_format():
    groups = list(casts.decode_groups())
    assert {group.source for group in groups if group.parameters["fmt"] == "E8M0"} == {E8M0.source}
    assert all(group.source == ELEMENT_FORMATS[group.parameters["fmt"]].source for group in groups)
