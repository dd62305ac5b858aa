"""Emulated attention: online softmax, its exponential, quantized caches."""

from msdnum.emulator.attention.exponential import NATIVE, STATED, Exponential
from msdnum.emulator.attention.flash import attend
from msdnum.emulator.attention.kv_cache import KV_FORMATS, KeyValueFormat, per_channel, per_token
from msdnum.emulator.attention.methods import (
    BF16_FLASH,
    FLOAT32_FLASH,
    Mask,
    Method,
    StaticCast,
    WeightRange,
)

__all__ = [
    "BF16_FLASH", "FLOAT32_FLASH", "KV_FORMATS", "NATIVE", "STATED", "Exponential",
    "KeyValueFormat", "Mask", "Method", "StaticCast", "WeightRange", "attend", "per_channel",
    "per_token",
]  # fmt: skip
