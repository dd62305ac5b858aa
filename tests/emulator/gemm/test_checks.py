"""What a product takes, and what it says of anything else."""

from dataclasses import replace

import jax
import numpy as np
import pytest

from msdnum.emulator.blocks import quantize
from msdnum.emulator.codes import storage_dtype
from msdnum.emulator.gemm.products import (
    Addition,
    Recombination,
    Schedule,
    full,
    matmul,
    transposed,
)
from msdnum.emulator.quantized_arrays import QuantizedArray
from msdnum.emulator.zero_points import quantize_asymmetric
from msdnum.formats.accumulators import (
    BLACKWELL_MXFP4,
    EXACT,
    HOPPER,
    INT32,
    Blocks,
    Int32,
    Int32Overflow,
)
from msdnum.formats.blocks import (
    INT4_GROUP,
    INT8_GROUP,
    INT8_ROW,
    MXFP4,
    MXFP8_E4M3,
    MXFP8_E5M2,
    MXINT8,
    NVFP4,
    BlockFormat,
)
from msdnum.formats.elements import BF16, BINARY32, E8M0, FP16, INT4, FloatFormat, IntegerFormat
from msdnum.formats.modes import ScaleRule
from tests.support.products import K, M, N, normal, on_jax

# Bad input


def row_major():
    return quantize(normal(M, K), MXFP4), quantize(normal(K, N), MXFP4, axis=-2)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (lambda a, b: (a, quantize(normal(K + 1, N), MXFP4, axis=-2), {}), ValueError, "70 rows"),
        (lambda a, b: (a, quantize(normal(K, N), MXFP4), {}), ValueError, "blocks along k"),
        (lambda a, b: (b, b, {}), ValueError, "a must have its blocks along k"),
        (lambda a, b: (a.codes.astype(np.float64), b, {}), TypeError, "a must be float32"),
        (lambda a, b: (normal(K), b, {}), ValueError, "two dimensions"),
        (lambda a, b: ((), b, {}), ValueError, "at least one term"),
        (lambda a, b: (a, jax.tree.map(jax.numpy.asarray, b), {}), TypeError, "one of each"),
        (lambda a, b: ((a, quantize(normal(M + 1, K), MXFP4)), b, {}), ValueError, "one shape"),
        (lambda a, b: (a, b, {"accumulator": INT32}), ValueError, "integer elements"),
        (lambda a, b: (a, b, {"schedule": full(2, 1)}), ValueError, "terms below"),
        (lambda a, b: (a, b, {"schedule": [(0, 0)]}), TypeError, "schedule a Schedule"),
        (lambda a, b: (a, b, {"accumulator": "exact"}), TypeError, "Accumulator"),
        (lambda a, b: (a, b, {"accumulator": Blocks(48, EXACT)}), ValueError, "shared by whole"),
        (
            lambda a, b: (quantize(normal(M, K), MXFP4, block_size=4),
                          quantize(normal(K, N), INT8_GROUP, axis=-2, block_size=3),
                          {"accumulator": Blocks(4, EXACT)}),
            ValueError,
            "whole blocks of 4, got MXFP4 with blocks of 4 in segments of 3",
        ),
        (
            lambda a, b: (a, b, {"accumulator": Blocks(24, BLACKWELL_MXFP4)}),
            ValueError,
            "whole blocks of 16, got MXFP4 with blocks of 32 in segments of 24",
        ),
        (
            lambda a, b: (quantize(normal(M, K), MXFP8_E4M3), b,
                          {"accumulator": BLACKWELL_MXFP4}),
            ValueError,
            "needs E2M1 elements",
        ),
        (
            lambda a, b: (quantize(normal(M, K), MXFP8_E5M2),
                          quantize(normal(K, N), MXFP8_E5M2, axis=-2),
                          {"accumulator": Blocks(32, EXACT)}),
            ValueError,
            "53 bits",
        ),
        (lambda a, b: (normal(M, K), b, {"accumulator": HOPPER}), ValueError, "12 significand"),
        (
            lambda a, b: (quantize(normal(M, K), INT8_GROUP, block_size=24),
                          quantize(normal(K, N), INT4_GROUP, axis=-2, block_size=16),
                          {"accumulator": INT32}),
            ValueError,
            "line up, got 16 and 24",
        ),
        (
            lambda a, b: (quantize(normal(2, M, K), MXFP4),
                          quantize(normal(3, K, N), MXFP4, axis=-2), {}),
            ValueError,
            "broadcast",
        ),
        (
            lambda a, b: (quantize(normal(M, K), NVFP4), b,
                          {"recombination": Recombination(addition=Addition.CHAINED)}),
            ValueError,
            "scales inside",
        ),
        (
            lambda a, b: (quantize(normal(M, K), INT8_ROW), b, {"accumulator": BLACKWELL_MXFP4}),
            ValueError,
            "E2M1 elements with E8M0 or E4M3 scales",
        ),
    ],
)  # fmt: skip
def test_bad_input(change, error, message):
    a, b, options = change(*row_major())
    with pytest.raises(error, match=message):
        matmul(a, b, **options)


def block_scaled(element, scale=BINARY32, codes=None):
    """Return one block of four elements, with codes of the type of the format."""
    rule = ScaleRule.FLOOR if scale is E8M0 else ScaleRule.AMAX
    fmt = BlockFormat("odd", element, scale, 4, rule)
    codes = np.ones((1, 4), storage_dtype(element)) if codes is None else codes
    return QuantizedArray(
        codes, np.full((1, 1), 1, storage_dtype(scale)), None, fmt, -1
    )  # fmt: skip


@pytest.mark.parametrize(
    ("a", "message"),
    [
        # JAX flushes their subnormals, or those of their products.
        (block_scaled(BF16), "elements of at most 8 bits"),
        (block_scaled(FP16), "elements of at most 8 bits"),
        (block_scaled(BINARY32), "elements of at most 8 bits"),
        (block_scaled(BF16, E8M0), "elements of at most 8 bits"),
        (
            block_scaled(FloatFormat("E6M1", 6, 1, 90)),
            r"2\*\*-40 to 2\*\*40 in magnitude, got E6M1",
        ),
        (
            block_scaled(FloatFormat("E6M1", 6, 1, 20)),
            r"2\*\*-40 to 2\*\*40 in magnitude, got E6M1",
        ),
        # An exact block sum raised IndexError.
        (block_scaled(IntegerFormat("INT16", 16, -32768)), "elements of at most 8 bits"),
    ],
    ids=lambda x: None if isinstance(x, str) else f"{x.format.element.name}-{x.format.scale.name}",
)
def test_formats_that_no_product_is_defined_for(a, message):
    with pytest.raises(ValueError, match=message):
        matmul(a, np.ones((4, 1), np.float32))


def int4(**changes):
    return replace(quantize_asymmetric(normal(K, N), INT4, axis=-2, block_size=16), **changes)


NVFP4_ARRAY = quantize(normal(M, K), NVFP4)


INT8_ARRAY = quantize(normal(M, K), INT8_ROW)


@pytest.mark.parametrize(
    ("a", "change", "error", "message"),
    [
        (row_major()[0], {"scale_codes": np.ones((M, 2), np.uint8)}, ValueError,
         r"scale_codes must have shape \(4, 3\), got \(4, 2\)"),
        (row_major()[0], {"scale_codes": np.ones((1, 3), np.uint8)}, ValueError,
         r"scale_codes must have shape \(4, 3\), got \(1, 3\)"),
        (row_major()[0], {"axis": None}, ValueError,
         r"scale_codes must have shape \(\), .*, got \(4, 3\)"),
        (row_major()[0], {"scale_codes": np.ones((M, 3), np.uint32)}, TypeError,
         "scale_codes must be uint8, got uint32"),
        (row_major()[0], {"scale_codes": jax.numpy.ones((M, 3), np.uint8)}, TypeError,
         "scale_codes must be of the backend of its codes"),
        (row_major()[0], {"codes": np.full((M, K), 16, np.uint8)}, ValueError,
         "codes must be below 16 for E2M1, got 16"),
        (row_major()[0], {"codes": np.ones((M, K), np.int8)}, TypeError,
         "codes must be uint8, got int8"),
        (row_major()[0], {"tensor_scale": np.ones((), np.float32)}, ValueError,
         "tensor_scale must be None for MXFP4"),
        (row_major()[0], {"divisor": 127}, ValueError,
         "divisor must be 1 with E8M0 scales, got 127"),
        (NVFP4_ARRAY, {"tensor_scale": None}, ValueError,
         "tensor_scale must be a number, float32, for NVFP4, got None"),
        (NVFP4_ARRAY, {"tensor_scale": np.ones((M,), np.float32)}, ValueError,
         r"tensor_scale must have shape \(\), .*, got \(4,\)"),
        (INT8_ARRAY, {"codes": np.full((M, K), 128, np.uint8)}, ValueError,
         "codes of a must not be 128, which INT8_SYMMETRIC does not use"),
    ],
)  # fmt: skip
def test_a_malformed_array(a, change, error, message):
    with pytest.raises(error, match=message):
        matmul(replace(a, **change), normal(K, N))


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"zero_points": np.full((5, N), 8, np.int8)}, ValueError,
         "zero_points must be integers of INT4, got 8 to 8"),
        ({"zero_points": np.full((5, N), -9, np.int8)}, ValueError,
         "zero_points must be integers of INT4, got -9 to -9"),
        ({"zero_points": np.zeros((1, N), np.int8)}, ValueError,
         r"zero_points must have shape \(5, 5\), .*, got \(1, 5\)"),
        ({"zero_points": np.zeros((5, N), np.int32)}, TypeError,
         "zero_points must be int8 or int4, got int32"),
        ({"zero_points": jax.numpy.zeros((5, N), np.int8)}, TypeError,
         "zero_points must be of the backend of its codes"),
        ({"quantized": quantize(normal(K, N), MXFP4, axis=-2, block_size=16)}, ValueError,
         "quantized must be of integers of at most 8 bits"),
    ],
)  # fmt: skip
def test_malformed_zero_points(change, error, message):
    with pytest.raises(error, match=message):
        matmul(INT8_ARRAY, int4(**change), accumulator=INT32)


def test_saturation_needs_groups_that_fit():
    b = transposed(INT8_ARRAY)
    accumulator = Int32(Int32Overflow.SATURATE, 133145)
    with pytest.raises(ValueError, match=r"group must be at most 133144 .* got 133145"):
        matmul(INT8_ARRAY, b, accumulator=accumulator)
    assert matmul(INT8_ARRAY, b, accumulator=replace(accumulator, group=133144)).shape == (M, M)


def test_exact_sums_of_floats_need_values():
    a, b = on_jax(row_major())
    with pytest.raises(ValueError, match="jax_enable_x64"):
        matmul(a, b, accumulator=EXACT)
    with jax.enable_x64(True), pytest.raises(ValueError, match="before jit"):
        jax.jit(lambda a, b: matmul(a, b, accumulator=EXACT))(a, b)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Schedule(()), "pairs"),
        (lambda: Schedule(((0, 0), (0, 0))), "pairs"),
        (lambda: Schedule(((0, -1),)), "pairs"),
        (lambda: Recombination(precision=MXFP4.element), "precision"),
        (lambda: Recombination(addition=Addition.CHAINED, precision=BF16), "CHAINED"),
        (lambda: quantize_asymmetric(normal(3, 4), MXINT8.element), "8 bits"),
    ],
)
def test_bad_choices(make, message):
    with pytest.raises(ValueError, match=message):
        make()
