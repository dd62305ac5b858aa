"""Recombination: terms in order, chained, and in low precision."""

from dataclasses import replace

import ml_dtypes
import numpy as np
import pytest

from msdnum import spec
from msdnum.emulator.blocks import quantize
from msdnum.emulator.decompositions import decompose_terms
from msdnum.emulator.gemm.products import (
    Addition,
    Recombination,
    Scaling,
    Schedule,
    full,
    matmul,
    triangular,
)
from msdnum.emulator.quantized_arrays import QuantizedArray
from msdnum.formats.accumulators import EXACT, HOPPER, INT32, SEQUENTIAL, Blocks
from msdnum.formats.blocks import INT8_ROW, MXFP4, NVFP4
from msdnum.formats.elements import BF16, FP16
from msdnum.formats.modes import Overflow
from msdnum.formats.schemes import INT8_X2_FLOAT32, INT8_X3_FLOAT32, MXFP4_X2
from tests.support.gemm_oracle import (
    as_float32,
    fl,
    float_numbers,
    inner_product,
    quantized_numbers,
)
from tests.support.products import (
    ORDERS,
    K,
    M,
    N,
    assert_same_bits,
    check_everywhere,
    normal,
    row_and_column,
)

# Terms


def test_terms_are_added_in_order_or_chained():
    spread = np.where(np.arange(K) // 32 == 1, np.float32(2**22), np.float32(1))
    terms = decompose_terms(normal(M, K) * spread, MXFP4_X2)
    b = quantize(normal(K, N, seed=1), MXFP4, axis=-2)
    left = [quantized_numbers(t, -1) for t in terms]
    right = quantized_numbers(b, -2)
    different = False
    for accumulator in (SEQUENTIAL, HOPPER, Blocks(32, EXACT), EXACT):
        separate, chained = np.empty((2, M, N), np.float32)
        for i, j in np.ndindex(M, N):
            sums = [inner_product(t[i], right[j], accumulator) for t in left]
            separate[i, j] = as_float32(fl(sums[0] + sums[1]))
            if accumulator is EXACT:
                both = inner_product(left[0][i] + left[1][i], right[j] * 2, accumulator)
            else:
                both = inner_product(left[1][i], right[j], accumulator, sums[0])
            chained[i, j] = as_float32(both)
        different |= bool((separate != chained).any())
        assert_same_bits(matmul(terms, b, accumulator=accumulator), separate)
        recombination = Recombination(addition=Addition.CHAINED)
        if accumulator is EXACT:
            found = matmul(terms, b, accumulator=accumulator, recombination=recombination)
            assert_same_bits(found, chained)
        else:
            check_everywhere(
                terms, b, chained, accumulator=accumulator, recombination=recombination
            )
    assert different


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_an_exact_chain_of_terms_of_different_formats(order):
    """Powers of two, E4M3 scales and floats beside each other, in one exact sum."""
    x, nvfp4 = normal(M, K), replace(NVFP4, tensor_scale=False)
    terms = quantize(x, MXFP4), replace(quantize(x, NVFP4), tensor_scale=None, format=nvfp4)
    b = normal(K, N, seed=1).astype(ml_dtypes.bfloat16)
    left = [quantized_numbers(t, -1) for t in terms]
    right = float_numbers(b.T, BF16)
    expected = np.empty((M, N), np.float32)
    for i, j in np.ndindex(M, N):
        both = inner_product(left[0][i] + left[1][i], right[j] * 2, EXACT)
        expected[i, j] = as_float32(both)
    recombination = Recombination(addition=Addition.CHAINED)
    found = matmul(
        tuple(terms[i] for i in order), b, accumulator=EXACT, recombination=recombination
    )
    assert_same_bits(found, expected)


def test_a_chain_of_tiny_and_moderate_terms():
    """What a term below binary32's normal range leaves is not flushed by the next."""
    b = quantize(np.ones((32, 1), np.float32), MXFP4, axis=-2)
    tiny, one = (quantize(np.full((1, 32), 1, np.float32), MXFP4) for _ in range(2))
    tiny = QuantizedArray(tiny.codes, np.full((1, 1), 0, np.uint8), None, tiny.format, -1)
    one = QuantizedArray(one.codes * 0, one.scale_codes, None, one.format, -1)
    low = QuantizedArray(b.codes, np.full((1, 1), 110, np.uint8), None, b.format, -2)
    recombination = Recombination(addition=Addition.CHAINED)
    schedule = Schedule(((0, 0), (1, 0)))
    expected = matmul(tiny, low)
    assert 0 < expected.item() < 2.0**-126
    for terms in ((tiny, one), (one, tiny)):
        check_everywhere(terms, low, expected, recombination=recombination, schedule=schedule)


@pytest.mark.parametrize("precision", [BF16, FP16], ids=lambda f: f.name)
def test_terms_added_in_low_precision(precision):
    terms = decompose_terms(normal(M, K), INT8_X3_FLOAT32)
    b = quantize(normal(K, N, seed=1), INT8_ROW, axis=-2)

    def rounded(x):
        return spec.number(spec.round_to(x, precision, overflow=Overflow.OVERFLOW))

    total = None
    for term in terms:
        found = np.vectorize(rounded, otypes=[object])(
            row_and_column(term, b, ORDERS[Scaling.ROW_THEN_COLUMN])
        )
        total = found if total is None else np.vectorize(rounded, otypes=[object])(total + found)
    expected = np.vectorize(as_float32)(total)
    recombination = Recombination(precision=precision)
    check_everywhere(terms, b, expected, accumulator=INT32, recombination=recombination)


def test_schedules():
    assert full(2, 2).pairs == ((0, 0), (0, 1), (1, 0), (1, 1))
    assert triangular(3, 3).pairs == ((0, 0), (0, 1), (1, 0), (0, 2), (1, 1), (2, 0))
    assert triangular(2, 1).pairs == full(2, 1).pairs
    assert Schedule.from_mask([[0, 1], [1, 1]]).pairs == ((0, 1), (1, 0), (1, 1))


def test_a_schedule_picks_products_of_terms():
    a = decompose_terms(normal(M, K), INT8_X2_FLOAT32)
    b = decompose_terms(normal(K, N, seed=1), INT8_X2_FLOAT32, axis=-2)
    parts = {(i, j): matmul(a[i], b[j], accumulator=INT32) for i in range(2) for j in range(2)}
    expected = parts[1, 0] + parts[0, 0]
    schedule = Schedule(((1, 0), (0, 0)))
    check_everywhere(a, b, expected, accumulator=INT32, schedule=schedule)
    expected = parts[0, 0] + parts[0, 1] + parts[1, 0] + parts[1, 1]
    check_everywhere(a, b, expected, accumulator=INT32)
