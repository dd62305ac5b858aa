"""Eager JAX: each function is one compilation for a new shape, not one for each operation."""

import jax
import numpy as np
import pytest

import msdnum
from msdnum.emulator import compilation
from msdnum.formats.elements import E2M1, E4M3, INT8
from msdnum.formats.modes import Overflow, Rounding

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


def new_numbers():
    """Return an array of a shape that no test has had."""
    return jax.device_put(np.linspace(-3, 5, 64 * next(SHAPES), dtype=np.float32).reshape(-1, 64))


@pytest.mark.parametrize("name", ["MXFP4", "NVFP4", "INT8_ROW"])
def test_a_quantization_is_compiled_once(name, compilations):
    x, fmt = new_numbers(), msdnum.BLOCK_FORMATS[name]
    assert compilations(lambda: msdnum.quantize(x, fmt).codes) == 1
    assert compilations(lambda: msdnum.quantize(x, fmt).codes) == 0


@pytest.mark.parametrize("name", ["MXFP4_X2", "INT8_X2_FLOAT32"])
def test_a_decomposition_is_compiled_once(name, compilations):
    x, scheme = new_numbers(), msdnum.SCHEMES[name]
    assert compilations(lambda: msdnum.decompose_terms(x, scheme)[0].codes) == 1


@pytest.mark.parametrize("name", ["MXFP8_E4M3", "INT8_ROW"])
def test_dequantizing_is_compiled_once(name, compilations):
    q = msdnum.quantize(new_numbers(), msdnum.BLOCK_FORMATS[name])
    assert compilations(q.dequantize) == 1
    assert compilations(q.scales) == 1


@pytest.mark.parametrize("rounding", [Rounding.RNE, Rounding.RTZ])
def test_a_cast_is_compiled_once(rounding, compilations):
    x = new_numbers()
    found = compilations(
        lambda: msdnum.encode(x, E4M3, overflow=Overflow.OVERFLOW, rounding=rounding)
    )
    assert found == 1


def test_what_looks_at_values_is_compiled_once_more(compilations):
    x = new_numbers()
    assert compilations(lambda: msdnum.encode(x, INT8, overflow=Overflow.SATURATE)) == 2
    codes = jax.device_put(np.ones((next(SHAPES), 64), np.uint8))
    assert compilations(lambda: msdnum.decode(codes, E2M1)) == 2
    assert compilations(lambda: msdnum.pack(codes, E2M1)) == 1


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
