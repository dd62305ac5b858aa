"""Products of floats: a library that does not add integers exactly is found before a result is."""

import jax
import ml_dtypes
import numpy as np
import pytest

import msdnum
from msdnum.emulator.gemm import float_products
from msdnum.formats.accumulators import EXACT, Blocks

BACKENDS = pytest.mark.parametrize("on_jax", [False, True], ids=["numpy", "jax"])


@pytest.fixture(autouse=True)
def untried():
    """Let each test try the library anew, and none after it believe what it has found."""
    float_products.check_exact_sums.cache_clear()
    yield
    float_products.check_exact_sums.cache_clear()


def shortened(a, b):
    """Multiply as a fast mode for BF16 does."""
    return (a.astype(ml_dtypes.bfloat16).astype("float32")) @ b


def reordered(a, b):
    """Add differences of factors, as Strassen's method does, which are not integers below 2**24."""
    shift = np.float32(2.0**20)
    return (a + shift) @ b - shift * b.sum(axis=0)


@BACKENDS
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_libraries_here_are_exact(on_jax, dtype):
    with jax.enable_x64(True):
        float_products.check_exact_sums(on_jax, dtype)


@BACKENDS
@pytest.mark.parametrize("product", [shortened, reordered])
def test_one_that_is_not_is_an_error(on_jax, product, monkeypatch):
    monkeypatch.setattr(float_products, "_dot", product)
    x = (jax.numpy if on_jax else np).ones((4, 64), "float32")
    q, w = (
        msdnum.quantize(v, msdnum.BLOCK_FORMATS["MXFP4"], axis=a) for v, a in ((x, 1), (x.T, 0))
    )
    with pytest.raises(RuntimeError, match=r"must add integers exactly, got \d+ for \d+"):
        msdnum.matmul(q, w, accumulator=Blocks(32, EXACT))


def test_it_is_tried_once(monkeypatch):
    calls = []
    monkeypatch.setattr(float_products, "_dot", lambda a, b: calls.append(a.shape) or a @ b)
    a = np.ones((2, 3), np.float32)
    float_products.dot(a, a.T)
    float_products.dot(a, a.T)
    assert calls == [(float_products.ROWS, float_products.K), (2, 3), (2, 3)]


def test_it_is_tried_while_jax_traces():
    product = jax.jit(float_products.dot)
    assert product(np.float32([[2]]), np.float32([[3]])) == 6


def test_no_sum_is_too_large():
    a, b = float_products._integers()
    assert (abs(a) @ abs(b)).max() < 1 << 24
