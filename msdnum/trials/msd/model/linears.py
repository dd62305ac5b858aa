"""Ways to compute MiniLM: its linears by MSD, dequantization or CANN's kernels, and its attentions.

Each rounds activations to a format (BF16 but where it says otherwise) and takes weights quantized
from the published ones. Sums of integers are INT32, of floats SEQUENTIAL, as in claim C7's
products. Those called float32 are XLA's own, whose order of addition is not defined.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from msdnum.emulator import backend, elements
from msdnum.emulator.blocks import quantize
from msdnum.emulator.cann.products import KERNELS, Kernel, Weight, kernel_matmul, nibble_matmul
from msdnum.emulator.decompositions import decompose_terms
from msdnum.emulator.gemm import dequantizing
from msdnum.emulator.gemm.products import matmul
from msdnum.emulator.quantized_arrays import QuantizedArray
from msdnum.evidence.product_bounds import exact_values
from msdnum.evidence.products import ProductMethod, decomposed
from msdnum.formats.accumulators import INT32, SEQUENTIAL, Accumulator
from msdnum.formats.blocks import INT8_ROW
from msdnum.formats.elements import BF16, BINARY32, INT4, FloatFormat
from msdnum.formats.modes import Overflow
from msdnum.formats.schemes import INT8_X1, INT8_X2, INT8_X3, MXFP4_X2, MXFP4_X3, MXFP8_X2, Scheme
from msdnum.inputs import jax_encoder
from msdnum.trials.msd import baselines
from msdnum.trials.msd.baselines import INTEGER_WEIGHTS, WEIGHTS
from msdnum.trials.msd.comparisons import MSD_SCHEMES
from msdnum.trials.msd.model.attentions import FLOAT32, OVER, AttentionVariant

__all__ = [
    "GROUPS", "LINEAR_VARIANTS", "PUBLISHED", "LinearVariant", "baseline_names", "in_format",
    "quantized", "wide",
]  # fmt: skip

Array: TypeAlias = Any

PUBLISHED = "FLOAT32"
"""The weights as published, by name beside those of ``baselines.WEIGHTS``."""


@dataclass(frozen=True, eq=False)
class LinearVariant:
    """One way to compute every linear.

    Parameters
    ----------
    kind : str
        MSD, baseline or CANN.
    weight : str
        PUBLISHED or a name of ``baselines.WEIGHTS``.
    scheme : str
        Of the activation, the baseline or the kernel, by name.
    activation : FloatFormat
        What activations are rounded to before anything else.
    linear : callable
        From activations, float32, and a weight in the form that ``form`` gives to their product.
    form : callable
        From a quantized weight to what ``linear`` takes; done once.
    bound : ProductMethod or None
        What gives the bound on the product of the rounded activations; None: no theorem does.
    accumulator : Accumulator
        Of the products.
    attention : AttentionVariant
        What computes every attention.
    """

    kind: str
    weight: str
    scheme: str
    activation: FloatFormat
    linear: jax_encoder.LinearFunction
    form: Callable[[Any], Any]
    bound: ProductMethod | None
    accumulator: Accumulator = SEQUENTIAL
    attention: AttentionVariant = FLOAT32

    @property
    def name(self) -> str:
        """Name in tables, unique."""
        linears = f"{self.weight}, {self.scheme}, {self.activation.name}"
        if self.attention is FLOAT32:
            return linears
        return f"{linears}; {self.attention.name} over {self.attention.cache}"


def in_format(x: Array, fmt: FloatFormat) -> Array:
    """Return ``x`` rounded to BF16, FP16 or binary32 (RNE), in that type, by integer operations."""
    if fmt == BINARY32:
        return x
    return elements.as_ml_dtype(elements.encode(x, fmt, overflow=Overflow.OVERFLOW), fmt)


# Weights


@cache
def quantized(name: str) -> dict[str, Any]:
    """Return the weights, those of linears quantized as ``baselines.WEIGHTS`` says, by NumPy."""
    published = {key: np.asarray(x) for key, x in jax_encoder.checkpoint().items()}
    if name == PUBLISHED:
        return published
    return jax_encoder.replaced(published, lambda w: WEIGHTS[name](w, None))


def wide(name: str) -> dict[str, NDArray[np.float64]]:
    """Return the numbers that the weights stand for, in float64, nothing rounded."""

    def value(x: Any) -> NDArray[np.float64]:
        return x.astype(np.float64) if isinstance(x, np.ndarray) else exact_values(x)

    return {key: value(x) for key, x in quantized(name).items()}


# MSD and the baselines


def _msd(scheme: Scheme, weight: str, activation: FloatFormat = BF16) -> LinearVariant:
    own = INT32 if weight in INTEGER_WEIGHTS else SEQUENTIAL

    @jax.jit
    def linear(x: Array, w: Any) -> Array:
        terms = decompose_terms(in_format(x, activation), scheme)
        return matmul(terms, w, accumulator=own)

    bound = decomposed(scheme)
    return LinearVariant("MSD", weight, scheme.name, activation, linear, backend.on_jax, bound, own)


def _baseline(name: str, product: Callable[..., Array], weight: str) -> LinearVariant:
    @jax.jit
    def linear(x: Array, w: Any) -> Array:
        return product(in_format(x, BF16), w)

    bound = baselines.BASELINES[name]
    return LinearVariant("baseline", weight, name, BF16, linear, backend.on_jax, bound)


def _float32(weight: str) -> LinearVariant:
    """Return XLA's product of float32: the bound holds whatever the order of addition."""

    def form(w: Any) -> Array:
        return jnp.asarray(w if isinstance(w, np.ndarray) else w.dequantize())

    bound = baselines.BASELINES["float32"]
    return LinearVariant("baseline", weight, "float32", BINARY32, jax_encoder.multiply, form, bound)


DEQUANTIZED: dict[str, Callable[..., Array]] = {
    "weight in BF16": lambda x, w: dequantizing.dequantized_bf16(x.astype(np.float32), w),
    "scale after": lambda x, w: dequantizing.scale_after(x.astype(np.float32), w),
    "MXFP8 floor": dequantizing.mxfp8_floor,
    "MXFP8 ceil": dequantizing.mxfp8_ceil,
}


def baseline_names(weight: str) -> list[str]:
    """Return the baselines of a weight: of MX, whose values BF16 holds, "scale after" is no other.

    It is the first, to the bit: scales are powers of two within the sum.
    """
    return [n for n in baselines.BASELINES if weight in INTEGER_WEIGHTS or n != "scale after"]


# CANN


def _kernel_weight(kernel: Kernel | None, w: QuantizedArray) -> Weight:
    """Return codes and scales as a kernel has them.

    Where it has groups, 128 of k share a scale, or 64 if 128 does not divide k.
    """
    codes, scales = np.asarray(w.integers()), np.asarray(w.scales())
    if kernel is not None and kernel.per_group and len(scales) == 1:
        group = next(size for size in CANN_GROUPS if len(codes) % size == 0)
        scales = np.repeat(scales, len(codes) // group, axis=0)
    return Weight(codes, scales)


def _cann(kernel: Kernel, weight: str) -> LinearVariant:
    """Return a kernel on activations of the format of its output."""
    activation = kernel.output
    assert isinstance(activation, FloatFormat)

    def linear(x: Array, w: Weight) -> Array:
        return jnp.asarray(kernel_matmul(in_format(np.asarray(x), activation), w, kernel))

    form = partial(_kernel_weight, kernel)
    return LinearVariant("CANN", weight, kernel.name, activation, linear, form, None)


def _nibbles() -> LinearVariant:
    """Return A8W4: the activation in INT8, one scale a token, its nibbles by INT4."""

    def linear(x: Array, w: Weight) -> Array:
        q = quantize(in_format(np.asarray(x), BF16), INT8_ROW, axis=-1)
        return jnp.asarray(nibble_matmul(q.integers(), q.scales(), w))

    return LinearVariant("CANN", "INT4", "a8w4", BF16, linear, partial(_kernel_weight, None), None)


SCHEMES: dict[str, tuple[Scheme, ...]] = {
    "INT8": (INT8_X1, INT8_X2, INT8_X3),
    "INT4": (INT8_X1, INT8_X2, INT8_X3),
    "MXFP4": (MXFP4_X2, MXFP4_X3),
    "MXFP8": (MXFP8_X2,),
}
"""MSD of each weight. One pass of MXFP8 is the baseline "MXFP8 ceil", to the bit."""

OF_FLOAT32: dict[str, Scheme] = {"INT8": INT8_X2, "INT4": INT8_X2, "MXFP8": MXFP8_X2}
"""Schemes finer than BF16, and so measured on activations that are not rounded to it, too."""

CANN_GROUPS = (128, 64)
"""Groups of k that CANN's kernels document, the usual one first."""


def _variants(weight: str) -> list[LinearVariant]:
    """Return every variant of a weight: MSD, baselines, CANN."""
    kernels = [k for k in KERNELS.values() if k.weight.name == weight]
    return [
        *(_msd(scheme, weight) for scheme in SCHEMES[weight]),
        *([_msd(OF_FLOAT32[weight], weight, BINARY32)] if weight in OF_FLOAT32 else []),
        *(
            _baseline(name, product, weight)
            for name, product in DEQUANTIZED.items()
            if name in baseline_names(weight)
        ),
        _float32(weight),
        *(_cann(kernel, weight) for kernel in kernels),
        *([_nibbles()] if weight == INT4.name else []),
    ]


def _attentions() -> list[LinearVariant]:
    """Return every attention but the published one, the linears as published."""
    kinds = {"MSD": "MSD", "BF16": "baseline", "float32": "baseline"}
    return [
        replace(_float32(PUBLISHED), kind=kinds.get(way.name, "CANN"), attention=way)
        for way in OVER.values()
        if way is not FLOAT32
    ]


CACHES = {"INT8": "INT8", "INT4": "INT8", "MXFP4": "MXFP4", "MXFP8": "MXFP8"}
"""For each weight the cache beside it where linears and attentions are replaced together."""


def _whole(linears: list[LinearVariant]) -> list[LinearVariant]:
    """Return MSD, dequantization to BF16 and float32 through the whole model."""
    ways = {"weight in BF16": "BF16", "float32": "float32"}

    def way(v: LinearVariant) -> str | None:
        usual = v.scheme == MSD_SCHEMES[v.weight].name and v.activation == BF16
        return "MSD" if usual else ways.get(v.scheme)

    return [replace(v, attention=OVER[name, CACHES[v.weight]]) for v in linears if (name := way(v))]


_LINEARS = [v for weight in ("INT8", "INT4", "MXFP4", "MXFP8") for v in _variants(weight)]


def _named(*variants: LinearVariant) -> dict[str, LinearVariant]:
    return {variant.name: variant for variant in variants}


GROUPS: dict[str, dict[str, LinearVariant]] = {
    "linears": _named(_float32(PUBLISHED), *_LINEARS),
    "attentions": _named(*_attentions(), *_whole(_LINEARS)),
}
"""The published model and other linears, all with its attention; other attentions, then both."""

LINEAR_VARIANTS: dict[str, LinearVariant] = GROUPS["linears"] | GROUPS["attentions"]
"""Every variant by name."""
