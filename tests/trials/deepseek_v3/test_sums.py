"""Sums in Hopper's unit once more: in integers, without the emulator."""

from fractions import Fraction

import numpy as np
import pytest

from msdnum.formats.accumulators import BLACKWELL_FP8, HOPPER_FP8, HOPPER_FP8_PROMOTED
from msdnum.trials.deepseek_v3.claims.bits import significant_bits
from msdnum.trials.deepseek_v3.sums import DEFINITIONS, INPUTS, Fp8Sums, drawn

UNIT = -30
"""Of the integers here: 2**-18 of products, and twelve bits below."""


def exponent(x):
    """Return the exponent of an E4M3 number as a unit aligns it, from its value."""
    return max(int(np.frexp(x)[1]) - 1, -6)


def cut(n, bits):
    """Drop the last bits of an integer, toward zero."""
    return (abs(n) >> bits << bits) * (1 if n >= 0 else -1) if bits > 0 else n


def in_integers(a, b, fraction_bits, result_bits):
    """Add products in groups of 32, aligned and truncated: integers over 2**30."""
    c = 0
    for start in range(0, len(a), 32):
        pairs = [(float(x), float(y)) for x, y in zip(a[start:], b[start:], strict=False)][:32]
        pairs = [(x, y) for x, y in pairs if x * y]
        tops = [exponent(x) + exponent(y) for x, y in pairs]
        tops += [abs(c).bit_length() - 1 + UNIT] if c else []
        last = max(tops) - fraction_bits - UNIT
        c = cut(c, last) + sum(cut(int(x * y * 2**30), last) for x, y in pairs)
        c = cut(c, abs(c).bit_length() - 1 - result_bits)
    return c


@pytest.mark.parametrize("name", INPUTS)
@pytest.mark.parametrize(("unit", "bits"), [(HOPPER_FP8, (13, 13)), (BLACKWELL_FP8, (25, 23))])
def test_sums_of_4096_products_in_integers(name, unit, bits):
    sums = drawn(name, 2, 7, unit)
    for i, j in np.ndindex(2, 2):
        expected = in_integers(sums.a[i], sums.b[:, j], *bits)
        assert Fraction(float(sums.found[i, j])) == Fraction(expected, 2**30)


def test_promoted_sums_in_integers_and_binary32():
    sums = drawn("uniform on [0, 1]", 1, 8, HOPPER_FP8_PROMOTED)
    total = np.float32(0)
    for start in range(0, 4096, 128):
        part = slice(start, start + 128)
        total += np.float32(in_integers(sums.a[0, part], sums.b[part, 0], 13, 13) * 2.0**-30)
    assert sums.found[0, 0] == total


def test_the_bias_of_positive_sums_is_about_a_fifteenth():
    """Mean of sixteen sums in integers: 6.6 % is lost, and every sum has lost."""
    sums = drawn("uniform on [0, 1]", 4, 9, HOPPER_FP8)
    lost = []
    for i, j in np.ndindex(4, 4):
        exact = sum(
            Fraction(float(x)) * Fraction(float(y))
            for x, y in zip(sums.a[i], sums.b[:, j], strict=True)
        )
        lost.append(1 - Fraction(in_integers(sums.a[i], sums.b[:, j], 13, 13), 2**30) / exact)
    assert min(lost) > 0.06
    assert float(sum(lost) / 16) == pytest.approx(0.066, abs=0.002)
    assert sums.bias == pytest.approx(-float(sum(lost) / 16), rel=0.01)


def in_groups(a, b, promoted):
    """Add products as `in_integers` does, all sums at once in binary64, promoted every 128 or not.

    Every number here is a multiple of 2**-30 below 2**22, hence exact.
    """
    total, c = np.zeros((len(a), b.shape[1]), np.float32), np.zeros((len(a), b.shape[1]))
    exponents = [np.maximum(np.frexp(x)[1] - 1, -6) for x in (a, b)]
    for start in range(0, a.shape[1], 32):
        if promoted and start % 128 == 0:
            total, c = total + c.astype(np.float32), np.zeros_like(c)
        part = slice(start, start + 32)
        products = a[:, None, part] * b.T[None, :, part]
        tops = exponents[0][:, None, part] + exponents[1].T[None, :, part]
        top = np.where(products != 0, tops, -99).max(axis=-1)
        step = 2.0 ** (np.maximum(top, np.where(c != 0, np.frexp(c)[1] - 1, -99)) - 13)
        c = np.trunc(c / step) * step + (np.trunc(products / step[..., None])).sum(axis=-1) * step
        last = 2.0 ** (np.frexp(c)[1] - 1 - 13)
        c = np.trunc(c / last) * last
    return total + c.astype(np.float32)


@pytest.mark.parametrize(("name", "factor"), [("normal", 10), ("uniform on [0, 1]", 130)])
def test_what_promotion_gains_once_more_by_groups(name, factor):
    """The headline: an RMS error of a tenth for either sign, of 1/130 for positive operands."""
    sums = drawn(name, 24, 11, HOPPER_FP8)
    a, b = sums.a.astype(float), sums.b.astype(float)
    found = [in_groups(a, b, promoted) for promoted in (False, True)]
    assert np.array_equal(found[0], sums.found)
    never, every_128 = (np.sqrt(np.mean((each - a @ b) ** 2)) for each in found)
    assert never / every_128 == pytest.approx(factor, rel=0.06)


def test_exact_sums_are_exact():
    sums = drawn("normal, amax at 448", 2, 3, HOPPER_FP8)
    for i, j in np.ndindex(2, 2):
        terms = zip(sums.a[i], sums.b[:, j], strict=True)
        assert sum(Fraction(float(x)) * Fraction(float(y)) for x, y in terms) == sums.exact[i, j]


def test_definitions_by_hand():
    a = np.array([[1, 0], [0, 2]]).astype(INPUTS_TYPE)
    b = np.array([[2, 3], [4, 0]]).astype(INPUTS_TYPE)
    sums = Fp8Sums(a, b, HOPPER_FP8)
    sums.__dict__["exact"] = np.array([[2.0, 3], [8, 1]])
    sums.__dict__["error"] = np.array([[0.5, 0], [0, -0.25]])
    sums.__dict__["magnitude"] = np.array([[2.0, 4], [8, 2]])
    rms, error = np.sqrt(78 / 4), np.sqrt(0.3125 / 4)
    assert [of(sums) for of in DEFINITIONS.values()] == pytest.approx(
        [0.25, 0.5 / 8, 0.5 / rms, 0.5 / 3.5, 0.25, 0.5 / np.sqrt(13), error / rms]
    )
    assert sums.bias == pytest.approx(0.25 / 14)


def test_subnormal_elements_count_as_normal_ones():
    a = np.array([[2.0**-9, 0]]).astype(INPUTS_TYPE)
    assert Fp8Sums(a, np.ones_like(a.T), HOPPER_FP8).magnitude == [[2.0**-6]]


def test_significant_bits():
    given = np.array([0, 1, -3, 2**-20, 1 + 2**-13, 5 * 2.0**30], np.float32)
    assert significant_bits(given).tolist() == [0, 1, 2, 1, 14, 3]


INPUTS_TYPE = drawn("normal", 1, 0, HOPPER_FP8, k=1).a.dtype
