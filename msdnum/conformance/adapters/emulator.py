# ruff: noqa: D103
"""msdnum's own emulator on NumPy arrays."""

from dataclasses import replace
from typing import Any

import numpy as np

from msdnum.emulator import backend, blocks, elements, packing
from msdnum.emulator.codes import storage_dtype
from msdnum.emulator.decompositions import decompose_terms
from msdnum.emulator.gemm import diagonals, products
from msdnum.emulator.gemm.plans import HAVE_STEPS
from msdnum.emulator.layouts import gpt_oss
from msdnum.emulator.quantized_arrays import QuantizedArray
from msdnum.formats.accumulators import ALL_ACCUMULATORS, INSTRUCTIONS
from msdnum.formats.blocks import (
    BLOCK_FORMATS,
    INT8_ROW,
    MXFP4,
    MXFP8_E4M3,
    MXFP8_E5M2,
    BlockFormat,
)
from msdnum.formats.elements import E4M3, E8M0, ELEMENT_FORMATS, UNIT_FORMATS
from msdnum.formats.modes import InfAndNan, Overflow, Rounding, ScaleRule
from msdnum.formats.schemes import SCHEMES

PACKAGES = ("msdnum", "numpy")

INT8 = replace(INT8_ROW, name="INT8", element=ELEMENT_FORMATS["INT8"])
FLOATS = {"E8M0": E8M0, "E4M3": E4M3}
MX = {fmt.element.name: fmt for fmt in (MXFP4, MXFP8_E4M3, MXFP8_E5M2)}
DOT_FORMATS = {"MXFP4": MXFP4, "MXFP8": MXFP8_E4M3}


def encode(x: Any, *, fmt: str, rounding: str, overflow: str) -> Any:
    target, mode = ELEMENT_FORMATS[fmt], Overflow[overflow]
    return elements.encode(x, target, overflow=mode, rounding=Rounding[rounding])


def decode(codes: Any, *, fmt: str) -> Any:
    return elements.decode(codes, ELEMENT_FORMATS[fmt])


def quantize(x: Any, *, fmt: str, rule: str) -> dict[str, Any]:
    result = blocks.quantize(x, BLOCK_FORMATS[fmt], rule=ScaleRule[rule])
    arrays = {"scale": result.scale_codes, "codes": result.codes}
    if result.tensor_scale is not None:
        arrays["tensor_scale"] = result.tensor_scale.reshape(1)
    return arrays


def dequantize(scale: Any, codes: Any, *, fmt: str) -> Any:
    return _quantized(scale, codes, BLOCK_FORMATS[fmt]).dequantize()


def _quantized(scale: Any, codes: Any, block: BlockFormat) -> QuantizedArray:
    return QuantizedArray(codes, scale, None, replace(block, block_size=codes.shape[-1]), -1)


def pack(codes: Any, *, fmt: str) -> Any:
    return packing.pack(codes, ELEMENT_FORMATS[fmt])


def unpack(packed: Any, *, fmt: str) -> Any:
    return packing.unpack(packed, ELEMENT_FORMATS[fmt])


def from_blocks_and_scales(packed: Any, scale: Any, *, fmt: str) -> Any:
    blocks_ = packed.reshape(1, -1)
    return gpt_oss.from_blocks_and_scales(blocks_, scale, BLOCK_FORMATS[fmt]).dequantize()


def decompose(x: Any, *, scheme: str) -> dict[str, Any]:
    arrays = {}
    for i, term in enumerate(decompose_terms(x, SCHEMES[scheme]), 1):
        arrays[f"scale_{i}"] = term.scale_codes
        arrays[f"codes_{i}"] = term.codes
    return arrays


def dot(
    scale_a: Any, codes_a: Any, scale_b: Any, codes_b: Any, *, fmt: str, accumulator: str
) -> Any:
    block = DOT_FORMATS[fmt]
    a = _quantized(scale_a.reshape(1, 1), codes_a.reshape(1, -1), block)
    b = products.transposed(_quantized(scale_b.reshape(1, 1), codes_b.reshape(1, -1), block))
    return products.matmul(a, b, accumulator=ALL_ACCUMULATORS[accumulator])


def matmul(codes_a: Any, codes_b: Any, *, fmt: str, accumulator: str) -> Any:
    """Elements of 8 bits are blocks with a scale of 1."""
    rows = [codes.reshape(2, -1) for codes in (codes_a, codes_b)]
    if fmt in ("BF16", "FP16"):
        x, y = (elements.as_ml_dtype(codes, ELEMENT_FORMATS[fmt]) for codes in rows)
        return products.matmul(x, y.T, accumulator=ALL_ACCUMULATORS[accumulator])
    block, one = (INT8, 0x3F800000) if fmt == "INT8" else (MX[fmt], 127)
    a, b = (_with_scale(codes, replace(block, block_size=codes.shape[-1]), one) for codes in rows)
    return products.matmul(a, products.transposed(b), accumulator=ALL_ACCUMULATORS[accumulator])


def _with_scale(codes: Any, block: BlockFormat, scale: int) -> QuantizedArray:
    scales = backend.namespace(codes).full((2, 1), scale, storage_dtype(block.scale))
    return QuantizedArray(codes, scales, None, block, -1)


def scaled_matmul(
    scale_a: Any, codes_a: Any, scale_b: Any, codes_b: Any, *, fmt: str, accumulator: str
) -> Any:
    a, b = (
        QuantizedArray(codes.reshape(2, -1), scale.reshape(2, -1), None, MX[fmt], -1)
        for scale, codes in ((scale_a, codes_a), (scale_b, codes_b))
    )
    return products.matmul(a, products.transposed(b), accumulator=ALL_ACCUMULATORS[accumulator])


def inner_products(
    codes_a: Any,
    codes_b: Any,
    c: Any,
    *,
    fmt_a: str,
    fmt_b: str,
    accumulator: str,
    scale_a: Any = None,
    scale_b: Any = None,
    scale_fmt: str = "",
    block: int = 0,
) -> Any:
    scales = scale_fmt, block
    unit = {**ALL_ACCUMULATORS, **INSTRUCTIONS}.get(accumulator)
    if unit is None:
        raise NotImplementedError
    a, b = (
        _rows(codes.reshape(len(c), -1), fmt, scale, *scales)
        for codes, fmt, scale in ((codes_a, fmt_a, scale_a), (codes_b, fmt_b, scale_b))
    )
    start = c if c.any() else None
    steps = InfAndNan.OF_EACH_STEP if isinstance(unit, HAVE_STEPS) else InfAndNan.OF_THE_SUM
    return diagonals.inner_products(a, b, start, unit, steps).astype(np.float32)


def _rows(codes: Any, fmt: str, scale: Any, scale_fmt: str, block: int) -> Any:
    element = (UNIT_FORMATS if fmt in UNIT_FORMATS else ELEMENT_FORMATS)[fmt]
    if scale is not None:
        rule = ScaleRule.FLOOR if scale_fmt == "E8M0" else ScaleRule.AMAX
        own = BlockFormat(fmt, element, FLOATS[scale_fmt], block, rule)
        return QuantizedArray(codes, scale.reshape(len(codes), -1), None, own, -1)
    return codes.view(np.float32) if fmt == "TF32" else elements.as_ml_dtype(codes, element)
