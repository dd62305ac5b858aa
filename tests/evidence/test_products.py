"""Products beside their references: what is off is seen."""

import ml_dtypes
import numpy as np
import pytest

from msdnum.emulator import backend
from msdnum.emulator.decompositions import decompose_terms
from msdnum.emulator.gemm.products import matmul
from msdnum.evidence import products
from msdnum.formats.accumulators import EXACT, INT32, SEQUENTIAL
from msdnum.formats.schemes import INT8_X2, MXFP4_X2
from msdnum.trials.msd import baselines, comparisons
from msdnum.trials.msd.experiments import products as product_experiments
from tests.support.product_tables import committed


def test_jax_gives_the_same_errors():
    pytest.importorskip("jax")
    given = comparisons.operands("normal", "MXFP4", (8, 64, 8), np.random.default_rng(3))
    found = [products.decomposed(MXFP4_X2, on)(given, SEQUENTIAL) for on in (None, backend.on_jax)]
    assert (found[0].product.view(np.uint32) == found[1].product.view(np.uint32)).all()
    assert (found[0].bound == found[1].bound).all()


# Bounds


@pytest.mark.parametrize("shape", [(3, 70, 5), (40, 200, 60), (1, 1, 1)])
def test_the_reference_adds_in_the_order_of_k(shape, monkeypatch):
    """Its bits are those of the emulated accumulator, with subnormal sums, zeros and overflow."""
    rng, (m, k, n) = np.random.default_rng(4), shape
    monkeypatch.setattr(products, "PRODUCTS", 1 << 14)
    a = (rng.normal(size=(m, k)) * np.exp2(rng.integers(-70, 64, (m, 1)))).astype(np.float32)
    b = (rng.normal(size=(k, n)) * np.exp2(rng.integers(-70, 64, (1, n)))).astype(np.float32)
    a[rng.random(a.shape) < 0.1] = -0.0
    found = products.float32_reference(a, b.astype(np.float64), lambda v: v)
    expected = matmul(a, b, accumulator=SEQUENTIAL)
    finite = np.isfinite(expected)
    assert np.array_equal(found[finite].view(np.int32), expected[finite].view(np.int32))
    assert np.array_equal(np.isfinite(found), finite)


def test_a_result_that_is_off_breaks_its_bound():
    """Errors are compared entry by entry: one wrong entry is seen."""
    given = comparisons.operands("normal", "INT8", (8, 64, 8), np.random.default_rng(1))
    result = products.decomposed(INT8_X2)(given, INT32)
    assert products.errors_of(given, result).ratio <= 1
    wrong = result.product.copy()
    wrong[3, 4] += 3e-4 * given.magnitude[3, 4]
    assert products.errors_of(given, products.ProductResult(wrong, result.bound)).ratio > 1


def test_a_missing_term_comes_near_the_bound():
    given = comparisons.operands("normal", "MXFP4", (8, 64, 8), np.random.default_rng(1))
    whole = products.decomposed(MXFP4_X2)(given, EXACT)
    one = products.matmul(decompose_terms(given.x, MXFP4_X2)[0], given.weight, accumulator=EXACT)
    assert products.errors_of(given, products.ProductResult(one, whole.bound)).ratio > 0.5
    assert products.errors_of(given, whole).ratio < 0.5


def test_condition_numbers_are_those_asked_for():
    for record in committed("gemm_conditions"):
        asked, found = float(record["condition_asked"]), float(record["condition_median"])
        assert asked / 1.5 < found < 1.5 * asked, record


def test_ill_conditioned_rows_are_bf16():
    x, w = comparisons.drawn("normal", (8, 128, 8), np.random.default_rng(5))
    rows = product_experiments.ill_conditioned(x, baselines.WEIGHTS["INT8"](w, None), 200.0)
    assert (rows == rows.astype(ml_dtypes.bfloat16).astype(np.float32)).all()
