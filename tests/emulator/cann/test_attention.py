"""CANN's attention kernels number by number, in rationals rounded where the kernels round."""

import math
import re
from fractions import Fraction

import jax.numpy as jnp
import numpy as np
import pytest

from msdnum.emulator.attention.exponential import STATED
from msdnum.emulator.cann.attention import ATTENTION_KERNELS, CannCache, kernel_attend
from msdnum.emulator.cann.digits import Division, kept_by_fixpipe
from tests.support.cann import ORACLES, constant, fl, half

ZERO = Fraction(0)


def exp(x):
    return Fraction(float(STATED.function(np.float32([float(x)]))[0]))


def recombined(name, digits, codes, amax):
    sums = [sum(d[t] * int(c) for d, c in zip(digits, codes, strict=True))
            for t in range(len(digits[0]))]  # fmt: skip
    if name == "attention_dd":
        steps = [Fraction(float(kept_by_fixpipe(np.float32(1 / (1024 * r))))) for r in (1, 254)]
        first, second = (half(fl(fl(c) * step)) for c, step in zip(sums, steps, strict=True))
        return fl(fl(half(first + second) * 1024 / 127) * amax)
    first, ratio = (7.49, 14.98) if "int4" in name else (127, 254)
    total, scale = fl(sums[0]), Fraction(1)
    for c in sums[1:]:
        scale = fl(scale / constant(ratio))
        total = fl(total + fl(fl(c) * scale))
    return fl(fl(total / constant(first)) * amax)


def attended(name, query, keys, values, limit, tile):
    """Return the output of one query; keys and values are (codes, scales, offsets)."""
    split = ORACLES[name]
    factor = Fraction(float(np.float32(1 / math.sqrt(len(query)))))
    folded = [fl(Fraction(float(q)) * Fraction(float(s)))
              for q, s in zip(query, keys.scales[0], strict=True)]  # fmt: skip
    amax = max(map(abs, folded))
    digits = [split(x, amax, Division.NEAREST) for x in folded]
    n, width = values.codes.shape
    largest, mass, total = None, ZERO, [ZERO] * width
    for start in range(0, n, tile):
        places = range(start, min(start + tile, n))
        scores = [fl(recombined(name, digits, keys.codes[j], amax) * factor) if j < limit else None
                  for j in places]  # fmt: skip
        before, seen = largest, [s for s in scores if s is not None]
        largest = max(([] if before is None else [before]) + seen)
        weights = [ZERO if s is None else exp(fl(s - largest)) for s in scores]
        decay = ZERO if before is None else exp(fl(before - largest))
        mass = fl(fl(mass * decay) + pairwise(weights))
        reach = Fraction(1)
        if values.per_token:
            scales = [Fraction(float(values.scales[j, 0])) for j in places]
            weights = [fl(w * s) for w, s in zip(weights, scales, strict=True)]
            reach = max(weights)
        # Where no key of a tile is seen, 0 / 0 is NaN, whose cast is 0.
        zeros = [0] * len(digits[0])
        parts = [split(w, reach, Division.NEAREST) if reach else zeros for w in weights]
        for c in range(width):
            found = recombined(name, parts, values.codes[places.start : places.stop, c], reach)
            total[c] = fl(fl(total[c] * decay) + found)
    means = [fl(t / mass) for t in total]
    if values.offsets is not None:
        means = [fl(x + Fraction(float(o))) for x, o in zip(means, values.offsets[0], strict=True)]
    if not values.per_token:
        means = [fl(x * Fraction(float(s))) for x, s in zip(means, values.scales[0], strict=True)]
    return [half(x) for x in means]


def pairwise(numbers):
    while len(numbers) > 1:
        odd = numbers[-1:] if len(numbers) % 2 else []
        numbers = [fl(a + b) for a, b in zip(numbers[::2], numbers[1::2], strict=False)] + odd
    return numbers[0]


def drawn(name, per_token=False, offsets=False, heads=(), n=7, d=6, e=3):
    rng, kernel = np.random.default_rng(5), ATTENTION_KERNELS[name]
    low, high = kernel.cache.min_integer, kernel.cache.max_integer + 1

    def cache(width, shape, shift):
        codes = rng.integers(low, high, (*heads, n, width)).astype(np.int8)
        shifts = rng.integers(-9, 9, (*heads, 1, width)).astype(np.float32) if shift else None
        return CannCache(codes, rng.uniform(0.01, 0.1, shape).astype(np.float32), shifts)

    keys = cache(d, (*heads, 1, d), False)
    values = cache(e, (*heads, n, 1) if per_token else (*heads, 1, e), offsets)
    queries = rng.standard_normal((*heads[:-1], *(2 * h for h in heads[-1:]), 4, d))
    return queries.astype(np.float16).astype(np.float32), keys, values, kernel


@pytest.mark.parametrize("name", ATTENTION_KERNELS)
@pytest.mark.parametrize(("per_token", "offsets"), [(False, False), (True, False), (False, True)])
def test_every_output_by_hand(name, per_token, offsets):
    queries, keys, values, kernel = drawn(name, per_token, offsets)
    limits = np.array([[7], [4], [1], [6]])
    found = kernel_attend(queries, keys, values, kernel, limits=limits, tile=3)
    for row, query in enumerate(queries):
        right = attended(name, query, keys, values, limits[row, 0], 3)
        assert found[row].tolist() == [float(x) for x in right]


@pytest.mark.parametrize("name", ATTENTION_KERNELS)
def test_heads_of_a_group_share_their_keys(name):
    queries, keys, values, kernel = drawn(name, heads=(2, 3))
    found = kernel_attend(queries, keys, values, kernel)
    assert found.shape == (2, 6, 4, 3)
    for text, head in np.ndindex(2, 6):
        own = [
            CannCache(c.codes[text, head // 2], c.scales[text, head // 2]) for c in (keys, values)
        ]
        alone = kernel_attend(queries[text, head], *own, kernel)
        assert np.array_equal(found[text, head], alone)


def test_it_is_near_attention_in_binary64_and_three_passes_are_nearest():
    errors = {}
    for name in ("attention_int8_x2", "attention_int8_x3", "attention_dd"):
        queries, keys, values, kernel = drawn(name, n=64, d=32, e=16)
        k, v = (c.codes * c.scales.astype(np.float64) for c in (keys, values))
        scores = queries @ k.T / math.sqrt(32)
        weights = np.exp(scores - scores.max(axis=1, keepdims=True))
        right = weights @ v / weights.sum(axis=1, keepdims=True)
        found = kernel_attend(queries, keys, values, kernel, tile=16)
        errors[name] = float(np.abs(found - right).max() / np.abs(right).max())
    assert errors["attention_int8_x3"] <= errors["attention_int8_x2"] < 1e-3
    assert errors["attention_dd"] < 1e-2


def test_a_row_of_zeros_attends_evenly():
    _, keys, values, kernel = drawn("attention_int8_x2")
    found = kernel_attend(np.zeros((1, 6), np.float32), keys, values, kernel)
    right = (values.codes * values.scales.astype(np.float64)).mean(axis=0)
    assert np.abs(found[0] - right).max() < 1e-3


def test_what_it_does_not_take_is_refused():
    queries, keys, values, kernel = drawn("attention_int8_x2")
    by_token = CannCache(keys.codes, np.ones((7, 1), np.float32))
    four = ATTENTION_KERNELS["attention_int4_x4"]
    long, narrow = keys.codes, np.ones((2, 2), np.float32)
    column = np.ones((7, 1), np.float32)

    def attend(q=queries, k=keys, how=kernel, **more):
        return lambda: kernel_attend(q, k, values, how, **more)

    for change, error, words in (
        (attend(k=by_token), ValueError, "scales per channel"),
        (attend(how=four), ValueError, "keys must have codes of INT4"),
        (attend(queries[:, :3]), ValueError, "their width"),
        (attend(limits=8), ValueError, "limits must be in 1..7"),
        (attend(tile=0), ValueError, "tile and width must be in"),
        (attend(queries.astype(float)), TypeError, "queries must be float32"),
        (attend(queries[0]), ValueError, "queries must have shape (..., m, d), got (6,)"),
        (attend(jnp.asarray(queries)), TypeError, "queries must be a NumPy array, got JAX"),
        (attend(limits=1.5), TypeError, "limits must be integers, got float64"),
        (attend(limits=True), TypeError, "limits must be integers, got bool"),
        (attend(limits=[1, 2, 3]), ValueError, "limits must broadcast to (4, 1), got shape (3,)"),
        (attend(tile=1.5), TypeError, "tile must be int"),
        (lambda: CannCache(long[0], narrow), ValueError, "codes must have shape (..., n, d)"),
        (lambda: CannCache(long, narrow), ValueError, "scales must have"),
        (lambda: CannCache(long, keys.scales, column), ValueError, "offsets must have"),
        (lambda: CannCache(long.astype(int), keys.scales), TypeError, "codes must be"),
    ):
        with pytest.raises(error, match=re.escape(words)):
            change()
    _, _, fewer, _ = drawn("attention_int8_x2", n=5)
    with pytest.raises(ValueError, match="tokens of the keys"):
        kernel_attend(queries, keys, fewer, kernel)
