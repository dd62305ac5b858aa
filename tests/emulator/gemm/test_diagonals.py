"""Inner products row by row are the entries of the products of these rows."""

import numpy as np
import pytest

from msdnum import matmul, quantize
from msdnum.emulator.gemm.diagonals import inner_products, some_rows
from msdnum.emulator.gemm.products import transposed
from msdnum.evidence.black_boxes import elements_of
from msdnum.formats.accumulators import BLACKWELL_MX, HOPPER, HOPPER_FP16, PAIRWISE
from msdnum.formats.blocks import MXFP4, BlockFormat
from msdnum.formats.elements import BF16
from msdnum.formats.own_units import Pairwise, Sequential
from tests.support.probes import PRESETS, format_of

RNG = np.random.default_rng(1)
A, B = (RNG.standard_normal((70, 64)).astype(np.float16) for _ in range(2))


def entries(a, b, c, unit):
    """Return the diagonal of the whole product."""
    held = np.float16 if unit is not None and unit.output.bits == 16 else np.float32
    right = transposed(b) if hasattr(b, "codes") else b.T.copy()
    start = None if c is None else np.diag(c).astype(held)
    return np.diagonal(matmul(a, right, c=start, accumulator=unit))


def rows_of(fmt, rng):
    """Return hostile numbers of a format: 30 binades where it has them, zeros, cancellation."""
    element = fmt.element if isinstance(fmt, BlockFormat) else fmt
    if not hasattr(element, "emin"):
        return rng.integers(-100, 100, (40, 64)).astype(float)
    low, high = max(element.emin - 1, -15), min(element.emax, 15)
    x = np.ldexp(rng.choice([1.0, 1.5, -1.0, -1.5], (40, 64)), rng.integers(low, high, (40, 64)))
    x[:, 1::2] = np.where(rng.random((40, 32)) < 0.3, -x[:, ::2], x[:, 1::2])
    x[rng.random((40, 64)) < 0.1] = 0
    return quantize(x.astype(np.float32), fmt).dequantize() if element is not fmt else x


@pytest.mark.parametrize("unit", PRESETS, ids=lambda u: u.name)
def test_rows_are_the_entries_of_a_product(unit):
    rng = np.random.default_rng(5)
    fmt = format_of(unit)
    a, b = (elements_of(rows_of(fmt, rng), fmt) for _ in range(2))
    found = inner_products(a, b, None, unit)
    np.testing.assert_array_equal(found.view(np.uint32), entries(a, b, None, unit).view(np.uint32))
    if unit.name not in ("EXACT",) and "INT32" not in unit.name:
        c = np.ldexp(rng.standard_normal(40), rng.integers(-20, 10, 40)).astype(np.float16)
        started = inner_products(a, b, c, unit)
        expected = entries(a, b, c, unit)
        np.testing.assert_array_equal(started.view(np.uint32), expected.view(np.uint32))


def test_a_length_that_is_no_power_of_two_is_filled_up():
    found = inner_products(A[:, :43], B[:, :43], None, PAIRWISE)
    np.testing.assert_array_equal(found, entries(A[:, :43], B[:, :43], None, PAIRWISE))


@pytest.mark.parametrize("unit", [HOPPER, HOPPER_FP16], ids=lambda u: u.name)
@pytest.mark.parametrize("special", [np.inf, np.nan])
def test_inf_and_nan_are_those_of_a_product(unit, special):
    a, c = A.copy(), np.zeros(70)
    a[3, 5], c[40] = special, -special
    found = inner_products(a, B, c, unit)
    expected = entries(a, B, c, unit)
    np.testing.assert_array_equal(found.view(np.uint32), expected.view(np.uint32))
    assert not np.isfinite(found[[3, 40]]).any()


@pytest.mark.parametrize("unit", [Pairwise(output=BF16), Sequential(output=BF16)])
def test_c_may_be_of_an_accumulator_that_holds_bf16(unit):
    c = np.append(A[:69, 0].astype(np.float32), np.float32(np.inf))
    found = inner_products(A, B, c, unit)
    start = np.diag(c).astype("bfloat16")
    expected = np.diagonal(matmul(A, B.T.copy(), c=start, accumulator=unit))
    np.testing.assert_array_equal(found.view(np.uint32), expected.view(np.uint32))


def test_rows_of_quantized_arrays_keep_their_scales():
    a, b = (quantize(x.astype(np.float32), MXFP4) for x in (A, B))
    found = inner_products(a, b, None, BLACKWELL_MX)
    np.testing.assert_array_equal(found, entries(a, b, None, BLACKWELL_MX))
    np.testing.assert_array_equal(some_rows(a, [3]).dequantize()[0], a.dequantize()[3])


def test_what_a_unit_does_not_take_is_refused():
    with pytest.raises(ValueError, match="takes elements of FP16, got BINARY32"):
        inner_products(A.astype(np.float32), B.astype(np.float32), None, HOPPER_FP16)
