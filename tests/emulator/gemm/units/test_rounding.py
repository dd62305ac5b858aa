"""Sums in fixed point: the largest fit, and truncation is toward zero."""

import ml_dtypes
import numpy as np
import pytest

from msdnum.emulator.gemm.products import matmul
from msdnum.formats.accumulators import VOLTA, Cdna3Unit, MatrixUnit
from tests.support.accumulation import check_everywhere, check_on_numpy
from tests.support.gemm_oracle import FLOATS, float_numbers, matrix


@pytest.mark.parametrize("sign", [1, -1])
def test_sums_of_the_largest_products_fit(sign):
    """32 products just below 4 with 25 fraction bits, and c: more than an int32 holds."""
    a, b, expected = largest_products(64, sign, MatrixUnit("full", 32, 25))
    check_everywhere(a, b, expected, accumulator=MatrixUnit("full", 32, 25))


def largest_products(k, sign, unit):
    a = np.full((1, k), 1.9921875, ml_dtypes.bfloat16)
    b = (sign * a.T).astype(ml_dtypes.bfloat16)
    left, right = float_numbers(a, FLOATS["bfloat16"]), float_numbers(b.T, FLOATS["bfloat16"])
    return a, b, matrix(left, right, unit)


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize(
    "unit",
    [MatrixUnit("u", 4095, 25), Cdna3Unit("u", 15, 1, 25, 31),
     Cdna3Unit("u", 16, 1, 24, 24), Cdna3Unit("u", 16, 2, 2, 31)],
    ids=lambda u: f"{type(u).__name__}-{u.group}-{u.fraction_bits}",
)  # fmt: skip
def test_the_largest_groups_fit(unit, sign):
    """The largest products, after an accumulator as large as they can leave."""
    a, b, expected = largest_products(2 * unit.group, sign, unit)
    check_on_numpy(a, b, expected, accumulator=unit)


def test_truncation_is_toward_zero_and_not_down():
    a = np.array([[1.0, 2.0**-13]], ml_dtypes.bfloat16)
    for sign in (1, -1):
        b = np.array([[sign], [sign * 2.0**-12]], ml_dtypes.bfloat16)
        assert matmul(a, b, accumulator=VOLTA).item() == sign
        small = np.array([[-sign], [sign * 2.0**-12]], ml_dtypes.bfloat16)
        assert matmul(a, small, accumulator=VOLTA).item() == -sign
