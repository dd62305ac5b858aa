"""Features are measured as the parameters of a unit are set."""

from dataclasses import replace

import pytest

from msdnum.evidence.addition_orders import order_of
from msdnum.evidence.products_of_powers import powers_of
from msdnum.evidence.unit_features import features_of
from msdnum.formats.accumulators import (
    CDNA1_BF16,
    CDNA2,
    CDNA3,
    CDNA3_FP8,
    HOPPER,
    HOPPER_FP16,
    HOPPER_TF32,
    SEQUENTIAL,
    Cdna3Unit,
    MatrixUnit,
)
from msdnum.formats.elements import BF16, E4M3, TF32
from tests.support.probes import PRESETS, box_of

ZERO, EVEN = "towards zero", "to nearest, ties to even"


def measured(unit, fmt=None, length=None):
    box = box_of(unit, fmt, length)
    powers = powers_of(box)
    return features_of(powers, order_of(box, powers))


@pytest.mark.parametrize("bits", [4, 7, 12, 20, 25])
def test_alignment_and_result_bits_are_those_of_the_unit(bits):
    found = measured(MatrixUnit("of one's own", 5, bits, min(bits, 23)), BF16, 12)
    assert (found.fraction_bits, found.alignment, found.apart) == (bits, ZERO, True)
    assert found.result_bits == min(bits, 23)
    assert found.normalized is False


@pytest.mark.parametrize("result", [3, 9, 17, 22])
def test_a_narrower_result_is_truncated(result):
    found = measured(replace(HOPPER, result_bits=result), BF16)
    assert (found.result_bits, found.rounding, found.fraction_bits) == (result, ZERO, 25)


@pytest.mark.parametrize("exponent", [-126, -130, -133])
def test_the_exponent_of_zero_is_found(exponent):
    assert measured(replace(HOPPER_TF32, exponent_of_zero=exponent)).exponent_of_zero == exponent


def test_the_parts_of_cdna3_are_told_apart():
    found = measured(CDNA3_FP8)
    assert (found.alignment, found.other_parts) == ("down", ZERO)
    assert found.start_alignment == "down, but to 0 below half a bit"
    assert measured(replace(CDNA3_FP8, parts=1)).alignment == ZERO


@pytest.mark.parametrize("bits", [26, 28, 31])
def test_the_bits_under_a_tie_are_counted(bits):
    found = measured(Cdna3Unit("of one's own", 8, 1, 24, bits), BF16)
    assert (found.seen_beside_start, found.rounding) == (bits, EVEN)
    assert found.start_alignment == "down"
    assert found.vanished == "-0"


def test_subnormal_numbers_and_zeros():
    flushed, kept = measured(CDNA2), measured(SEQUENTIAL)
    assert (flushed.inputs, flushed.results, flushed.starts) == ("zero", "zero", "zero")
    assert (kept.inputs, kept.results, kept.starts) == ("kept", "kept", "kept")
    assert kept.negative_zero == "-0"
    assert measured(HOPPER).negative_zero == "+0"


def test_overflow_of_sums_and_of_products():
    assert measured(HOPPER).product_overflow == "none"
    assert measured(CDNA3).product_overflow == "Inf"
    assert measured(HOPPER_FP16).overflow == "Inf"
    assert measured(HOPPER_FP16).result_bits == 10


def test_what_a_format_cannot_show_is_left_out():
    found = measured(HOPPER, E4M3)
    assert found.results is None
    assert found.exponent_of_zero is None
    assert measured(CDNA1_BF16).fraction_bits is None


@pytest.mark.parametrize("unit", PRESETS, ids=lambda u: u.name)
def test_the_features_of_every_preset_are_its_parameters(unit):
    found = measured(unit)
    if isinstance(unit, MatrixUnit):
        assert (found.fraction_bits, found.alignment) == (unit.fraction_bits, ZERO)
        wide = unit.result_bits if unit.output.bits == 32 else 10
        assert found.result_bits == wide
        assert found.rounding in ((ZERO, None) if unit.output.bits == 32 else (EVEN,))
    if isinstance(unit, Cdna3Unit):
        assert found.fraction_bits == unit.fraction_bits
        assert found.rounding == EVEN
        assert found.seen_beside_start == unit.sum_bits
    if TF32 in unit.takes and isinstance(unit, MatrixUnit):
        assert found.exponent_of_zero == unit.exponent_of_zero
