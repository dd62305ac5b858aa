"""Matrix units at the ends of the range, and started from a c: where models of hardware differ.

The oracle is ``spec_accumulate``; the numbers written out are those of MMA-Sim 2.1.1.
"""

from dataclasses import replace
from fractions import Fraction

import jax
import ml_dtypes
import numpy as np
import pytest

from msdnum.emulator.gemm.accumulation import accumulate
from msdnum.emulator.gemm.operands import kind, prepare
from msdnum.emulator.gemm.products import matmul, transposed
from msdnum.emulator.gemm.units.sums import Range
from msdnum.emulator.quantized_arrays import QuantizedArray
from msdnum.formats.accumulators import (
    ADA_FP8,
    AMPERE,
    BLACKWELL,
    BLACKWELL_FP8,
    BLACKWELL_MX,
    BLACKWELL_MXFP4,
    CDNA1_BF16,
    CDNA2,
    CDNA3,
    CDNA3_FP8,
    HOPPER,
    HOPPER_FP8,
    TURING,
    VOLTA,
    Cdna3Unit,
    FusedUnit,
    GroupedUnit,
    MatrixUnit,
    PairwiseUnit,
)
from msdnum.formats.blocks import MXFP4, NVFP4
from tests.support.gemm_oracle import (
    FLOATS,
    float_numbers,
    inner_product,
    matrix,
    quantized_numbers,
)

BF16, FP16 = ml_dtypes.bfloat16, np.float16
NVFP4_UNSCALED = replace(NVFP4, tensor_scale=False)


def p(exponent):
    return 2.0**exponent


def bits_of(x):
    return int(np.asarray(x, np.float32).reshape(()).view(np.uint32))


def dot(a, b, unit, dtype=BF16):
    """Return the bits of one inner product, the same from NumPy and from jitted JAX."""
    a, b = np.array([a], dtype), np.array([b], dtype).T.copy()
    found = matmul(a, b, accumulator=unit)
    on_jax = jax.jit(lambda a, b: matmul(a, b, accumulator=unit))(a, jax.numpy.asarray(b))
    assert bits_of(found) == bits_of(on_jax)
    return bits_of(found)


def started(a, b, unit, c):
    """Return c plus the products of two operands, (m, k) and (k, n)."""
    kinds = kind(a, -1, "a"), kind(b, -2, "b")
    left, right = prepare(a, kinds[0], -1), prepare(b, kinds[1], -2)
    return accumulate(left, right, kinds, unit, Range.ANY, c)


def started_dot(a, b, unit, c, dtype=BF16):
    """Return the bits of ``c`` plus one inner product, from NumPy and from jitted JAX."""
    a, b = np.array([a], dtype), np.array([b], dtype).T.copy()
    c = np.array([[c]], np.float32)
    found = started(a, b, unit, c)
    on_jax = jax.jit(lambda *operands: started(*operands[:2], unit, operands[2]))(a, b, c)
    assert bits_of(found) == bits_of(on_jax)
    return bits_of(found)


def mxfp4(pairs, scale_codes, size=64):
    """Return factors of these products of E2M1 numbers, with the same scales on both sides."""
    code = {0: 0, 0.5: 1, 1: 2, -1: 10}
    a, b = np.zeros((2, 1, size), np.uint8)
    for k, (x, y) in pairs.items():
        a[0, k], b[0, k] = code[x], code[y]
    scales = np.array([scale_codes], np.uint8)
    left = QuantizedArray(a, scales, None, MXFP4, -1)
    return left, QuantizedArray(b.T.copy(), scales.T.copy(), None, MXFP4, -2)


@pytest.mark.parametrize(
    ("small", "exponent", "expected"),
    [({32: (1, 1)}, 20, 0x00000000), ({32: (0.5, 0.5), 33: (0.5, 1)}, 17, 0x3F000000)],
)
def test_a_group_whose_products_cancel_keeps_its_exponent(small, exponent, expected):
    """2**(2 * exponent) of the scales is what all addends are aligned to."""
    a, b = mxfp4({0: (1, 1), 1: (1, -1), **small}, (127 + exponent, 127))
    oracle = inner_product(
        quantized_numbers(a, -1)[0], quantized_numbers(b, -2)[0], BLACKWELL_MXFP4
    )
    assert bits_of(float(oracle)) == expected
    assert bits_of(matmul(a, b, accumulator=BLACKWELL_MXFP4)) == expected
    on_jax = jax.tree.map(jax.numpy.asarray, (a, b))
    assert bits_of(matmul(*on_jax, accumulator=BLACKWELL_MXFP4)) == expected


@pytest.mark.parametrize(("zero", "expected"), [(-139, 0), (-126, 1)])
def test_a_zero_accumulator_of_a_grouped_unit_has_the_exponent_of_zero(zero, expected):
    """2**-149 less 2**-163, which -126 - 35 is too high for."""
    a, b = mxfp4({0: (1, 0.5), 32: (0.5, -1)}, (127 - 74, 127 - 81))
    unit = replace(BLACKWELL_MXFP4, exponent_of_zero=zero)
    assert bits_of(matmul(a, b, accumulator=unit)) == expected
    assert matrix(quantized_numbers(a, -1), quantized_numbers(b, -2), unit) == p(-149) * expected


def test_a_scale_of_zero_has_no_exponent():
    """NVFP4: 0 times 448 would be aligned to 2**2, and c lost."""
    a, b = (
        QuantizedArray(np.full((1, 16), 2, np.uint8), np.array([[code]], np.uint8), None,
                       NVFP4_UNSCALED, -1)
        for code in (0, 0x7E)
    )  # fmt: skip
    c = np.full((1, 1), p(-40), np.float32)
    assert bits_of(started(a, transposed(b), BLACKWELL_MXFP4, c)) == bits_of(c)
    left, right = (quantized_numbers(x, -1)[0] for x in (a, b))
    assert inner_product(left, right, BLACKWELL_MXFP4, Fraction(p(-40))) == Fraction(p(-40))


def test_cdna3_has_32_bits_under_the_sum_of_products():
    """0x1.acc0p+0 * 0x1.e640p-3 below 2**11: 31 bits would be a tie, the version before 2."""
    a, b = float.fromhex("-0x1.acc0p+0"), float.fromhex("0x1.e640p-3")
    assert started_dot([a], [b], CDNA3, 2.0**11, FP16) == 0x44FFF347


@pytest.mark.parametrize(
    ("c", "small", "expected"),
    [
        (1, p(-16), 1),
        (1, p(-15), 1 + p(-23)),
        (-1 - p(-23), p(-16), -1 - p(-22)),
        (-1 - p(-23), p(-15), -1 - p(-23)),
    ],
)
def test_cdna3_rounds_its_sum_down_before_it_rounds_to_nearest(c, small, expected):
    """Next to a tie: what is below 31 bits makes it one, 2**-30 does not."""
    sign = np.sign(c)
    found = started_dot([sign * p(-12), small], [p(-12), small], CDNA3, c)
    assert found == bits_of(expected)


@pytest.mark.parametrize(
    ("unit", "exponents", "count", "expected"),
    [
        (HOPPER, (-76, -76), 8, 1),
        (BLACKWELL, (-76, -76), 8, 1),
        (AMPERE, (-76, -75), 4, 1),
        # Without a floor for c there would be 2 more bits.
        (HOPPER, (-79, -80), 8, 0),
    ],
    ids=lambda x: getattr(x, "name", None),
)
def test_a_zero_accumulator_has_a_lower_exponent_than_a_subnormal_one(
    unit, exponents, count, expected
):
    a, b = ([p(e)] * count for e in exponents)
    assert dot(a, b, unit) == expected
    assert dot(a, b, replace(unit, exponent_of_zero=-126)) == 0


def test_the_exponents_of_zero_are_those_of_the_source():
    found = {
        unit.name: unit.exponent_of_zero
        for unit in (VOLTA, TURING, AMPERE, ADA_FP8, HOPPER, HOPPER_FP8, BLACKWELL, BLACKWELL_FP8,
                     BLACKWELL_MX, BLACKWELL_MXFP4)
    }  # fmt: skip
    assert found == {
        "VOLTA": -131, "TURING": -132, "AMPERE": -132, "ADA_FP8": -132, "HOPPER": -133,
        "HOPPER_FP8": -133, "BLACKWELL": -133, "BLACKWELL_FP8": -133, "BLACKWELL_MX": -133,
        "BLACKWELL_MXFP4": -139,
    }  # fmt: skip


@pytest.mark.parametrize("unit", [VOLTA, AMPERE, HOPPER], ids=lambda u: u.name)
def test_a_truncated_negative_sum_is_positive_zero(unit):
    assert dot([-p(-75)], [p(-75)], unit) == 0
    assert started_dot([0], [0], unit, -0.0) == 0


def test_a_negative_sum_of_cdna3_rounds_to_negative_zero():
    assert dot([-p(-75)], [p(-76)], CDNA3) == 0x80000000
    assert dot([p(-75), -p(-75)], [p(-76), p(-76)], CDNA3) == 0


def test_products_of_cdna3_are_not_aligned_to_the_exponent_of_zero():
    assert dot([p(-76)] * 8, [p(-76)] * 8, CDNA3) == 1


@pytest.mark.parametrize(
    ("b", "expected"),
    [
        ([2, 1.5], 0x7F800000),
        ([1.5, 2], 0xFF800000),
        ([2, 2], 0x7FC00000),
        ([1.5, 1.5], 0),
        ([1.9921875, 1], 0x7EFE0000),
    ],
)
def test_a_product_that_binary32_does_not_hold_is_infinite_in_cdna3(b, expected):
    """Of 2**128 or more, before anything is added."""
    assert dot([p(127), -p(127)], b, CDNA3) == expected


def test_significands_count_where_products_of_cdna3_overflow():
    """Exponents that add up to 127: infinite from significands that multiply to 2."""
    assert dot([1.5 * p(127)], [1.5], CDNA3) == 0x7F800000
    assert dot([1.5 * p(127)], [1.25], CDNA3) == bits_of(1.875 * p(127))
    assert dot([1.5 * p(127), -p(127)], [1.5, 1], CDNA3) == 0x7F800000


def test_an_infinite_product_meets_an_accumulator_that_has_overflowed():
    """A sum of finite products overflows in the first step; the second has the other infinity."""
    a = [p(127)] * 8 + [-p(127)] + [0] * 7
    b = [1.5] * 8 + [2] + [0] * 7
    assert dot(a, b, CDNA3) == 0x7FC00000
    assert dot(a[:8], b[:8], CDNA3) == 0x7F800000


def test_cdna2_flushes_a_subnormal_accumulator():
    a, b = [-p(-60)], [p(-64) * 1.2890625]
    c = float.fromhex("-0x1.8p-148")
    flushed = started_dot(a, b, CDNA2, 0.0)
    assert started_dot(a, b, CDNA2, c) == flushed
    # +0, whatever its sign: a negative product that is flushed does not show.
    assert started_dot([-p(-70)], [p(-70)], CDNA2, c) == 0
    assert started_dot([0], [0], CDNA2, -0.0) == 0


# ------------------------------------------------------------------------------------------------
# Against the specification
# ------------------------------------------------------------------------------------------------


def bottom(rng, shape):
    """Exponents about half of those where binary32 ends."""
    return np.ldexp(rng.standard_normal(shape), rng.integers(-82, -60, shape))


def top(rng, shape):
    return np.ldexp(rng.uniform(-2, 2, shape), rng.integers(54, 64, shape))


def everywhere(rng, shape):
    return np.ldexp(rng.uniform(-2, 2, shape), rng.integers(-133, 64, shape))


def near_one(rng, shape):
    return np.ldexp(rng.uniform(-2, 2, shape), rng.integers(-14, 4, shape))


FAMILIES = {"bottom": bottom, "top": top, "everywhere": everywhere, "near one": near_one}


def hostile(family, shape, rng):
    """Return numbers of a family, some of them zeros and some that cancel their neighbours."""
    x = FAMILIES[family](rng, shape)
    x[rng.random(shape) < 0.1] = 0
    x[..., 1::2] = np.where(rng.random(x[..., 1::2].shape) < 0.2, -x[..., :-1:2], x[..., 1::2])
    return np.clip(x, -p(127), p(127)).astype(BF16)


def starts(left, right, rng):
    """Return a c for each inner product: zeros, subnormal numbers, about its sum, anything."""
    c = rng.standard_normal((len(left), len(right)))
    for i, j in np.ndindex(c.shape):
        products = [x.value * y.value for x, y in zip(left[i], right[j], strict=True)]
        sizes = [abs(x) for x in products if x]
        c[i, j] = [
            0.0, c[i, j] * p(-140), -float(sum(products)),
            float(max(sizes, default=0)) * p(int(rng.integers(-34, 34))),
        ][rng.integers(4)]  # fmt: skip
    with np.errstate(over="ignore"):
        return np.clip(np.nan_to_num(c.astype(np.float32)), -p(127), p(127)).astype(np.float32)


def judged(a, b, unit, c, left, right):
    """Compare ``started`` with the specification; count the finite."""
    found = started(a, b, unit, c)
    finite = 0
    for i, j in np.ndindex(c.shape):
        try:
            expected = np.float32(inner_product(left[i], right[j], unit, Fraction(float(c[i, j]))))
        except ValueError:
            assert not np.isfinite(found[i, j])
            continue
        finite += 1
        signed = expected != 0 or isinstance(unit, MatrixUnit | GroupedUnit)
        assert bits_of(expected) == bits_of(found[i, j] if signed else abs(found[i, j]))
    return finite


UNITS = [
    VOLTA, AMPERE, HOPPER, HOPPER_FP8, CDNA2, PairwiseUnit("of two", 2), CDNA3, CDNA3_FP8,
    MatrixUnit("narrow", 5, 7, 4), MatrixUnit("low", 3, 20, exponent_of_zero=-300),
    Cdna3Unit("no more bits", 8, 2, 24, 24), Cdna3Unit("few bits", 6, 3, 2, 31),
    Cdna3Unit("many bits", 4, 1, 25, 27, drops_accumulator=True),
]  # fmt: skip


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("unit", UNITS, ids=lambda u: u.name)
def test_units_are_as_specified_from_any_accumulator(unit, family):
    rng = np.random.default_rng(sum(map(ord, unit.name + family)))
    a, b = (hostile(family, (8, 2 * unit.group + 1), rng) for _ in range(2))
    left, right = (float_numbers(x, FLOATS["bfloat16"]) for x in (a, b))
    c = starts(left, right, rng)
    finite = judged(a, b.T.copy(), unit, c, left, right)
    assert finite >= (16 if family in ("top", "everywhere") else 64)


@pytest.mark.parametrize("unit", UNITS[:8], ids=lambda u: u.name)
def test_units_have_the_same_bits_on_jax_from_any_accumulator(unit):
    rng = np.random.default_rng(5)
    families = (("bottom", 10), ("top", 10), ("everywhere", 20))
    a, b = (
        np.concatenate([hostile(name, (n, 2 * unit.group + 1), rng) for name, n in families])
        for _ in range(2)
    )
    left, right = (float_numbers(x, FLOATS["bfloat16"]) for x in (a, b))
    same_on_jax(a, b.T.copy(), unit, starts(left, right, rng))


def same_on_jax(a, b, unit, c):
    on_jax = jax.jit(lambda a, b, c: started(a, b, unit, c))(*jax.tree.map(np.asarray, (a, b, c)))
    found, expected = (
        np.where(np.isnan(x), np.float32(np.nan), x) for x in (on_jax, started(a, b, unit, c))
    )
    np.testing.assert_array_equal(found.view(np.uint32), expected.view(np.uint32))


def blocks_of(fmt, rng, rows, k, centre):
    """Return E2M1 codes, of which many cancel, with scales about ``centre``; some of them zero."""
    codes = rng.integers(0, 16, (rows, k)).astype(np.uint8)
    pairs = rng.random((rows, k // 2)) < 0.8
    codes[:, 1::2] = np.where(pairs, codes[:, ::2] ^ 8, codes[:, 1::2])
    spread = (-3, 4) if fmt is MXFP4 else (-12, 13)
    scales = centre + rng.integers(*spread, (rows, k // fmt.block_size))
    return QuantizedArray(codes, scales.astype(np.uint8), None, fmt, -1)


@pytest.mark.parametrize(
    ("fmt", "centre"), [(MXFP4, 127), (MXFP4, 62), (MXFP4, 57), (NVFP4_UNSCALED, 12)]
)
@pytest.mark.parametrize(
    "unit",
    [BLACKWELL_MXFP4, GroupedUnit("short", 32, 8, 20, exponent_of_zero=-200)],
    ids=lambda u: u.name,
)
def test_grouped_units_are_as_specified_from_any_accumulator(unit, fmt, centre):
    rng = np.random.default_rng(centre)
    a, b = (blocks_of(fmt, rng, 6, 192, centre) for _ in range(2))
    left, right = (quantized_numbers(x, -1) for x in (a, b))
    c = starts(left, right, rng)
    b = QuantizedArray(b.codes.T.copy(), b.scale_codes.T.copy(), None, fmt, -2)
    assert judged(a, b, unit, c, left, right) == 36
    if fmt is not MXFP4 or centre == 62:
        same_on_jax(a, b, unit, c)


def test_scaled_products_of_cdna3_overflow_as_specified():
    """With scales a subnormal element can have an exponent of 128 below 2**128."""
    rng = np.random.default_rng(3)
    a, b = (blocks_of(MXFP4, rng, 6, 64, 127 + 59) for _ in range(2))
    left, right = (quantized_numbers(x, -1) for x in (a, b))
    b = QuantizedArray(b.codes.T.copy(), b.scale_codes.T.copy(), None, MXFP4, -2)
    finite = judged(a, b, CDNA3, np.zeros((6, 6), np.float32), left, right)
    assert 0 < finite < 36
    same_on_jax(a, b, CDNA3, np.zeros((6, 6), np.float32))


@pytest.mark.parametrize(
    "unit",
    [
        MatrixUnit("MINE", 8, 10), GroupedUnit("MINE", 64, 16, 35), FusedUnit("MINE", 4),
        PairwiseUnit("MINE", 4), Cdna3Unit("MINE", 8, 1),
    ],
    ids=lambda u: type(u).__name__,
)  # fmt: skip
def test_a_unit_of_ones_own_has_no_source(unit):
    assert unit.source == ""
    assert CDNA1_BF16.source == "MMA-Sim 2.1.1 (arXiv 2511.10909v2)"
