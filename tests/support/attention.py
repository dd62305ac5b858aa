"""Helpers of the tests of attention."""

import numpy as np

from msdnum.emulator.attention.flash import attend
from msdnum.emulator.attention.kv_cache import KV_FORMATS

RNG = np.random.default_rng(5)


def drawn(*shape, dtype=np.float32):
    return RNG.normal(size=shape).astype(dtype)


def over_cache(name, method, **options):
    cache = KV_FORMATS[name]
    return lambda q, k, v: attend(q, cache.keys(k), cache.values(v), method, **options)
