"""Emulated Flash Attention over a quantized KV cache: every bit of the output is defined.

For each query, with tiles of keys in order and every operation rounded once to binary32 (RNE)::

    q   = fl(query * scale per channel of the keys)        decomposed, row by row
    s   = fl(matmul(q, keys^T) * softmax scale)            -Inf where the mask hides the key
    m'  = max(m, s)
    p   = exp(fl(s - m')),  a = exp(fl(m - m'))
    l   = fl(fl(l * a) + sum(p))                           sum(p) pairwise: neighbours, their sums
    o   = fl(fl(o * a) + matmul(w, values))                w = fl(p * scale per token), decomposed

and after the last tile ``fl(fl(o / l) * scale per channel of the values)``. At first m is -Inf, l
and o are +0; as long as no key has been seen, 0 is subtracted in place of m'. Tile size, order and
exponential are part of the method. With a `StaticCast` p is ``fl(exp(...) * static scale)``.
"""

import math
from collections.abc import Callable
from functools import cache
from numbers import Real
from typing import Any

import numpy as np

from msdnum.emulator import argument_checks, backend, binary32
from msdnum.emulator.attention.kv_cache import (
    Cache,
    by_channel,
    check_cache,
    head_groups,
    padded,
    scales_per_channel,
    scales_per_token,
    tokens,
    without_scale,
)
from msdnum.emulator.attention.methods import Mask, Method, StaticCast
from msdnum.emulator.attention.online_softmax import (
    State,
    Terms,
    like,
    output,
    represented,
    start,
    with_sinks,
    with_tile,
)
from msdnum.emulator.backend import Array
from msdnum.emulator.floats import as_floats
from msdnum.emulator.gemm.checks import check_dimensions, checked
from msdnum.emulator.gemm.outputs import rounded_to
from msdnum.emulator.gemm.products import matmul, transposed
from msdnum.emulator.jax_settings import under_own_settings
from msdnum.emulator.quantized_arrays import QuantizedArray
from msdnum.formats.elements import FloatFormat

__all__ = ["attend"]


@under_own_settings
def attend(
    queries: Array,
    keys: Cache,
    values: Cache,
    method: Method,
    *,
    mask: Mask = Mask.FULL,
    lengths: Array | int | None = None,
    scale: float | None = None,
    sinks: Array | float | None = None,
    window: int | None = None,
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
        Traced lengths are not checked: 0 gives NaN, more than n counts keys that are not there.
    scale : float, optional
        Of the scores; by default ``1 / sqrt(d)``. Rounded to binary32.
    sinks : number or Array of float32, bfloat16 or float16, optional
        One more score for each head, whose weight counts in the sum of the weights alone (attention
        sinks, as in gpt-oss). It broadcasts to the leading dimensions of the queries.
    window : int, optional
        Of the keys that it would see, how many of the last ones a query sees (sliding window).

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
        If shapes do not match, a value is not finite, a length is out of range, the scale no
        positive normal number or the window not positive, or blocks do not fit the products or the
        tile, or values have a scale per token where the weights are a `StaticCast`.

    Notes
    -----
    Source: paper, section 4 (scale of the keys folded into the queries, queries and weights
    decomposed); theorem attention. Dao et al., FlashAttention, 2022, algorithm 1.

    Examples
    --------
    >>> from msdnum import attend
    >>> from msdnum.emulator.attention import FLOAT32_FLASH, KV_FORMATS
    >>> queries, keys = np.float32([[2, 0]]), np.float32([[1, 0], [0, 1]])
    >>> values = np.float32([[1, 0.3], [0.3, 1]])
    >>> attend(queries, keys, values, FLOAT32_FLASH).round(3)
    array([[0.863, 0.437]], dtype=float32)

    From a cache in MXFP4:

    >>> cache = KV_FORMATS["MXFP4"]
    >>> k, v = cache.keys(keys).dequantize(), cache.values(values).dequantize()
    >>> attend(queries, k, v, FLOAT32_FLASH).round(3)
    array([[0.853, 0.397]], dtype=float32)
    """
    argument_checks.check_mode("method", method, Method)
    argument_checks.check_mode("mask", mask, Mask)
    queries = as_floats(queries, "queries")
    factor = _softmax_scale(scale, queries)
    keys, values = by_channel(checked(keys, "keys")), by_channel(checked(values, "values"))
    argument_checks.check_integer("window", window)
    if window is not None and window < 1:
        raise ValueError(f"window must be positive, got {window}")
    # A longer one hides nothing either, and int32 may not hold it.
    reach = None if window is None else min(int(window), keys.shape[-2])
    parts = head_groups(values)
    group = max(_check_operands(queries, keys, part, method) for part in parts)
    limits = _limits(queries, keys, lengths, mask)
    extra = None if sinks is None else _checked_sinks(sinks, queries)
    function = _jitted() if backend.is_jax(queries) else _attend
    found = [
        function(queries, keys, part, limits, extra, method, factor, group, reach) for part in parts
    ]
    return found[0] if len(found) == 1 else backend.namespace(queries).concatenate(found, axis=-1)


@cache
def _jitted() -> Callable[..., Array]:
    import jax

    return jax.jit(_attend, static_argnums=(5, 6, 7, 8))


# ------------------------------------------------------------------------------------------------
# Arguments
# ------------------------------------------------------------------------------------------------


def _softmax_scale(scale: float | None, queries: Array) -> float:
    if scale is None:
        return float(np.float32(1 / math.sqrt(queries.shape[-1]))) if queries.ndim else 1.0
    if not isinstance(scale, Real):
        raise TypeError(f"scale must be a number, got {scale!r}")
    if not 2.0**-126 <= scale < 2.0**127:
        raise ValueError(f"scale must be a positive normal binary32 number, got {scale}")
    return float(np.float32(scale))


def _checked_sinks(sinks: Any, queries: Array) -> Array:
    """Return the sink of every query, float32 of shape (..., m, 1)."""
    xp = backend.namespace(queries)
    given = as_floats(np.float32(sinks) if isinstance(sinks, int | float) else sinks, "sinks")
    numbers = xp.asarray(given).astype(np.float32)
    if not backend.is_traced(numbers) and not np.isfinite(np.asarray(numbers)).all():
        raise ValueError("sinks must be finite, got Inf or NaN")
    *heads, m, _ = queries.shape
    try:
        each = xp.broadcast_to(numbers, heads)
    except ValueError:
        raise ValueError(
            f"sinks must broadcast to the leading dimensions of the queries, {tuple(heads)}, got "
            f"shape {numbers.shape}"
        ) from None
    return xp.broadcast_to(each[..., None, None], (*heads, m, 1))


def _check_operands(queries: Array, keys: Cache, values: Cache, method: Method) -> int:
    """Return how many heads of the queries share one of the keys."""
    check_cache(keys, "keys", -1, method.tile)
    check_cache(values, "values", -2, method.tile)
    if isinstance(method.weights, StaticCast) and scales_per_token(values) is not None:
        raise ValueError(
            "values must have no scale per token for weights in FP8, which their product with it "
            "could exceed: quantize them per channel or in MX blocks, or dequantize them"
        )
    shapes = {"queries": queries.shape, "keys": keys.shape, "values": values.shape}
    for name, shape in shapes.items():
        check_dimensions(shape, name)
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
    if len({backend.is_jax(_data(x)) for x in arrays.values()}) > 1:
        raise TypeError("queries, keys and values must all be NumPy or all JAX arrays, got both")
    for name, x in arrays.items():
        _check_finite(x, name)
    return _group(queries.shape[:-2], keys.shape[:-2])


def _data(x: Cache) -> Array:
    return x.scale_codes if isinstance(x, QuantizedArray) else x


def _check_finite(x: Cache, name: str) -> None:
    """Raise if there is a NaN or an Inf; while JAX traces there is nothing to look at."""
    if backend.is_traced(_data(x)):
        return
    numbers = backend.readable(x.scales() if isinstance(x, QuantizedArray) else x)
    finite = backend.namespace(numbers).isfinite(numbers).all()
    # What JAX computes of a known array while it traces has no value either.
    if not backend.is_traced(finite) and not finite:
        raise ValueError(f"{name} must be finite, got Inf or NaN")
    if isinstance(x, QuantizedArray) and isinstance(x.format.element, FloatFormat):
        element = x.format.element
        magnitudes = np.asarray(x.codes) & ((1 << (element.bits - 1)) - 1)
        if (magnitudes > element.max_code).any():
            raise ValueError(f"{name} must be finite, got codes of Inf or NaN")


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
    traced = backend.is_traced(lengths)
    if traced and not backend.is_jax(queries):
        raise TypeError("lengths must be known before jit with NumPy queries, got a traced array")
    # What is known is NumPy's, which compiles nothing.
    length: Array = lengths if traced else np.asarray(n if lengths is None else lengths)
    xp = backend.namespace(length)
    if length.dtype.kind not in "iu":
        raise TypeError(f"lengths must be integers, got {length.dtype}")
    if not traced and not ((length >= 1) & (length <= n)).all():
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


def _attend(
    queries: Array,
    keys: Cache,
    values: Cache,
    limits: Array,
    sinks: Array | None,
    method: Method,
    factor: float,
    group: int,
    window: int | None,
) -> Array:
    xp = backend.namespace(queries)
    *heads, m, d = queries.shape
    rows, n = (*keys.shape[:-2], group * m), keys.shape[-2]
    limits = limits.reshape(*rows, 1)
    folded = _folded(queries.astype(np.float32).reshape(*rows, d), keys)
    terms = represented(folded, method.queries)
    keys = without_scale(keys, -1) if scales_per_channel(keys) is not None else keys
    scales = scales_per_channel(values)
    # Left for the end. What a tile has later is the scale of a group, which may be as long.
    values = values if scales is None else without_scale(values, -2)
    size = min(method.tile, n)
    if n % size:
        # What is added to no sum and never seen changes no bit.
        keys, values = (padded(x, n + -n % size) for x in (keys, values))

    def step(i: Any, state: State) -> State:
        k, v = (tokens(x, i * size, size) for x in (keys, values))
        place = i * size + xp.arange(size, dtype=np.int32)
        seen = place < limits
        if window is not None:
            seen = seen & (place >= limits - window)
        return with_tile(state, _scores(terms, k, method, factor), seen, v, method)

    first = start(xp, rows, values.shape[-1])
    if sinks is not None:
        first = with_sinks(first, sinks.reshape(*rows, 1), method)
    state = backend.loop(-(-n // size), step, first)
    return output(state, scales).reshape(*heads, m, values.shape[-1])


def _folded(queries: Array, keys: Cache) -> Array:
    scales = scales_per_channel(keys)
    return queries if scales is None else binary32.multiply(queries, like(scales, queries))


def _scores(queries: Terms, keys: Cache, method: Method, factor: float) -> Array:
    swapped = (
        transposed(keys)
        if isinstance(keys, QuantizedArray)
        else backend.namespace(keys).swapaxes(keys, -1, -2)
    )
    products = matmul(queries, swapped, accumulator=method.accumulator)
    products = rounded_to(products, method.scores)
    return binary32.multiply(products, backend.namespace(products).full_like(products, factor))
