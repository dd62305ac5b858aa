"""Bounds on sums of units of one's own hold on hostile numbers, and are Inf where none is known."""

from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
import pytest

from msdnum import bounds
from msdnum.emulator.blocks import quantize
from msdnum.emulator.gemm.products import matmul
from msdnum.evidence.product_bounds import Right, exact_values, theorem_gemm
from msdnum.evidence.product_roundings import accumulation
from msdnum.evidence.products import Product, decomposed, roundings
from msdnum.formats.accumulators import (
    AMPERE,
    CDNA3,
    EXACT,
    FMA32,
    HOPPER,
    HOPPER_FP8_FP16,
    SEQUENTIAL,
    VOLTA,
    Blocks,
)
from msdnum.formats.blocks import MXFP4, MXFP8_E4M3, MXFP8_E5M2, BlockFormat
from msdnum.formats.chained_units import ChainUnit, LanesUnit
from msdnum.formats.elements import BF16, E2M1, FP16
from msdnum.formats.modes import ScaleRule
from msdnum.formats.own_units import DesignedUnit, Pairwise, Sequential, StepUnit, SumRounding
from msdnum.formats.schemes import SCHEMES
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
    DesignedUnit("flushes", 8, 20, flushes_inputs=True),
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
    "unit", [Exactly(), DesignedUnit("coarse", 8, 3), Blocks(8, DesignedUnit("coarse", 8, 3))],
    ids=lambda u: u.name,
)  # fmt: skip
def test_no_bound_is_infinite(unit):
    """No error of a step is known, or three fraction bits leave no bound on several steps."""
    bound, error = bound_and_error(unit)
    assert np.isinf(bound).all()
    assert np.isfinite(error).all()


FLUSHES = DesignedUnit("flushes", 8, 20, flushes_inputs=True)


def test_a_designed_unit_loses_subnormal_weights_of_any_format():
    """Of E4M3, 7/8 of the least normal number: nothing is left of any product."""
    x, w = np.array([[1.75] * 8 + [0]], np.float16), np.array([[7 * 2.0**-9]] * 8 + [[256]])
    weight = quantize(w.astype(np.float32), MXFP8_E4M3, axis=0, block_size=9)
    adding = accumulation(FLUSHES, 9, terms=1, scalings=0, segment=9)
    bound, exact = theorem_gemm(x, None, Right.of(weight), adding), x @ exact_values(weight)
    assert matmul(x, weight, accumulator=FLUSHES) == 0
    assert 0 < exact <= bound < 1.01 * exact


def test_and_subnormal_digits():
    """Three terms leave 2**-15 of alpha; what is below the least normal digit is above that."""
    x = np.array([[1] + [0.875 * 2.0**-14] * 7], np.float32)
    weight = quantize(np.array([[0.0]] + [[1.0]] * 7, np.float32), MXFP8_E4M3, axis=0)
    product = Product.of(x, weight)
    found = decomposed(SCHEMES["MXFP8_X3"])(product, FLUSHES)
    assert found.product == 0
    assert 2.0**-15 * 7 < product.product <= found.bound < 4 * product.product


HELD = {
    "sums in FP16": (Sequential(FP16), MXFP8_E4M3, [[300.0] * 32], [300.0] * 32),
    "of a block in FP16": (
        Blocks(8, HOPPER_FP8_FP16), MXFP8_E4M3, [[300.0] * 32], [300.0] * 32,
    ),
    "the second digits of INT8, in FP16": (
        Sequential(FP16), MXFP4, [[127.0] + [0.4] * 200], [0.0] + [6.0] * 200,
    ),
    "the second digits of INT8": (SEQUENTIAL, MXFP4, [[127.0] + [0.4] * 4], [0] + [2.0**122] * 4),
}  # fmt: skip


@pytest.mark.parametrize("name", HELD)
def test_no_bound_is_finite_where_sums_overflow_before_their_scales(name):
    """The result would be far from overflow, and the sums of the first digits are, too."""
    unit, fmt, x, w = HELD[name]
    weight = quantize(np.array(w, np.float32)[:, np.newaxis], fmt, axis=0)
    scheme = SCHEMES["INT8_X2" if "INT8" in name else "MXFP8_X2"]
    with np.errstate(over="ignore", invalid="ignore"):
        found = decomposed(scheme)(Product.of(np.array(x, np.float32), weight), unit)
    assert not np.isfinite(found.product).any()
    assert np.isinf(found.bound).all()


@pytest.mark.parametrize("scale", [FP16, BF16])
def test_scales_beside_products_magnify_what_is_lost(scale):
    """Products of 2**-30 are zeros in FP16, whatever the scale that would have followed."""
    fmt = BlockFormat("scaled", E2M1, scale, 4, ScaleRule.AMAX)
    weight = quantize(np.full((8, 1), 6 * 2.0**10, np.float32), fmt, axis=0)
    given = Product.of(np.full((1, 8), 2.0**-32, np.float32), weight)
    assert roundings(given, SCHEMES["MXFP4_X1"], SEQUENTIAL).roundings == 4 - 1 + 2 - 1 + 1
    found = decomposed(SCHEMES["MXFP4_X1"])(given, Sequential(FP16))
    assert found.product == 0
    assert given.product <= found.bound
    assert np.isfinite(found.bound)


def test_a_product_of_two_scales_is_rounded():
    """The scales of a tensor and of a block are one number of binary32 where sums meet them."""
    fmt = BlockFormat("both", E2M1, FP16, 4, ScaleRule.AMAX, tensor_scale=True)
    rng = np.random.default_rng(3)
    weight = quantize(rng.standard_normal((8, 64)).astype(np.float32), fmt, axis=0)
    x, right = np.ones((1, 8), np.float32), Right.of(weight)
    assert right.error == Fraction(1, 2**24)
    adding = accumulation(EXACT, 8, terms=1, scalings=1, segment=4)
    error = np.abs(matmul(x, weight, accumulator=EXACT) - x @ exact_values(weight))
    bound = theorem_gemm(x, None, right, adding)
    without = theorem_gemm(x, None, replace(right, error=Fraction(0)), bounds.EXACT)
    assert (without < 0.01 * error.max()).all()
    assert 0.2 < (error / bound).max() <= 1


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
