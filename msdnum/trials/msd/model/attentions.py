"""Ways to compute the attentions of MiniLM over keys and values quantized as a cache would be."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from msdnum.emulator.attention.flash import attend
from msdnum.emulator.attention.kv_cache import KV_FORMATS, KeyValueFormat
from msdnum.emulator.attention.methods import BF16_FLASH
from msdnum.emulator.gemm import dequantizing
from msdnum.evidence.attentions import DECOMPOSING
from msdnum.inputs import jax_encoder

__all__ = ["FLOAT32", "OVER", "AttentionVariant"]

Array: TypeAlias = Any


@dataclass(frozen=True, eq=False)
class AttentionVariant:
    """One way to compute every attention.

    Parameters
    ----------
    name : str
        float32, MSD or BF16.
    cache : str
        A name of ``KV_FORMATS``, or float32: not quantized.
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


_WAYS: dict[str, Callable[[KeyValueFormat], jax_encoder.AttentionFunction]] = {
    "MSD": _msd,
    "BF16": _bf16,
    "float32": _float32,
}

OVER: dict[tuple[str, str], AttentionVariant] = {("float32", "float32"): FLOAT32} | {
    (name, cache): AttentionVariant(name, cache, way(fmt))
    for cache, fmt in KV_FORMATS.items()
    for name, way in _WAYS.items()
}
"""Every attention by its name and that of its cache."""
