"""Ways to compute attentions over keys and values quantized as a cache would be: MSD's, CANN's."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import jax.numpy as jnp
import numpy as np

from msdnum.emulator.attention.flash import attend
from msdnum.emulator.attention.kv_cache import KV_FORMATS, KeyValueFormat, per_channel
from msdnum.emulator.attention.methods import BF16_FLASH
from msdnum.emulator.cann.attention import ATTENTION_KERNELS, CannCache, kernel_attend
from msdnum.emulator.gemm import dequantizing
from msdnum.evidence.attentions import DECOMPOSING
from msdnum.formats.blocks import BlockFormat
from msdnum.formats.elements import BINARY32, INT4, INT8
from msdnum.formats.modes import ScaleRule
from msdnum.inputs import jax_encoder

__all__ = ["CANN_OVER", "FLOAT32", "OVER", "AttentionVariant", "cann_attention"]

Array: TypeAlias = Any


@dataclass(frozen=True, eq=False)
class AttentionVariant:
    """One way to compute every attention.

    Parameters
    ----------
    name : str
        float32, MSD, BF16 or that of a kernel of CANN.
    cache : str
        A name of ``CACHES``, or float32: not quantized.
    compute : callable
        What does it.
    """

    name: str
    cache: str
    compute: jax_encoder.AttentionFunction


FLOAT32 = AttentionVariant("float32", "float32", jax_encoder.attend)
"""The attention of the published model, by XLA."""


def _msd(fmt: KeyValueFormat) -> jax_encoder.AttentionFunction:
    """Return MSD: queries in BF16, they and the softmax weights decomposed."""

    def compute(q: Array, k: Array, v: Array, mask: Array) -> Array:
        q, lengths = dequantizing.to_bf16(q), mask.sum(axis=1)[:, None]
        return attend(q, fmt.keys(k), fmt.values(v), DECOMPOSING[fmt.name], lengths=lengths)

    return compute


def _bf16(fmt: KeyValueFormat) -> jax_encoder.AttentionFunction:
    """Return dequantization: keys, values, queries and softmax weights in BF16."""

    def compute(q: Array, k: Array, v: Array, mask: Array) -> Array:
        keys, values = (dequantizing.to_bf16(x.dequantize()) for x in (fmt.keys(k), fmt.values(v)))
        lengths = mask.sum(axis=1)[:, None]
        return attend(dequantizing.to_bf16(q), keys, values, BF16_FLASH, lengths=lengths)

    return compute


def _float32(fmt: KeyValueFormat) -> jax_encoder.AttentionFunction:
    """Return XLA's attention, in the type of the queries, over what the cache stands for."""

    def compute(q: Array, k: Array, v: Array, mask: Array) -> Array:
        keys, values = (x.astype(np.float32) for x in (k, v))
        cached = fmt.keys(keys).dequantize(), fmt.values(values).dequantize()
        return jax_encoder.attend(q, *(x.astype(q.dtype) for x in cached), mask)

    return compute


INT4_CHANNEL = BlockFormat("INT4", INT4, BINARY32, None, ScaleRule.AMAX)
CACHES: dict[str, KeyValueFormat] = {
    **{name: KV_FORMATS[name] for name in KV_FORMATS},
    "INT4": KeyValueFormat("INT4", per_channel(INT4_CHANNEL), per_channel(INT4_CHANNEL)),
}
"""Formats of the cache by name: INT4 is for CANN's kernel alone."""


def cann_attention(
    name: str, fmt: KeyValueFormat, q: Array, k: Array, v: Array, limits: Array
) -> Array:
    """Return what a kernel of CANN gives for queries in FP16, as a JAX array."""
    queries = np.asarray(q, np.float32).astype(np.float16).astype(np.float32)
    keys, values = (
        CannCache(np.asarray(x.integers()).astype(np.int8), np.asarray(x.scales()))
        for x in (fmt.keys(np.asarray(k, np.float32)), fmt.values(np.asarray(v, np.float32)))
    )
    kernel = ATTENTION_KERNELS[name]
    return jnp.asarray(kernel_attend(queries, keys, values, kernel, limits=np.asarray(limits)))


def _cann(name: str, fmt: KeyValueFormat) -> jax_encoder.AttentionFunction:
    def compute(q: Array, k: Array, v: Array, mask: Array) -> Array:
        return cann_attention(name, fmt, q, k, v, mask.sum(axis=1)[:, None, None, None])

    return compute


_WAYS: dict[str, Callable[[KeyValueFormat], jax_encoder.AttentionFunction]] = {
    "MSD": _msd,
    "BF16": _bf16,
    "float32": _float32,
}

OVER: dict[tuple[str, str], AttentionVariant] = {("float32", "float32"): FLOAT32} | {
    (name, cache): AttentionVariant(name, cache, way(fmt))
    for cache, fmt in CACHES.items()
    for name, way in _WAYS.items()
    if cache in DECOMPOSING or name != "MSD"
}
"""Every attention but CANN's by its name and that of its cache."""

CANN_OVER = tuple(
    (name, cache)
    for name, kernel in ATTENTION_KERNELS.items()
    for cache in (("INT8", "INT8_TOKEN") if kernel.cache == INT8 else ("INT4",))
)
"""Kernels of CANN, each with the caches that it is measured over."""

OVER |= {
    (name, cache): AttentionVariant(name, cache, _cann(name, CACHES[cache]))
    for name, cache in CANN_OVER
}
