"""Strategies for formats, schemes and units: the named ones all, and random ones that are right."""

import numpy as np
import pytest
from hypothesis import given, settings

from msdnum import BLOCK_FORMATS, OWN_AMAX, matmul, quantize, testing
from msdnum.formats.accumulator_kinds import (
    Cdna3Unit,
    FusedUnit,
    GroupedUnit,
    MatrixUnit,
    PairwiseUnit,
)
from msdnum.formats.elements import (
    BINARY32,
    E4M3,
    E8M0,
    ELEMENT_FORMATS,
    FloatFormat,
    IntegerFormat,
    NonNumbers,
)
from msdnum.formats.modes import Overflow, Rounding, ScaleRule
from tests.support.strategies import reach


@pytest.mark.parametrize(
    ("strategy", "members"),
    [
        (testing.element_formats(), list(ELEMENT_FORMATS.values())),
        (testing.block_formats(), list(BLOCK_FORMATS.values())),
        (testing.overflows(), list(Overflow)),
        (testing.roundings(), [mode for mode in Rounding if mode is not Rounding.STOCHASTIC]),
        (testing.scale_rules(), [rule for rule in ScaleRule if rule is not ScaleRule.AMAX]),
    ],
)
def test_choices_are_complete(strategy, members):
    for member in members:
        reach(strategy, lambda drawn, member=member: drawn == member)


@given(testing.float_formats())
def test_float_formats_are_floating_point(fmt):
    assert isinstance(fmt, FloatFormat)


@settings(max_examples=60)
@given(testing.random_element_formats(10))
def test_random_formats_are_narrow_and_signed(fmt):
    assert fmt.bits <= 10
    assert min(fmt.value(code) for code in fmt.codes if fmt.value(code) == fmt.value(code)) < 0


def test_random_formats_are_of_every_kind():
    strategy = testing.random_element_formats()
    for kind in NonNumbers:
        reach(strategy, lambda fmt, kind=kind: getattr(fmt, "specials", None) is kind)
    reach(strategy, lambda fmt: isinstance(fmt, IntegerFormat) and fmt.fraction_bits)
    reach(strategy, lambda fmt: isinstance(fmt, FloatFormat) and fmt.emin == fmt.emax)


@pytest.mark.parametrize("bits", [2, 17])
def test_widths_are_few(bits):
    with pytest.raises(ValueError, match=rf"max_bits must be in 3\.\.16, got {bits}"):
        testing.random_element_formats(bits)


def test_random_block_formats_have_every_scale():
    strategy = testing.random_block_formats(max_block=7)
    for scale in (E8M0, E4M3, BINARY32):
        reach(strategy, lambda fmt, scale=scale: fmt.scale == scale)
    reach(strategy, lambda fmt: fmt.tensor_scale and fmt.block_size == 7)
    for rule in ScaleRule:
        reach(strategy, lambda fmt, rule=rule: fmt.rule is rule)


def test_random_schemes_cover_or_saturate_or_go_by_own_amax():
    strategy = testing.random_schemes()
    reach(strategy, lambda scheme: scheme.terms == 3 and scheme.ratios is OWN_AMAX)
    reach(strategy, lambda scheme: scheme.terms > 1 and scheme.largest_remainder is not None)
    reach(strategy, lambda s: s.terms > 1 and s.ratios and s.largest_remainder is None)


def test_random_units_are_of_every_kind():
    for kind in (MatrixUnit, GroupedUnit, Cdna3Unit, FusedUnit, PairwiseUnit):
        reach(testing.random_units(), lambda unit, kind=kind: isinstance(unit, kind))


@settings(max_examples=15)
@given(testing.random_units())
def test_a_random_unit_multiplies(unit):
    x = np.zeros((1, 32), np.float32)
    x[0, 5] = 4
    mxfp4 = BLOCK_FORMATS["MXFP4"]
    product = matmul(quantize(x, mxfp4), quantize(x.T, mxfp4, axis=0), accumulator=unit)
    assert product == 16
