"""Tests."""

from fractions import Fraction

import jax.numpy as jnp
import ml_dtypes
import numpy as np
import pytest

from msdnum import spec
from msdnum.emulator.cann.digits import VARIANTS, Division, Fusion, Switches
from msdnum.emulator.cann.products import (
    KERNELS,
    GroupOrder,
    KernelSwitches,
    Weight,
    kernel_matmul,
    nibble_matmul,
)
from msdnum.formats.elements import BF16, FP16
from msdnum.formats.modes import Overflow, Rounding
from tests.support.cann import RNG, constant, fl, grouped, multicore, successive


def half(x):
    return spec.number(spec.round_to(Fraction(x), FP16, overflow=Overflow.SATURATE))


# Recombination

M, K, N = 3, 128, 4


def operands(name, offsets=False):
    kernel = KERNELS[name]
    largest = 7 if kernel.weight.bits == 4 else 127
    codes = RNG.integers(-largest - 1, largest + 1, (K, N)).astype(np.int8)
    groups = 2 if kernel.per_group else 4 if name == "grouped_a16w4" else 1
    scales = RNG.uniform(0.001, 0.01, (groups, N)).astype(np.float32)
    shift = RNG.integers(-3, 4, (groups, N)).astype(np.float32) if offsets else None
    x = RNG.standard_normal((M, K)).astype(ml_dtypes.bfloat16).astype(np.float32)
    return x, Weight(codes, scales, shift), kernel


@pytest.mark.parametrize("name", KERNELS)
@pytest.mark.parametrize("offsets", [False, True])
def test_kernels_are_near_the_product(name, offsets):
    x, weight, kernel = operands(name, offsets)
    if offsets and not kernel.takes_offsets:
        with pytest.raises(ValueError, match="must not have offsets"):
            kernel_matmul(x, weight, kernel)
        return
    expected = x.astype(np.float64) @ weight.dequantize()
    size = np.abs(x).astype(np.float64) @ np.abs(weight.dequantize())
    error = np.abs(kernel_matmul(x, weight, kernel) - expected)
    accuracy = 2.0**-8 if kernel.output is BF16 else 2.0**-10 if kernel.weight.bits == 4 else 2e-3
    assert (error <= accuracy * size).all()
    assert (error <= 0.01 * np.abs(expected).max()).all()


def dot(digits, codes):
    return sum(int(p) * int(q) for p, q in zip(digits, codes, strict=True))


def test_multicore_by_hand():
    x, weight, kernel = operands("multicore")
    found = kernel_matmul(x, weight, kernel)
    f1, f2 = constant(127.499), fl(2 * Fraction("127.499") ** 2)
    for i, j in np.ndindex(M, N):
        m = Fraction(float(np.abs(x[i]).max()))
        digits = [multicore(Fraction(float(v)), m, Division.RECIPROCAL) for v in x[i]]
        c = [dot([d[t] for d in digits], weight.codes[:, j]) for t in range(2)]
        terms = fl(fl(c[0] / f1) + fl(c[1] / f2))
        value = fl(fl(terms * m) * Fraction(float(weight.scales[0, j])))
        options = {"overflow": Overflow.SATURATE, "rounding": Rounding.RNA}
        assert spec.number(spec.round_to(value, FP16, **options)) == found[i, j]


def test_grouped_matmul_by_hand():
    x, weight, kernel = operands("grouped_a16w8")
    found = kernel_matmul(x, weight, kernel)
    for i, j in np.ndindex(M, N):
        m = Fraction(float(np.abs(x[i]).max()))
        digits = [grouped(Fraction(float(v)), m, Division.NEAREST) for v in x[i]]
        c = [dot([d[t] for d in digits], weight.codes[:, j]) for t in range(2)]
        terms = fl(c[0] + fl(c[1] * fl(Fraction(1, 254))))
        value = fl(fl(terms * fl(m / 127)) * Fraction(float(weight.scales[0, j])))
        assert spec.number(spec.round_to(value, BF16, overflow=Overflow.SATURATE)) == found[i, j]


def test_the_magic_number_rounds_the_second_digit_away():
    """Per group, C1 + C2 / 254 becomes an integer."""
    x, weight, kernel = operands("grouped_a16w4")
    found = kernel_matmul(x, weight, kernel)
    split = successive(127, 254, 2)
    for i, j in np.ndindex(M, N):
        m = Fraction(float(np.abs(x[i]).max()))
        digits = [split(Fraction(float(v)), m, Division.NEAREST) for v in x[i]]
        total = Fraction(0)
        for g in range(4):
            part = slice(32 * g, 32 * g + 32)
            codes = 16 * weight.codes[part, j].astype(int)
            c = [dot([d[t] for d in digits[part]], codes) for t in range(2)]
            both = fl(10485760 + c[0] + fl(c[1] * half(Fraction(1, 254)))) - 10485760
            assert both.denominator == 1
            total = fl(total + fl(both * Fraction(float(weight.scales[g, j]))))
        value = fl(total * fl(m / 2032))
        assert half(value) == found[i, j]


MAGIC = KERNELS["grouped_a16w4"]


def test_the_largest_group_of_the_magic_number():
    """Sums of 129 products stay above 2**23, where the ulp is 1."""
    x, weight = np.ones((1, 129), np.float32), np.full((129, 1), -8, np.int8)
    found = kernel_matmul(x, Weight(weight, np.ones((1, 1), np.float32)), MAGIC)
    assert found == half(fl(Fraction(-127 * 128 * 129) * fl(Fraction(1, 2032))))


@pytest.mark.parametrize("rounding", [Rounding.RNE, Rounding.RNA, Rounding.RTZ])
@pytest.mark.parametrize("fusion", Fusion)
def test_half_arithmetic_by_hand(rounding, fusion):
    x, weight, kernel = operands("split_k_int4_half")
    found = kernel_matmul(x, weight, kernel, KernelSwitches(fusion=fusion, half=rounding))

    def to_half(v):
        options = {"overflow": Overflow.SATURATE, "rounding": rounding}
        return spec.number(spec.round_to(Fraction(v), FP16, **options))

    split, factors = successive(7.49, 14.98, 3), [half(Fraction(1 / 14.98**i)) for i in (1, 2)]
    for i, j in np.ndindex(M, N):
        total = Fraction(0)
        for g in range(2):
            part = slice(64 * g, 64 * g + 64)
            m = Fraction(float(np.abs(x[i, part]).max()))
            digits = [split(Fraction(float(v)), m, Division.NEAREST) for v in x[i, part]]
            c = [to_half(dot([d[t] for d in digits], weight.codes[part, j])) for t in range(3)]
            terms = c[0]
            for value, factor in zip(c[1:], factors, strict=True):
                product = value * factor
                terms = to_half(terms + (product if fusion is Fusion.FUSED else to_half(product)))
            scaled = fl(terms * fl(m / constant(7.49)))
            total = fl(total + fl(scaled * Fraction(float(weight.scales[g, j]))))
        options = {"overflow": Overflow.SATURATE, "rounding": Rounding.RNA}
        assert spec.number(spec.round_to(total, FP16, **options)) == found[i, j]


def test_half_additions_are_rounded_once():
    """2048 - 2**-24 toward zero is 2047; through binary32 it would be 2048."""
    x, weight = np.ones((1, 3), np.int8), np.array([[1], [-1], [-1]], np.int8)
    scales = np.array([[2048], [2.0**-24], [2040]], np.float32)
    toward_zero = KernelSwitches(half=Rounding.RTZ)
    found = nibble_matmul(x, np.ones((1, 1), np.float32), Weight(weight, scales), toward_zero)
    assert found == 2047 - 2040


@pytest.mark.parametrize("name", KERNELS)
@pytest.mark.parametrize("division", Division)
def test_a_row_that_is_not_finite_is_nan(name, division):
    x, weight, kernel = operands(name)
    x[0, 3], x[2, 70] = np.inf, np.nan
    found = kernel_matmul(x, weight, kernel, KernelSwitches(Switches(division)))
    assert np.isnan(found).all(axis=1).tolist() == [True, False, True]


def test_a_group_of_zeros_with_offsets_is_zero():
    x = np.concatenate([np.zeros((1, 64)), np.ones((1, 64))], axis=1).astype(np.float32)
    _, weight, kernel = operands("split_k_int8", offsets=True)
    found = kernel_matmul(x, weight, kernel)
    expected = x.astype(np.float64) @ weight.dequantize()
    np.testing.assert_allclose(found, expected, rtol=2e-3)


def test_switches_change_bits_where_they_should():
    x, weight, kernel = operands("split_k_int4_half")
    plain = kernel_matmul(x, weight, kernel)
    truncating = kernel_matmul(x, weight, kernel, KernelSwitches(half=Rounding.RTZ))
    assert (truncating != plain).any()
    codes = RNG.integers(-8, 8, (16 * K, 40)).astype(np.int8)
    many = Weight(codes, RNG.uniform(0.1, 1, (64, 40)).astype(np.float32))
    wide = np.tile(x, (1, 16)) * np.exp2(RNG.uniform(-8, 8, 16 * K)).astype(np.float32)
    orders = [
        nibble_matmul(np.clip(wide, -128, 127).astype(np.int8), np.ones((M, 1), np.float32), many,
                      KernelSwitches(order=order))
        for order in GroupOrder
    ]  # fmt: skip
    assert (orders[0] != orders[1]).any()


def test_kernels_disagree_in_last_bits():
    """The same activations and weights through two INT8 kernels."""
    x, weight, _ = operands("split_k_int8")
    one = Weight(weight.codes, weight.scales[:1])
    found = [kernel_matmul(x, one, KERNELS[n]) for n in ("multicore", "split_k_int8", "ffn")]
    assert len({f.tobytes() for f in found}) > 1


def test_the_nibble_split_is_exact():
    x = np.arange(-128, 128, dtype=np.int8)[None, :]
    codes = np.eye(256, 16, dtype=np.int8)
    weight = Weight(codes, np.ones((1, 16), np.float32))
    found = nibble_matmul(x, np.ones((1, 1), np.float32), weight)
    np.testing.assert_array_equal(found[0], np.arange(-128, -112))


def ones(*shape):
    return np.ones(shape, np.float32)


CODES = np.ones((4, 2), np.int8)


PLAIN = Weight(CODES, ones(1, 2))


A8W4 = np.ones((3, 4), np.int8), ones(3, 1), PLAIN


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: Weight(CODES, ones(3, 2)), ValueError, "groups"),
        (lambda: Weight(CODES, ones(1, 3)), ValueError, r"got \(1, 3\)"),
        (lambda: Weight(CODES, ones(1, 2), ones(2, 2)), ValueError, "offsets must have shape"),
        (lambda: Weight(CODES + 0.5, ones(1, 2)), TypeError, "codes must be int8, got float64"),
        (lambda: Weight(CODES, np.ones((1, 2))), TypeError, "scales must be float32"),
        (lambda: Weight(CODES, ones(2)), ValueError, "scales must have two dimensions"),
        (lambda: Weight(jnp.asarray(CODES), ones(1, 2)), TypeError, "codes must be a NumPy array"),
        (lambda: kernel_matmul(ones(2, 3), PLAIN, KERNELS["ffn"]), ValueError, "x must"),
        (lambda: kernel_matmul(np.ones((2, 4)), PLAIN, KERNELS["ffn"]), TypeError, "got float64"),
        (lambda: kernel_matmul(ones(2, 4), CODES, KERNELS["ffn"]), TypeError, "weight must be"),
        (lambda: kernel_matmul(ones(2, 4), PLAIN, "ffn"), TypeError, "kernel must be Kernel"),
        (
            lambda: kernel_matmul(ones(2, K), operands("ffn")[1], KERNELS["experimental_a16w4"]),
            ValueError,
            "codes of INT4",
        ),
        (
            lambda: kernel_matmul(ones(2, K), operands("split_k_int8")[1], KERNELS["multicore"]),
            ValueError,
            "one scale per channel",
        ),
        (
            lambda: kernel_matmul(
                ones(1, 130), Weight(np.zeros((130, 1), np.int8), ones(1, 1)), MAGIC
            ),
            ValueError,
            "groups of at most 129 for grouped_a16w4, got 130",
        ),
        (lambda: nibble_matmul(A8W4[0] + 0.5, *A8W4[1:]), TypeError, "x must be int8"),
        (lambda: nibble_matmul(A8W4[0][:, :3], *A8W4[1:]), ValueError, "x must have shape"),
        (lambda: nibble_matmul(A8W4[0], ones(1, 3), PLAIN), ValueError, "token_scales"),
        (
            lambda: nibble_matmul(*A8W4[:2], Weight(9 * CODES, ones(1, 2))),
            ValueError,
            "codes of INT4 for A8W4, got 9 to 9",
        ),
        (
            lambda: nibble_matmul(*A8W4[:2], Weight(CODES, ones(1, 2), ones(1, 2))),
            ValueError,
            "must not have offsets",
        ),
        (lambda: Switches("NEAREST"), TypeError, "division must be"),
        (lambda: KernelSwitches(half=Rounding.RTP), ValueError, "half must be RNE"),
        (lambda: KernelSwitches(order="ASCENDING"), TypeError, "order must be"),
        (lambda: VARIANTS["ffn"].decompose(np.ones(2), ones(1)), TypeError, "x must be float32"),
    ],
)
def test_bad_input(make, error, message):
    with pytest.raises(error, match=message):
        make()
