"""Chains of FMAs in binary64: the C library's fma, fractions, the ends of the range."""

import ctypes
import ctypes.util
from fractions import Fraction
from itertools import product
from math import inf, nan

import jax
import numpy as np
import pytest

from msdnum.emulator.gemm import double_chains
from msdnum.emulator.gemm.double_chains import DOUBLE_INSTRUCTIONS, fma_matmul

LIBM = ctypes.CDLL(ctypes.util.find_library("m") or "libm.so.6")
LIBM.fma.restype = ctypes.c_double
LIBM.fma.argtypes = [ctypes.c_double] * 3


def by_libm(a, b, c):
    """Return the chains of the C library."""
    total = c.copy()
    for i, j in np.ndindex(c.shape):
        for x, y in zip(a[i], b[:, j], strict=True):
            total[i, j] = LIBM.fma(x, y, total[i, j])
    return total


def same(x, y):
    np.testing.assert_array_equal(
        np.where(np.isnan(x), 0, x).view(np.uint64), np.where(np.isnan(y), 0, y).view(np.uint64)
    )
    np.testing.assert_array_equal(np.isnan(x), np.isnan(y))


def hostile(rng, shape, low, high):
    """Numbers of few bits and of all, zeros of both signs, neighbours that cancel."""
    x = np.ldexp(rng.uniform(-2, 2, shape), rng.integers(low, high, shape))
    short = np.ldexp(rng.integers(-8, 9, shape) / 8, rng.integers(low, high, shape))
    x = np.where(rng.random(shape) < 0.4, short, x)
    x[..., 1::2] = np.where(rng.random(x[..., 1::2].shape) < 0.3, -x[..., :-1:2], x[..., 1::2])
    return x * rng.choice([1.0, -1.0], shape)


@pytest.mark.parametrize(("low", "high"), [(-3, 3), (-60, 30), (-350, 350)])
def test_moderate_numbers_have_the_bits_of_the_c_library(low, high, monkeypatch):
    monkeypatch.setattr(double_chains, "_careful_fma", None)
    rng = np.random.default_rng(high)
    a, b = hostile(rng, (30, 41), low, high), hostile(rng, (30, 41), low, high).T
    c = hostile(rng, (30, 30), low, high)
    same(fma_matmul(a, b, c), by_libm(a, b, c))


def test_a_cancelled_sum_keeps_what_the_product_has_below_its_53_bits():
    a, b = np.array([[1 + 2.0**-52]]), np.array([[1 - 2.0**-52]])
    assert fma_matmul(a, b, np.array([[-1.0]])) == -(2.0**-104)
    exact = Fraction(a.item()) * Fraction(b.item()) - 1
    assert exact == -(Fraction(2) ** -104)


@pytest.mark.parametrize(("low", "high"), [(-560, -510), (500, 514), (-1074, 1024)])
def test_ends_of_the_range(low, high):
    rng = np.random.default_rng(5)
    a, b = hostile(rng, (9, 7), low, high), hostile(rng, (9, 7), low, high).T
    c = hostile(rng, (9, 9), max(2 * low, -1074), min(2 * high, 1023))
    same(fma_matmul(a, b, c), by_libm(a, b, c))


SPECIAL = [0.0, -0.0, 1.0, -1.0, 5e-324, 2.0**1023, -(2.0**1023), inf, -inf, nan]


def test_zeros_inf_and_nan():
    """All of three: an overflow of a product that an infinite c meets is none."""
    triples = np.array(list(product(SPECIAL, repeat=3))).reshape(-1, 3, 1, 1)
    found = np.array([fma_matmul(*triple).item() for triple in triples])
    same(found, np.array([LIBM.fma(*triple.ravel()) for triple in triples]))


def test_zeros_of_moderate_numbers():
    for a in (0.0, -0.0, 1.0):
        for c in (0.0, -0.0, -1.0):
            given = [np.array([[v]]) for v in (a, 1.0, c)]
            same(fma_matmul(*given), by_libm(*given))


def test_other_formats_and_shapes_are_refused():
    a = np.ones((2, 3))
    with pytest.raises(TypeError, match="a must be float64, got float32"):
        fma_matmul(a.astype(np.float32), a.T)
    with pytest.raises(TypeError, match="b must be a NumPy or JAX array, got list"):
        fma_matmul(a, [[1.0]])
    with jax.enable_x64(True), pytest.raises(TypeError, match="b must be a NumPy array, got JAX"):
        fma_matmul(a, jax.numpy.asarray(a.T))
    with pytest.raises(ValueError, match=r"shapes \(m, k\), \(k, n\), got \(2, 3\) and \(2, 3\)"):
        fma_matmul(a, a)
    with pytest.raises(ValueError, match=r"c must have the shape \(2, 2\)"):
        fma_matmul(a, a.T.copy(), a)
    assert all("f64" in name for name in DOUBLE_INSTRUCTIONS)
