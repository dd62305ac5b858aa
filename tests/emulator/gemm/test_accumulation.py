"""Tests."""

from fractions import Fraction

import jax
import ml_dtypes
import numpy as np
import pytest

from msdnum.emulator.blocks import quantize
from msdnum.emulator.gemm.products import matmul
from msdnum.formats.accumulators import (
    ACCUMULATORS,
    BLACKWELL_MXFP4,
    CDNA2,
    CDNA3,
    CDNA3_FP8,
    EXACT,
    HOPPER,
    SEQUENTIAL,
    TURING,
    VOLTA,
    Blocks,
    Int32,
)
from msdnum.formats.blocks import MXFP4, MXFP8_E4M3
from msdnum.formats.modes import ScaleRule
from tests.support.accumulation import (
    FOLDS,
    MX,
    assert_same_bits,
    check_everywhere,
    check_on_numpy,
    mx,
    rng,
)
from tests.support.gemm_oracle import (
    FLOATS,
    float_numbers,
    inner_product,
    matrix,
    quantized_numbers,
)
from tests.support.selection import quick

MXFP4_ON_JAX = [SEQUENTIAL, Blocks(32, EXACT)]


MX_UNITS = [
    accumulator
    for accumulator in ACCUMULATORS.values()
    if accumulator is not EXACT
    and not isinstance(accumulator, Int32)
    and accumulator != BLACKWELL_MXFP4
]


@pytest.mark.parametrize(
    "accumulator",
    quick(MX_UNITS, {"SEQUENTIAL", "PAIRWISE", "HOPPER", "CDNA3", "BLOCKS_32_EXACT"}),
    ids=lambda a: a.name,
)
@pytest.mark.parametrize("name", ["MXFP4", "MXFP8"])
def test_block_scaled(accumulator, name):
    a, b = mx(MX[name], 3)
    if accumulator == Blocks(32, EXACT) and name == "MXFP8":
        with pytest.raises(ValueError, match="jax_enable_x64"):
            matmul(*jax.tree.map(jax.numpy.asarray, (a, b)), accumulator=accumulator)
        return
    expected = matrix(quantized_numbers(a, -1), quantized_numbers(b, -2), accumulator)
    check = check_everywhere if name == "MXFP8" or accumulator in MXFP4_ON_JAX else check_on_numpy
    check(a, b, expected, accumulator=accumulator)


ALSO_EXTREME_ON_JAX = [SEQUENTIAL, HOPPER, CDNA2, Blocks(32, EXACT)]


EXTREMES = [-127, -126, -100, -64, -63, 0, 62, 63, 64, 127]


@pytest.mark.parametrize(
    "accumulator", [*FOLDS, HOPPER, CDNA3, CDNA2, Blocks(32, EXACT)], ids=lambda a: a.name
)
def test_extreme_scales(accumulator):
    """Products below 2**-126 and scales whose elements binary32 does not hold."""
    a, b = mx(MXFP4, 11, rows=4, k=64)
    exponents = rng(12).choice(EXTREMES, size=(2, 5, 2))
    codes = (exponents + 127).astype(np.uint8)
    a = type(a)(a.codes, codes[0][:4], None, a.format, -1)
    opposite = np.clip(127 - exponents[0], 0, 254).astype(np.uint8)
    opposite[3:] = np.clip(-20 - exponents[0][3:], -127, 127) + 127
    b = type(b)(b.codes, opposite.T.copy(), None, b.format, -2)
    left, right = quantized_numbers(a, -1), quantized_numbers(b, -2)
    expected = np.full((4, 5), np.nan, np.float32)
    for i in range(4):
        for j in range(5):
            value = sum(abs(x.value * y.value) for x, y in zip(left[i], right[j], strict=True))
            if value < 2**127:
                expected[i, j] = float(inner_product(left[i], right[j], accumulator))
    known = np.isfinite(expected)
    assert known.sum() > 8
    found = matmul(a, b, accumulator=accumulator)
    assert_same_bits(found[known], expected[known])
    if accumulator not in ALSO_EXTREME_ON_JAX:
        return
    a, b = jax.tree.map(jax.numpy.asarray, (a, b))
    jitted = jax.jit(lambda a, b: matmul(a, b, accumulator=accumulator))(a, b)
    assert_same_bits(jitted, found)


def test_product_of_the_largest_and_the_smallest_scale():
    """Exact 14336: JAX's scaled_dot gives NaN, torchao Inf."""
    a = quantize(np.full((1, 32), 448, np.float32), MXFP8_E4M3)
    b = quantize(np.full((32, 1), 1, np.float32), MXFP8_E4M3, axis=-2, rule=ScaleRule.FLOOR)
    b_codes = np.full((32, 1), 0x38, np.uint8)
    a = type(a)(a.codes, np.full((1, 1), 254, np.uint8), None, a.format, -1)
    b = type(b)(b_codes, np.zeros((1, 1), np.uint8), None, b.format, -2)
    assert matmul(a, b).item() == 448 * 32


def test_generations_disagree_on_one_sum():
    """In the manner of FTTN (arXiv 2403.00232): a large pair that cancels, and small addends.

    Volta adds the last four apart; of 0.75 each aligned to 2**24, Turing keeps 0, Hopper 0.5.
    """
    a = np.array([[2.0**12, 2.0**12, *[1.0] * 6]], ml_dtypes.bfloat16)
    b = np.array([[2.0**12, -(2.0**12), *[0.75] * 6]], ml_dtypes.bfloat16).T.copy()
    units = (VOLTA, TURING, HOPPER, CDNA3, EXACT, SEQUENTIAL)
    found = {u.name: matmul(a, b, accumulator=u).item() for u in units}
    assert found == {
        "VOLTA": 3.0, "TURING": 0.0, "HOPPER": 3.0, "CDNA3": 0.0, "EXACT": 4.5, "SEQUENTIAL": 4.5,
    }  # fmt: skip


def bf16_products(*pairs, group=16):
    """Return factors of these products, group by group, zeros in between."""
    a, b = np.zeros((2, group * len(pairs)))
    for i, (x, y) in enumerate(pairs):
        a[group * i : group * i + len(x)], b[group * i : group * i + len(y)] = x, y
    return a[None].astype(ml_dtypes.bfloat16), b[:, None].astype(ml_dtypes.bfloat16)


TINY = 2.0**-149


@pytest.mark.parametrize(
    ("accumulator", "pairs", "expected"),
    [
        # A subnormal accumulator keeps its value; the result is cut off at 2**-149.
        (HOPPER, [([2.0**-70], [2.0**-70]), ([], [])], 2.0**-140),
        (HOPPER, [([2.0**-70], [3 * 2.0**-80])], TINY),
        (HOPPER, [([2.0**-70], [-3 * 2.0**-80])], -TINY),
        (CDNA3, [([2.0**-70], [3 * 2.0**-80])], 2 * TINY),
        # What fills up a group is no exponent: here to 16 products, and to a whole last group.
        (Blocks(3, HOPPER), [([2.0**-70], [2.0**-70])], 2.0**-140),
        (CDNA3_FP8, [([2.0**-70], [2.0**-70])], 2.0**-140),
        # A subnormal element has the exponent -126: 2**-32 is below the last bit.
        (HOPPER, [([2.0**-130, 2.0**-16], [2.0**120, 2.0**-16])], 2.0**-10),
        (HOPPER, [([2.0**-10, 2.0**-16], [1, 2.0**-16])], 2.0**-10 + 2.0**-32),
        # Subnormal products are zero before they are added.
        (CDNA2, [([2.0**-63] * 4, [1.5 * 2.0**-64] * 4)], 0),
        (CDNA2, [([2.0**-63] * 4, [1.5 * 2.0**-63] * 4)], 1.5 * 2.0**-124),
        # Ties to even, and what is far below decides.
        (EXACT, [([2.0**12, 1], [2.0**12, 1])], 2.0**24),
        (EXACT, [([2.0**12, 3], [2.0**12, 1])], 2.0**24 + 4),
        (EXACT, [([2.0**12, 1, 2.0**-60], [2.0**12, 1, 2.0**-60])], 2.0**24 + 2),
        (EXACT, [([2.0**12, 1, -(2.0**-60)], [2.0**12, 1, 2.0**-60])], 2.0**24),
        (EXACT, [([2.0**-70], [3 * 2.0**-80])], 2 * TINY),
    ],
)
def test_directed(accumulator, pairs, expected):
    a, b = bf16_products(*pairs)
    assert inner_product(
        float_numbers(a, FLOATS["bfloat16"])[0], float_numbers(b.T, FLOATS["bfloat16"])[0],
        accumulator,
    ) == Fraction(expected)  # fmt: skip
    assert matmul(a, b, accumulator=accumulator).item() == expected
