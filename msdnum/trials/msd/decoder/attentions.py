"""Ways to compute SmolLM2's attentions over keys and values quantized as a cache would be.

A whole text is quantized at once. Where tokens share a scale (INT8 by channel, MX values), a scale
then depends on tokens that come later, which no decoder knows: `FROM_BEFORE` says which formats
take nothing from later tokens.
"""

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from msdnum.emulator.attention.flash import attend
from msdnum.emulator.attention.kv_cache import KV_FORMATS, KeyValueFormat, per_token
from msdnum.emulator.attention.methods import BF16_FLASH, Mask
from msdnum.emulator.gemm import dequantizing
from msdnum.evidence.attentions import DECOMPOSING
from msdnum.formats.blocks import INT8_ROW, MXFP4, MXFP8_E4M3
from msdnum.inputs import jax_decoder
from msdnum.trials.msd.model.attentions import AttentionVariant

__all__ = ["CACHES", "CAUSAL", "CAUSAL_FLOAT32", "FROM_BEFORE"]

Array: TypeAlias = Any

_BY_TOKEN = {
    "INT8 by token": INT8_ROW,
    "MXFP8 by token": MXFP8_E4M3,
    "MXFP4 by token": MXFP4,
}
FROM_BEFORE = tuple(_BY_TOKEN)
"""Caches whose keys and values have scales of their own tokens alone."""

CACHES: dict[str, KeyValueFormat] = {
    **{name: KV_FORMATS[name] for name in KV_FORMATS},
    **{name: KeyValueFormat(name, per_token(f), per_token(f)) for name, f in _BY_TOKEN.items()},
}
"""Formats of the cache by name."""

_METHODS = {**DECOMPOSING, "INT8 by token": DECOMPOSING["INT8_TOKEN"]}
"""The decomposition that meets each cache; MX values by token are no factor of a product."""

CAUSAL_FLOAT32 = AttentionVariant("float32", "float32", jax_decoder.attend_causally)
"""The attention of the published model, by XLA."""


def _msd(fmt: KeyValueFormat) -> jax_decoder.CausalAttention:
    """Return MSD: queries in BF16, they and the softmax weights decomposed."""

    def compute(q: Array, k: Array, v: Array, length: Array) -> Array:
        method, queries = _METHODS[fmt.name], dequantizing.to_bf16(q)
        keys, values = fmt.keys(k), fmt.values(v)
        return attend(queries, keys, values, method, mask=Mask.CAUSAL, lengths=length)

    return compute


def _bf16(fmt: KeyValueFormat) -> jax_decoder.CausalAttention:
    """Return dequantization: keys, values, queries and softmax weights in BF16."""

    def compute(q: Array, k: Array, v: Array, length: Array) -> Array:
        keys, values = (dequantizing.to_bf16(x.dequantize()) for x in (fmt.keys(k), fmt.values(v)))
        queries = dequantizing.to_bf16(q)
        return attend(queries, keys, values, BF16_FLASH, mask=Mask.CAUSAL, lengths=length)

    return compute


def _float32(fmt: KeyValueFormat) -> jax_decoder.CausalAttention:
    """Return XLA's attention, in the type of the queries, over what the cache stands for."""

    def compute(q: Array, k: Array, v: Array, length: Array) -> Array:
        keys = fmt.keys(k.astype(np.float32)).dequantize().astype(q.dtype)
        values = fmt.values(v.astype(np.float32)).dequantize().astype(q.dtype)
        return jax_decoder.attend_causally(q, keys, values, length)

    return compute


_WAYS: dict[str, Callable[[KeyValueFormat], jax_decoder.CausalAttention]] = {
    "MSD": _msd,
    "BF16": _bf16,
    "float32": _float32,
}

CAUSAL: dict[tuple[str, str], AttentionVariant] = {("float32", "float32"): CAUSAL_FLOAT32} | {
    (way, cache): AttentionVariant(way, cache, make(fmt))
    for cache, fmt in CACHES.items()
    for way, make in _WAYS.items()
    if way != "MSD" or cache in _METHODS
}
"""Every attention by its name and that of its cache."""
