"""The same bits whatever ``jax.config`` says of types, NaN and transfers."""

import sys
from contextlib import ExitStack, nullcontext

import jax
import jax.numpy as jnp
import ml_dtypes
import numpy as np
import pytest

import msdnum
from msdnum import Overflow, QuantizedArray, Rounding
from msdnum.emulator.attention.flash import attend
from msdnum.emulator.attention.kv_cache import KV_FORMATS
from msdnum.emulator.gemm.products import matmul, transposed
from msdnum.emulator.jax_settings import OWN, own_settings
from msdnum.emulator.zero_points import quantize_asymmetric
from msdnum.evidence.attentions import DECOMPOSING
from msdnum.formats.accumulators import ALL_ACCUMULATORS, INT32
from msdnum.formats.blocks import INT8_ROW, MXFP4, MXFP8_E4M3, NVFP4
from msdnum.formats.elements import BINARY32, E2M1, E4M3, INT4
from tests.support.agreement import assert_same_bits
from tests.support.selection import quick

STRICT = {
    "numpy_dtype_promotion": "strict",
    "numpy_rank_promotion": "raise",
    "debug_nans": True,
    "debug_infs": True,
    "transfer_guard": "disallow",
}
"""The functions of ``jax`` for a setting, and what is hardest."""

X = np.random.default_rng(0).standard_normal((4, 64)).astype(np.float32)
X[0, :3] = 0, -0.0, 1e-40
SATURATE = Overflow.SATURATE


def strict():
    """Return a context in which all settings are at their hardest."""
    stack = ExitStack()
    for function, value in STRICT.items():
        stack.enter_context(getattr(jax, function)(value))
    return stack


def there_and_back(x):
    layout = msdnum.to_blocks_and_scales(msdnum.quantize(x, MXFP4))
    return msdnum.from_blocks_and_scales(*layout, MXFP4).dequantize()


def over_cache(name):
    def call(x):
        keys, values = KV_FORMATS[name].keys(x), KV_FORMATS[name].values(x)
        return attend(x, keys, values, DECOMPOSING[name], lengths=3)

    return call


def product(fmt, accumulator):
    def call(x):
        quantized = msdnum.quantize(x, fmt)
        return matmul(quantized, transposed(quantized), accumulator=accumulator)

    return call


CALLS = {
    "encode": lambda x: msdnum.encode(x, E4M3, overflow=SATURATE),
    "encode up": lambda x: msdnum.encode(x, E2M1, overflow=SATURATE, rounding=Rounding.RTP),
    "round_to": lambda x: msdnum.round_to(x, E4M3, overflow=Overflow.OVERFLOW),
    "decode": lambda x: msdnum.decode(x.view("uint32"), BINARY32),
    "quantize MXFP4": lambda x: msdnum.quantize(x, MXFP4),
    "quantize NVFP4": lambda x: msdnum.quantize(x, NVFP4),
    "quantize INT8": lambda x: msdnum.quantize(x, INT8_ROW),
    "dequantize": lambda x: msdnum.quantize(x, INT8_ROW).dequantize(),
    "layouts": there_and_back,
    "zero points": lambda x: quantize_asymmetric(x, INT4, block_size=16).dequantize(),
    "decompose": lambda x: msdnum.decompose(x, msdnum.SCHEMES["MXFP4_X2"]).remainder,
    "terms": lambda x: msdnum.decompose_terms(x, msdnum.SCHEMES["INT8_X2_FLOAT32"]),
    "matmul": lambda x: matmul(x, transposed(msdnum.quantize(x, MXFP4))),
    "matmul INT8": product(INT8_ROW, INT32),
    "matmul of a unit": product(MXFP8_E4M3, ALL_ACCUMULATORS["BLACKWELL_MX"]),
    "attend INT8": over_cache("INT8"),
    "attend MXFP4": over_cache("MXFP4"),
}


SLOW = {"attend INT8", "attend MXFP4", "zero points", "matmul of a unit"}


@pytest.mark.parametrize("name", quick(CALLS, set(CALLS) - SLOW))
def test_the_same_bits_under_the_hardest_settings(name):
    call = CALLS[name]
    on_jax = jnp.asarray(X)
    with strict():
        results = call(on_jax), jax.jit(call)(on_jax)
    expected = jax.tree.leaves(call(X))
    for found in results:
        for one, other in zip(jax.tree.leaves(found), expected, strict=True):
            assert_same_bits(one, other)


def test_what_people_bring_under_the_hardest_settings():
    q = msdnum.quantize(X, MXFP8_E4M3)
    codes = jnp.asarray(q.codes.view(ml_dtypes.float8_e4m3fn))
    scales = jnp.asarray(q.scale_codes.view(ml_dtypes.float8_e8m0fnu))
    numbers, nibbles = jnp.asarray(q.scales()), jnp.full((1, 16), 2, jnp.float4_e2m1fn)
    nvfp4_scales = jnp.full((1, 1), 0x38, jnp.uint8)
    with strict():
        found = [
            QuantizedArray(codes, scales, None, MXFP8_E4M3, -1).dequantize(),
            QuantizedArray.from_scales(codes, numbers, MXFP8_E4M3).dequantize(),
        ]
        nvfp4 = QuantizedArray(nibbles, nvfp4_scales, 0.5, NVFP4, -1).dequantize()
        number = msdnum.round_to(codes, E2M1, overflow=SATURATE)
    for array in found:
        assert_same_bits(array, q.dequantize())
    assert np.asarray(nvfp4).tolist() == [[1.0] * 16]
    assert_same_bits(number, msdnum.round_to(np.asarray(codes), E2M1, overflow=SATURATE))


def test_nan_and_inf_are_results():
    x = X.copy()
    x[1, 4], x[2, 40] = np.nan, np.inf
    on_jax = jnp.asarray(x)
    with strict():
        found = msdnum.quantize(on_jax, NVFP4).dequantize()
        rounded = msdnum.round_to(on_jax, E4M3, overflow=Overflow.OVERFLOW)
    assert_same_bits(found, msdnum.quantize(x, NVFP4).dequantize())
    assert_same_bits(rounded, msdnum.round_to(x, E4M3, overflow=Overflow.OVERFLOW))


def test_errors_are_in_words_under_the_hardest_settings():
    codes, scales = jnp.full((1, 32), 16, jnp.uint8), jnp.full((1, 1), 127, jnp.uint8)
    with strict(), pytest.raises(ValueError, match="codes must be below 16 for E2M1, got 16"):
        QuantizedArray(codes, scales, None, MXFP4, -1).dequantize()


def test_settings_are_the_users_again():
    with strict():
        with own_settings():
            assert jax.config.jax_debug_nans is False
        assert jax.config.jax_debug_nans is True
        with pytest.raises(TypeError, match="got str"):
            msdnum.encode("1", E4M3, overflow=SATURATE)
        assert jax.config.jax_debug_nans is True


def test_every_setting_has_its_own_and_usual_settings_cost_nothing(monkeypatch):
    assert own_settings().__enter__() is not None
    for setting, (function, value) in OWN.items():
        assert hasattr(jax.config, setting)
        assert callable(getattr(jax, function))
        found = getattr(jax.config, setting)
        assert found is None or getattr(found, "value", found) == value
    monkeypatch.delitem(sys.modules, "jax")
    assert isinstance(own_settings(), nullcontext)
