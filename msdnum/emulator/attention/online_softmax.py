"""Online softmax: what is kept of each row from one tile of scores and values to the next."""

from dataclasses import replace
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from msdnum.emulator import backend, binary32, elements
from msdnum.emulator.attention.kv_cache import (
    Cache,
    scales_per_token,
    without_scale,
)
from msdnum.emulator.attention.methods import Method, StaticCast, WeightRange
from msdnum.emulator.backend import Array
from msdnum.emulator.decompositions import decompose_terms
from msdnum.emulator.gemm.outputs import rounded_to
from msdnum.emulator.gemm.products import matmul
from msdnum.formats.elements import BINARY32, FloatFormat
from msdnum.formats.modes import Overflow
from msdnum.formats.schemes import Scheme

__all__ = [
    "State", "Terms", "like", "output", "pairwise", "represented", "start", "with_sinks",
    "with_tile",
]  # fmt: skip

Terms: TypeAlias = Any
"""What a product takes: terms, or an array of floats."""


class State(NamedTuple):
    """What is kept of each row from tile to tile.

    Parameters
    ----------
    maximum : Array
        Shape (..., m, 1).
    sums : Array
        Of weighted values, then of the weights: shape (..., m, e + 1).
    """

    maximum: Array
    sums: Array


def start(xp: Any, rows: tuple[int, ...], width: int) -> State:
    """Return the state before the first tile, for rows (..., m) and values of this width."""
    maximum = xp.full((*rows, 1), -np.inf, np.float32)
    return State(maximum, xp.zeros((*rows, width + 1), np.float32))


def with_sinks(state: State, sinks: Array, method: Method) -> State:
    """Return the state in which each row, (..., m, 1), has seen a score without a value."""
    xp = backend.namespace(sinks)
    mass = _scaled(xp.ones_like(sinks), method)
    return State(sinks, xp.concatenate([state.sums[..., :-1], mass], axis=-1))


def output(state: State, scales: Array | None) -> Array:
    """Return the weighted values over the sum of the weights, times scales per channel."""
    totals = state.sums[..., :-1]
    mean = binary32.divide(totals, like(state.sums[..., -1:], totals))
    return mean if scales is None else binary32.multiply(mean, like(scales, mean))


def like(x: Array, other: Array) -> Array:
    """Return ``x`` in the shape of ``other``."""
    return backend.namespace(x).broadcast_to(x, other.shape)


def represented(x: Array, form: Scheme | FloatFormat | StaticCast) -> Terms:
    """Return what a product takes in place of ``x``, which has its static scale."""
    if isinstance(form, Scheme):
        return decompose_terms(x, form)
    if isinstance(form, StaticCast):
        codes = elements.encode(x, form.format, overflow=Overflow.SATURATE)
        return elements.as_ml_dtype(codes, form.format)
    if form == BINARY32:
        return x
    return elements.as_ml_dtype(elements.encode(x, form, overflow=Overflow.OVERFLOW), form)


def with_tile(state: State, scores: Array, seen: Array, values: Cache, method: Method) -> State:
    """Return the state after a tile of scores, (..., m, n), and of values, (..., n, e)."""
    xp = backend.namespace(scores)
    scores = xp.where(seen, scores, np.float32(-np.inf))
    # The old maximum beside the scores: what it becomes is the decay of the old sums.
    scores = xp.concatenate([scores, state.maximum], axis=-1)
    maximum = scores.max(axis=-1, keepdims=True)
    # As long as no key has been seen, Inf - Inf would be NaN.
    origin = xp.where(maximum == -np.inf, np.float32(0), maximum)
    powers = method.exp.function(binary32.subtract(scores, like(origin, scores)))
    weights, decay = _scaled(powers[..., :-1], method), powers[..., -1:]
    kept = binary32.multiply(state.sums, like(decay, state.sums))
    found = [_weighted(weights, seen, values, method), pairwise(weights)]
    total = binary32.add(kept, xp.concatenate(found, axis=-1))
    return State(maximum, rounded_to(total, method.sums))


def _scaled(weights: Array, method: Method) -> Array:
    if not isinstance(method.weights, StaticCast):
        return weights
    scale = backend.namespace(weights).full_like(weights, method.weights.scale)
    return binary32.multiply(weights, scale)


def pairwise(x: Array) -> Array:
    """Add up the last axis: neighbours, then their sums; an odd one moves up."""
    xp = backend.namespace(x)
    while x.shape[-1] > 1:
        even = x.shape[-1] // 2 * 2
        sums = binary32.add(x[..., 0:even:2], x[..., 1:even:2])
        x = xp.concatenate([sums, x[..., even:]], axis=-1)
    return x


def _weighted(weights: Array, seen: Array, values: Cache, method: Method) -> Array:
    """Return the sum of the values of a tile, which have no scale per channel any more."""
    xp = backend.namespace(weights)
    reach = xp.ones_like(weights[..., :1])
    scales = scales_per_token(values)
    if scales is not None:
        per_key = like(xp.swapaxes(scales, -1, -2), weights)
        weights = binary32.multiply(weights, per_key)
        # By their patterns, for JAX takes subnormal numbers for zero.
        patterns = xp.where(seen, per_key.view(np.int32), 0)
        reach = patterns.max(axis=-1, keepdims=True).view(np.float32)
        values = without_scale(values, -2)
    terms = _weight_terms(weights, reach, method)
    return matmul(terms, values, accumulator=method.accumulator)


def _weight_terms(weights: Array, reach: Array, method: Method) -> Terms:
    if not isinstance(method.weights, Scheme) or method.range is WeightRange.AMAX:
        return represented(weights, method.weights)
    return _decompose_within(weights, reach, method.weights)


def _decompose_within(x: Array, reach: Array, scheme: Scheme) -> Terms:
    """Decompose rows as if ``reach``, which no element exceeds, were among their elements."""
    whole_rows = tuple(replace(fmt, block_size=None) for fmt in scheme.formats)
    joined = backend.namespace(x).concatenate([x, reach], axis=-1)
    terms = decompose_terms(joined, replace(scheme, formats=whole_rows))
    return tuple(
        replace(t, codes=t.codes[..., :-1], format=replace(t.format, block_size=x.shape[-1]))
        for t in terms
    )
