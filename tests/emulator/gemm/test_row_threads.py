"""Rows in threads: the same bits, and only where JAX's own loops leave a core idle."""

from dataclasses import replace

import jax
import ml_dtypes
import numpy as np
import pytest

from msdnum.emulator.blocks import quantize
from msdnum.emulator.gemm import products, row_threads
from msdnum.emulator.gemm.products import matmul, transposed
from msdnum.formats.accumulators import BLACKWELL_MX, HOPPER
from msdnum.formats.blocks import INT8_ROW, MXFP4
from msdnum.formats.elements import FP16


@pytest.fixture
def threads(monkeypatch):
    """Two threads for every product, and how often they are asked for."""
    monkeypatch.setattr(row_threads, "ONE_CORE_SINCE", (0,))
    monkeypatch.setattr(row_threads, "FEWEST_PRODUCTS", 1)
    monkeypatch.setattr(row_threads, "FEWEST_ROWS", 2)
    monkeypatch.setattr(row_threads, "cores", lambda: 2)
    asked = []

    def spied(*arguments):
        asked.append(arguments[-1])
        return row_threads.in_row_threads(*arguments)

    monkeypatch.setattr(products, "in_row_threads", spied)
    return asked


def matrices(rows=7, dtype=np.float16):
    rng = np.random.default_rng(0)
    return [rng.standard_normal((rows, 32)).astype(dtype) for _ in range(2)]


def as_numpy_has_it(a, b, **options):
    expected = matmul(a, b, **options)
    on_jax = jax.tree.map(jax.numpy.asarray, (a, b, options.pop("c", None)))
    found = matmul(*on_jax[:2], c=on_jax[2], **options)
    assert found.dtype == expected.dtype
    np.testing.assert_array_equal(np.asarray(found), expected)


def test_an_odd_number_of_rows_with_a_c_for_each(threads):
    a, b = matrices()
    c = matrices(7)[0][:, :7]
    as_numpy_has_it(a, b.T.copy(), c=c, output=FP16, accumulator=HOPPER)
    assert threads == [2]


def test_each_row_keeps_its_scales(threads):
    a, b = (quantize(x, MXFP4) for x in matrices(6, np.float32))
    as_numpy_has_it((a, replace(a, scale_codes=a.scale_codes + 1)), transposed(b),
                    accumulator=BLACKWELL_MX)  # fmt: skip
    assert threads == [2]


def test_threads_have_the_settings_of_this_package(threads):
    a, b = matrices(6, ml_dtypes.bfloat16)
    a[0, 0] = np.nan
    x, y = jax.numpy.asarray(a), jax.numpy.asarray(b.T)
    jax.config.update("jax_debug_nans", True)  # For all threads: a context is for its own.
    try:
        found = matmul(x, y, accumulator=HOPPER)
    finally:
        jax.config.update("jax_debug_nans", False)
    np.testing.assert_array_equal(found, matmul(a, b.T.copy(), accumulator=HOPPER))
    assert threads == [2]


def parts(a, b, c=None):
    a, b = jax.tree.map(jax.numpy.asarray, (a, b))
    return row_threads.parts_of_rows((a,), (b,), c)


@pytest.mark.usefixtures("threads")
def test_what_has_one_scale_or_no_values_or_few_rows_is_whole():
    a, b = matrices()
    b = b.T.copy()
    assert parts(a, b) == 2
    assert parts(quantize(a.astype(np.float32), INT8_ROW, axis=None), b) == 1
    assert parts(a[:3], b) == parts(a[None], b) == parts(a, b[None]) == 1
    traced = []
    jax.make_jaxpr(lambda x: traced.append(parts(x, b)))(a)
    assert traced == [1]
    with jax.default_device(jax.devices()[0]):
        assert parts(a, b) == 1


def test_small_products_and_jax_whose_loops_take_all_cores_are_whole(threads, monkeypatch):
    a, b = matrices()
    monkeypatch.setattr(row_threads, "ONE_CORE_SINCE", (99,))
    assert parts(a, b.T.copy()) == 1
    monkeypatch.setattr(row_threads, "ONE_CORE_SINCE", (0,))
    monkeypatch.setattr(row_threads, "FEWEST_PRODUCTS", 7 * 7 * 32 + 1)
    assert parts(a, b.T.copy()) == 1
    assert threads == []
