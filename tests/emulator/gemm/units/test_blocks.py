"""Blocks of k: exact sums, rounded once, within one scale."""

from dataclasses import replace
from functools import partial
from itertools import product

import jax
import numpy as np
import pytest

from msdnum.emulator.gemm.accumulation import check_accumulator
from msdnum.emulator.gemm.operands import OperandType
from msdnum.emulator.gemm.products import matmul
from msdnum.emulator.gemm.units import blocks
from msdnum.emulator.quantized_arrays import QuantizedArray
from msdnum.formats.accumulators import EXACT, Blocks
from msdnum.formats.blocks import MXFP8_E4M3
from msdnum.formats.elements import E2M1
from tests.support.accumulation import MX, assert_same_bits, mx
from tests.support.gemm_oracle import matrix, quantized_numbers


@pytest.mark.parametrize("name", ["MXFP4", "MXFP8", "MXINT8"])
def test_exact_blocks_of_wide_elements(name):
    a, b = mx(MX[name], 7)
    accumulator = Blocks(32, EXACT)
    expected = matrix(quantized_numbers(a, -1), quantized_numbers(b, -2), accumulator)
    assert_same_bits(matmul(a, b, accumulator=accumulator), expected)


@pytest.mark.parametrize("on_jax", [False, True])
def test_exact_blocks_are_rounded_once_where_subnormal(on_jax):
    """4194304.625 units of 2**-149: rounded to 24 bits first, it would be a tie."""
    a, b = mx(MXFP8_E4M3, 0, rows=1, k=32)
    codes = np.zeros((1, 32), np.uint8)
    codes[0, :3] = [0x78, 0x20, 0x18]  # 2**8, 2**-3, 2**-4
    right = np.zeros((32, 1), np.uint8)
    right[:3, 0] = [0x78, 0x18, 0x10]  # 2**8, 2**-4, 2**-5
    a = QuantizedArray(codes, np.full((1, 1), 27, np.uint8), None, a.format, -1)
    b = QuantizedArray(right, np.full((1, 1), 84, np.uint8), None, b.format, -2)
    with jax.enable_x64(on_jax):
        operands = jax.tree.map(jax.numpy.asarray, (a, b)) if on_jax else (a, b)
        found = matmul(*operands, accumulator=Blocks(32, EXACT))
    assert np.asarray(found).view(np.int32).item() == 4194305


SIZES = range(1, 7)


@pytest.mark.parametrize("size", SIZES)
def test_exact_blocks_must_not_straddle_scales(size):
    """Refused exactly where some block of a long enough k would have two scales inside."""
    for segment, block in product(SIZES, SIZES):
        starts = [s + i for s in range(0, 60, segment) for i in range(0, segment, size)]
        ends = [min(i + size, i - i % segment + segment) - 1 for i in starts]
        straddles = any(i // block != j // block for i, j in zip(starts, ends, strict=True))
        kind = OperandType("mx", E2M1, 2, 12, False, block, None, 60)
        other = replace(kind, inside=None, outside=segment)
        check = partial(check_accumulator, Blocks(size, EXACT), (kind, other), segment)
        if straddles:
            message = f"of {size}, got mx with blocks of {block} in segments of {segment}"
            with pytest.raises(ValueError, match=message):
                check()
        else:
            check()


def test_rows_that_share_the_cache_are_summed_as_those_that_do_not(monkeypatch):
    a, b = mx(MX["MXFP4"], 9, rows=37, k=160)
    expected = matmul(a, b, accumulator=Blocks(32, EXACT))
    monkeypatch.setattr(blocks, "CACHED_SUMS", 5 * expected.shape[1])
    assert_same_bits(matmul(a, b, accumulator=Blocks(32, EXACT)), expected)
    on_jax = jax.tree.map(jax.numpy.asarray, (a, b))
    assert_same_bits(np.asarray(matmul(*on_jax, accumulator=Blocks(32, EXACT))), expected)
