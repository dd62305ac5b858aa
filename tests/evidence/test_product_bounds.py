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


def ratios(x, weight, scheme, unit):
    """Return the error over bound of every entry that has one; None if the unit refuses them."""
    values = exact_values(weight)
    if not np.isfinite(values).all():
        return None
    try:
        result = decomposed(scheme)(Product(x, weight, values, None, None, None), unit)
    except ValueError:
        return None
    error = absolute_errors(result.product, x, values)
    bounded = np.isfinite(result.bound)
    limits = map(Fraction, result.bound[bounded].tolist())
    return [e / bound if e else e for e, bound in zip(error[bounded], limits, strict=True)]


def integers(x):
    """Return whole numbers and the power of two that they are multiples of, exactly."""
    power = Fraction(1, 2**200)
    return np.array([[int(Fraction(v) / power) for v in row] for row in x.tolist()], object), power


def absolute_errors(found, x, values):
    """Return the errors of finite entries as fractions; Inf of the others."""
    (a, of_a), (b, of_b) = integers(x.astype(np.float64)), integers(values)
    exact = a @ b
    return np.array(
        [
            [
                abs(Fraction(y) - int(e) * of_a * of_b) if np.isfinite(y) else Fraction(2**2000)
                for y, e in zip(*rows, strict=True)
            ]
            for rows in zip(found.astype(np.float64).tolist(), exact, strict=True)
        ]
    )


def judge(count, seed, rows=8):
    """Try so many random products of matrices; count what their entries, with own data, show."""
    found, largest = Counter(), Fraction(0)
    for i in range(count):
        rng = np.random.default_rng([seed, i])
        with np.errstate(over="ignore", invalid="ignore"):
            x, scheme, weight, unit = strangers.product(rng, rows)
            all_ratios = ratios(x, weight, scheme, unit)
        entries = rows * rows
        found["refused"] += entries if all_ratios is None else 0
        for ratio in all_ratios or ():
            assert ratio <= 1, (i, float(ratio), unit, scheme, weight.format)
            found["close"] += ratio > Fraction(1, 4)
            found["nearly attained"] += ratio > Fraction(9, 10)
            largest = max(largest, ratio)
        found["judged"] += len(all_ratios or ())
        found["no bound"] += 0 if all_ratios is None else entries - len(all_ratios)
    return found, float(largest)


def test_no_strange_product_exceeds_its_bound():
    """Thousands of inner products, each with data of its own."""
    found, largest = judge(60, 0)
    assert found["judged"] > 2000
    assert found["close"] > 100
    assert largest > 0.5


@pytest.mark.long
def test_none_of_many_strange_products_exceeds_its_bound():
    """320,000 inner products: proofs/ratios.md has what was found."""
    print(judge(5000, 1))


@pytest.mark.parametrize("exponent", [-126, -125, -124, -122, -118, -100])
def test_tiny_blocks_by_large_weights_keep_the_clamp_of_e8m0(exponent):
    """All normal numbers: the residual at range 1 times the range of the block was 3.87 too low."""
    x = np.full((1, 32), 2.25 * 2.0 ** (exponent - 2), np.float32)
    x[0, 0] = 2.0**exponent
    weight = transposed(quantize(np.full((1, 32), 2.0**100, np.float32), MXFP4))
    (ratio,) = ratios(x, weight, MXFP4_X2, EXACT)
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
