"""Products that start from a c and end in an output format: the C and D of an instruction.

The oracle is ``spec.accumulators``, which shares no code with the emulator.
"""

from fractions import Fraction

import jax
import ml_dtypes
import numpy as np
import pytest

from msdnum.emulator.blocks import quantize
from msdnum.emulator.decompositions import decompose
from msdnum.emulator.gemm.products import matmul, transposed
from msdnum.formats.accumulators import (
    AMPERE,
    BLACKWELL,
    BLACKWELL_MXFP4,
    CDNA2,
    CDNA3,
    EXACT,
    HOPPER,
    HOPPER_FP8,
    INT32,
    PAIRWISE,
    SEQUENTIAL,
    VOLTA,
    Blocks,
    MatrixUnit,
    Sequential,
    in_format,
)
from msdnum.formats.blocks import MXFP4
from msdnum.formats.elements import BF16, BINARY32, FP16, FloatFormat, NonNumbers
from msdnum.formats.schemes import SCHEMES
from tests.support.gemm_oracle import FLOATS, float_numbers, inner_product, quantized_numbers
from tests.support.selection import quick

MMA_SYNC_FP8 = Blocks(32, HOPPER, rounds=2)


def bits(x):
    x = np.asarray(x)
    return np.where(np.isnan(x), np.array(np.nan, x.dtype), x).view(f"uint{8 * x.itemsize}")


def spread(shape, rng, low=-10, high=5):
    """Numbers of many exponents, some zeros, some that cancel their neighbours."""
    x = np.ldexp(rng.uniform(-2, 2, shape), rng.integers(low, high, shape))
    x[rng.random(shape) < 0.1] = 0
    x[..., 1::2] = np.where(rng.random(x[..., 1::2].shape) < 0.2, -x[..., :-1:2], x[..., 1::2])
    return x


def everywhere(a, b, **options):
    """Return the product, the same bits from NumPy, eager JAX and jitted JAX."""
    found = matmul(a, b, **options)
    c = options.pop("c", None)
    x, y, start = jax.tree.map(jax.numpy.asarray, (a, b, c))
    eager = matmul(x, y, c=start, **options)
    jitted = jax.jit(lambda x, y, c: matmul(x, y, c=c, **options))(x, y, start)
    for other in (eager, jitted):
        assert other.dtype == found.dtype
        np.testing.assert_array_equal(bits(other), bits(found))
    return found


def specified(left, right, c, accumulator):
    """Return every inner product of the specification; Inf where it says so."""
    expected = np.full(c.shape, np.inf)
    for i, j in np.ndindex(c.shape):
        try:
            start = Fraction(float(c[i, j]))
            expected[i, j] = float(inner_product(left[i], right[j], accumulator, start))
        except ValueError:
            pass
    return expected


def agrees(found, expected):
    numbers = np.isfinite(expected)
    assert numbers.sum() >= expected.size // 2
    assert not np.isfinite(found[~numbers].astype(np.float64)).any()
    np.testing.assert_array_equal(found[numbers].astype(np.float64), expected[numbers])


SOME = [SEQUENTIAL, PAIRWISE, Blocks(8, SEQUENTIAL), VOLTA, AMPERE, HOPPER, HOPPER_FP8, CDNA2,
        CDNA3, Blocks(16, HOPPER), MMA_SYNC_FP8]  # fmt: skip


@pytest.mark.parametrize(
    "accumulator",
    quick(SOME, {"SEQUENTIAL", "HOPPER", "CDNA3", "BLOCKS_8_SEQUENTIAL"}),
    ids=lambda a: a.name,
)
def test_a_sum_starts_from_c_as_specified(accumulator):
    rng = np.random.default_rng(len(accumulator.name))
    a, b = (spread((5, 37), rng).astype(ml_dtypes.bfloat16) for _ in range(2))
    c = spread((5, 5), rng, -30, 20).astype(np.float32)
    left, right = (float_numbers(x, FLOATS["bfloat16"]) for x in (a, b))
    found = everywhere(a, b.T.copy(), c=c, accumulator=accumulator)
    agrees(found, specified(left, right, c, accumulator))


@pytest.mark.parametrize(
    "c", [-3 * 2.0**-110 + 2.0**-132, 1.5 * 2.0**-140, -(2.0**-126), 1.5 * 2.0**100, 2.0**127]
)
def test_a_c_at_the_ends_of_the_range_is_not_taken_for_moderate(c):
    """A sum with the first is 2**-132, which plain arithmetic on JAX would make 0."""
    a = np.full((1, 3), 2.0**-55, ml_dtypes.bfloat16)
    start = np.full((1, 1), c, np.float32)
    found = everywhere(a, a.T.copy(), c=start)
    left = float_numbers(a, FLOATS["bfloat16"])
    agrees(found, specified(left, left, start, SEQUENTIAL))


FP16_UNITS = [VOLTA, AMPERE, HOPPER, BLACKWELL, HOPPER_FP8, MatrixUnit("low", 3, 7),
              MMA_SYNC_FP8]  # fmt: skip


@pytest.mark.parametrize(
    "accumulator", quick(FP16_UNITS, {"VOLTA", "HOPPER"}), ids=lambda a: a.name
)
@pytest.mark.parametrize("exponents", [(-8, 4), (-14, -6), (-2, 8)], ids=str)
def test_every_step_rounds_once_to_fp16(accumulator, exponents):
    rng = np.random.default_rng([abs(exponents[0]), len(accumulator.name)])
    a, b = (spread((6, 41), rng, *exponents).astype(np.float16) for _ in range(2))
    c = spread((6, 6), rng, 2 * exponents[0], 2 * exponents[1]).astype(np.float16)
    left, right = (float_numbers(x, FLOATS["float16"]) for x in (a, b))
    found = everywhere(a, b.T.copy(), c=c, output=FP16, accumulator=accumulator)
    assert found.dtype == np.float16
    agrees(found, specified(left, right, c, in_format(accumulator, FP16)))


def test_fp16_output_is_not_the_binary32_result_rounded():
    """1 + 2**-11 + 2**-25: the unit has 25 bits below 1, and so goes up; binary32 has a tie."""
    a = np.array([[1, 2.0**-11, 2.0**-13]], np.float16)
    b = np.array([[1], [1], [2.0**-12]], np.float16)
    assert everywhere(a, b, output=FP16, accumulator=HOPPER).item() == 1 + 2.0**-10
    assert matmul(a, b, accumulator=HOPPER).astype(np.float16).item() == 1


def test_the_zero_of_an_fp16_accumulator_lies_as_far_below_its_subnormal_numbers():
    assert HOPPER.with_output(FP16).exponent_of_zero == -21
    assert VOLTA.with_output(FP16).exponent_of_zero == -19
    assert HOPPER.with_output(FP16).with_output(BINARY32) == HOPPER
    assert HOPPER.with_output(FP16) != HOPPER


def test_fp16_sums_overflow_and_their_zeros_are_positive():
    a = np.array([[60000, 60000]], np.float16)
    assert everywhere(a, np.ones((2, 1), np.float16), output=FP16, accumulator=HOPPER) == np.inf
    tiny = np.full((1, 1), 2.0**-24, np.float16)
    found = everywhere(tiny, -tiny, output=FP16, accumulator=HOPPER)
    assert bits(found).item() == 0


E5M6 = FloatFormat("E5M6", 5, 6, 15, NonNumbers.IEEE)


@pytest.mark.parametrize(
    ("fmt", "dtype"),
    [(BF16, ml_dtypes.bfloat16), (FP16, np.float16), (E5M6, np.float32)],
    ids=["BF16", "FP16", "E5M6"],
)
def test_sums_of_another_format_start_from_it(fmt, dtype):
    """256 + 0.75 + 0.75 are three numbers of each, but in BF16 each sum is rounded to 256."""
    a = np.full((1, 2), 0.75, np.float16)
    c, other = np.full((1, 1), 256, dtype), np.full((1, 1), 256.5, np.float32)
    found = everywhere(a, np.ones((2, 1), np.float16), c=c, accumulator=Sequential(output=fmt))
    assert found == {BF16: 256, FP16: 257.5, E5M6: 256}[fmt]
    kind = ValueError if fmt == E5M6 else TypeError
    expected = "numbers of E5M6" if fmt == E5M6 else f"c must be {np.dtype(dtype).name} .*astype"
    with pytest.raises(kind, match=expected):
        matmul(a, a.T.copy(), c=other, accumulator=Sequential(output=fmt))


def test_block_scales_inside_have_a_c():
    rng = np.random.default_rng(0)
    a, b = (quantize(spread((4, 96), rng).astype(np.float32), MXFP4) for _ in range(2))
    c = spread((4, 4), rng).astype(np.float32)
    left, right = (quantized_numbers(x, -1) for x in (a, b))
    found = everywhere(a, transposed(b), c=c, accumulator=BLACKWELL_MXFP4)
    agrees(found, specified(left, right, c, BLACKWELL_MXFP4))


@pytest.mark.parametrize(
    ("c", "expected"), [(np.inf, np.inf), (-np.inf, -np.inf), (np.nan, np.nan), (0, 2)]
)
def test_inf_and_nan_of_c_are_part_of_the_sum(c, expected):
    ones = np.ones((2, 2), np.float16)
    start = np.full((2, 2), 1, np.float32)
    start[0, 0] = c
    found = everywhere(ones, ones, c=start, accumulator=HOPPER)
    np.testing.assert_array_equal(found, [[expected, 3], [3, 3]])


def test_opposite_infinities_of_c_and_a_product_are_nan():
    a, one = np.full((1, 1), np.inf, np.float16), np.ones((1, 1), np.float16)
    c = np.full((1, 1), -np.inf, np.float32)
    assert np.isnan(everywhere(a, one, c=c, accumulator=HOPPER))


@pytest.mark.parametrize("shared", [True, False])
def test_a_batch_has_a_c_for_each_member(shared):
    rng = np.random.default_rng(1)
    a = spread((2, 3, 4, 8), rng).astype(np.float16)
    b = spread((8, 5) if shared else (3, 8, 5), rng).astype(np.float16)
    c = spread((2, 3, 4, 5), rng).astype(np.float16)
    found = everywhere(a, b, c=c, output=FP16, accumulator=HOPPER)
    for i, j in np.ndindex(2, 3):
        right = b if shared else b[j]
        one = matmul(a[i, j], right, c=c[i, j], output=FP16, accumulator=HOPPER)
        np.testing.assert_array_equal(bits(found[i, j]), bits(one))


def test_an_instruction_after_another_is_one_product():
    rng = np.random.default_rng(2)
    a, b = (spread((4, 32), rng).astype(np.float16) for _ in range(2))
    for output in (BINARY32, FP16):
        options = {"output": output, "accumulator": HOPPER}
        first = matmul(a[:, :16], b.T[:16], **options)
        both = matmul(a[:, 16:], b.T[16:], c=first, **options)
        np.testing.assert_array_equal(bits(both), bits(matmul(a, b.T, **options)))


ONE, C = np.ones((1, 1), np.float16), np.ones((1, 1), np.float32)


INT8 = np.ones((1, 1), np.int8)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"c": np.ones((1, 2), np.float32)}, ValueError, r"c must have the shape \(1, 1\)"),
        ({"c": C.astype(np.float64)}, TypeError, "c must be float32, bfloat16 or float16"),
        ({"c": jax.numpy.ones((1, 1))}, TypeError, "c must be a NumPy or a JAX array as a and b"),
        ({"c": C, "accumulator": EXACT}, ValueError, "c must be None for accumulator EXACT"),
        ({"c": C, "output": FP16, "accumulator": HOPPER}, TypeError, "c must be float16"),
        ({"output": FP16}, ValueError, "output must be BINARY32 for accumulator SEQUENTIAL"),
        ({"output": BF16, "accumulator": HOPPER}, ValueError, "output must be BINARY32 or FP16"),
        ({"output": FP16, "accumulator": CDNA3}, ValueError, "output must be BINARY32 for"),
        ({"output": "FP16"}, TypeError, "output must be FloatFormat"),
    ],
)
def test_a_c_or_an_output_that_has_no_place_is_refused(options, error, message):
    with pytest.raises(error, match=message):
        matmul(ONE, ONE, **options)


def test_scales_outside_and_separate_terms_leave_no_place_for_c():
    with pytest.raises(ValueError, match="c must be None for accumulator INT32_REFUSE"):
        matmul(INT8, INT8, c=C, accumulator=INT32)
    with pytest.raises(ValueError, match="need scales inside"):
        matmul(INT8, INT8, c=C)
    x = decompose(np.ones((1, 32), np.float32), SCHEMES["MXFP4_X2"])
    with pytest.raises(ValueError, match="one accumulator for all pairs"):
        matmul(x, np.ones((32, 1), np.float16), c=C)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: MatrixUnit("x", 4, 20, output=BF16), "output must be BINARY32 or FP16"),
        (lambda: MatrixUnit("x", 4, 20, exponent_of_zero=-13, output=FP16), "in -300..-14"),
        (lambda: Blocks(32, HOPPER, rounds=0), "rounds must be at least 1"),
        (lambda: Blocks(32, HOPPER, rounds=5), "rounds must divide the pairs of 32"),
        (lambda: Blocks(32, HOPPER, output=FP16), "output must be BINARY32 or that of HOPPER"),
    ],
)
def test_units_without_a_meaning_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
