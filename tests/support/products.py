"""Helpers of the tests of products."""

from fractions import Fraction

import jax
import numpy as np

from msdnum import spec
from msdnum.emulator.gemm.products import Scaling, matmul
from tests.support.gemm_oracle import fl

M, K, N = 4, 70, 5


def normal(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def assert_same_bits(x, y):
    np.testing.assert_array_equal(np.asarray(x).view(np.uint32), np.asarray(y).view(np.uint32))


def on_jax(operands):
    return jax.tree.map(jax.numpy.asarray, operands)


def check_everywhere(a, b, expected, **options):
    """NumPy, JAX and JAX inside another jit give the expected bits."""
    assert_same_bits(matmul(a, b, **options), expected)
    found = jax.jit(lambda a, b: matmul(a, b, **options))(*on_jax((a, b)))
    assert_same_bits(found, expected)


def floats(x):
    return [Fraction(float(v)) for v in np.ravel(x)]


def integers(q):
    """Decode by the specification."""
    values = [int(spec.decode(int(c), q.format.element)) for c in q.codes.ravel()]
    return np.array(values, dtype=object).reshape(q.shape)


# Scales outside


def row_and_column(a, b, order):
    """Exact integers, converted, times both scales."""
    sums, rows, columns = integers(a) @ integers(b), floats(a.scales()), floats(b.scales())
    return np.array([[order(fl(sums[i, j]), rows[i], columns[j]) for j in range(N)]
                     for i in range(M)], dtype=object)  # fmt: skip


ORDERS = {
    Scaling.ROW_THEN_COLUMN: lambda c, s, t: fl(fl(c * s) * t),
    Scaling.COLUMN_THEN_ROW: lambda c, s, t: fl(fl(c * t) * s),
    Scaling.PRODUCT: lambda c, s, t: fl(c * fl(s * t)),
}
