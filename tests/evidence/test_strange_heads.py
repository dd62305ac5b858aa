"""Theorem attention against heads, caches and methods drawn at random."""

from dataclasses import replace

import ml_dtypes
import numpy as np
import pytest

from msdnum import exact
from msdnum.emulator.attention.flash import attend
from msdnum.emulator.attention.kv_cache import KV_FORMATS
from msdnum.emulator.attention.methods import Method, WeightRange
from msdnum.emulator.blocks import quantize
from msdnum.evidence.attention_bounds import attention_bound
from msdnum.evidence.attentions import DECOMPOSING
from msdnum.evidence.product_bounds import exact_values
from msdnum.evidence.score_bounds import ExactAttention, check_scales
from msdnum.formats.accumulators import EXACT, SEQUENTIAL
from msdnum.formats.elements import BF16, BINARY32, FP16
from msdnum.formats.schemes import SCHEMES
from tests.support import strangers

FORMS = [*SCHEMES.values(), BF16, FP16, BINARY32]


def choice(rng, values):
    return list(values)[rng.integers(len(values))]


def numbers(rng, family, shape):
    """Draw normal numbers, numbers of 24 binades, or multiples of a quarter."""
    x = rng.standard_normal(shape)
    if family == 1:
        return x * np.exp2(rng.integers(-12, 12, shape))
    return np.round(x * 4) / 4 if family == 2 else x


QUERIES = 8


def head(rng):
    """Draw queries and a cache whose products are moderate, whatever their own size."""
    n, d, family = int(rng.integers(1, 70)), choice(rng, (1, 4, 32, 40)), rng.integers(3)
    size = 2.0 ** rng.integers(-40, 8) if rng.random() < 0.5 else 1.0
    query = numbers(rng, family, (QUERIES, d)) * size * 2.0 ** rng.integers(-4, 3, (QUERIES, 1))
    keys = numbers(rng, family, (n, d)) * min(1 / size, 2.0**100) * 2.0 ** rng.integers(-2, 3)
    values = numbers(rng, family, (n, 3)) * 2.0 ** rng.integers(-20, 20)
    bf16 = query.astype(ml_dtypes.bfloat16).astype(np.float32)
    return bf16, keys.astype(np.float32), values.astype(np.float32)


def at_an_end(rng):
    """Draw a head whose values are at an end of the range: subnormal, or near overflow."""
    query, keys, values = head(rng)
    low, high = choice(rng, ((-148, -126), (-126, -90), (100, 127)))
    largest = np.abs(values).max() or 1
    return query, keys, (values / largest * 2.0 ** rng.integers(low, high)).astype(np.float32)


def method_for(rng, cache):
    if cache.startswith("INT8"):
        found = DECOMPOSING[cache]
    else:
        found = Method(choice(rng, FORMS), choice(rng, FORMS), choice(rng, (SEQUENTIAL, EXACT)))
    return replace(found, tile=choice(rng, (32, 64, 128)), range=choice(rng, WeightRange))


def named(rng, k, v):
    """Quantize to one of the caches that have a name; return a method for it, too."""
    name = choice(rng, KV_FORMATS)
    return KV_FORMATS[name].keys(k), KV_FORMATS[name].values(v), method_for(rng, name)


def unnamed(rng, k, v):
    """Quantize to formats that are drawn: groups of any length, with scales of any kind."""
    sizes = [
        choice(rng, [size for size in (1, 4, 8, 16, 32) if size <= n])
        for n in (k.shape[1], v.shape[0])
    ]
    while True:
        try:
            keys = quantize(k, strangers.weight_format(rng, sizes[0]))
            values = quantize(v, strangers.weight_format(rng, sizes[1]), axis=-2)
            exact_values(keys), exact_values(values)
            for cache, name in ((keys, "keys"), (values, "values")):
                check_scales(cache, name)
        except ValueError:
            continue
        return keys, values, method_for(rng, "")


def worst(rng, drawn=head, cached=named):
    """Return the largest error over bound for each query; NaN where no bound is finite."""
    queries, k, v = drawn(rng)
    keys, values, method = cached(rng, k, v)
    given = ExactAttention(queries, exact_values(keys), exact_values(values))
    found = attend(queries, keys, values, method).astype(np.float64)
    bound = attention_bound(given, keys, values, method)
    context = exact.context(100)
    rows = exact.mp_attention(queries.astype(np.float64), given.keys, given.values, context)
    error = np.abs(found - np.array(rows.tolist(), dtype=object).astype(np.float64))
    ratios = np.where(np.isfinite(bound), error / np.where(bound == 0, 1, bound), -1).max(axis=1)
    return np.where(ratios < 0, np.nan, ratios)


def judge(count, seed, drawn=head, cached=named):
    """Try so many random caches, of eight queries each; every query is a head of its own."""
    ratios = []
    for i in range(count):
        with np.errstate(over="ignore", invalid="ignore"):
            ratios.append(worst(np.random.default_rng([seed, i]), drawn, cached))
    found = np.concatenate(ratios)
    judged = found[~np.isnan(found)]
    assert judged.max() <= 1
    counted = {"judged": judged.size, "no bound": found.size - judged.size}
    return counted | {"close": int((judged > 0.25).sum())}, float(judged.max())


def test_no_strange_head_exceeds_its_bound():
    found, largest = judge(40, 0)
    assert found["judged"] > 200
    assert largest > 0.1


def test_nor_does_one_with_values_at_the_ends_of_the_range():
    """Their products are subnormal, or their sums beyond what binary32 holds: no bound there."""
    found, largest = judge(30, 3, at_an_end)
    assert found["judged"] > 120
    assert largest > 0.05


def test_nor_does_one_over_a_cache_of_any_format():
    found, largest = judge(40, 4, cached=unnamed)
    assert found["judged"] > 150
    assert largest > 0.1


@pytest.mark.long
def test_none_of_many_strange_heads_exceeds_its_bound():
    """40,000 heads: proofs/ratios.md has what was found."""
    print(judge(2500, 1))
    print(judge(1000, 2, at_an_end))
    print(judge(1500, 5, cached=unnamed))
