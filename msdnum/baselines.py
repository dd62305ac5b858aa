"""What MSD is compared with: GEMM with dequantized weights, by name, for the name decides."""

from collections.abc import Callable
from typing import TypeAlias

from msdnum import elements
from msdnum.accumulators import SEQUENTIAL, Accumulator
from msdnum.bits import Array
from msdnum.blocks import QuantizedArray, quantize
from msdnum.formats import BF16, MXFP8_E4M3
from msdnum.gemm import matmul
from msdnum.modes import Overflow, ScaleRule
from msdnum.zeropoint import AsymmetricArray

__all__ = [
    "BASELINES", "dequantized_bf16", "float32", "mxfp8_ceil", "mxfp8_floor", "scale_after",
    "to_bf16",
]  # fmt: skip

Weight: TypeAlias = QuantizedArray | AsymmetricArray
Baseline: TypeAlias = Callable[..., Array]


def to_bf16(x: Array) -> Array:
    """Return ``x`` rounded to BF16 (RNE) as an array of bfloat16."""
    codes = elements.encode(x, BF16, overflow=Overflow.OVERFLOW)
    return elements.as_ml_dtype(codes, BF16)


def dequantized_bf16(a: Array, b: Weight, *, accumulator: Accumulator = SEQUENTIAL) -> Array:
    """Return the product of BF16 activations and weights whose value is rounded to BF16 before.

    Element times scale is rounded to binary32 and then to BF16. With a power-of-two scale a weight
    of INT8, E2M1 or E4M3 is a BF16 number, so that nothing is rounded.
    """
    return matmul(to_bf16(a), to_bf16(b.dequantize()), accumulator=accumulator)


def scale_after(a: Array, b: Weight, *, accumulator: Accumulator = SEQUENTIAL) -> Array:
    """Return the product of BF16 activations and weight codes, which BF16 holds, then scaled.

    A binary32 scale multiplies the sum that belongs to it: that over all of k, or over its block.
    """
    return matmul(to_bf16(a), b, accumulator=accumulator)


def mxfp8_floor(a: Array, b: Weight, *, accumulator: Accumulator = SEQUENTIAL) -> Array:
    """Return the product of MXFP8 (E4M3) activations, OCP scales, with the weights as they are."""
    return matmul(quantize(a, MXFP8_E4M3, rule=ScaleRule.FLOOR), b, accumulator=accumulator)


def mxfp8_ceil(a: Array, b: Weight, *, accumulator: Accumulator = SEQUENTIAL) -> Array:
    """Return the product of MXFP8 (E4M3) activations, covering scales, with the weights."""
    return matmul(quantize(a, MXFP8_E4M3, rule=ScaleRule.CEIL), b, accumulator=accumulator)


def float32(a: Array, b: Weight, *, accumulator: Accumulator = SEQUENTIAL) -> Array:
    """Return the product of binary32 activations and dequantized weights, all rounded to binary32.

    Where a product of two elements does not fit binary32, it is rounded before it is added.
    """
    return matmul(a.astype("float32"), b.dequantize(), accumulator=accumulator)


BASELINES: dict[str, Baseline] = {
    function.__name__: function
    for function in (dequantized_bf16, scale_after, mxfp8_floor, mxfp8_ceil, float32)
}
"""Every baseline by name."""
