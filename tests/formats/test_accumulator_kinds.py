"""Kinds of accumulators: what cannot be, names and sources."""

import pytest

from msdnum.formats.accumulators import (
    ACCUMULATORS,
    ADA_FP8,
    AMPERE,
    BLACKWELL,
    BLACKWELL_FP8,
    BLACKWELL_MX,
    BLACKWELL_MXFP4,
    CDNA1_BF16,
    EXACT,
    HOPPER,
    HOPPER_FP8,
    TURING,
    VOLTA,
    Blocks,
    Cdna3Unit,
    FusedUnit,
    GroupedUnit,
    Int32,
    MatrixUnit,
    PairwiseUnit,
)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Blocks(0, EXACT), "size must be at least 1"),
        (lambda: Blocks(2.5, EXACT), "size must be an int, got 2.5"),
        (lambda: Blocks(True, EXACT), "size must be an int"),
        (lambda: Blocks(4, Blocks(2, EXACT)), "inner must not be"),
        (lambda: Blocks(4, "EXACT"), "inner must be an Accumulator"),
        (lambda: Int32(group=0), "group must be at least 1"),
        (lambda: Int32("WRAP"), "overflow must be an Int32Overflow"),
        (lambda: MatrixUnit("x", 4, 41), "fraction_bits must be in 1..40"),
        (lambda: MatrixUnit("x", 4, 20, 24), "result_bits must be in 1..23"),
        (lambda: MatrixUnit("x", 0, 20), "group"),
        (lambda: MatrixUnit("x", 4096, 25), "group must be in 1..4095"),
        (lambda: MatrixUnit("x", 4096, 40), "group must be in 1..4095"),
        (lambda: GroupedUnit("x", 60, 16, 35), "exact must divide the group of 60"),
        (lambda: GroupedUnit("x", 64, 32, 35), "exact must be in 1..16"),
        (lambda: GroupedUnit("x", 64, 16, 36), "fraction_bits must be in 20..35"),
        (lambda: GroupedUnit("x", 528, 16, 35), "group must be in 1..512"),
        (lambda: Cdna3Unit("x", 8, 3), "parts must divide the group of 8"),
        (lambda: Cdna3Unit("x", 8, 0), "parts must be at least 1"),
        (lambda: Cdna3Unit("x", 8, 1, 26), "fraction_bits must be in 2..25"),
        (lambda: Cdna3Unit("x", 8, 1, 24, 23), "sum_bits must be in 24..31"),
        (lambda: Cdna3Unit("x", 16, 1, 25), "group must be in 1..15"),
        (lambda: PairwiseUnit("x", 6), "power of two"),
        (lambda: FusedUnit("x", 9), "group must be in 1..8"),
    ],
)
def test_bad_accumulators(make, message):
    with pytest.raises((TypeError, ValueError), match=message):
        make()


def test_names_are_unique_and_sources_given():
    assert len(ACCUMULATORS) == len(set(ACCUMULATORS.values()))
    for accumulator in ACCUMULATORS.values():
        assert getattr(accumulator, "source", "definition")


def test_the_exponents_of_zero_are_those_of_the_source():
    found = {
        unit.name: unit.exponent_of_zero
        for unit in (VOLTA, TURING, AMPERE, ADA_FP8, HOPPER, HOPPER_FP8, BLACKWELL, BLACKWELL_FP8,
                     BLACKWELL_MX, BLACKWELL_MXFP4)
    }  # fmt: skip
    assert found == {
        "VOLTA": -131, "TURING": -132, "AMPERE": -132, "ADA_FP8": -132, "HOPPER": -133,
        "HOPPER_FP8": -133, "BLACKWELL": -133, "BLACKWELL_FP8": -133, "BLACKWELL_MX": -133,
        "BLACKWELL_MXFP4": -139,
    }  # fmt: skip


@pytest.mark.parametrize(
    "unit",
    [
        MatrixUnit("MINE", 8, 10), GroupedUnit("MINE", 64, 16, 35), FusedUnit("MINE", 4),
        PairwiseUnit("MINE", 4), Cdna3Unit("MINE", 8, 1),
    ],
    ids=lambda u: type(u).__name__,
)  # fmt: skip
def test_a_unit_of_ones_own_has_no_source(unit):
    assert unit.source == ""
    assert CDNA1_BF16.source == "MMA-Sim 2.1.1 (arXiv 2511.10909v2)"
