from dataclasses import replace
from fractions import Fraction
from functools import partial
from itertools import product

import jax
import ml_dtypes
import numpy as np
import pytest

from msdnum.emulator.blocks import quantize
from msdnum.emulator.gemm.accumulation import check_accumulator
from msdnum.emulator.gemm.operands import OperandType
from msdnum.emulator.gemm.products import matmul, transposed
from msdnum.emulator.quantized_arrays import QuantizedArray
from msdnum.formats.accumulators import (
    ACCUMULATORS,
    AMPERE,
    BLACKWELL_MXFP4,
    CDNA1_BF16,
    CDNA1_FP16,
    CDNA2,
    CDNA3,
    CDNA3_FP8,
    EXACT,
    HOPPER,
    HOPPER_FP8,
    PAIRWISE,
    SEQUENTIAL,
    TURING,
    VOLTA,
    Blocks,
    Cdna3Unit,
    FusedUnit,
    GroupedUnit,
    Int32,
    MatrixUnit,
    PairwiseUnit,
)
from msdnum.formats.blocks import MXFP4, MXFP8_E4M3, MXFP8_E5M2, MXINT8, NVFP4
from msdnum.formats.elements import E2M1
from msdnum.formats.modes import ScaleRule
from tests.support.gemm_oracle import (
    FLOATS,
    float_numbers,
    inner_product,
    matrix,
    quantized_numbers,
)

K = 70
MX = {"MXFP4": MXFP4, "MXFP8": MXFP8_E4M3, "MXFP8_E5M2": MXFP8_E5M2, "MXINT8": MXINT8}


MXFP4_ON_JAX = [SEQUENTIAL, Blocks(32, EXACT)]


def rng(seed=0):
    return np.random.default_rng(seed)


def hostile(shape, rng):
    """Many exponents, zeros, and cancellation between neighbours in k."""
    x = rng.standard_normal(shape) * np.exp2(rng.integers(-12, 12, shape))
    x[rng.random(shape) < 0.15] = 0
    x[..., 1::2] = np.where(rng.random(x[..., 1::2].shape) < 0.3, -x[..., ::2], x[..., 1::2])
    return x.astype(np.float32)


def assert_same_bits(x, y):
    np.testing.assert_array_equal(np.asarray(x).view(np.uint32), np.asarray(y).view(np.uint32))


def check_on_numpy(a, b, expected, **options):
    assert_same_bits(matmul(a, b, **options), expected)


def check_everywhere(a, b, expected, **options):
    """NumPy, JAX and JAX inside another jit give the expected bits."""
    check_on_numpy(a, b, expected, **options)
    a, b = jax.tree.map(jax.numpy.asarray, (a, b))
    found = jax.jit(lambda a, b: matmul(a, b, **options))(a, b)
    assert_same_bits(found, expected)


FLOAT_UNITS = [VOLTA, AMPERE, HOPPER, HOPPER_FP8, CDNA2, CDNA3]
FOLDS = [SEQUENTIAL, PAIRWISE, Blocks(32, SEQUENTIAL), Blocks(24, PAIRWISE)]
MX_UNITS = [
    accumulator
    for accumulator in ACCUMULATORS.values()
    if accumulator is not EXACT
    and not isinstance(accumulator, Int32)
    and accumulator != BLACKWELL_MXFP4
]


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("accumulator", FLOAT_UNITS + FOLDS, ids=lambda a: a.name)
def test_floats(accumulator, dtype):
    a, b = (hostile((3, K), rng(i)).astype(dtype) for i in range(2))
    left, right = float_numbers(a, FLOATS[dtype]), float_numbers(b, FLOATS[dtype])
    check = check_everywhere if dtype == "bfloat16" else check_on_numpy
    check(a, b.T, matrix(left, right, accumulator), accumulator=accumulator)


def mx(fmt, seed, rows=3, k=K):
    left = quantize(hostile((rows, k), rng(seed)), fmt)
    right = quantize(hostile((rows + 1, k), rng(seed + 1)).T.copy(), fmt, axis=-2)
    return left, right


@pytest.mark.parametrize("accumulator", MX_UNITS, ids=lambda a: a.name)
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


def without_tensor_scale(q):
    return replace(q, tensor_scale=None, format=replace(q.format, tensor_scale=False))


@pytest.mark.parametrize("fmt", [MXFP4, NVFP4], ids=lambda f: f.name)
def test_grouped_unit(fmt):
    a, b = mx(fmt, 5, k=150)
    if fmt is NVFP4:
        a, b = without_tensor_scale(a), without_tensor_scale(b)
    expected = matrix(quantized_numbers(a, -1), quantized_numbers(b, -2), BLACKWELL_MXFP4)
    check_everywhere(a, b, expected, accumulator=BLACKWELL_MXFP4)


@pytest.mark.parametrize("name", ["MXFP4", "MXFP8", "MXINT8"])
def test_exact_blocks_of_wide_elements(name):
    a, b = mx(MX[name], 7)
    accumulator = Blocks(32, EXACT)
    expected = matrix(quantized_numbers(a, -1), quantized_numbers(b, -2), accumulator)
    assert_same_bits(matmul(a, b, accumulator=accumulator), expected)


@pytest.mark.parametrize("name", MX)
def test_exact(name):
    a, b = mx(MX[name], 9)
    expected = matrix(quantized_numbers(a, -1), quantized_numbers(b, -2), EXACT)
    assert_same_bits(matmul(a, b, accumulator=EXACT), expected)


def test_exact_on_jax():
    a, b = mx(MXFP4, 9)
    expected = matmul(a, b, accumulator=EXACT)
    with jax.enable_x64(True):
        a, b = jax.tree.map(jax.numpy.asarray, (a, b))
        assert_same_bits(matmul(a, b, accumulator=EXACT), expected)


@pytest.mark.parametrize("unit", [CDNA1_BF16, CDNA1_FP16], ids=lambda u: u.name)
def test_fused_units(unit):
    a, b = (hostile((3, K), rng(i)).astype(ml_dtypes.bfloat16) for i in range(2))
    a[2] = (a[2].astype(np.float32) * 2.0**-70 * 2.0**-60).astype(a.dtype)
    left, right = (float_numbers(x, FLOATS["bfloat16"]) for x in (a, b))
    expected = matrix(left, right, unit)
    assert_same_bits(matmul(a, b.T, accumulator=unit), expected)
    on_jax = jax.tree.map(jax.numpy.asarray, (a, b.T))
    with pytest.raises(ValueError, match="jax_enable_x64"):
        matmul(*on_jax, accumulator=unit)
    with jax.enable_x64(True):
        assert_same_bits(matmul(*on_jax, accumulator=unit), expected)


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


@pytest.mark.parametrize("accumulator", [Blocks(32, EXACT), SEQUENTIAL], ids=lambda a: a.name)
def test_partial_sums_beyond_binary32(accumulator):
    """Exact block sums that no float32 order of addition could give; a sequence overflows."""
    signs = np.array([1, 1, -1, -1] * 8, np.float32)
    a, b = quantize(signs[None], MXFP4), quantize(np.ones((32, 1), np.float32), MXFP4, axis=-2)
    a = type(a)(a.codes, a.scale_codes + np.uint8(64), None, a.format, -1)
    b = type(b)(b.codes, b.scale_codes + np.uint8(63), None, b.format, -2)
    expected = 0 if isinstance(accumulator, Blocks) else np.inf
    assert matmul(a, b, accumulator=accumulator).item() == expected


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


@pytest.mark.parametrize("exact", [16, 1])
def test_the_largest_grouped_group_fits(exact):
    unit = GroupedUnit("u", 512, exact, 35)
    fmt = replace(NVFP4, tensor_scale=False)
    for code, sign in ((7, 1), (15, -1)):
        a = QuantizedArray(np.full((1, 1024), code, np.uint8), np.full((1, 64), 0x3F, np.uint8),
                           None, fmt, -1)  # fmt: skip
        b = replace(a, codes=np.full((1, 1024), 7, np.uint8))
        found = matmul(a, transposed(b), accumulator=unit)
        assert found.item() == sign * 1024 * (6 * 1.875) ** 2


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


def test_truncation_is_toward_zero_and_not_down():
    a = np.array([[1.0, 2.0**-13]], ml_dtypes.bfloat16)
    for sign in (1, -1):
        b = np.array([[sign], [sign * 2.0**-12]], ml_dtypes.bfloat16)
        assert matmul(a, b, accumulator=VOLTA).item() == sign
        small = np.array([[-sign], [sign * 2.0**-12]], ml_dtypes.bfloat16)
        assert matmul(a, small, accumulator=VOLTA).item() == -sign


def test_cdna3_rounds_a_tiny_negative_accumulator_down():
    a = np.array([[2.0**-30] + [0.0] * 7 + [1.0]], ml_dtypes.bfloat16)
    b = np.array([[-1.0]] + [[0.0]] * 7 + [[1.0]], ml_dtypes.bfloat16)
    unit = Cdna3Unit("wide", 8, 1)
    assert matmul(a, b, accumulator=unit).item() == 1 - 2.0**-24
    dropping = Cdna3Unit("dropping", 8, 1, drops_accumulator=True)
    assert matmul(a, b, accumulator=dropping).item() == 1


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Blocks(0, EXACT), "size must be at least 1"),
        (lambda: Blocks(2.5, EXACT), "size must be an int, got 2.5"),
        (lambda: Blocks(True, EXACT), "size must be an int"),
        (lambda: Blocks(4, Blocks(2, EXACT)), "inner must not be"),
        (lambda: Blocks(4, "EXACT"), "inner must be an Accumulator"),
        (lambda: Int32(group=0), "group must be at least 1"),
        (lambda: Int32("WRAP"), "overflow must be an Int32Overflow"),
        (lambda: MatrixUnit("x", 4, 26), "fraction_bits must be in 1..25"),
        (lambda: MatrixUnit("x", 4, 20, 24), "result_bits must be in 1..23"),
        (lambda: MatrixUnit("x", 0, 20), "group"),
        (lambda: MatrixUnit("x", 4096, 25), "group must be in 1..4095"),
        (lambda: GroupedUnit("x", 60, 16, 35), "exact must divide the group of 60"),
        (lambda: GroupedUnit("x", 64, 32, 35), "exact must be in 1..16"),
        (lambda: GroupedUnit("x", 64, 16, 36), "fraction_bits must be in 20..35"),
        (lambda: GroupedUnit("x", 528, 16, 35), "group must be in 1..512"),
        (lambda: Cdna3Unit("x", 8, 3), "parts must divide the group of 8"),
        (lambda: Cdna3Unit("x", 8, 0), "parts must be at least 1"),
        (lambda: Cdna3Unit("x", 8, 1, 26), "fraction_bits must be in 2..25"),
        (lambda: Cdna3Unit("x", 8, 1, 24, 23), "sum_bits must be in 24..31"),
        (lambda: Cdna3Unit("x", 16, 1, 25), "group must be in 1..15"),
        (lambda: PairwiseUnit("x", 6), "power of two"),
        (lambda: FusedUnit("x", 9), "group must be in 1..8"),
    ],
)
def test_bad_accumulators(make, message):
    with pytest.raises((TypeError, ValueError), match=message):
        make()


def test_names_are_unique_and_sources_given():
    assert len(ACCUMULATORS) == len(set(ACCUMULATORS.values()))
    for accumulator in ACCUMULATORS.values():
        assert getattr(accumulator, "source", "definition")


def test_the_oracle_sums_a_tree_like_a_tree():
    ones = float_numbers(np.ones((1, 5), np.float32), FLOATS["bfloat16"])[0]
    assert inner_product(ones, ones, PAIRWISE) == Fraction(5)
