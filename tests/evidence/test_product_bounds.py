"""Theorem gemm against products of factors, schemes, weights and units drawn at random."""

from collections import Counter
from fractions import Fraction

import numpy as np
import pytest

from msdnum.emulator.attention.flash import attend
from msdnum.emulator.blocks import quantize
from msdnum.emulator.gemm.products import transposed
from msdnum.evidence.attention_bounds import attention_bound
from msdnum.evidence.attentions import DECOMPOSING
from msdnum.evidence.product_bounds import exact_values
from msdnum.evidence.products import Product, decomposed
from msdnum.evidence.score_bounds import ExactAttention
from msdnum.formats.accumulators import EXACT, SEQUENTIAL
from msdnum.formats.blocks import MXFP4, NVFP4
from msdnum.formats.elements import E4M3
from msdnum.formats.schemes import MXFP4_X2
from tests.support import strangers


def exact_product(x, values, i, j):
    pairs = zip(x[i].tolist(), values[:, j].tolist(), strict=True)
    return sum((Fraction(a) * Fraction(b) for a, b in pairs), Fraction(0))


def worst(x, weight, scheme, unit):
    """Return the largest error over bound of a product; None if the unit refuses the operands."""
    values = exact_values(weight)
    if not np.isfinite(values).all():
        return None
    try:
        result = decomposed(scheme)(Product(x, weight, values, None, None, None), unit)
    except ValueError:
        return None
    ratios = [Fraction(0)]
    for (i, j), bound in np.ndenumerate(result.bound):
        if np.isfinite(bound):
            error = abs(Fraction(float(result.product[i, j])) - exact_product(x, values, i, j))
            ratios.append(error / Fraction(bound) if error else Fraction(0))
    return max(ratios)


def judge(count, seed):
    rng = np.random.default_rng(seed)
    found = Counter()
    for _ in range(count):
        x, scheme, weight, unit = strangers.product(rng)
        ratio = worst(x, weight, scheme, unit)
        assert ratio is None or ratio <= 1, (float(ratio), unit, scheme, weight.format, x)
        found["refused" if ratio is None else "judged"] += 1
        found["close"] += ratio is not None and ratio > Fraction(1, 4)
    return found


def test_no_strange_product_exceeds_its_bound():
    found = judge(300, 0)
    assert found["judged"] > 200
    assert found["close"] > 10


@pytest.mark.long
def test_none_of_many_strange_products_exceeds_its_bound():
    print(judge(30_000, 1))


@pytest.mark.parametrize("exponent", [-126, -125, -124, -122, -118, -100])
def test_tiny_blocks_by_large_weights_keep_the_clamp_of_e8m0(exponent):
    """All normal numbers: the residual at range 1 times the range of the block was 3.87 too low."""
    x = np.full((1, 32), 2.25 * 2.0 ** (exponent - 2), np.float32)
    x[0, 0] = 2.0**exponent
    weight = transposed(quantize(np.full((1, 32), 2.0**100, np.float32), MXFP4))
    ratio = worst(x, weight, MXFP4_X2, EXACT)
    assert ratio <= 1
    assert ratio > 0.9 or exponent != -125


def test_attention_of_tiny_queries_keeps_the_clamp_too():
    queries = np.full((1, 32), 2.25 * 2.0**-127, np.float32)
    queries[0, 0] = 2.0**-125
    keys = quantize(np.outer([1, -1], np.full(32, 2.0**123)).astype(np.float32), MXFP4)
    values = np.array([[0.0], [1.0]], np.float32)
    given = ExactAttention(queries, exact_values(keys), values.astype(np.float64))
    error = np.abs(
        attend(queries, keys, values, DECOMPOSING["MXFP4"]) - given.weights @ given.values
    )
    assert (error > 0.02).all()
    assert (error <= attention_bound(given, keys, values, DECOMPOSING["MXFP4"])).all()


def test_a_product_that_could_overflow_has_no_bound():
    x, w = np.full((1, 32), 3e38, np.float32), np.full((32, 1), 6, np.float32)
    weight = quantize(w, MXFP4, axis=0)
    given = Product(x, weight, exact_values(weight), None, None, None)
    result = decomposed(MXFP4_X2)(given, SEQUENTIAL)
    assert not np.isfinite(result.product).all()
    assert (result.bound == np.inf).all()


def test_exact_values_of_nvfp4_round_nothing():
    x = np.random.default_rng(0).normal(size=(64, 64)).astype(np.float32)
    quantized = quantize(x, NVFP4, axis=-2)
    scale = [[E4M3.value(int(c)) for c in row] for row in quantized.scale_codes]
    tensor = Fraction(float(quantized.tensor_scale))
    for (i, j), found in np.ndenumerate(exact_values(quantized)):
        element = Fraction(NVFP4.element.value(int(quantized.codes[i, j])))
        assert Fraction(found) == element * Fraction(scale[i // 16][j]) * tensor
