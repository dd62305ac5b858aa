"""Registries, and what formats are called where they are printed."""

import copy
import pickle
from dataclasses import replace
from fractions import Fraction

import jax
import numpy as np
import pytest

import msdnum
from msdnum import BLOCK_FORMATS, ELEMENT_FORMATS, SCHEMES, FloatFormat, IntegerFormat
from msdnum._registry import Registry
from msdnum.conformance import casts
from msdnum.cost.machines import MACHINES
from msdnum.emulator.attention.kv_cache import KV_FORMATS
from msdnum.emulator.cann.digits import VARIANTS
from msdnum.emulator.cann.products import KERNELS
from msdnum.errors import EFFECTIVE_BITS
from msdnum.formats.elements import BINARY32, E2M1, E4M3, E8M0, FP16, INT8, NonNumbers
from msdnum.formats.modes import Arithmetic, ScaleRule
from msdnum.formats.schemes import Scheme, amax_scheme, covering_scheme
from msdnum.inputs.families import FAMILIES, family

REGISTRIES = [
    ELEMENT_FORMATS, BLOCK_FORMATS, SCHEMES, EFFECTIVE_BITS, KV_FORMATS, FAMILIES, VARIANTS,
    KERNELS, MACHINES, msdnum.ACCUMULATORS, msdnum.ALL_ACCUMULATORS,
]  # fmt: skip

EACH_REGISTRY = pytest.mark.parametrize("registry", REGISTRIES, ids=lambda r: repr(r).split(":")[0])


@EACH_REGISTRY
def test_a_registry_prints_its_names_in_one_line(registry):
    text = repr(registry)
    assert "\n" not in text
    assert all(name in text for name in registry)
    assert len(text) < 30 + sum(len(name) + 2 for name in registry)


@EACH_REGISTRY
def test_a_registry_is_a_table_in_a_notebook(registry):
    text = registry._repr_html_()
    assert text.count("<tr>") == len(registry) + 1
    assert "0x7f" not in text


@EACH_REGISTRY
def test_a_wrong_name_has_a_near_one(registry):
    for name in registry:
        with pytest.raises(KeyError, match=f"has no '{name}_'; did you mean '"):
            registry[f"{name}_"]


@pytest.mark.parametrize(
    ("registry", "wrong", "near"),
    [
        (BLOCK_FORMATS, "MXFP8", "MXFP8_E4M3"),
        (BLOCK_FORMATS, "mxfp4", "MXFP4"),
        (SCHEMES, "MXFP4x2", "MXFP4_X2"),
        (EFFECTIVE_BITS, "sqnr", "snr"),
        (MACHINES, "H100", "H100 SXM"),
    ],
)
def test_names_that_users_tried(registry, wrong, near):
    with pytest.raises(KeyError, match=f"has no '{wrong}'; did you mean '{near}'"):
        registry[wrong]


def test_where_nothing_is_near_all_names_are_told():
    with pytest.raises(KeyError, match="KV_FORMATS has no 'zzz': it has INT8, INT8_TOKEN, MXFP8"):
        KV_FORMATS["zzz"]
    with pytest.raises(KeyError, match="KV_FORMATS has no 3: it has INT8"):
        KV_FORMATS[3]
    with pytest.raises(KeyError, match=r"KV_FORMATS has no \['INT8'\]"):
        KV_FORMATS[["INT8"]]
    with pytest.raises(ValueError, match="; did you mean 'normal'"):
        family("norma")


def test_a_registry_is_a_mapping_that_nobody_changes():
    found = Registry("X", {"a": 1, "b": 2})
    assert dict(found) == {"a": 1, "b": 2} == found
    assert (found.get("c"), found.get("a"), "a" in found, "c" in found) == (None, 1, True, False)
    assert not hasattr(found, "__setitem__")
    assert copy.deepcopy(found) == pickle.loads(pickle.dumps(found)) == found


def test_names_in_a_registry_differ():
    with pytest.raises(ValueError, match="names in X must differ, got E2M1, E2M1"):
        Registry.of("X", (E2M1, replace(E2M1, bias=2)))


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


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((2.0, 1), "exponent_bits must be an int, got 2.0 for 'X'"),
        ((2, np.int64(1)), r"fraction_bits must be an int, got np.int64\(1\) for 'X'"),
        ((2, 1, 1.5), "bias must be an int, got 1.5 for 'X'"),
        ((2, 1, True), "bias must be an int, got True for 'X'"),
        ((2, 1, 1, "IEEE"), "specials must be NonNumbers, got 'IEEE' for 'X'"),
        ((2, 1, 1, NonNumbers.NONE, 1), "signed must be bool, got 1 for 'X'"),
        ((2, 1, 1, NonNumbers.NONE, True, 0), "subnormals must be bool, got 0 for 'X'"),
        ((2, 1, 1, NonNumbers.NONE, True, True, None), "source must be str, got None for 'X'"),
    ],
)
def test_fields_of_a_float_format_have_their_types(arguments, message):
    with pytest.raises(TypeError, match=message):
        FloatFormat("X", *arguments)


def test_fields_of_other_formats_have_their_types():
    with pytest.raises(TypeError, match=r"bits must be an int, got 8\.0 for 'X'"):
        IntegerFormat("X", 8.0, -128)
    with pytest.raises(TypeError, match="name must be str, got 8 for 8"):
        IntegerFormat(8, 8, -128)
    mxfp4 = BLOCK_FORMATS["MXFP4"]
    with pytest.raises(TypeError, match=r"block_size must be an int, got 32\.0 for 'MXFP4'"):
        replace(mxfp4, block_size=32.0)
    with pytest.raises(TypeError, match="element must be FloatFormat or IntegerFormat, got 'E2M1'"):
        replace(mxfp4, element="E2M1")
    with pytest.raises(TypeError, match="scale must be FloatFormat, got IntegerFormat"):
        replace(mxfp4, scale=INT8)
    with pytest.raises(TypeError, match="rule must be ScaleRule, got 'CEIL'"):
        replace(mxfp4, rule="CEIL")


def test_fields_of_a_scheme_have_their_types():
    mxfp4 = SCHEMES["MXFP4_X2"]
    with pytest.raises(TypeError, match=r"ratios must be tuple, got Fraction\(8, 1\) for 's'"):
        Scheme("s", mxfp4.formats, Fraction(8), Arithmetic.EXACT)
    with pytest.raises(TypeError, match="ratios must be Fraction or int, got 8"):
        replace(mxfp4, ratios=(8.0,))
    with pytest.raises(TypeError, match="formats must be BlockFormat, got FloatFormat"):
        replace(mxfp4, formats=(E2M1, E2M1))
    with pytest.raises(TypeError, match="elements must be IntegerFormat, got FloatFormat"):
        amax_scheme("x", E2M1, E2M1)
    with pytest.raises(TypeError, match=r"elements must be .* or IntegerFormat, got 'E2M1'"):
        covering_scheme("x", "E2M1")


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
