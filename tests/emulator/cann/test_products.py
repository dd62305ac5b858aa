import math
from fractions import Fraction

import jax.numpy as jnp
import ml_dtypes
import numpy as np
import pytest

from msdnum import spec
from msdnum.emulator.cann.digits import VARIANTS, Division, Fusion, Switches, divide, multiply_add
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
from msdnum.trials.msd.claims.cann import cann
from msdnum.trials.msd.claims.traps import traps
from msdnum.trials.msd.splits import split_error

RNG = np.random.default_rng(0)


def fl(x):
    return spec.number(spec.fl32(Fraction(x)))


def constant(x):
    return fl(Fraction(str(x)))


def away(x):
    """Round half away from zero."""
    return int(math.copysign(math.floor(abs(x) + Fraction(1, 2)), x))


def half(x):
    return spec.number(spec.round_to(Fraction(x), FP16, overflow=Overflow.SATURATE))


# Scalar digits, from the note's table


def quotient(x, y, division):
    if division is Division.RECIPROCAL:
        return fl(x * fl(1 / y))
    return fl(x / y)


def multicore(x, m, division):
    f1, f2 = constant(127.499), fl(2 * Fraction("127.499") ** 2)
    t = quotient(x, m, division)
    first = away(fl(t * f1))
    rest = fl(t - fl(first * fl(1 / f1)))
    return [first, away(fl(rest * f2))]


def successive(first, ratio, count):
    def digits(x, m, division):
        rest = fl(quotient(x, m, division) * constant(first))
        found = [away(rest)]
        for _ in range(count - 1):
            rest = fl(fl(rest - found[-1]) * constant(ratio))
            found.append(away(rest))
        return found

    return digits


def grouped(x, m, division):
    factor = quotient(Fraction(127), m, division)
    first = away(fl(x * factor))
    rest = fl(fl(x * factor) - first)
    return [first, away(fl(rest * 254))]


def feed_forward(x, m, division):
    scaled = fl(quotient(x, fl(m * constant(1.001)), division) * 128)
    first = math.floor(scaled)
    return [first, math.floor(fl(fl(scaled - first) * 128))]


ORACLES = {
    "multicore": multicore,
    "multicore_short_k": multicore,
    "split_k_int8": successive(127, 254, 2),
    "split_k_int4_half": successive(7.49, 14.98, 3),
    "experimental_a16w4": successive(7.49, 14.98, 3),
    "grouped_a16w8": grouped,
    "grouped_a16w4": successive(127, 254, 2),
    "ffn": feed_forward,
}


def pairs(count):
    amax = np.exp2(RNG.uniform(-3, 3, count)).astype(np.float32)
    x = amax * RNG.uniform(-1, 1, count).astype(np.float32) ** 3
    x[0], x[1], x[2] = amax[0], -amax[1], 0
    return np.clip(x, -amax, amax)[:, None], amax[:, None]


@pytest.mark.parametrize("name", VARIANTS)
@pytest.mark.parametrize("division", [Division.NEAREST, Division.RECIPROCAL])
def test_digits(name, division):
    variant = VARIANTS[name]
    x, amax = pairs(150)
    found = variant.decompose(x, amax, Switches(division))
    for i in range(len(x)):
        a, m = Fraction(float(x[i, 0])), Fraction(float(amax[i, 0]))
        expected = ORACLES[name](a, m, division)
        clamped = [min(max(d, -variant.largest - 1), variant.largest) for d in expected]
        assert [int(d[i, 0]) for d in found] == clamped


def test_short_k_divides():
    assert VARIANTS["multicore"].division is Division.RECIPROCAL
    assert VARIANTS["multicore_short_k"].division is Division.NEAREST


def test_divisions():
    x, y = np.float32([1.96875]), np.float32([1.9765625])
    exact = divide(x, y, Division.NEAREST)
    assert divide(x, y, Division.ULP_BELOW) == np.nextafter(exact, np.float32(0))
    assert divide(x, y, Division.ULP_ABOVE) == np.nextafter(exact, np.float32(2))
    assert divide(-x, y, Division.ULP_ABOVE) == -divide(x, y, Division.ULP_ABOVE)
    assert [divide(np.float32([0]), y, d) for d in Division] == [0] * 4


def test_fused_multiply_add_rounds_once():
    a, b, c = (RNG.standard_normal(400).astype(np.float32) for _ in range(3))
    c[:200] = -(a * b)[:200]
    c[200:250] *= np.float32(2**-30)
    found = multiply_add(a, b, c, Fusion.FUSED)
    for x, y, z, w in zip(a, b, c, found, strict=True):
        assert fl(Fraction(float(x)) * Fraction(float(y)) + Fraction(float(z))) == w
    assert (found != multiply_add(a, b, c, Fusion.SEPARATE)).any()


@pytest.mark.parametrize("c", [2.0**-80, -(2.0**-80), 0])
@pytest.mark.parametrize("a", [1 + 2.0**-12, 1 + 3 * 2.0**-12])
def test_fused_multiply_add_next_to_a_tie(a, c):
    """The product is half-way between two binary32 numbers; c decides, or even."""
    a, c = np.float32([a]), np.float32([c])
    b = np.float32([1 + 2.0**-12])
    expected = fl(Fraction(float(a[0])) * Fraction(float(b[0])) + Fraction(float(c[0])))
    assert multiply_add(a, b, c, Fusion.FUSED)[0] == expected


# Which keep M / 64516


@pytest.mark.parametrize(
    ("name", "keeps", "ratio"),
    [
        ("multicore", True, 0.99754),
        ("multicore_short_k", True, 0.99841),
        ("split_k_int8", True, 1.0),
        ("split_k_int4_half", False, 20.2374),
        ("experimental_a16w4", False, 19.1955),
        ("grouped_a16w8", False, 1.00407),
        ("grouped_a16w4", False, 1.01469),
        ("ffn", False, 3.94165),
    ],
)
def test_verdicts(name, keeps, ratio):
    """Decided over all BF16 pairs; the error is recomputed at the witness."""
    variant, found = VARIANTS[name], split_error(VARIANTS[name])
    assert found.keeps_paper_bound is keeps
    assert found.over_paper_bound == pytest.approx(ratio, abs=1e-4)
    x, m = Fraction(found.x), Fraction(found.amax)
    digits = ORACLES[name](x, m, variant.division)
    digits = [min(max(d, -variant.largest - 1), variant.largest) for d in digits]
    value = sum(w * d for w, d in zip(variant.weights(m), digits, strict=True))
    assert abs(x - value) / m == found.error
    assert np.float32(found.x) == np.float32(found.x).astype(ml_dtypes.bfloat16)


@pytest.mark.parametrize("entry", list(cann(None)), ids=lambda e: e.convention)
def test_ledger_rows_are_as_expected(entry):
    assert entry.judge().verdict is entry.expected


def test_a_rounded_reciprocal_breaks_the_bound():
    found = split_error(VARIANTS["split_k_int8"], Switches(Division.RECIPROCAL))
    assert not found.keeps_paper_bound
    assert (found.x, found.amax) == (1.96875, 1.9765625)


def test_verdicts_do_not_depend_on_the_scale():
    """One variant, another binade of amax: the same digits."""
    amax, x = pairs(500)[::-1]
    for power in (2.0**-40, 2.0**60):
        for variant in VARIANTS.values():
            same = variant.decompose(x * np.float32(power), amax * np.float32(power))
            for p, q in zip(variant.decompose(x, amax), same, strict=True):
                np.testing.assert_array_equal(p, q)


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


def test_an_all_zero_row_divides_zero_by_zero():
    zero = np.zeros((1, 2), np.float32)
    digits = VARIANTS["split_k_int8"].decompose(zero, np.zeros((1, 1), np.float32))
    assert [d.tolist() for d in digits] == [[[0, 0]], [[0, 0]]]


def test_traps():
    found = {trap.name: trap.value for trap in traps()}
    assert found["int32 to float32 is inexact from K"] == 1041
    assert found["int32 saturates from K"] == 133145
    assert found["largest C of an INT4 group of 128"] == 7168
    assert found["relative error of half(1/14.98)"] == pytest.approx(2.5e-4, rel=0.01)
    assert found["what C2 = 127 adds to 10485760"] == 0


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
