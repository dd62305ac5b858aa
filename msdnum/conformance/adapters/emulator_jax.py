# ruff: noqa: D103
"""msdnum's own emulator on JAX arrays, under ``jit`` where it does not have to look at values."""

from functools import cache, partial
from importlib import import_module
from typing import Any

import numpy as np

from msdnum.conformance.adapters import emulator

jax: Any = import_module("jax")

PACKAGES = ("msdnum", "jax")

LENGTH = 1024
"""All casts are filled up to one length: JAX compiles every operation once."""


def _padded(function: Any, array: Any, **names: str) -> Any:
    count = len(array)
    filled = np.concatenate([array, np.full(-count % LENGTH, array[0])])
    parts = [function(jax.numpy.asarray(part), **names) for part in filled.reshape(-1, LENGTH)]
    return np.concatenate([np.asarray(part) for part in parts])[:count]


@cache
def _jitted(function: Any, *names: tuple[str, str]) -> Any:
    return jax.jit(partial(function, **dict(names)))


def _jit(function: Any, *arrays: Any, **names: str) -> Any:
    return _jitted(function, *names.items())(*map(jax.numpy.asarray, arrays))


def encode(x: Any, *, fmt: str, rounding: str, overflow: str) -> Any:
    return _padded(emulator.encode, x, fmt=fmt, rounding=rounding, overflow=overflow)


def decode(codes: Any, *, fmt: str) -> Any:
    return _padded(emulator.decode, codes, fmt=fmt)


def quantize(x: Any, *, fmt: str, rule: str) -> Any:
    return _jit(emulator.quantize, x, fmt=fmt, rule=rule)


def dequantize(scale: Any, codes: Any, *, fmt: str) -> Any:
    return _jit(emulator.dequantize, scale, codes, fmt=fmt)


def pack(codes: Any, *, fmt: str) -> Any:
    return _jit(emulator.pack, codes, fmt=fmt)


def unpack(packed: Any, *, fmt: str) -> Any:
    return _jit(emulator.unpack, packed, fmt=fmt)


def from_blocks_and_scales(packed: Any, scale: Any, *, fmt: str) -> Any:
    return _jit(emulator.from_blocks_and_scales, packed, scale, fmt=fmt)


def decompose(x: Any, *, scheme: str) -> Any:
    """Exact INT8 needs float64."""
    with jax.enable_x64(True):
        return _jit(emulator.decompose, x, scheme=scheme)


def _product(function: Any, *arrays: Any, **names: str) -> Any:
    """Products are under ``jit`` by themselves, but for exact sums, which look at values."""
    with jax.enable_x64(True):
        return function(*map(jax.numpy.asarray, arrays), **names)


def dot(
    scale_a: Any, codes_a: Any, scale_b: Any, codes_b: Any, *, fmt: str, accumulator: str
) -> Any:
    return _product(
        emulator.dot, scale_a, codes_a, scale_b, codes_b, fmt=fmt, accumulator=accumulator
    )


def matmul(codes_a: Any, codes_b: Any, *, fmt: str, accumulator: str) -> Any:
    return _product(emulator.matmul, codes_a, codes_b, fmt=fmt, accumulator=accumulator)


def scaled_matmul(
    scale_a: Any, codes_a: Any, scale_b: Any, codes_b: Any, *, fmt: str, accumulator: str
) -> Any:
    return _product(
        emulator.scaled_matmul, scale_a, codes_a, scale_b, codes_b, fmt=fmt, accumulator=accumulator
    )
