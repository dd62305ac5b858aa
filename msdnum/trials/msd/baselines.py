"""Baselines of claim C7 in a product: what "dequantization" can mean, by name, and the weights."""

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np

from msdnum import bounds
from msdnum.emulator.blocks import quantize
from msdnum.emulator.gemm import dequantizing
from msdnum.emulator.zero_points import quantize_asymmetric
from msdnum.evidence.product_bounds import Right, theorem_gemm
from msdnum.evidence.product_roundings import accumulation
from msdnum.evidence.products import (
    Float32Array,
    Float64Array,
    Product,
    ProductMethod,
    ProductResult,
    Weight,
    decomposed,
)
from msdnum.formats.accumulators import SEQUENTIAL, AnyAccumulator
from msdnum.formats.blocks import INT4_GROUP, INT8_ROW, MXFP4, MXFP8_E4M3
from msdnum.formats.elements import BF16, BINARY32, E4M3, INT4
from msdnum.formats.modes import ScaleRule
from msdnum.formats.schemes import covering_scheme

__all__ = ["BASELINES", "INTEGER_WEIGHTS", "MX_WEIGHTS", "WEIGHTS"]

GROUP = 128


def _mx(fmt: Any) -> Callable[[Float32Array, int | None], Weight]:
    return lambda w, size: quantize(w, fmt, axis=-2, block_size=size)


WEIGHTS: dict[str, Callable[[Float32Array, int | None], Weight]] = {
    "INT8": lambda w, size: quantize(w, INT8_ROW, axis=-2, block_size=size),
    "INT4": lambda w, size: quantize(w, INT4_GROUP, axis=-2, block_size=size),
    "INT4_ZERO": lambda w, size: quantize_asymmetric(
        w, INT4, axis=-2, block_size=size or min(GROUP, len(w))
    ),
    "MXFP4": _mx(MXFP4),
    "MXFP8": _mx(MXFP8_E4M3),
}
"""Weights of shape (k, n) by name, blocks along k: a column for INT8, 128 for INT4, 32 for MX."""
INTEGER_WEIGHTS = frozenset({"INT8", "INT4", "INT4_ZERO"})
"""Those whose elements are integers, which have sums of int32."""
MX_WEIGHTS = frozenset(WEIGHTS) - INTEGER_WEIGHTS
"""Those with scales that are powers of two, in blocks of any size."""


def weight_in_bf16(given: Product, accumulator: AnyAccumulator) -> ProductResult:
    """Round weight times scale to BF16, then multiply BF16 by BF16."""
    weight = dequantizing.to_bf16(given.weight.dequantize())
    lossless = bool((weight.astype(np.float64) == given.values).all())
    c = dequantizing.dequantized_bf16(given.x, given.weight, accumulator=accumulator)
    adding = accumulation(accumulator, given.x.shape[1], terms=1, scalings=0, segment=1 << 30)
    # Scale by tensor scale, element by scale, and their product to BF16.
    loss = Fraction(0) if lossless else (1 + Fraction(1, 2**8)) * (1 + bounds.U32) ** 2 - 1
    element = Fraction(given.format.element.max_finite)
    tiny = Fraction(BF16.eta) / 2 + (element + 1) * Fraction(BINARY32.eta)
    right = Right(np.abs(given.values), np.zeros_like(given.values), loss, tiny)
    return ProductResult(c, theorem_gemm(given.x, None, right, adding))


def scale_after(given: Product, accumulator: AnyAccumulator) -> ProductResult:
    """Multiply BF16 by the codes, which are exact in BF16, then by the scale of the weight.

    A power-of-two scale stays where it is: nothing is rounded by it.
    """
    c = dequantizing.scale_after(given.x, given.weight, accumulator=accumulator)
    adding = accumulation(
        accumulator,
        given.x.shape[1],
        terms=1,
        scalings=given.scalings,
        segment=given.segment,
    )
    return ProductResult(c, theorem_gemm(given.x, None, Right.of(given.weight), adding))


def mxfp8_activations(rule: ScaleRule, block_size: int = 32) -> ProductMethod:
    """Return one MXFP8 pass: the activation rounded to E4M3 with shared scales."""
    name = f"MXFP8_{rule.name}"
    return decomposed(covering_scheme(name, E4M3, rule=rule, block_size=block_size))


def float32(given: Product, accumulator: AnyAccumulator) -> ProductResult:
    """Multiply in binary32, in order: the accumulator is not used."""
    k = given.x.shape[1]
    adding = accumulation(SEQUENTIAL, k, terms=1, scalings=0, segment=k, inputs=1)
    loss = Fraction(0) if _is_float32(given.values) else bounds.U32
    tiny = Fraction(BINARY32.eta) / 2
    right = Right(np.abs(given.values), np.zeros_like(given.values), loss, tiny)
    return ProductResult(given.reference, theorem_gemm(given.x, None, right, adding))


def _is_float32(x: Float64Array) -> bool:
    return bool((x.astype(np.float32) == x).all())


BASELINES: dict[str, ProductMethod] = {
    "weight in BF16": weight_in_bf16,
    "scale after": scale_after,
    "MXFP8 floor": mxfp8_activations(ScaleRule.FLOOR),
    "MXFP8 ceil": mxfp8_activations(ScaleRule.CEIL),
    "float32": float32,
}
"""What "dequantization" can mean, by name."""
