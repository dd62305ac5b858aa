"""Grouped units as specified, and their largest group fits."""

from dataclasses import replace
from fractions import Fraction

import jax
import numpy as np
import pytest

from msdnum.emulator.gemm.products import matmul, transposed
from msdnum.emulator.quantized_arrays import QuantizedArray
from msdnum.formats.accumulators import BLACKWELL_MXFP4, GroupedUnit
from msdnum.formats.blocks import MXFP4, NVFP4
from tests.support.accumulation import check_everywhere, mx
from tests.support.gemm_oracle import inner_product, matrix, quantized_numbers
from tests.support.matrix_units import bits_of, blocks_of, judged, p, same_on_jax, started, starts


def without_tensor_scale(q):
    return replace(q, tensor_scale=None, format=replace(q.format, tensor_scale=False))


@pytest.mark.parametrize("fmt", [MXFP4, NVFP4], ids=lambda f: f.name)
def test_grouped_unit(fmt):
    a, b = mx(fmt, 5, k=150)
    if fmt is NVFP4:
        a, b = without_tensor_scale(a), without_tensor_scale(b)
    expected = matrix(quantized_numbers(a, -1), quantized_numbers(b, -2), BLACKWELL_MXFP4)
    check_everywhere(a, b, expected, accumulator=BLACKWELL_MXFP4)


@pytest.mark.parametrize("exact", [16, 1])
def test_the_largest_grouped_group_fits(exact):
    unit = GroupedUnit("u", 512, exact, 35)
    fmt = replace(NVFP4, tensor_scale=False)
    for code, sign in ((7, 1), (15, -1)):
        a = QuantizedArray(np.full((1, 1024), code, np.uint8), np.full((1, 64), 0x3F, np.uint8),
                           None, fmt, -1)  # fmt: skip
        b = replace(a, codes=np.full((1, 1024), 7, np.uint8))
        found = matmul(a, transposed(b), accumulator=unit)
        assert found.item() == sign * 1024 * (6 * 1.875) ** 2


NVFP4_UNSCALED = replace(NVFP4, tensor_scale=False)


def mxfp4(pairs, scale_codes, size=64):
    """Return factors of these products of E2M1 numbers, with the same scales on both sides."""
    code = {0: 0, 0.5: 1, 1: 2, -1: 10}
    a, b = np.zeros((2, 1, size), np.uint8)
    for k, (x, y) in pairs.items():
        a[0, k], b[0, k] = code[x], code[y]
    scales = np.array([scale_codes], np.uint8)
    left = QuantizedArray(a, scales, None, MXFP4, -1)
    return left, QuantizedArray(b.T.copy(), scales.T.copy(), None, MXFP4, -2)


@pytest.mark.parametrize(
    ("small", "exponent", "expected"),
    [({32: (1, 1)}, 20, 0x00000000), ({32: (0.5, 0.5), 33: (0.5, 1)}, 17, 0x3F000000)],
)
def test_a_group_whose_products_cancel_keeps_its_exponent(small, exponent, expected):
    """2**(2 * exponent) of the scales is what all addends are aligned to."""
    a, b = mxfp4({0: (1, 1), 1: (1, -1), **small}, (127 + exponent, 127))
    oracle = inner_product(
        quantized_numbers(a, -1)[0], quantized_numbers(b, -2)[0], BLACKWELL_MXFP4
    )
    assert bits_of(float(oracle)) == expected
    assert bits_of(matmul(a, b, accumulator=BLACKWELL_MXFP4)) == expected
    on_jax = jax.tree.map(jax.numpy.asarray, (a, b))
    assert bits_of(matmul(*on_jax, accumulator=BLACKWELL_MXFP4)) == expected


@pytest.mark.parametrize(("zero", "expected"), [(-139, 0), (-126, 1)])
def test_a_zero_accumulator_of_a_grouped_unit_has_the_exponent_of_zero(zero, expected):
    """2**-149 less 2**-163, which -126 - 35 is too high for."""
    a, b = mxfp4({0: (1, 0.5), 32: (0.5, -1)}, (127 - 74, 127 - 81))
    unit = replace(BLACKWELL_MXFP4, exponent_of_zero=zero)
    assert bits_of(matmul(a, b, accumulator=unit)) == expected
    assert matrix(quantized_numbers(a, -1), quantized_numbers(b, -2), unit) == p(-149) * expected


def test_a_scale_of_zero_has_no_exponent():
    """NVFP4: 0 times 448 would be aligned to 2**2, and c lost."""
    a, b = (
        QuantizedArray(np.full((1, 16), 2, np.uint8), np.array([[code]], np.uint8), None,
                       NVFP4_UNSCALED, -1)
        for code in (0, 0x7E)
    )  # fmt: skip
    c = np.full((1, 1), p(-40), np.float32)
    assert bits_of(started(a, transposed(b), BLACKWELL_MXFP4, c)) == bits_of(c)
    left, right = (quantized_numbers(x, -1)[0] for x in (a, b))
    assert inner_product(left, right, BLACKWELL_MXFP4, Fraction(p(-40))) == Fraction(p(-40))


@pytest.mark.parametrize(
    ("fmt", "centre"), [(MXFP4, 127), (MXFP4, 62), (MXFP4, 57), (NVFP4_UNSCALED, 12)]
)
@pytest.mark.parametrize(
    "unit",
    [BLACKWELL_MXFP4, GroupedUnit("short", 32, 8, 20, exponent_of_zero=-200)],
    ids=lambda u: u.name,
)
def test_grouped_units_are_as_specified_from_any_accumulator(unit, fmt, centre):
    rng = np.random.default_rng(centre)
    a, b = (blocks_of(fmt, rng, 6, 192, centre) for _ in range(2))
    left, right = (quantized_numbers(x, -1) for x in (a, b))
    c = starts(left, right, rng)
    b = QuantizedArray(b.codes.T.copy(), b.scale_codes.T.copy(), None, fmt, -2)
    assert judged(a, b, unit, c, left, right) == 36
    if fmt is not MXFP4 or centre == 62:
        same_on_jax(a, b, unit, c)
