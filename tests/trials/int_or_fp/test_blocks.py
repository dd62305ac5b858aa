"""Blocks once more: the witness in fractions, and NV formats by a plain loop in binary64."""

import math
from fractions import Fraction

import mpmath
import numpy as np
import pytest

from msdnum.formats.elements import BF16, FP16
from msdnum.trials.int_or_fp.blocks import NVFP4_FORMAT, NVINT4, outliers, snr
from msdnum.trials.int_or_fp.claims.codes import SYMMETRIC, in_steps, share_of_128, signed_errors
from msdnum.trials.int_or_fp.claims.eight_and_four_bits import OUTLIER_BLOCK


def bf16(pattern):
    return Fraction(128 + pattern % 128, 128) * Fraction(2) ** (pattern // 128 - 127)


def nearest(x, grid):
    return min(grid, key=lambda v: abs(x - v))


def test_the_outlier_block_errs_less_in_mxfp8_in_fractions():
    """The least power of two that keeps amax in range; no number of the block is a tie."""
    block = [bf16(p) for p in OUTLIER_BLOCK]
    e4m3 = [Fraction(m, 512) for m in range(8)]
    e4m3 += [(8 + m) * Fraction(2) ** e for e in range(-9, 6) for m in range(8)]
    grids = ([Fraction(n, 64) for n in range(128)], [v for v in e4m3 if v <= 448])
    squares = []
    for grid in grids:
        scale = Fraction(2) ** math.ceil(math.log2(block[0] / grid[-1]))
        squares.append(sum((x - scale * nearest(x / scale, grid)) ** 2 for x in block))
    assert math.sqrt(squares[0] / squares[1]) == pytest.approx(1.86927, abs=1e-5)
    assert block[0] ** 2 * 32 / sum(x * x for x in block) < Fraction(755, 100) ** 2


def plain_snr(x, numbers, largest, rotation=None):
    """Return the ratio of an NV format, in binary64, rotated by the matrix of its definition."""
    e4m3 = np.array([m / 512 for m in range(8)] + [
        (8 + m) * 2.0**e for e in range(-9, 6) for m in range(8)
    ])[:127]  # fmt: skip
    rows = x.astype(float).reshape(-1, 16)
    if rotation:
        sign = np.array([1 - 2 * (bin(i & j).count("1") % 2) for i in range(16) for j in range(16)])
        rows = rows @ sign.reshape(16, 16) / 4
    tensor = np.abs(rows).max() / largest / 448
    ideal = np.abs(rows).max(axis=1, keepdims=True) / largest / tensor
    scale = e4m3[np.abs(ideal - e4m3).argmin(axis=1)][:, None] * tensor
    grid = np.array(numbers, float)
    index = np.abs((rows / scale)[..., None] - grid).argmin(axis=-1)
    return 10 * np.log10(np.sum(rows**2) / np.sum((scale * grid[index] - rows) ** 2))


@pytest.mark.parametrize("family", ["normal", "student_t3", "outlier_channels"])
def test_nv_formats_once_more_by_a_plain_loop(family):
    """Signs of the rotation are another draw of these families, hence a tenth of a decibel."""
    x = outliers(family, 0, (64, 1024))
    e2m1 = [0, 0.5, 1, 1.5, 2, 3, 4, 6]
    signed = [*e2m1, *(-v for v in e2m1)]
    for fmt, numbers, largest in ((NVINT4, range(-8, 8), 7), (NVFP4_FORMAT, signed, 6)):
        assert snr(x, fmt) == pytest.approx(plain_snr(x, numbers, largest), abs=0.01)
        rotated = plain_snr(x, numbers, largest, rotation=True)
        assert snr(x, fmt, 16) == pytest.approx(rotated, abs=0.15)


E4M3 = [m / 512 for m in range(8)] + [(8 + m) * 2.0**e for e in range(-9, 6) for m in range(8)][:-1]
E2M1 = [0, 0.5, 1, 1.5, 2, 3, 4, 6]


@pytest.mark.parametrize(
    ("integers", "floats", "gains"),
    [
        ([n / 64 for n in range(128)], E4M3, {"normal": 10.09, "laplace": 8.39}),
        (range(8), E2M1, {"normal": -1.92, "laplace": -2.68}),
    ],
    ids=["8 bits", "4 bits"],
)
def test_expected_errors_of_mx_formats_once_more_by_a_plain_loop(integers, floats, gains):
    """By how many decibels integers err less in blocks of 32: samples beside what is integrated."""
    for law, gain in gains.items():
        rows = np.abs(getattr(np.random.default_rng(6), law)(size=(1 << 14, 32)))
        squares = []
        for grid in (np.array(integers, float), np.array(floats)):
            scale = 2.0 ** np.ceil(np.log2(rows.max(axis=1, keepdims=True) / grid[-1]))
            middles = (grid[1:] + grid[:-1]) / 2
            became = scale * grid[np.searchsorted(middles, rows / scale)]
            squares.append(np.mean((became - rows) ** 2))
        assert 10 * np.log10(squares[1] / squares[0]) == pytest.approx(gain, abs=0.06)


def test_codes_of_minus_128():
    x, bias = signed_errors(SYMMETRIC)
    assert len(x) == 128
    assert not bias.any()
    assert (np.rint(in_steps(BF16)) > 127).sum() == 21


def fl_bf16(x):
    """Round a positive fraction to 8 bits, to even."""
    e = 7 - math.floor(math.log2(x))
    return round(x * Fraction(2) ** e) / Fraction(2) ** e


def test_quotients_of_bf16_once_more_in_fractions():
    block = [bf16(p) for p in range(0x3F80, 0x4000)]
    single = [Fraction(float(np.float32(float(x)) / np.float32(127))) for x in block]
    steps = [fl_bf16(x / fl_bf16(s)) for x, s in zip(block, single, strict=True)]
    assert [float(s) for s in steps] == in_steps(BF16).tolist()
    assert sum(s >= Fraction(255, 2) for s in steps) == 21


def float_of(x, bits, lowest):
    """Round a positive fraction to so many bits, to even; nothing lies below 2**lowest."""
    e = max(math.floor(math.log2(x)) - bits + 1, lowest)
    return round(x / Fraction(2) ** e) * Fraction(2) ** e


@pytest.mark.parametrize(
    ("fmt", "bits", "lowest", "binades", "told"),
    [
        (BF16, 8, -133, range(-12, 3), ("0.1682", "0.1682")),
        (FP16, 11, -24, range(-24, -6), ("0.00014", "0.00021")),
    ],
)
def test_what_becomes_128_once_more_in_fractions_and_mpmath(fmt, bits, lowest, binades, told):
    """In these binades: elsewhere the mass is below 1e-4, or no 127th is subnormal."""
    exactly, beyond = mpmath.mpf(0), mpmath.mpf(0)
    for e in binades:
        step = max(e - bits + 1, lowest)
        for n in range(1 << (e - step), 2 << (e - step)):
            x = n * Fraction(2) ** step
            scale = float_of(x / 127, bits, lowest)
            became = round(float_of(x / scale, bits, lowest)) if scale else 1000
            if became >= 128:
                half = Fraction(2) ** (step - 1)
                below = half / 2 if n == 1 << (e - step) and step > lowest else half
                cuts = (mpmath.mpf(v.numerator) / v.denominator for v in (x - below, x + half))
                low, high = (mpmath.ncdf(v) for v in cuts)
                beyond += 2 * (high - low)
                exactly += 2 * (high - low) * (became == 128)
    for found, expected, digits in zip(
        (share_of_128(fmt)[0], share_of_128(fmt, beyond=True)[0]), (exactly, beyond), told,
        strict=True,
    ):  # fmt: skip
        assert f"{found:.{len(digits) - 2}f}" == digits
        assert found == pytest.approx(float(expected), abs=5e-5 if fmt is BF16 else 1e-9)
