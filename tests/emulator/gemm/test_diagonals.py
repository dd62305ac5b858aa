"""Inner products row by row are the entries of the products of these rows."""

import numpy as np
import pytest

from msdnum import matmul, quantize
from msdnum.emulator.gemm.diagonals import inner_products, some_rows
from msdnum.emulator.gemm.products import transposed
from msdnum.formats.accumulators import BLACKWELL_MX, HOPPER, HOPPER_FP16
from msdnum.formats.blocks import MXFP4

RNG = np.random.default_rng(1)
A, B = (RNG.standard_normal((70, 64)).astype(np.float16) for _ in range(2))


@pytest.mark.parametrize("unit", [HOPPER, HOPPER_FP16], ids=lambda u: u.name)
def test_rows_meet_rows_and_start_from_their_own_c(unit):
    c = RNG.standard_normal(70).astype(np.float16)
    found = inner_products(A, B, c, unit)
    held = np.float16 if unit is HOPPER_FP16 else np.float32
    for i in (0, 31, 32, 69):
        one = matmul(A[i : i + 1], B[i : i + 1].T.copy(), accumulator=unit,
                     c=c[i : i + 1, None].astype(held))  # fmt: skip
        assert one[0, 0] == found[i]


def test_rows_of_quantized_arrays_keep_their_scales():
    a, b = (quantize(x.astype(np.float32), MXFP4) for x in (A, B))
    found = inner_products(a, b, None, BLACKWELL_MX)
    whole = matmul(a, transposed(b), accumulator=BLACKWELL_MX)
    np.testing.assert_array_equal(found, np.diagonal(whole))
    np.testing.assert_array_equal(some_rows(a, [3]).dequantize()[0], a.dequantize()[3])
