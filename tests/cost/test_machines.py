"""Machines: every number with its source, rates as in data sheets."""

from dataclasses import fields

import pytest

from msdnum.cost.latency import Scenario
from msdnum.cost.machines import (
    ASCEND_910B2,
    ASCEND_950PR,
    H100,
    H200,
    MACHINES,
    MI300X,
    MI355X,
    Quantity,
    Unit,
    unit_of,
)
from msdnum.cost.work import MultiScale, relative_gemm_time
from msdnum.formats.elements import BF16, BINARY32, E2M1, E5M2, FP16, INT8, INT8_SYMMETRIC
from tests.support.costs import EIGHT, FOUR, SMALL


@pytest.mark.parametrize("machine", [ASCEND_910B2, H100, H200, MI300X])
def test_a_machine_without_fp4_says_so(machine):
    assert not machine.has(Unit.FP4)
    with pytest.raises(ValueError, match=rf"{machine.name} has no fp4 unit: \w+"):
        relative_gemm_time(machine, MultiScale(FOUR, FOUR), MultiScale(EIGHT, EIGHT, 1))


def test_an_unknown_rate_is_named():
    scenario = Scenario(ASCEND_950PR, SMALL, MultiScale(EIGHT, EIGHT))
    with pytest.raises(ValueError, match="int8 of Ascend 950PR must be known"):
        _ = scenario.latency
    assert not ASCEND_950PR.has(Unit.INT8)


# Machines


@pytest.mark.parametrize("machine", MACHINES.values(), ids=lambda machine: machine.name)
def test_every_number_has_a_source(machine):
    numbers = [
        value for f in fields(machine) if isinstance(value := getattr(machine, f.name), Quantity)
    ]
    assert len(numbers) >= 5
    assert all(len(number.source) > 10 for number in numbers)
    assert machine.route_source
    assert machine.peak("bandwidth") < machine.peak("vector") < machine.peak("bf16")
    assert any(machine.has(unit) for unit in (Unit.INT8, Unit.FP8))


@pytest.mark.parametrize(
    ("machine", "name", "tera"),
    [
        (ASCEND_910B2, "bf16", 353.9),
        (ASCEND_910B2, "int8", 707.8),
        (ASCEND_910B2, "vector", 11.06 / 2),
        (ASCEND_950PR, "bf16", 432.5),
        (ASCEND_950PR, "fp4", 1730.2),
        (ASCEND_950PR, "vector", 27.03 / 2),
        (H100, "bf16", 989.4),
        (H100, "int8", 1978.9),
        (H100, "vector", 66.9 / 2),
        (MI300X, "fp8", 2614.9),
        (MI300X, "vector", 163.4 / 2),
        (MI355X, "fp4", 10066.3),
        (MI355X, "vector", 157.3 / 2),
    ],
)
def test_derived_rates_are_those_of_the_data_sheets(machine, name, tera):
    assert float(machine.peak(name)) / 1e12 == pytest.approx(tera, rel=1e-4, abs=0.05)


def test_units_of_formats():
    assert [unit_of(f) for f in (INT8, INT8_SYMMETRIC, E2M1, E5M2, FP16, BF16)] == [
        Unit.INT8, Unit.INT8, Unit.FP4, Unit.FP8, Unit.BF16, Unit.BF16,
    ]  # fmt: skip
    with pytest.raises(ValueError, match="got 'BINARY32'"):
        unit_of(BINARY32)
