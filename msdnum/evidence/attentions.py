"""Attention measured: any method on a quantized cache, beside its bound."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from msdnum import errors
from msdnum.display import html
from msdnum.display.text import one_line
from msdnum.emulator.attention.flash import attend
from msdnum.emulator.attention.kv_cache import KV_FORMATS, Cache
from msdnum.emulator.attention.methods import BF16_FLASH, FLOAT32_FLASH, Method
from msdnum.emulator.gemm.dequantizing import to_bf16
from msdnum.emulator.quantized_arrays import QuantizedArray
from msdnum.evidence.attention_bounds import attention_bound
from msdnum.evidence.product_bounds import exact_values
from msdnum.evidence.score_bounds import ExactAttention
from msdnum.formats.accumulators import INT32
from msdnum.formats.elements import BF16, BINARY32
from msdnum.formats.schemes import INT8_X2_FLOAT32, MXFP4_X2, MXFP8_X1, MXFP8_X2
from msdnum.inputs.families import family

__all__ = [
    "DECOMPOSING", "DEQUANTIZING", "HEAD_FAMILIES", "AttentionErrors", "AttentionOperands", "Head",
    "Shape", "as_it_is", "attention_errors", "drawn",
]  # fmt: skip

Array: TypeAlias = NDArray[np.float32]


Floats: TypeAlias = NDArray[np.float64]


Shape: TypeAlias = tuple[int, int, int]
"""Queries, tokens, width."""


AttentionOperands: TypeAlias = tuple[Cache, Cache, Method]


@dataclass(frozen=True, eq=False)
class Head(html.Shown):
    """Queries, a quantized cache, and exact attention over it.

    Parameters
    ----------
    format : str
        One of ``kv_cache.KV_FORMATS``.
    keys, values : QuantizedArray
        (n, d) and (n, e).
    exact : ExactAttention
        The same with nothing rounded.
    output : ndarray of float64
        Exact output, correctly rounded but for the last bits of mpmath's 100.
    reference : ndarray of float32
        Output with everything in binary32.
    """

    format: str
    keys: QuantizedArray
    values: QuantizedArray
    exact: ExactAttention
    output: Floats
    reference: Array

    __repr__ = one_line

    @classmethod
    def of(cls, queries: Array, keys: Array, values: Array, name: str) -> "Head":
        """Quantize keys and values, and attend exactly."""
        from msdnum import exact

        cache = KV_FORMATS[name]
        k, v = cache.keys(keys), cache.values(values)
        given = ExactAttention(queries, exact_values(k), exact_values(v))
        rows = exact.mp_attention(
            queries.astype(np.float64), given.keys, given.values, exact.context(100)
        )
        output = np.array([[float(x) for x in rows[i, :]] for i in range(rows.rows)])
        reference = attend(queries, k.dequantize(), v.dequantize(), FLOAT32_FLASH)
        return cls(name, k, v, given, output, reference)


@dataclass(frozen=True)
class AttentionErrors(html.Shown):
    """Errors of an output, and in the same units their bounds.

    Parameters
    ----------
    normwise, bound_normwise : float
        Largest ``|error|`` over the largest exact output.
    l2, bound_l2 : float
        ``||error|| / ||output||`` in the Frobenius norm, the output exact.
    l2_float32 : float
        The same against the float32 reference, as the paper measures; it has no bound here.
    ratio : float
        Largest error over bound of any output.
    """

    normwise: float
    bound_normwise: float
    l2: float
    bound_l2: float
    l2_float32: float
    ratio: float


def attention_errors(head: Head, operands: Callable[[Head], AttentionOperands]) -> AttentionErrors:
    """Attend to what ``operands`` makes of a head and compare with exact attention."""
    keys, values, method = operands(head)
    found = attend(head.exact.queries, keys, values, method)
    bound = attention_bound(head.exact, keys, values, method)
    error = np.abs(found.astype(np.float64) - head.output)
    largest, norm = float(np.abs(head.output).max()), float(np.linalg.norm(head.output))
    return AttentionErrors(
        float(error.max()) / largest,
        float(bound.max()) / largest,
        errors.relative_l2(head.output, found),
        float(np.linalg.norm(bound)) / norm,
        errors.relative_l2(head.reference, found),
        float((error / bound).max()),
    )


# Methods


def _in_bf16(head: Head, method: Method) -> AttentionOperands:
    return to_bf16(head.keys.dequantize()), to_bf16(head.values.dequantize()), method


def as_it_is(head: Head, method: Method) -> AttentionOperands:
    """Return the cache as it is stored, for a method."""
    return head.keys, head.values, method


DECOMPOSING: dict[str, Method] = {
    "INT8": Method(INT8_X2_FLOAT32, INT8_X2_FLOAT32, INT32),
    "INT8_TOKEN": Method(INT8_X2_FLOAT32, INT8_X2_FLOAT32, INT32),
    "MXFP8": Method(MXFP8_X2, MXFP8_X2),
    "MXFP4": Method(MXFP4_X2, MXFP4_X2),
}
"""The decomposition that meets each of ``kv_cache.KV_FORMATS``, as a vector unit does it."""

DEQUANTIZING: dict[str, Callable[[Head], AttentionOperands]] = {
    "cache in BF16": lambda head: _in_bf16(head, BF16_FLASH),
    "BF16 cache, float32 weights": lambda head: _in_bf16(head, Method(BF16, BINARY32)),
    "scales folded, BF16": lambda head: as_it_is(head, BF16_FLASH),
    "MXFP8 queries and weights": lambda head: as_it_is(head, Method(MXFP8_X1, MXFP8_X1)),
    "float32": lambda head: (head.keys.dequantize(), head.values.dequantize(), FLOAT32_FLASH),
}
"""What dequantization can mean in attention, by name."""


# Families


def _normal(shape: Shape, rng: Generator) -> tuple[Array, Array, Array]:
    m, n, d = shape
    normal = family("normal")
    keys, values = (normal.generate((n, d), rng=rng, fmt=BINARY32) for _ in range(2))
    return normal.generate((m, d), rng=rng), keys, values


def _outlier_channels(shape: Shape, rng: Generator) -> tuple[Array, Array, Array]:
    queries, keys, values = _normal(shape, rng)
    keys[:, ::32] *= 16
    return queries, keys, values


HEAD_FAMILIES: dict[str, Callable[[Shape, Generator], tuple[Array, Array, Array]]] = {
    "normal": _normal,
    "outlier_channels": _outlier_channels,
}
"""Queries (BF16), keys and values: normal; every 32nd channel of the keys 16 times as large, as in
the caches of large models."""


def drawn(name: str, shape: Shape, rng: Generator, cache: str) -> Head:
    """Draw m queries and n tokens of width d, and quantize the cache."""
    return Head.of(*HEAD_FAMILIES[name](shape, rng), cache)
