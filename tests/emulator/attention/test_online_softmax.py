"""Online softmax: the order of tiles, short tiles, and rows that see nothing."""

import math
from dataclasses import replace

import ml_dtypes
import numpy as np
import pytest

from msdnum import Arithmetic, BlockFormat, ScaleRule, Scheme, matmul
from msdnum.emulator.attention.flash import attend
from msdnum.emulator.attention.kv_cache import KV_FORMATS
from msdnum.emulator.attention.methods import FLOAT32_FLASH, Mask, Method, StaticCast, WeightRange
from msdnum.evidence.attentions import DECOMPOSING
from msdnum.formats import BINARY32, E4M3, EXACT, FP16, SEQUENTIAL
from tests.support.agreement import assert_same_bits, on_numpy_and_jit
from tests.support.attention import drawn, over_cache


def test_a_query_that_sees_nothing_gives_nan():
    found = attend(drawn(3, 8), drawn(2, 8), drawn(2, 4), FLOAT32_FLASH, mask=Mask.CAUSAL)
    assert np.isnan(found[0]).all()
    assert np.isfinite(found[1:]).all()


@pytest.mark.parametrize("name", KV_FORMATS)
def test_short_last_tiles_are_filled_up_with_nothing(name):
    """33 tokens in tiles of 32, or with 31 more that do not count: the same bits."""
    method = replace(DECOMPOSING[name], tile=32)
    q, k, v = drawn(3, 32), drawn(64, 32), drawn(64, 8)
    k[33:], v[33:] = 0, 0
    short, long = over_cache(name, method), over_cache(name, method, lengths=33)
    assert_same_bits(short(q, k[:33], v[:33]), long(q, k, v))


def test_the_order_of_tiles_is_part_of_the_definition():
    q, k, v = drawn(4, 32), drawn(64, 32), drawn(64, 8)
    one = attend(q, k, v, FLOAT32_FLASH)
    assert (one != attend(q, k, v, replace(FLOAT32_FLASH, tile=16))).any()


# Scores and sums in FP16, weights in FP8 with their own amax


def half(x):
    with np.errstate(over="ignore"):
        return np.float32(np.float16(x))


def in_halves(q, k, v, method):
    """Return one row, number by number, for binary32 queries and weights and exact sums."""
    exp, factor = method.exp.function, np.float32(1 / np.sqrt(q.size))
    sums, maximum = [np.float32(0)] * (v.shape[1] + 1), np.float32(-np.inf)
    for i in range(0, len(k), method.tile):
        rows, values = k[i : i + method.tile], v[i : i + method.tile]
        scores = [half(np.float32(math.fsum(q * row.astype(np.float64)))) * factor for row in rows]
        largest = max(maximum, *scores)
        weights = [exp(np.float32([s - largest]))[0] for s in scores]
        decay = exp(np.float32([maximum - largest]))[0]
        found = [
            np.float32(
                math.fsum(
                    np.float64(w) * np.float64(x) for w, x in zip(weights, column, strict=True)
                )
            )
            for column in values.T
        ]
        mass = (weights[0] + weights[1]) + (weights[2] + weights[3])
        sums = [half(s * decay + f) for s, f in zip(sums, [*found, mass], strict=True)]
        maximum = largest
    return [s / sums[-1] for s in sums[:-1]]


def test_scores_and_sums_are_kept_in_fp16():
    rng = np.random.default_rng(0)
    q, k, v = (rng.normal(size=shape).astype(np.float32) for shape in ((1, 8), (12, 8), (12, 3)))
    method = Method(BINARY32, BINARY32, EXACT, tile=4, scores=FP16, sums=FP16)
    found = attend(q, k, v, method)
    np.testing.assert_array_equal(found[0], in_halves(q[0].astype(np.float64), k, v, method))
    assert (found != attend(q, k, v, replace(method, scores=BINARY32))).any()
    assert (found != attend(q, k, v, replace(method, sums=BINARY32))).any()
    sequential = replace(method, accumulator=SEQUENTIAL)
    on_numpy_and_jit(lambda q, k, v: attend(q, k, v, sequential), q, k, v)


def test_a_sum_of_weights_beyond_fp16_is_infinite():
    """113,100 equal keys: their weights add up to more than 65504."""
    keys, values = np.zeros((66_000, 1), np.float32), np.ones((66_000, 1), np.float32)
    method = Method(BINARY32, BINARY32, EXACT, tile=2000, sums=FP16)
    assert np.isnan(attend(np.zeros((1, 1), np.float32), keys, values, method)).all()


def test_weights_become_fp8_with_the_amax_of_their_tile():
    """One tile: codes of ``fl(p / fl(amax / 448))``, and the scale again outside the sum."""
    fp8 = Scheme(
        "FP8", (BlockFormat("FP8", E4M3, BINARY32, None, ScaleRule.AMAX),), (), Arithmetic.FLOAT32
    )
    rng = np.random.default_rng(1)
    q, k, v = (rng.normal(size=shape).astype(np.float32) for shape in ((1, 8), (8, 8), (8, 2)))
    method = Method(BINARY32, fp8, EXACT, range=WeightRange.AMAX, tile=8)
    found = attend(q, k, v, method)[0]
    scores = matmul(q, k.T, accumulator=EXACT)[0] * np.float32(1 / np.sqrt(8))
    p = method.exp.function(scores - scores.max())
    scale = p.max() / np.float32(448)
    digits = (p / scale).astype(ml_dtypes.float8_e4m3fn).astype(np.float64)
    sums = [np.float32(math.fsum(digits * column.astype(np.float64))) * scale for column in v.T]
    mass = ((p[0] + p[1]) + (p[2] + p[3])) + ((p[4] + p[5]) + (p[6] + p[7]))
    np.testing.assert_array_equal(found, [s / mass for s in sums])


def test_a_sink_counts_in_the_sum_of_the_weights_alone():
    """As a key with that score and the value 0 would, seen first: gpt-oss has one for each head."""
    q, k, v = drawn(2, 3, 8), drawn(2, 12, 8), drawn(2, 12, 4)
    sinks = np.float32([0.75, -2.5])
    method = replace(FLOAT32_FLASH, tile=4)
    found = attend(q, k, v, method, sinks=sinks)
    scores = np.einsum("hmd,hnd->hmn", *(x.astype(np.float64) for x in (q, k))) / np.sqrt(8)
    weights = np.exp(scores)
    mass = weights.sum(axis=-1) + np.exp(sinks.astype(np.float64))[:, None]
    wanted = np.einsum("hmn,hne->hme", weights, v) / mass[..., None]
    np.testing.assert_allclose(found, wanted, rtol=2e-6, atol=1e-7)
    assert (found != attend(q, k, v, method)).all()
    with pytest.raises(ValueError, match=r"sinks must broadcast .* \(2,\), got shape \(3,\)"):
        attend(q, k, v, method, sinks=np.zeros(3, np.float32))
    with pytest.raises(ValueError, match="sinks must be finite"):
        attend(q, k, v, method, sinks=float("inf"))


def test_a_sink_crosses_jit_and_static_casts():
    q, k, v = drawn(2, 3, 8), drawn(2, 12, 8), drawn(2, 12, 4)
    method = Method(BINARY32, StaticCast(E4M3, 256.0), tile=8)
    found = on_numpy_and_jit(
        lambda q, k, v, s: attend(q, k, v, method, sinks=s), q, k, v, np.float32([1, 2])
    )
    exact = attend(q, k, v, FLOAT32_FLASH, sinks=np.float32([1, 2]))
    np.testing.assert_allclose(found, exact, atol=0.1)
