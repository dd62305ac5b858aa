"""Products with dequantized weights, by name, for the name decides: what MSD is compared with."""

from typing import TypeAlias

from msdnum.emulator import elements
from msdnum.emulator.backend import Array
from msdnum.emulator.blocks import quantize
from msdnum.emulator.floats import as_floats
from msdnum.emulator.gemm.products import matmul
from msdnum.emulator.quantized_arrays import QuantizedArray
from msdnum.emulator.zero_points import AsymmetricArray
from msdnum.formats.accumulators import SEQUENTIAL, AnyAccumulator
from msdnum.formats.blocks import MXFP8_E4M3
from msdnum.formats.elements import BF16
from msdnum.formats.modes import Overflow, ScaleRule

__all__ = ["dequantized_bf16", "float32", "mxfp8_ceil", "mxfp8_floor", "scale_after", "to_bf16"]

Weight: TypeAlias = QuantizedArray | AsymmetricArray


def to_bf16(x: Array) -> Array:
    """Return ``x`` rounded to BF16 (RNE) as an array of bfloat16."""
    codes = elements.encode(x, BF16, overflow=Overflow.OVERFLOW)
    return elements.as_ml_dtype(codes, BF16)


def dequantized_bf16(a: Array, b: Weight, *, accumulator: AnyAccumulator = SEQUENTIAL) -> Array:
    """Return the product of BF16 activations and weights whose value is rounded to BF16 before.

    Element times scale is rounded to binary32 and then to BF16. With a power-of-two scale a weight
    of INT8, E2M1 or E4M3 is a BF16 number, so that nothing is rounded.

    Examples
    --------
    >>> from msdnum import BLOCK_FORMATS, quantize
    >>> from msdnum.emulator.gemm import dequantized_bf16, float32
    >>> w = quantize(np.float32([[0.3], [1]]), BLOCK_FORMATS["INT8_ROW"], axis=0)
    >>> x = np.float32([[1, 1]])
    >>> float(dequantized_bf16(x, w)[0, 0]), float(float32(x, w)[0, 0])
    (1.298828125, 1.2992125749588013)
    """
    return matmul(to_bf16(a), to_bf16(_weight(b).dequantize()), accumulator=accumulator)


def scale_after(a: Array, b: Weight, *, accumulator: AnyAccumulator = SEQUENTIAL) -> Array:
    """Return the product of BF16 activations and weight codes, which BF16 holds, then scaled.

    A binary32 scale multiplies the sum that belongs to it: that over all of k, or over its block.
    """
    return matmul(to_bf16(a), _weight(b), accumulator=accumulator)


def mxfp8_floor(a: Array, b: Weight, *, accumulator: AnyAccumulator = SEQUENTIAL) -> Array:
    """Return the product of MXFP8 (E4M3) activations, OCP scales, with the weights as they are."""
    left = quantize(a, MXFP8_E4M3, rule=ScaleRule.FLOOR)
    return matmul(left, _weight(b), accumulator=accumulator)


def mxfp8_ceil(a: Array, b: Weight, *, accumulator: AnyAccumulator = SEQUENTIAL) -> Array:
    """Return the product of MXFP8 (E4M3) activations, covering scales, with the weights."""
    left = quantize(a, MXFP8_E4M3, rule=ScaleRule.CEIL)
    return matmul(left, _weight(b), accumulator=accumulator)


def float32(a: Array, b: Weight, *, accumulator: AnyAccumulator = SEQUENTIAL) -> Array:
    """Return the product of binary32 activations and dequantized weights, all rounded to binary32.

    Where a product of two elements does not fit binary32, it is rounded before it is added.
    """
    a = as_floats(a, "a")
    return matmul(a.astype("float32"), _weight(b).dequantize(), accumulator=accumulator)


def _weight(b: Weight) -> Weight:
    if not isinstance(b, QuantizedArray | AsymmetricArray):
        raise TypeError(f"b must be a QuantizedArray or an AsymmetricArray, got {type(b).__name__}")
    return b
