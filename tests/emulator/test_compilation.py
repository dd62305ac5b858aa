"""Eager JAX: each function is one compilation for a new shape, not one for each operation."""

from functools import partial
from types import SimpleNamespace

import jax
import numpy as np
import pytest

import msdnum
from msdnum import emulator
from msdnum.emulator import compilation, layouts
from msdnum.emulator.attention import BF16_FLASH
from msdnum.formats import INT32, LIBRARY_ARITHMETIC
from msdnum.formats.elements import E2M1, E4M3, INT4, INT8
from msdnum.formats.modes import Overflow, Rounding
from msdnum.formats.transforms import Hadamard, Smoothing
from tests.support.selection import quick

COMPILED = "/jax/core/compile/backend_compile_duration"
SHAPES = iter(range(1000, 2000))


@pytest.fixture
def compilations():
    """Return what counts the compilations of a call."""
    seen = []
    jax.monitoring.register_event_duration_secs_listener(lambda name, *_, **__: seen.append(name))

    def count(call):
        seen.clear()
        jax.block_until_ready(call())
        return seen.count(COMPILED)

    yield count
    jax.monitoring.clear_event_listeners()


def new_numbers(rows=None):
    """Return an array of a shape that no test has had."""
    rows = rows or next(SHAPES)
    return jax.device_put(np.linspace(-3, 5, 64 * rows, dtype=np.float32).reshape(-1, 64))


def quantized(name):
    return msdnum.quantize(new_numbers(), msdnum.BLOCK_FORMATS[name])


def new_codes(shape=(64,)):
    return jax.device_put(np.ones((next(SHAPES), *shape), np.uint8))


def cast(function, fmt, rounding=Rounding.RNE, random=None):
    x, how = new_numbers(), {"overflow": Overflow.SATURATE, "rounding": rounding}
    return partial(function, x, fmt, random=random, **how)


def quantizing(name, **how):
    return partial(msdnum.quantize, new_numbers(), msdnum.BLOCK_FORMATS[name], **how)


def product():
    b = msdnum.quantize(new_numbers(rows=64), msdnum.BLOCK_FORMATS["INT8_ROW"], axis=-2)
    matmul = partial(msdnum.matmul, accumulator=INT32)
    # Once in a process a float32 product of JAX is tried out, too.
    matmul(new_codes().view("int8"), b)
    return partial(matmul, quantized("INT8_ROW"), b)


def attention():
    tried = jax.device_put(np.ones((1, 1, 64), np.float32).astype("bfloat16"))
    msdnum.attend(tried, tried, tried, method=BF16_FLASH)
    q, k = jax.device_put(np.ones((2, 1, next(SHAPES), 64), np.float32).astype("bfloat16"))
    return partial(msdnum.attend, q, k, k, method=BF16_FLASH)


def asymmetric():
    return emulator.quantize_asymmetric(new_numbers(), INT4)


def hif4():
    return emulator.quantize_hif4(new_numbers())


def gguf(layout=layouts.GGUF_Q4_1):
    return layout.read(new_codes((2 * layout.block_bytes,)))


def blocks_and_scales():
    return msdnum.to_blocks_and_scales(quantized("MXFP4"))


MXFP4 = msdnum.BLOCK_FORMATS["MXFP4"]
KEY = jax.random.key(0)
CALLS = {
    "encode": lambda: cast(msdnum.encode, E4M3),
    "encode, toward zero": lambda: cast(msdnum.encode, E4M3, Rounding.RTZ),
    "encode, stochastic": lambda: cast(msdnum.encode, E4M3, Rounding.STOCHASTIC, KEY),
    "encode, no NaN": lambda: cast(msdnum.encode, INT8),
    "round_to": lambda: cast(msdnum.round_to, INT8),
    "decode": lambda: partial(msdnum.decode, new_codes(), E2M1),
    "pack": lambda: partial(msdnum.pack, new_codes(), E2M1),
    "unpack": lambda: partial(msdnum.unpack, new_codes(), E2M1),
    "quantize": lambda: quantizing("MXFP4"),
    "quantize, tensor scale": lambda: quantizing("NVFP4"),
    "quantize, amax": lambda: quantizing("INT8_ROW"),
    "quantize, given scales": lambda: quantizing("MXFP4", scales=0.5),
    "dequantize": lambda: quantized("MXFP4").dequantize,
    "dequantize, tensor scale": lambda: quantized("NVFP4").dequantize,
    "scales": lambda: quantized("INT8_ROW").scales,
    "integers": lambda: quantized("INT4_GROUP").integers,
    "decompose": lambda: partial(msdnum.decompose, new_numbers(), msdnum.SCHEMES["MXFP4_X2"]),
    "decompose_terms": lambda: partial(
        msdnum.decompose_terms, new_numbers(), msdnum.SCHEMES["INT8_X2_FLOAT32"]
    ),
    "matmul": product,
    "attend": attention,
    "quantize_as": lambda: partial(
        emulator.quantize_as, new_numbers(), LIBRARY_ARITHMETIC["torchao"]
    ),
    "quantize_asymmetric": lambda: partial(emulator.quantize_asymmetric, new_numbers(), INT4),
    "asymmetric dequantize": lambda: asymmetric().dequantize,
    "asymmetric integers": lambda: asymmetric().integers,
    "quantize_hif4": lambda: partial(emulator.quantize_hif4, new_numbers()),
    "HiF4 dequantize": lambda: hif4().dequantize,
    "transform": lambda: partial(emulator.transform, new_numbers(), Hadamard(4)),
    "inverse": lambda: partial(emulator.inverse, new_numbers(), Smoothing((1.5,) * 64)),
    "to_blocks_and_scales": lambda: partial(msdnum.to_blocks_and_scales, quantized("MXFP4")),
    "from_blocks_and_scales": lambda: partial(
        msdnum.from_blocks_and_scales, *blocks_and_scales(), MXFP4
    ),
    "to_scale_tiles": lambda: partial(layouts.to_scale_tiles, new_codes()),
    "GGUF read": lambda: partial(layouts.GGUF_Q4_0.read, new_codes((18,))),
    "GGUF write": lambda: partial(layouts.GGUF_Q4_1.write, gguf()),
    "minima dequantize": lambda: gguf().dequantize,
    "minima levels": lambda: gguf().levels,
    "minima terms": lambda: gguf().terms,
    "words read": lambda: partial(
        layouts.AWQ_WORDS.read, jax.device_put(np.ones((next(SHAPES), 8), np.int32))
    ),
    "words write": lambda: partial(layouts.AWQ_WORDS.write, new_codes()),
}


QUICK = (
    "encode, stochastic", "encode, no NaN", "decode", "quantize, given scales", "integers",
    "minima terms",
)  # fmt: skip


@pytest.mark.parametrize("name", quick(CALLS, QUICK))
def test_every_function_is_one_compilation_for_a_new_shape(name, compilations):
    call = CALLS[name]()
    assert compilations(call) == 1
    assert compilations(call) == 0


def test_values_that_lie_elsewhere_are_looked_at_where_they_are(monkeypatch, compilations):
    codes = new_codes()
    elsewhere = [SimpleNamespace(platform="gpu")]
    monkeypatch.setattr(type(codes), "devices", lambda _: elsewhere)
    assert compilations(lambda: msdnum.decode(codes, E2M1)) == 2


def test_numpy_is_called_as_it_is():
    calls = []
    wrapped = compilation.compiled_whole(lambda x, *, y: calls.append((x, y)))
    wrapped(np.ones(2), y=3)
    wrapped(np.ones(2), y=3)
    assert len(calls) == 2


def test_what_cannot_be_a_key_is_an_error():
    wrapped = compilation.compiled_whole(lambda x, *, y: x)
    with pytest.raises(ValueError, match="static"):
        wrapped(jax.numpy.ones(2), y=[3])
