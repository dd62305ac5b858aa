"""Sums in binary32: in order and as a tree, as specified."""

import numpy as np
import pytest

from msdnum.emulator.blocks import quantize
from msdnum.emulator.gemm.products import matmul
from msdnum.formats.accumulators import (
    AMPERE,
    CDNA2,
    CDNA3,
    EXACT,
    HOPPER,
    HOPPER_FP8,
    SEQUENTIAL,
    VOLTA,
    Blocks,
)
from msdnum.formats.blocks import MXFP4
from tests.support.accumulation import FOLDS, K, check_everywhere, check_on_numpy, hostile, rng
from tests.support.gemm_oracle import FLOATS, float_numbers, matrix
from tests.support.selection import quick

FLOAT_UNITS = [VOLTA, AMPERE, HOPPER, HOPPER_FP8, CDNA2, CDNA3]


@pytest.mark.parametrize("dtype", quick(FLOATS, set(FLOATS) - {"bfloat16"}))
@pytest.mark.parametrize("accumulator", FLOAT_UNITS + FOLDS, ids=lambda a: a.name)
def test_floats(accumulator, dtype):
    a, b = (hostile((3, K), rng(i)).astype(dtype) for i in range(2))
    left, right = float_numbers(a, FLOATS[dtype]), float_numbers(b, FLOATS[dtype])
    check = check_everywhere if dtype == "bfloat16" else check_on_numpy
    check(a, b.T, matrix(left, right, accumulator), accumulator=accumulator)


@pytest.mark.parametrize("accumulator", [Blocks(32, EXACT), SEQUENTIAL], ids=lambda a: a.name)
def test_partial_sums_beyond_binary32(accumulator):
    """Exact block sums that no float32 order of addition could give; a sequence overflows."""
    signs = np.array([1, 1, -1, -1] * 8, np.float32)
    a, b = quantize(signs[None], MXFP4), quantize(np.ones((32, 1), np.float32), MXFP4, axis=-2)
    a = type(a)(a.codes, a.scale_codes + np.uint8(64), None, a.format, -1)
    b = type(b)(b.codes, b.scale_codes + np.uint8(63), None, b.format, -2)
    expected = 0 if isinstance(accumulator, Blocks) else np.inf
    assert matmul(a, b, accumulator=accumulator).item() == expected
