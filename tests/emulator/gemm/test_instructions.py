"""Units of single instructions: what they take, what they refuse, and that they compute it."""

from dataclasses import replace
from fractions import Fraction

import jax
import numpy as np
import pytest

from msdnum.emulator.codes import ML_DTYPES
from msdnum.emulator.gemm.products import matmul
from msdnum.formats.accumulators import (
    ALL_ACCUMULATORS,
    BLACKWELL_FP8_FP16,
    CDNA3_FNUZ,
    HOPPER_FP16,
    INSTRUCTIONS,
    Blocks,
)
from msdnum.formats.elements import BF16, BINARY32, E4M3, FP16, TF32
from msdnum.spec.accumulators import factor
from tests.support.gemm_oracle import inner_product
from tests.support.selection import quick

UNIT = pytest.mark.parametrize("unit", INSTRUCTIONS.values(), ids=lambda u: u.name)


def hostile(shape, fmt, rng):
    """Numbers of a format: a third of its range of exponents, zeros, some that cancel."""
    low = max(fmt.emin - fmt.fraction_bits, -20)
    x = np.ldexp(rng.uniform(-2, 2, shape), rng.integers(low, 3, shape))
    x[rng.random(shape) < 0.1] = 0
    x[..., 1::2] = np.where(rng.random(x[..., 1::2].shape) < 0.2, -x[..., :-1:2], x[..., 1::2])
    if fmt == TF32:
        x = x.astype(np.float32)
        return (x.view(np.uint32) & np.uint32(0xFFFFE000)).view(np.float32)
    return np.clip(x, -fmt.max_finite, fmt.max_finite).astype(ML_DTYPES[fmt])


@pytest.mark.parametrize(
    "unit",
    quick(
        INSTRUCTIONS.values(),
        {"AMPERE_TF32", "CDNA3_FNUZ", "HOPPER_FP16", "CDNA2_BF16", "X86_BF16"},
    ),
    ids=lambda u: u.name,
)
def test_an_instruction_computes_what_its_unit_specifies(unit):
    rng = np.random.default_rng(7)
    for fmt in unit.takes:
        a, b = (hostile((4, 45), fmt, rng) for _ in range(2))
        left, right = (
            [[factor(Fraction(float(v)), fmt) for v in row] for row in x.astype(np.float64)]
            for x in (a, b)
        )
        expected = [[float(inner_product(x, y, unit)) for y in right] for x in left]
        found = matmul(a, b.T.copy(), accumulator=unit)
        np.testing.assert_array_equal(found, np.array(expected, np.float32))
        if fmt.bits == 6:
            continue  # XLA has no arrays of 6 bits
        on_jax = jax.jit(lambda x, y: matmul(x, y, accumulator=unit))(a, jax.numpy.asarray(b.T))
        np.testing.assert_array_equal(np.asarray(on_jax).view(np.uint32), found.view(np.uint32))


@UNIT
def test_an_instruction_refuses_what_it_does_not_take(unit):
    fmt = next(fmt for fmt in (FP16, BF16, E4M3) if fmt not in unit.takes)
    one = np.ones((1, 1), ML_DTYPES[fmt])
    with pytest.raises(ValueError, match=f"takes elements of .*, got {fmt.name}"):
        matmul(one, one, accumulator=unit)


@UNIT
def test_an_instruction_has_a_name_and_a_source(unit):
    inside = unit.inner if isinstance(unit, Blocks) else unit
    assert inside.takes
    assert inside.instruction
    assert inside.source
    assert unit.name not in ALL_ACCUMULATORS


def test_fp16_accumulators_hold_fp16_and_start_from_it():
    a = np.full((1, 16), 64, np.float16)
    found = matmul(a, a.T.copy(), accumulator=HOPPER_FP16)
    assert np.isinf(found)
    ones = np.ones((1, 16), np.float16)
    start = np.full((1, 1), 2048, np.float16)
    assert matmul(ones, ones.T.copy(), c=start, accumulator=HOPPER_FP16) == 2064
    with pytest.raises(TypeError, match="c must be float16"):
        matmul(ones, ones.T.copy(), c=start.astype(np.float32), accumulator=HOPPER_FP16)
    assert BLACKWELL_FP8_FP16.with_output(BINARY32).exponent_of_zero == -133


def test_mi300_takes_its_own_fp8_and_not_that_of_ocp():
    one = np.ones((1, 1), ML_DTYPES[E4M3])
    with pytest.raises(ValueError, match="E4M3FNUZ or E5M2FNUZ, got E4M3"):
        matmul(one, one, accumulator=CDNA3_FNUZ)
    assert replace(CDNA3_FNUZ, takes=()).takes == ()
