"""Emulated Flash Attention over a quantized KV cache: every bit of the output is defined.

For each query, with tiles of keys in order and every operation rounded once to binary32 (RNE)::

    q   = fl(query * scale per channel of the keys)        decomposed, row by row
    s   = fl(matmul(q, keys^T) * softmax scale)            -Inf where the mask hides the key
    m'  = max(m, s)
    p   = exp(fl(s - m')),  a = exp(fl(m - m'))
    l   = fl(fl(l * a) + sum(p))                           sum(p) pairwise: neighbours, their sums
    o   = fl(fl(o * a) + matmul(w, values))                w = fl(p * scale per token), decomposed

and after the last tile ``fl(fl(o / l) * scale per channel of the values)``. At first m is -Inf, l
and o are +0. Tile size, order and exponential are part of the method.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum, unique
from functools import cache
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from msdnum import bits, elements
from msdnum.accumulators import INT32, SEQUENTIAL, Accumulator, AnyAccumulator
from msdnum.bits import Array
from msdnum.blocks import QuantizedArray
from msdnum.decompose import INT8_X2_FLOAT32, MXFP4_X2, MXFP8_X2, Scheme, decompose_terms
from msdnum.exponential import STATED, Exponential
from msdnum.formats import BF16, BINARY32, FP16, FloatFormat
from msdnum.gemm import matmul, transposed
from msdnum.kv_cache import (
    Cache,
    check_cache,
    padded,
    scales_per_channel,
    scales_per_token,
    tokens,
    without_scale,
)
from msdnum.modes import Overflow
from msdnum.tiles import loop

__all__ = ["BF16_FLASH", "FLOAT32_FLASH", "MSD", "Mask", "Method", "WeightRange", "attend"]


@unique
class WeightRange(Enum):
    """What the weights of a row are scaled by before they are decomposed."""

    FIXED = "1, which no weight exceeds, or the largest scale of a token that is folded in"
    AMAX = "the amax of each block: of a tile, or of the 32 weights of an MX block"


@unique
class Mask(Enum):
    """Which keys a query sees."""

    FULL = "all of them"
    CAUSAL = "up to its own: the last query is the last token, the one before it the one before"


@dataclass(frozen=True)
class Method:
    """How attention is computed.

    Parameters
    ----------
    queries, weights : Scheme or FloatFormat
        What queries and softmax weights become: terms, or numbers of BF16, FP16 or BINARY32.
    accumulator : Accumulator
        Of both products. Int32 needs keys, values and schemes of INT8.
    range : WeightRange
        Of the weights, if they are decomposed.
    tile : int
        Keys in a tile; a multiple of the block size of the values.
    exp : Exponential
        Of scores less their maximum.

    Raises
    ------
    TypeError
        If an argument is not of its type.
    ValueError
        If the tile is not positive, or a format is none of these.
    """

    queries: Scheme | FloatFormat
    weights: Scheme | FloatFormat
    accumulator: AnyAccumulator = SEQUENTIAL
    range: WeightRange = WeightRange.FIXED
    tile: int = 128
    exp: Exponential = STATED

    def __post_init__(self) -> None:
        """Refuse what is not defined."""
        elements.check_mode("range", self.range, WeightRange)
        elements.check_mode("exp", self.exp, Exponential)
        if not isinstance(self.accumulator, Accumulator):
            raise TypeError(f"accumulator must be an Accumulator, got {self.accumulator!r}")
        if not isinstance(self.tile, int) or isinstance(self.tile, bool):
            raise TypeError(f"tile must be an integer, got {self.tile!r}")
        if self.tile < 1:
            raise ValueError(f"tile must be at least 1, got {self.tile}")
        for name in ("queries", "weights"):
            _check_form(name, getattr(self, name))


def _check_form(name: str, form: object) -> None:
    if not isinstance(form, Scheme | FloatFormat):
        raise TypeError(f"{name} must be a Scheme or a FloatFormat, got {form!r}")
    if isinstance(form, FloatFormat) and form not in (BF16, FP16, BINARY32):
        raise ValueError(f"{name} must become BF16, FP16 or BINARY32, got {form.name}")


MSD: dict[str, Method] = {
    "INT8": Method(INT8_X2_FLOAT32, INT8_X2_FLOAT32, INT32),
    "INT8_TOKEN": Method(INT8_X2_FLOAT32, INT8_X2_FLOAT32, INT32),
    "MXFP8": Method(MXFP8_X2, MXFP8_X2),
    "MXFP4": Method(MXFP4_X2, MXFP4_X2),
}
"""Multi-scale dequantization for each of ``kv_cache.KV_FORMATS``, as a vector unit does it."""
BF16_FLASH = Method(BF16, BF16)
"""What dequantization is followed by: queries and weights in BF16, sums in binary32."""
FLOAT32_FLASH = Method(BINARY32, BINARY32)
"""Everything in binary32."""


def attend(
    queries: Array,
    keys: Cache,
    values: Cache,
    method: Method,
    *,
    mask: Mask = Mask.FULL,
    lengths: Array | int | None = None,
    scale: float | None = None,
) -> Array:
    """Return ``softmax(scale * queries @ keys^T) @ values`` as ``method`` computes it.

    Parameters
    ----------
    queries : Array of float32, bfloat16 or float16
        Shape (..., m, d).
    keys, values : QuantizedArray, or Array of float32, bfloat16 or float16
        Shapes (..., n, d) and (..., n, e); see ``kv_cache``. The leading dimensions are those of
        the queries; of the last of them the queries may have a multiple, the heads of a group
        being consecutive (grouped-query attention).
    method : Method
        Formats, sums, tiles and exponential.
    mask : Mask
        CAUSAL: query i of m sees the first ``length - m + i + 1`` keys.
    lengths : int or Array of int32, optional
        Keys that count, 1 to n, by default n. It broadcasts against the leading dimensions of the
        queries: (batch, 1) for (batch, heads). Keys and values beyond must be finite.
    scale : float, optional
        Of the scores; by default ``1 / sqrt(d)``. Rounded to binary32.

    Returns
    -------
    Array of float32
        Shape (..., m, e). A query that sees no key, as the first ones of a causal mask with more
        queries than keys, gives NaN; so does a NaN or an Inf in what it sees, where JAX is tracing.

    Raises
    ------
    TypeError
        If an argument is not of its type, or NumPy and JAX arrays are mixed.
    ValueError
        If shapes do not match, a value is not finite, a length is out of range or the scale not
        positive and finite, or blocks do not fit the products or the tile.

    Notes
    -----
    Source: paper, section 4 (scale of the keys folded into the queries, queries and weights
    decomposed); theorem attention. Dao et al., FlashAttention, 2022, algorithm 1.
    """
    elements.check_mode("method", method, Method)
    elements.check_mode("mask", mask, Mask)
    factor = _softmax_scale(scale, queries)
    group = _check_operands(queries, keys, values, method)
    limits = _limits(queries, keys, lengths, mask)
    function = _jitted() if bits.is_jax(queries) else _attend
    return function(queries, keys, values, limits, method, factor, group)


@cache
def _jitted() -> Callable[..., Array]:
    import jax

    return jax.jit(_attend, static_argnums=(4, 5, 6))


# ------------------------------------------------------------------------------------------------
# Arguments
# ------------------------------------------------------------------------------------------------


def _softmax_scale(scale: float | None, queries: Array) -> float:
    bits.check_floats(queries, "queries")
    factor = 1 / math.sqrt(queries.shape[-1]) if scale is None and queries.ndim else scale
    if factor is None or not 0 < factor < math.inf:
        raise ValueError(f"scale must be positive and finite, got {scale}")
    return float(np.float32(factor))


def _check_operands(queries: Array, keys: Cache, values: Cache, method: Method) -> int:
    """Return how many heads of the queries share one of the keys."""
    check_cache(keys, "keys", -1, method.tile)
    check_cache(values, "values", -2, method.tile)
    shapes = {"queries": queries.shape, "keys": keys.shape, "values": values.shape}
    for name, shape in shapes.items():
        if len(shape) < 2:
            raise ValueError(f"{name} must have at least two dimensions, got shape {shape}")
    if keys.shape[-1] != queries.shape[-1]:
        raise ValueError(
            f"keys must have the width of the queries, {queries.shape[-1]}, got {keys.shape[-1]}"
        )
    if values.shape[:-1] != keys.shape[:-1]:
        raise ValueError(
            f"values must have the heads and tokens of the keys, {keys.shape[:-1]}, "
            f"got {values.shape[:-1]}"
        )
    arrays = {"queries": queries, "keys": keys, "values": values}
    if len({bits.is_jax(_data(x)) for x in arrays.values()}) > 1:
        raise TypeError("queries, keys and values must all be NumPy or all JAX arrays, got both")
    for name, x in arrays.items():
        _check_finite(x, name)
    return _group(queries.shape[:-2], keys.shape[:-2])


def _data(x: Cache) -> Array:
    return x.scale_codes if isinstance(x, QuantizedArray) else x


def _check_finite(x: Cache, name: str) -> None:
    """Raise if there is a NaN or an Inf; while JAX traces there is nothing to look at."""
    if bits.is_traced(_data(x)):
        return
    numbers = x.scales() if isinstance(x, QuantizedArray) else x
    if not bits.namespace(numbers).isfinite(numbers).all():
        raise ValueError(f"{name} must be finite, got Inf or NaN")


def _group(heads: tuple[int, ...], shared: tuple[int, ...]) -> int:
    if heads == shared:
        return 1
    same = len(heads) == len(shared) and heads[:-1] == shared[:-1]
    if not same or heads[-1] % shared[-1]:
        raise ValueError(
            f"queries must have the leading dimensions of the keys, {shared}, or a multiple of "
            f"the last, got {heads}"
        )
    return int(heads[-1] // shared[-1])


def _limits(queries: Array, keys: Cache, lengths: Array | int | None, mask: Mask) -> Array:
    """Return how many keys each query sees, int32 of shape (..., m, 1)."""
    n, (*heads, m, _) = keys.shape[-2], queries.shape
    xp = bits.namespace(queries)
    length = xp.asarray(n if lengths is None else lengths)
    if length.dtype.kind not in "iu":
        raise TypeError(f"lengths must be integers, got {length.dtype}")
    if not bits.is_traced(length) and not bool(((length >= 1) & (length <= n)).all()):
        raise ValueError(f"lengths must be in 1..{n}, the tokens of the keys, got {lengths}")
    try:
        length = xp.broadcast_to(length.astype(np.int32), heads)[..., None, None]
    except ValueError:
        raise ValueError(
            f"lengths must broadcast to the leading dimensions of the queries, {tuple(heads)}, "
            f"got shape {length.shape}"
        ) from None
    if mask is Mask.CAUSAL:
        return length - m + 1 + xp.arange(m, dtype=np.int32)[:, None]
    return xp.broadcast_to(length, (*heads, m, 1))


# ------------------------------------------------------------------------------------------------
# Tile by tile
# ------------------------------------------------------------------------------------------------


class _State(NamedTuple):
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


def _attend(
    queries: Array,
    keys: Cache,
    values: Cache,
    limits: Array,
    method: Method,
    factor: float,
    group: int,
) -> Array:
    xp = bits.namespace(queries)
    *heads, m, d = queries.shape
    rows, n = (*keys.shape[:-2], group * m), keys.shape[-2]
    limits = limits.reshape(*rows, 1)
    folded = _folded(queries.astype(np.float32).reshape(*rows, d), keys)
    terms = _represented(folded, method.queries)
    keys = without_scale(keys, -1) if scales_per_channel(keys) is not None else keys
    scales = scales_per_channel(values)
    size = min(method.tile, n)
    if n % size:
        # What is added to no sum and never seen changes no bit.
        keys, values = (padded(x, n + -n % size) for x in (keys, values))

    def step(i: Any, state: _State) -> _State:
        k, v = (tokens(x, i * size, size) for x in (keys, values))
        seen = i * size + xp.arange(size, dtype=np.int32) < limits
        return _next(state, _scores(terms, k, method, factor), seen, v, method)

    state = loop(-(-n // size), step, _start(xp, rows, values.shape[-1]))
    output = bits.divide(*_split(state.sums))
    if scales is not None:
        output = bits.multiply(output, _like(scales, output))
    return output.reshape(*heads, m, values.shape[-1])


def _start(xp: Any, rows: tuple[int, ...], width: int) -> _State:
    maximum = xp.full((*rows, 1), -np.inf, np.float32)
    return _State(maximum, xp.zeros((*rows, width + 1), np.float32))


def _split(sums: Array) -> tuple[Array, Array]:
    """Return the weighted values, and beside each of them the sum of the weights."""
    totals = sums[..., :-1]
    return totals, _like(sums[..., -1:], totals)


def _like(x: Array, other: Array) -> Array:
    return bits.namespace(x).broadcast_to(x, other.shape)


def _folded(queries: Array, keys: Cache) -> Array:
    scales = scales_per_channel(keys)
    return queries if scales is None else bits.multiply(queries, _like(scales, queries))


Terms: TypeAlias = Any


def _represented(x: Array, form: Scheme | FloatFormat) -> Terms:
    """Return what a product takes in place of ``x``."""
    if isinstance(form, Scheme):
        return decompose_terms(x, form)
    if form == BINARY32:
        return x
    return elements.as_ml_dtype(elements.encode(x, form, overflow=Overflow.OVERFLOW), form)


def _scores(queries: Terms, keys: Cache, method: Method, factor: float) -> Array:
    swapped = (
        transposed(keys)
        if isinstance(keys, QuantizedArray)
        else bits.namespace(keys).swapaxes(keys, -1, -2)
    )
    products = matmul(queries, swapped, accumulator=method.accumulator)
    return bits.multiply(products, bits.namespace(products).full_like(products, factor))


def _next(state: _State, scores: Array, seen: Array, values: Cache, method: Method) -> _State:
    xp = bits.namespace(scores)
    scores = xp.where(seen, scores, np.float32(-np.inf))
    # The old maximum beside the scores: what it becomes is the decay of the old sums.
    scores = xp.concatenate([scores, state.maximum], axis=-1)
    maximum = scores.max(axis=-1, keepdims=True)
    # As long as no key has been seen, Inf - Inf would be NaN.
    origin = xp.where(maximum == -np.inf, np.float32(0), maximum)
    powers = method.exp.function(bits.subtract(scores, _like(origin, scores)))
    weights, decay = powers[..., :-1], powers[..., -1:]
    kept = bits.multiply(state.sums, _like(decay, state.sums))
    found = [_weighted(weights, seen, values, method), _pairwise(weights)]
    return _State(maximum, bits.add(kept, xp.concatenate(found, axis=-1)))


def _pairwise(x: Array) -> Array:
    """Add up the last axis: neighbours, then their sums; an odd one moves up."""
    xp = bits.namespace(x)
    while x.shape[-1] > 1:
        even = x.shape[-1] // 2 * 2
        sums = bits.add(x[..., 0:even:2], x[..., 1:even:2])
        x = xp.concatenate([sums, x[..., even:]], axis=-1)
    return x


def _weighted(weights: Array, seen: Array, values: Cache, method: Method) -> Array:
    """Return the sum of the values of a tile; a scale per channel is left for the end."""
    xp = bits.namespace(weights)
    reach = xp.ones_like(weights[..., :1])
    scales = scales_per_token(values)
    if scales is not None:
        per_key = _like(xp.swapaxes(scales, -1, -2), weights)
        weights = bits.multiply(weights, per_key)
        reach = xp.where(seen, per_key, np.float32(0)).max(axis=-1, keepdims=True)
    if scales is not None or scales_per_channel(values) is not None:
        values = without_scale(values, -2)
    terms = _weight_terms(weights, reach, method)
    return matmul(terms, values, accumulator=method.accumulator)


def _weight_terms(weights: Array, reach: Array, method: Method) -> Terms:
    if not isinstance(method.weights, Scheme) or method.range is WeightRange.AMAX:
        return _represented(weights, method.weights)
    return _decompose_within(weights, reach, method.weights)


def _decompose_within(x: Array, reach: Array, scheme: Scheme) -> Terms:
    """Decompose rows as if ``reach``, which no element exceeds, were among their elements."""
    whole_rows = tuple(replace(fmt, block_size=None) for fmt in scheme.formats)
    joined = bits.namespace(x).concatenate([x, reach], axis=-1)
    terms = decompose_terms(joined, replace(scheme, formats=whole_rows))
    return tuple(
        replace(t, codes=t.codes[..., :-1], format=replace(t.format, block_size=x.shape[-1]))
        for t in terms
    )
