"""Vectors of formats of one's own: the emulator passes all of them, what is broken does not."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from msdnum import testing
from msdnum.conformance import groups_of
from msdnum.conformance.adapter import AdapterError, own_groups
from msdnum.conformance.own_formats import check_formats
from msdnum.conformance.runner import conform
from msdnum.formats import HIF8, IQ4_NL, NF4, OTHER_FORMATS
from msdnum.formats.blocks import MXFP4, BlockFormat
from msdnum.formats.elements import (
    BF16,
    BINARY32,
    E4M3,
    E8M0,
    FP16,
    UNIT_FORMATS,
    FloatFormat,
    IntegerFormat,
)
from msdnum.formats.modes import ScaleRule
from tests.support.conformance import assert_all_agree, carry_out
from tests.support.own_formats import adapter_of

E2M2 = FloatFormat("E2M2", 2, 2)
SMALL = BlockFormat("SMALL", E2M2, E8M0, 4, ScaleRule.CEIL)
BY_E4M3 = BlockFormat("BY_E4M3", E2M2, E4M3, 8, ScaleRule.AMAX, tensor_scale=True)
BITS2 = IntegerFormat("BITS2", 2, -2)
STRANGE = (
    BlockFormat("TENSOR_SCALE_ZERO", BITS2, BF16, 1, ScaleRule.AMAX, tensor_scale=True),
    BlockFormat("SCALE_BEYOND_BINARY32", BITS2, FP16, 1, ScaleRule.AMAX, tensor_scale=True),
    BlockFormat(
        "TENSOR_SCALE_REFUSED", replace(BITS2, fraction_bits=1), E4M3, 1, ScaleRule.AMAX, True
    ),
)
"""Designs of which little comes out, and that once told the emulator from the specification."""
TABLES = (
    BlockFormat("NF4_BLOCKS", NF4, BINARY32, 16, ScaleRule.AMAX),
    BlockFormat("IQ4_NL_BLOCKS", IQ4_NL, FP16, 16, ScaleRule.AMAX),
    BlockFormat("HIF8_BLOCKS", HIF8, E8M0, 4, ScaleRule.FLOOR),
)
TILES = (
    BlockFormat("TILES", E2M2, BINARY32, 4, ScaleRule.AMAX, rows=3),
    BlockFormat("MX_TILES", E2M2, E8M0, 3, ScaleRule.FLOOR, rows=2),
)
OWN = (
    *STRANGE,
    *TABLES,
    *TILES,
    E2M2,
    FloatFormat("E3M0", 3, 0),
    IntegerFormat("Q5", 5, -16, 2),
    SMALL,
    BY_E4M3,
)


@pytest.mark.parametrize("fmt", OWN, ids=lambda fmt: fmt.name)
def test_the_emulator_passes_them(fmt):
    report = conform(adapter_of(fmt), groups_of(fmt))
    assert report.compared
    assert not report.not_run
    assert_all_agree(report)


@settings(max_examples=25, deadline=None)
@given(st.one_of(testing.random_element_formats(6), testing.random_block_formats(5, 9)))
def test_the_emulator_passes_those_of_random_designs(fmt):
    report = conform(adapter_of(fmt), groups_of(fmt))
    assert report.compared
    assert_all_agree(report)


@pytest.mark.parametrize("fmt", [E2M2, SMALL, BY_E4M3], ids=lambda fmt: fmt.name)
def test_one_wrong_code_is_found(fmt):
    report = conform(adapter_of(fmt, wrong=True), groups_of(fmt))
    assert report.disagreements


def test_blocks_are_as_long_as_those_of_the_format():
    for fmt, size in ((SMALL, 4), (BY_E4M3, 16), (replace(BY_E4M3, block_size=None), 32)):
        lengths = {len(c.given["x"].codes) for g in groups_of(fmt)[:4] for c in g.cases}
        assert lengths == {size}


def test_binary32_has_none():
    with pytest.raises(ValueError, match="fmt must be narrower than binary32, got BINARY32"):
        groups_of(BINARY32)


@pytest.mark.parametrize(
    ("formats", "error", "message"),
    [
        (3, TypeError, "FORMATS must be a tuple of number and block formats, got 3"),
        (["E2M2"], TypeError, r"got \['E2M2'\]"),
        ([E2M2, E2M2], ValueError, "FORMATS must have names of their own, got 'E2M2'"),
        ([replace(E2M2, name="E2M1")], ValueError, "names of their own, got 'E2M1'"),
        ([replace(MXFP4, name="NVFP4")], ValueError, "names of their own, got 'NVFP4'"),
    ],
)
def test_what_is_no_format_of_ones_own_is_refused(formats, error, message):
    with pytest.raises(error, match=message):
        check_formats(formats)
    with pytest.raises(AdapterError, match="FORMATS"):
        own_groups(type("Adapter", (), {"FORMATS": formats}))


MINE = """
PACKAGES = ("numpy",)
from msdnum import FloatFormat, Overflow, Rounding, encode as cast
E2M2 = FloatFormat("E2M2", 2, 2)
FORMATS = (E2M2,)

def encode(x, *, fmt, rounding, overflow):
    if fmt != "E2M2":
        raise NotImplementedError("mine alone")
    codes = cast(x, E2M2, rounding=Rounding[rounding], overflow=Overflow[overflow])
    return codes + (x == 0.125) * {wrong}
"""


@pytest.mark.parametrize(("wrong", "status"), [(0, 0), (1, 1)])
def test_the_command_makes_them_for_an_adapter(tmp_path, capsys, wrong, status):
    path = tmp_path / "mine.py"
    path.write_text(MINE.format(wrong=wrong))
    assert carry_out(path, "--only", "encode/E2M2", "--require", "encode/E2M2/RNE") == status
    out = capsys.readouterr().out
    assert ("encode, ties: 5 of " in out) == bool(wrong)
    assert f"{613 - 5 * wrong} of 613 vectors agree" in out


def test_who_has_no_such_format_has_compared_nothing(tmp_path, capsys):
    path = tmp_path / "mine.py"
    path.write_text(MINE.format(wrong=0))
    assert carry_out(path, "ml_dtypes", "--only", "encode/E2M2") == 2
    error = capsys.readouterr().err
    assert "ml_dtypes: nothing was compared: there is no such vector for this adapter" in error


QUICK = ("NF4", "IQ4_NL", "HIF8", "HIF4_ELEMENT", "UINT4", "E3M4")
FURTHER = [
    fmt if fmt.name in QUICK else pytest.param(fmt, marks=pytest.mark.slow)
    for fmt in (*OTHER_FORMATS.values(), *UNIT_FORMATS.values())
    if fmt.bits <= 8
]


@pytest.mark.parametrize("fmt", FURTHER, ids=lambda fmt: fmt.name)
def test_the_emulator_passes_every_format_that_has_a_name(fmt):
    report = conform(adapter_of(fmt), groups_of(fmt))
    assert report.compared >= 1 << fmt.bits
    assert_all_agree(report)


def test_a_table_has_its_midpoints_and_what_is_beside_them():
    groups = {group.name: group for group in groups_of(HIF8)}
    ties = groups["encode/HIF8/RNA/SATURATE/ties"]
    assert len(ties.cases) == len(HIF8.ordered) - 1
    beyond = groups["encode/HIF8/RNE/OVERFLOW/overflow"]
    assert any("codes" in case.expected for case in beyond.cases)
    report = conform(adapter_of(NF4, wrong=True), groups_of(NF4))
    assert report.disagreements
