"""Arithmetic of libraries, against a few lines of NumPy as their sources have them."""

import re

import ml_dtypes
import numpy as np
import pytest

from msdnum.emulator import encode, quantize_as
from msdnum.formats import E2M1, LIBRARY_ARITHMETIC
from msdnum.formats.modes import Overflow

F = np.float32
RNG = np.random.default_rng(11)


def tensor():
    """Return blocks of 16 whose amaxes span the scales, with zeros."""
    x = RNG.normal(size=(64, 16)).astype(F) * F(2) ** RNG.integers(-14, 3, size=(64, 1)).astype(F)
    x[3] = 0
    return x.astype(ml_dtypes.bfloat16).astype(F)


def e4m3(x):
    return np.minimum(x, F(448)).astype(ml_dtypes.float8_e4m3fn).astype(F)


def e2m1(x):
    return encode(x, E2M1, overflow=Overflow.SATURATE)


def transformer_engine(x, newer):
    amax = abs(x).max(axis=1, keepdims=True)
    encode_scale = F(2688) / abs(x).max()
    inverse = F(1) / F(6)
    ideal = amax * (encode_scale * inverse) if newer else amax / F(6) * encode_scale
    scale = e4m3(ideal)
    with np.errstate(divide="ignore"):
        factor = np.minimum(F(1) / (scale * (F(1) / encode_scale)), np.finfo(F).max)
    return scale, e2m1(x * factor)


def vllm(x):
    amax, g = abs(x).max(axis=1, keepdims=True), F(2688) / abs(x).max()
    scale = e4m3(g * (amax * F(1 / 6)))
    return scale, by_reciprocal(x, scale * (F(1) / g), F(1) / F(1e8))


def by_reciprocal(x, used, of_zero):
    factor = np.divide(F(1), used, out=np.full_like(used, of_zero), where=used != 0)
    with np.errstate(invalid="ignore"):
        return e2m1(np.nan_to_num(x * factor, nan=0, posinf=6, neginf=-6))


def flashinfer(x, te):
    amax, g = abs(x).max(axis=1, keepdims=True), F(2688) / abs(x).max()
    scale = e4m3(amax * (g * F(1 / 6)) if te else g * (amax * F(1 / 6)))
    return scale, by_reciprocal(x, scale * (F(1) / g), np.inf)


def torchao(x, newer):
    amax, per_tensor = abs(x).max(axis=1, keepdims=True), abs(x).max() / F(2688)
    scale = e4m3(np.maximum(amax / F(6) / per_tensor, F(2.0**-6)))
    return scale, e2m1(x * (F(1) / per_tensor / scale) if newer else x / (per_tensor * scale))


def modelopt(x, newer):
    amax, per_tensor = abs(x).max(axis=1, keepdims=True), abs(x).max() / F(2688)
    ideal = amax / (F(6) * per_tensor)
    ideal = np.where(ideal == 0, F(1), ideal)
    scale = e4m3(np.maximum(ideal, F(2.0**-9)) if newer else ideal)
    with np.errstate(divide="ignore", invalid="ignore"):
        quotient = x / (scale * per_tensor)
    return scale, e2m1(np.nan_to_num(quotient, nan=0.0))


def compressed_tensors(x):
    amax, g = abs(x).max(axis=1, keepdims=True), F(2688) * (F(1) / abs(x).max())
    scale = e4m3(g * (amax / F(6)))
    scale = np.where(scale == 0, F(0.125), scale)
    return scale, e2m1(x / (scale / g))


REFERENCES = {
    "transformer_engine": lambda x: transformer_engine(x, newer=True),
    "transformer_engine 2025": lambda x: transformer_engine(x, newer=False),
    "vllm": vllm, "compressed_tensors": compressed_tensors,
    "torchao": lambda x: torchao(x, newer=True),
    "torchao 2025": lambda x: torchao(x, newer=False),
    "flashinfer strict": lambda x: flashinfer(x, te=False),
    "flashinfer te": lambda x: flashinfer(x, te=True),
    "modelopt": lambda x: modelopt(x, newer=True),
    "modelopt 2025": lambda x: modelopt(x, newer=False),
}  # fmt: skip


@pytest.mark.parametrize("name", REFERENCES)
def test_nvfp4_is_that_of_the_library(name):
    for _ in range(20):
        x = tensor()
        scale, codes = REFERENCES[name](x)
        found = quantize_as(x, LIBRARY_ARITHMETIC[name])
        theirs = scale.astype(ml_dtypes.float8_e4m3fn).view(np.uint8)
        np.testing.assert_array_equal(found.scale_codes, theirs)
        np.testing.assert_array_equal(found.codes, codes)


@pytest.mark.parametrize(("name", "codes"), [("vllm", [1, 0]), ("flashinfer strict", [7, 7])])
def test_elements_under_a_scale_of_zero(name, codes):
    """vLLM multiplies by 1e-8, FlashInfer by Inf: 0.3 and 0.1, or what saturates."""
    x = np.zeros((2, 16), F)
    x[0, 0], x[1, :2] = 1e20, [3e7, 1e7]
    found = quantize_as(x, LIBRARY_ARITHMETIC[name])
    assert found.scale_codes[1, 0] == 0
    assert found.codes[1].tolist() == codes + [0] * 14


MIDDLES = F([0.25, 0.75, 1.25, 1.75, 2.5, 3.5, 5])


def ties_away(x):
    """Return E2M1 codes, halfway to the larger magnitude."""
    codes = np.searchsorted(MIDDLES, abs(x), side="right")
    return np.where(np.signbit(x), codes + 8, codes)


def nearest_power(bits):
    """Return the bits of the nearest power of two, halfway to the even exponent field."""
    field, fraction = bits >> 23 & 0xFF, bits & 0x7FFFFF
    up = (fraction > 0x400000) | ((fraction == 0x400000) & (field % 2 == 1))
    return (field + up).astype(np.uint32) << 23


def up(bits):
    return bits + np.uint32(0x7FFFFF) & np.uint32(0x7F800000)


def down(bits):
    return bits & np.uint32(0x7F800000)


@pytest.mark.parametrize(
    ("way", "divisor", "power", "e2m1"),
    [
        ("up", 6, up, e2m1), ("down", 4, down, e2m1), ("up 2025", 6, up, ties_away),
        ("down 2025", 6, down, ties_away), ("nearest", 6, nearest_power, ties_away),
    ],
)  # fmt: skip
def test_mxfp4_is_that_of_triton(way, divisor, power, e2m1):
    x = np.concatenate([tensor(), tensor() * F(2.0**-118), np.round(tensor() * 8) * F(0.75)])
    x = x.reshape(-1, 32)
    ideal = abs(x).max(axis=1, keepdims=True) / F(divisor)
    bits = power(ideal.view(np.uint32))
    scale = bits.view(F)
    factor = np.divide(F(1), scale, out=np.zeros_like(scale), where=scale != 0)
    found = quantize_as(x, LIBRARY_ARITHMETIC[f"triton {way} E2M1"])
    np.testing.assert_array_equal(found.scale_codes, (bits >> 23).astype(np.uint8))
    np.testing.assert_array_equal(found.codes, e2m1(x * factor))


def test_q8_0_is_that_of_gguf():
    x = tensor().reshape(-1, 32)
    d = abs(x).max(axis=1, keepdims=True) / F(127)
    factor = np.divide(F(1), d, out=np.zeros_like(d), where=d != 0)
    q = x * factor
    rounded = np.sign(q) * np.floor(abs(q) + F(0.5))
    found = quantize_as(x, LIBRARY_ARITHMETIC["gguf Q8_0"])
    np.testing.assert_array_equal(found.integers(), rounded)
    np.testing.assert_array_equal(found.scale_codes, d.astype(np.float16).view(np.uint16))


def test_every_arithmetic_says_where_it_was_read_and_at_which_version():
    commit = re.compile(r" (at [0-9a-f]{7}\b|\d+\.\d+\.\d+,)")
    assert all(commit.search(arithmetic.source) for arithmetic in LIBRARY_ARITHMETIC.values())
    assert set(REFERENCES) < set(LIBRARY_ARITHMETIC)
    assert len(LIBRARY_ARITHMETIC) == 19
