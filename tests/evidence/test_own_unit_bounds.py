"""Bounds on sums of units of one's own hold on hostile numbers, and are Inf where none is known."""

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import pytest

from msdnum.emulator.blocks import quantize
from msdnum.emulator.gemm.products import matmul
from msdnum.evidence.product_bounds import Right, exact_values, theorem_gemm
from msdnum.evidence.product_roundings import accumulation
from msdnum.formats.accumulators import AMPERE, CDNA3, FMA32, HOPPER, VOLTA
from msdnum.formats.blocks import MXFP8_E4M3, MXFP8_E5M2
from msdnum.formats.chained_units import ChainUnit, LanesUnit
from msdnum.formats.elements import BF16, FP16
from msdnum.formats.own_units import (
    DesignedUnit,
    Pairwise,
    Sequential,
    StepUnit,
    SumRounding,
)
from tests.emulator.gemm.units.test_stepped import Exactly


@dataclass(frozen=True)
class Bounded(Exactly):
    name: str = "BOUNDED"

    def error_of_step(self):
        return Fraction(1, 2**24)


UNITS = [
    DesignedUnit("truncates", 8, 6, FP16), FMA32, Sequential(BF16), Pairwise(FP16),
    DesignedUnit("late", 8, 8, late=True, parts=2, sticky=True, rounding=SumRounding.UP),
    DesignedUnit("nearest", 4, 10, alignment=SumRounding.NEAREST_EVEN, flushes_results=True),
    LanesUnit("lanes", 8, 2, BF16, SumRounding.TO_ODD), Bounded(),
    LanesUnit("fused", 8, 2, FP16, fused=True), ChainUnit("chain", (1, 0), flushes_results=True),
]  # fmt: skip
K = 24


def bound_and_error(unit, k=K):
    rng = np.random.default_rng(1)
    x = np.ldexp(rng.uniform(-2, 2, (6, k)), rng.integers(-8, 4, (6, k))).astype(np.float16)
    w = quantize(rng.standard_normal((k, 5)).astype(np.float32), MXFP8_E4M3, axis=0)
    adding = accumulation(unit, k, terms=1, scalings=0, segment=k)
    bound = theorem_gemm(x, None, Right.of(w), adding)
    found = matmul(x, w, accumulator=unit).astype(np.float64)
    return bound, np.abs(found - x.astype(np.float64) @ exact_values(w))


@pytest.mark.parametrize("unit", UNITS, ids=lambda u: u.name)
def test_the_bound_holds_and_says_something(unit):
    bound, error = bound_and_error(unit)
    assert (error <= bound).all()
    assert (error > 0).any()
    assert np.isfinite(bound).all()
    assert (bound < 1e4 * error.max()).any()


@pytest.mark.parametrize(
    "unit", [Exactly(), DesignedUnit("flushes", 8, 20, flushes_inputs=True)], ids=lambda u: u.name
)
def test_no_bound_is_infinite(unit):
    bound, error = bound_and_error(unit)
    assert np.isinf(bound).all()
    assert np.isfinite(error).all()


def test_a_step_unit_without_an_error_has_none():
    assert issubclass(Bounded, StepUnit)
    assert Exactly().error_of_step() is None


@pytest.mark.parametrize("unit", [VOLTA, AMPERE, HOPPER, CDNA3], ids=lambda u: u.name)
def test_subnormal_numbers_of_fp16_are_aligned_as_normal_ones(unit):
    """One product sets the exponent, the others are cut off: far more than their magnitudes say."""
    x = np.full((1, 16), 2.0**-24, np.float16)
    weight = np.full((16, 1), 1.875 * 2.0**-6, np.float32)
    weight[0] = 256
    w = quantize(weight, MXFP8_E5M2, axis=0, block_size=1)
    adding = accumulation(unit, 16, terms=1, scalings=0, segment=16)
    error = np.abs(matmul(x, w, accumulator=unit) - x.astype(np.float64) @ exact_values(w))
    bound = theorem_gemm(x, None, Right.of(w), adding)
    narrow = theorem_gemm(x.astype(np.float32), None, Right.of(w), adding)
    assert narrow < error <= bound < 30 * error
