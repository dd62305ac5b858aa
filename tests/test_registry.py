"""Registries: names in one line, tables in notebooks, near names for wrong ones."""

import copy
import pickle
from dataclasses import replace

import pytest

import msdnum
from msdnum import BLOCK_FORMATS, ELEMENT_FORMATS, SCHEMES
from msdnum._registry import Registry
from msdnum.cost.machines import MACHINES
from msdnum.emulator.attention.kv_cache import KV_FORMATS
from msdnum.emulator.cann.digits import VARIANTS
from msdnum.emulator.cann.products import KERNELS
from msdnum.errors import EFFECTIVE_BITS
from msdnum.formats.elements import E2M1
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
