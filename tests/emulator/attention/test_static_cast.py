"""Attention with FP8 weights and a static scale: bits as defined, number by number."""

from dataclasses import replace

import numpy as np
import pytest

from msdnum import spec
from msdnum.emulator.attention.flash import attend
from msdnum.emulator.attention.kv_cache import KV_FORMATS
from msdnum.emulator.attention.methods import FLOAT32_FLASH, Method, StaticCast
from msdnum.evidence.attention_bounds import attention_bound
from msdnum.evidence.score_bounds import ExactAttention
from msdnum.formats.elements import BF16, BINARY32, E4M3, E5M2
from msdnum.formats.modes import Overflow
from tests.support.agreement import on_numpy_and_jit

F = np.float32
RNG = np.random.default_rng(16)


def pairwise(values):
    while len(values) > 1:
        odd = values[-1:] if len(values) % 2 else []
        values = [x + y for x, y in zip(values[::2], values[1::2], strict=False)] + odd
    return values[0]


def defined(query, keys, values, method):
    """Return the output of one query: the docstring of ``flash``, in binary32 scalars and spec."""
    cast, exp = method.weights, method.exp.function
    maximum, mass, total = F(-np.inf), F(0), [F(0)] * values.shape[1]
    for start in range(0, len(keys), method.tile):
        stop = min(start + method.tile, len(keys))
        scores = [sum((q * k for q, k in zip(query, key, strict=True)), F(0)) for key in keys]
        scores = scores[start:stop]
        largest = max([maximum, *scores])
        weights = [exp(np.array([s - largest]))[0] * F(cast.scale) for s in scores]
        decay = exp(np.array([maximum - largest]))[0]
        fp8 = [
            F(float(spec.number(spec.round_to(spec.from_float(float(w)), cast.format,
                                              overflow=Overflow.SATURATE))))
            for w in weights
        ]  # fmt: skip
        found = [sum((w * v for w, v in zip(fp8, column, strict=True)), F(0))
                 for column in values[start:stop].T]  # fmt: skip
        mass = mass * decay + pairwise(weights)
        total = [t * decay + x for t, x in zip(total, found, strict=True)]
        maximum = largest
    return [t / mass for t in total]


@pytest.mark.parametrize(
    "cast", [StaticCast(E4M3, 256), StaticCast(E4M3, 448), StaticCast(E5M2, 1)]
)
def test_bits_are_those_of_the_definition(cast):
    method = Method(BINARY32, cast, tile=5)
    q, k, v = (RNG.normal(size=shape).astype(F) for shape in ((3, 4), (12, 4), (12, 2)))
    k[0] *= 6
    found = attend(q, k, v, method, scale=1.0)
    expected = [defined(row, k, v, method) for row in q]
    assert np.array_equal(found.view(np.int32), np.array(expected, F).view(np.int32))


def test_numpy_and_jit_agree():
    q, k, v = (RNG.normal(size=shape).astype(F) for shape in ((2, 3, 8), (2, 20, 8), (2, 20, 4)))
    method = Method(BINARY32, StaticCast(E4M3, 448), tile=8)
    on_numpy_and_jit(lambda q, k, v: attend(q, k, v, method), q, k, v)


def test_a_power_of_two_changes_no_bit_where_nothing_underflows():
    q, k, v = (RNG.normal(size=shape).astype(F) for shape in ((3, 8), (20, 8), (20, 4)))
    found = [
        attend(q * F(0.1), k, v, Method(BINARY32, StaticCast(E5M2, scale))) for scale in (1, 1024)
    ]
    assert np.array_equal(*found)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (("E4M3", 1), TypeError, "format must be a FloatFormat, got 'E4M3'"),
        ((BF16, 1), ValueError, "format must be E4M3 or E5M2, got BF16"),
        ((E4M3, "1"), TypeError, "scale must be a number, got '1'"),
        ((E4M3, True), TypeError, "scale must be a number, got True"),
        ((E4M3, 449), ValueError, "scale must be .* at most 448 for E4M3, got 449"),
        ((E4M3, 0.1), ValueError, "scale must be a normal number of binary32, .* got 0.1"),
        ((E4M3, float("nan")), ValueError, "scale must be .* got nan"),
        ((E4M3, 0), ValueError, "scale must be .* got 0"),
    ],
)
def test_wrong_casts(arguments, error, message):
    with pytest.raises(error, match=message):
        StaticCast(*arguments)


def test_queries_have_no_static_scale():
    with pytest.raises(TypeError, match="queries must be a Scheme or a FloatFormat"):
        Method(StaticCast(E4M3, 256), BINARY32)


def test_a_scale_per_token_could_exceed_the_format():
    method = replace(FLOAT32_FLASH, weights=StaticCast(E4M3, 256))
    x = RNG.normal(size=(32, 32)).astype(F)
    cache = KV_FORMATS["INT8_TOKEN"]
    with pytest.raises(ValueError, match=r"values must have no scale per token .* dequantize"):
        attend(x, x, cache.values(x), method)


def test_no_bound_is_claimed():
    method = replace(FLOAT32_FLASH, weights=StaticCast(E4M3, 256))
    x = RNG.normal(size=(4, 4)).astype(F)
    given = ExactAttention(x, x.astype(float), x.astype(float))
    with pytest.raises(ValueError, match="weights must have no static scale"):
        attention_bound(given, x, x, method)
