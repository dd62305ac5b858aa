"""Ways to compute SmolLM2's linears: those of MiniLM, and those over the weights as shipped.

Over weights with a minimum a product is that of two terms, levels and minima, added in binary32.
"""

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np

from msdnum import bounds
from msdnum.emulator import backend
from msdnum.emulator.blocks import quantize
from msdnum.emulator.cann.products import KERNELS
from msdnum.emulator.decompositions import decompose_terms
from msdnum.emulator.gemm.dequantizing import to_bf16
from msdnum.emulator.gemm.products import matmul
from msdnum.emulator.minima import MinimumArray
from msdnum.evidence.product_bounds import Right, theorem_gemm
from msdnum.evidence.product_roundings import accumulation
from msdnum.evidence.products import Product, ProductMethod, ProductResult
from msdnum.formats.accumulators import INT32, SEQUENTIAL, Accumulator, AnyAccumulator
from msdnum.formats.blocks import MXFP8_E4M3
from msdnum.formats.elements import BF16, BINARY32, FloatFormat
from msdnum.formats.modes import ScaleRule
from msdnum.formats.schemes import INT8_X1, INT8_X2, INT8_X3, MXFP8_X1, Scheme
from msdnum.inputs.jax_encoder import multiply
from msdnum.trials.msd.decoder.attentions import CAUSAL, CAUSAL_FLOAT32
from msdnum.trials.msd.decoder.weights import SHIPPED, exact_numbers
from msdnum.trials.msd.model.linears import GROUPS, LinearVariant, in_format

__all__ = ["DECODER_GROUPS", "DECODER_VARIANTS", "decoder_name"]

Array: TypeAlias = Any
Terms: TypeAlias = Callable[[Array], Any]

BLOCK = 32
"""Inputs that share a scale and a minimum."""
ZERO = Fraction(0)
RIGHT_TERMS = 2
"""Levels and minima."""


def _bound(scheme: Scheme | None, scalings: int) -> ProductMethod:
    """Return the bound on a product with levels and minima, of a left side that a scheme cuts.

    Both terms of the weight count with their magnitudes, and each pair of terms as a term.
    """

    def method(given: Product, accumulator: AnyAccumulator) -> ProductResult:
        right = _right(given)
        terms = RIGHT_TERMS * (scheme.terms if scheme else 1)
        inputs = int(scheme is not None and scheme.divisors[-1] > 1)
        adding = accumulation(
            accumulator, given.x.shape[1], terms=terms, scalings=scalings, segment=BLOCK,
            inputs=inputs,
        )  # fmt: skip
        bound = theorem_gemm(given.x, scheme, right, adding)
        return ProductResult(np.zeros_like(bound, np.float32), bound)

    return method


def _right(given: Product, loss: Fraction = ZERO, tiny: Fraction = ZERO) -> Right:
    """Return the weight as the bound sees it, with the magnitudes of both its terms."""
    weight: Any = given.weight
    first, second = (np.abs(exact_numbers(term)) for term in weight.terms())
    sizes = first + second
    return Right(sizes, np.zeros_like(sizes), loss, tiny)


def _shipped(
    kind: str,
    scheme: str,
    left: Terms,
    bound: ProductMethod | None,
    accumulator: Accumulator = SEQUENTIAL,
    activation: FloatFormat = BF16,
) -> LinearVariant:
    """Return the product of what ``left`` makes of activations with levels and minima."""

    @jax.jit
    def linear(x: Array, w: MinimumArray) -> Array:
        terms = left(in_format(x, activation))
        return matmul(terms, w.terms(), accumulator=accumulator)

    return LinearVariant(
        kind, SHIPPED, scheme, activation, linear, _moved, bound, accumulator, CAUSAL_FLOAT32
    )


def _moved(weight: Any) -> Any:
    backend.register_pytrees()
    return jax.tree.map(jnp.asarray, weight)


def _decomposing(scheme: Scheme, activation: FloatFormat = BF16) -> LinearVariant:
    def left(x: Array) -> Any:
        return decompose_terms(x, scheme)

    return _shipped("MSD", scheme.name, left, _bound(scheme, 2), INT32, activation)


def _rounding(rule: ScaleRule) -> LinearVariant:
    def left(x: Array) -> Any:
        return quantize(x, MXFP8_E4M3, rule=rule)

    bound = _bound(MXFP8_X1, 1) if rule is ScaleRule.CEIL else None
    return _shipped("baseline", f"MXFP8 {rule.name.lower()}", left, bound)


def _in_bf16() -> LinearVariant:
    """Return dequantization: the weight rounded to BF16, once it is a binary32 number."""

    @jax.jit
    def linear(x: Array, w: MinimumArray) -> Array:
        return matmul(to_bf16(x), to_bf16(w.dequantize()), accumulator=SEQUENTIAL)

    def bound(given: Product, accumulator: AnyAccumulator) -> ProductResult:
        adding = accumulation(
            accumulator, given.x.shape[1], terms=1, scalings=0, segment=given.x.shape[1]
        )
        # Two roundings of sums below 2**21 to binary32, whose errors are relative to magnitudes.
        loss = (1 + Fraction(1, 2**8)) * (1 + bounds.U32) ** 2 - 1
        right = _right(given, loss, Fraction(BF16.eta) / 2 + Fraction(BINARY32.eta))
        found = theorem_gemm(given.x, None, right, adding)
        return ProductResult(np.zeros_like(found, np.float32), found)

    return LinearVariant(
        "baseline", SHIPPED, "weight in BF16", BF16, linear, _moved, bound, SEQUENTIAL,
        CAUSAL_FLOAT32,
    )  # fmt: skip


def _float32() -> LinearVariant:
    def form(w: MinimumArray) -> Array:
        return jnp.asarray(w.dequantize())

    def bound(given: Product, accumulator: AnyAccumulator) -> ProductResult:
        k = given.x.shape[1]
        adding = accumulation(SEQUENTIAL, k, terms=1, scalings=0, segment=k, inputs=1)
        right = _right(given, bounds.U32, Fraction(BINARY32.eta) / 2)
        found = theorem_gemm(given.x, None, right, adding)
        return ProductResult(np.zeros_like(found, np.float32), found)

    return LinearVariant(
        "baseline", SHIPPED, "float32", BINARY32, multiply, form, bound, SEQUENTIAL, CAUSAL_FLOAT32
    )


def _of_shipped() -> list[LinearVariant]:
    return [
        *(_decomposing(scheme) for scheme in (INT8_X1, INT8_X2, INT8_X3)),
        _decomposing(INT8_X2, BINARY32),
        _in_bf16(),
        _shipped("baseline", "scale after", to_bf16, _bound(None, 1)),
        _rounding(ScaleRule.FLOOR),
        _rounding(ScaleRule.CEIL),
        _float32(),
    ]


def _of_minilm() -> list[LinearVariant]:
    """Return the linears of MiniLM over weights that SmolLM2 is measured with, too."""
    weights = ("INT8", "INT4", "MXFP4", "MXFP8")
    return [
        replace(variant, attention=CAUSAL_FLOAT32)
        for variant in GROUPS["linears"].values()
        if variant.weight in weights
    ]


def _attentions() -> list[LinearVariant]:
    """Return every attention but the published one, the linears those of float32."""
    kinds = {"MSD": "MSD", "BF16": "baseline", "float32": "baseline"}
    return [
        replace(_float32(), kind=kinds.get(way.name, "CANN"), attention=way)
        for way in CAUSAL.values()
        if way is not CAUSAL_FLOAT32
    ]


def _named(*variants: LinearVariant) -> dict[str, LinearVariant]:
    return {decoder_name(variant): variant for variant in variants}


def decoder_name(variant: LinearVariant) -> str:
    """Return the name of a variant in tables, unique."""
    linears = f"{variant.weight}, {variant.scheme}, {variant.activation.name}"
    way = variant.attention
    return linears if way is CAUSAL_FLOAT32 else f"{linears}; {way.name} over {way.cache}"


_LINEARS = _named(*_of_shipped(), *_of_minilm())
_ATTENTIONS = _named(*_attentions())

DECODER_VARIANTS: dict[str, LinearVariant] = {**_LINEARS, **_ATTENTIONS}
"""Every variant by name."""

_COMPARED = (
    "INT8_X2",
    "MXFP4_X2",
    "MXFP4_X3",
    "MXFP8_X2",
    "weight in BF16",
    "MXFP8 ceil",
    "float32",
    *KERNELS,
)
_AT_LENGTH = (
    "Q4_1, INT8_X2, BF16",
    "Q4_1, weight in BF16, BF16",
    "INT8, INT8_X1, BF16",
    "INT8, INT8_X2, BF16",
    "INT8, weight in BF16, BF16",
    "INT8, multicore, FP16",
    "MXFP4, MXFP4_X2, BF16",
    "MXFP4, MXFP8 ceil, BF16",
)
_OF_INT4 = (
    "INT4, INT8_X2, BF16",
    "INT4, weight in BF16, BF16",
    "INT4, float32, BINARY32",
    "INT4, split_k_int4_half, FP16",
    "INT4, experimental_a16w4, FP16",
    "INT4, grouped_a16w4, FP16",
    "INT4, a8w4, BF16",
)
_CACHES = ("INT8", "INT8 by token", "MXFP4", "MXFP4 by token", "INT4")

DECODER_GROUPS: dict[str, dict[str, LinearVariant]] = {
    "linears": {
        name: v
        for name, v in _LINEARS.items()
        if (v.scheme in _COMPARED and v.weight != "INT4") or name in _OF_INT4
    },
    "at-length": {name: _LINEARS[name] for name in _AT_LENGTH},
    "attentions": {name: v for name, v in _ATTENTIONS.items() if v.attention.cache in _CACHES},
    "all-linears": _LINEARS,
    "all-attentions": _ATTENTIONS,
}
"""The linears and attentions of the committed tables, the weights as shipped first, and of those
those that are run on the most tokens; then all."""
