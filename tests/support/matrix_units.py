"""Helpers of the tests of matrix units."""

from fractions import Fraction

import jax
import ml_dtypes
import numpy as np

from msdnum.emulator.gemm.accumulation import accumulate
from msdnum.emulator.gemm.operands import kind, prepare
from msdnum.emulator.gemm.products import matmul
from msdnum.emulator.gemm.units.sums import Range
from msdnum.emulator.quantized_arrays import QuantizedArray
from msdnum.formats.accumulators import GroupedUnit, MatrixUnit
from msdnum.formats.blocks import MXFP4
from tests.support.gemm_oracle import inner_product

BF16, FP16 = ml_dtypes.bfloat16, np.float16


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
