"""TF32: binary32 numbers without their 13 low bits, for the units whose instructions take them."""

from fractions import Fraction

import jax
import ml_dtypes
import numpy as np
import pytest

from msdnum import spec
from msdnum.emulator.gemm.products import matmul
from msdnum.formats.accumulators import AMPERE, AMPERE_TF32, HOPPER_MMA_FP8, HOPPER_TF32, Blocks
from msdnum.formats.elements import TF32
from msdnum.formats.modes import Overflow, Rounding
from msdnum.spec.accumulators import factor
from tests.support.gemm_oracle import inner_product


def cut(x):
    """Return the numbers of a row in TF32, rounded towards zero by the specification."""
    options = {"overflow": Overflow.SATURATE, "rounding": Rounding.RTZ}
    return [
        factor(spec.number(spec.round_to(Fraction(float(v)), TF32, **options)), TF32) for v in x
    ]


@pytest.mark.parametrize("unit", [AMPERE_TF32, HOPPER_TF32, Blocks(16, HOPPER_TF32)],
                         ids=lambda u: u.name)  # fmt: skip
@pytest.mark.parametrize("exponents", [(-8, 4), (-70, -60), (-140, -120)], ids=str)
def test_float32_arrays_are_cut_to_tf32(unit, exponents):
    rng = np.random.default_rng(abs(exponents[0]))
    a, b = (
        np.ldexp(rng.uniform(-2, 2, (4, 21)), rng.integers(*exponents, (4, 21))) for _ in range(2)
    )
    b = b * (2.0**120 if exponents[0] < -100 else 1)
    a, b = a.astype(np.float32), b.astype(np.float32)
    expected = [[float(inner_product(cut(x), cut(y), unit)) for y in b] for x in a]
    found = matmul(a, b.T, accumulator=unit)
    np.testing.assert_array_equal(found, np.array(expected, np.float32))
    on_jax = jax.jit(lambda x, y: matmul(x, y, accumulator=unit))(a, jax.numpy.asarray(b.T))
    np.testing.assert_array_equal(np.asarray(on_jax).view(np.uint32), found.view(np.uint32))


def test_nan_stays_nan_where_its_low_bits_are_cut():
    a = np.array([[np.nan, 1]], np.float32)
    a.view(np.uint32)[0, 0] = 0x7F800001
    assert np.isnan(matmul(a, np.ones((2, 1), np.float32), accumulator=HOPPER_TF32))


@pytest.mark.parametrize(
    ("dtype", "unit", "message"),
    [
        (np.float16, HOPPER_TF32, r"HOPPER_TF32 takes elements of TF32 \(float32 arrays"),
        (ml_dtypes.bfloat16, HOPPER_MMA_FP8, "takes elements of E4M3 or E5M2, got BF16"),
        (np.float32, AMPERE, "at most 12 significand bits, got BINARY32"),
    ],
)
def test_a_format_that_the_instruction_does_not_take_is_refused(dtype, unit, message):
    one = np.ones((1, 1), dtype)
    with pytest.raises(ValueError, match=message):
        matmul(one, one, accumulator=unit)
