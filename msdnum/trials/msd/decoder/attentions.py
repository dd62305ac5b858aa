"""Ways to compute SmolLM2's attentions over keys and values quantized as a cache would be.

A whole text is quantized at once. Where tokens share a scale (INT8 by channel, MX values), a scale
then depends on tokens that come later, which no decoder knows: `FROM_BEFORE` says which formats
take nothing from later tokens. CANN's kernels run on NumPy, outside ``jit``.
"""

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from msdnum.emulator import backend
from msdnum.emulator.attention.flash import attend
from msdnum.emulator.attention.kv_cache import KeyValueFormat, Quantizer, per_channel, per_token
from msdnum.emulator.attention.methods import BF16_FLASH, Mask
from msdnum.emulator.blocks import quantize
from msdnum.emulator.gemm import dequantizing
from msdnum.emulator.quantized_arrays import QuantizedArray
from msdnum.evidence.attentions import DECOMPOSING
from msdnum.formats.blocks import INT8_ROW, MXFP4, MXFP8_E4M3, BlockFormat
from msdnum.formats.elements import E2M1, E8M0
from msdnum.inputs import jax_decoder
from msdnum.trials.msd.model.attentions import CACHES as OTHER_CACHES
from msdnum.trials.msd.model.attentions import CANN_OVER, AttentionVariant, cann_attention

__all__ = ["CACHES", "CAUSAL", "CAUSAL_FLOAT32", "FROM_BEFORE"]

Array: TypeAlias = Any

_BY_TOKEN = {
    "INT8 by token": INT8_ROW,
    "MXFP8 by token": MXFP8_E4M3,
    "MXFP4 by token": MXFP4,
}
FROM_BEFORE = tuple(_BY_TOKEN)
"""Caches whose keys and values have scales of their own tokens alone."""

MXFP4_WHOLE = BlockFormat("MXFP4 by head", E2M1, E8M0, None, MXFP4.rule)
"""MXFP4 but for its blocks: the numbers that share a scale are those of a channel, or of a head."""


def per_head(fmt: BlockFormat) -> Quantizer:
    """Return the quantizer with one scale for all tokens and channels of a head."""

    def quantizer(x: Array) -> QuantizedArray:
        xp = backend.namespace(x)
        amax = xp.abs(x).max(axis=(-2, -1), keepdims=True)
        scales = quantize(amax, fmt, axis=-1).scales()
        shape = (*x.shape[:-2], 1, x.shape[-1])
        return quantize(x, fmt, axis=-2, scales=xp.broadcast_to(scales, shape))

    return quantizer


_BY_HEAD = {"INT8 by head": INT8_ROW, "MXFP4 by head": MXFP4_WHOLE}

CACHES: dict[str, KeyValueFormat] = {
    **OTHER_CACHES,
    **{name: KeyValueFormat(name, per_token(f), per_token(f)) for name, f in _BY_TOKEN.items()},
    **{name: KeyValueFormat(name, per_head(f), per_head(f)) for name, f in _BY_HEAD.items()},
    "MXFP4 by channel": KeyValueFormat("MXFP4 by channel", per_channel(MXFP4), per_channel(MXFP4)),
}
"""Formats of the cache by name."""

_METHODS = {
    **DECOMPOSING,
    "INT8 by token": DECOMPOSING["INT8_TOKEN"],
    "INT8 by head": DECOMPOSING["INT8"],
}
"""The decomposition that meets each cache; where MX blocks lie across what a product sums over, or
are larger than 32, they are no factor of it."""

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


def _cann(name: str, fmt: KeyValueFormat) -> jax_decoder.CausalAttention:
    def compute(q: Array, k: Array, v: Array, length: Array) -> Array:
        m = q.shape[2]
        return cann_attention(name, fmt, q, k, v, int(length) - m + 1 + np.arange(m)[:, None])

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

CAUSAL |= {
    (name, cache): AttentionVariant(name, cache, _cann(name, CACHES[cache]))
    for name, cache in CANN_OVER
}
