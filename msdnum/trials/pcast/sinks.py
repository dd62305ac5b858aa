"""Attention with a sink, tile by tile in either order, its weights cast to E4M3.

The queries are unit vectors, so that the keys are the scores, exactly; where the values are unit
vectors, too, the output is the row of weights.
"""

from enum import Enum, unique
from math import erf, log, pi, sqrt

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from msdnum.emulator.attention.flash import attend
from msdnum.emulator.attention.methods import Method, StaticCast
from msdnum.formats.elements import BINARY32, E4M3

__all__ = [
    "SHIFT", "SINKS", "TILE", "Order", "attended", "exact_attention", "flushed",
    "mean_predicted", "outside", "predicted", "scores", "threshold",
]  # fmt: skip

Array = NDArray[np.float32]

TILE = 128
SINKS = 4
"""Keys of the sink, the first ones; the abstract's example."""
SHIFT = 1.0
"""The abstract's shift for four sinks, about the expected largest of four normal numbers, 1.03."""


@unique
class Order(Enum):
    """In which order the tiles of keys and values are visited; within a tile nothing changes."""

    FORWARD = "from the sink on"
    REVERSE = "to the sink"


def scores(delta: float, shape: tuple[int, int], rng: Generator) -> Array:
    """Return scores of queries and keys: standard normal, those of the sink ``delta`` higher."""
    found = rng.standard_normal(shape).astype(np.float32)
    found[:, :SINKS] += np.float32(delta)
    return found


def _visited(x: Array, order: Order) -> Array:
    tiles = x.reshape(-1, TILE, x.shape[-1])
    return (tiles if order is Order.FORWARD else tiles[::-1]).reshape(x.shape)


def attended(given: Array, values: Array, scale: float, order: Order) -> Array:
    """Return the outputs, (m, e), for scores (m, n) and values (n, e); n is a multiple of TILE."""
    method = Method(BINARY32, StaticCast(E4M3, scale), tile=TILE)
    queries = np.eye(len(given), dtype=np.float32)
    keys = _visited(np.ascontiguousarray(given.T), order)
    found: Array = attend(queries, keys, _visited(values, order), method, scale=1.0)
    return found


def flushed(given: Array, scale: float, order: Order) -> NDArray[np.bool_]:
    """Return which weights, (m, n), have become zero."""
    values = np.eye(given.shape[1], dtype=np.float32)
    zero: NDArray[np.bool_] = attended(given, values, scale, order) == 0
    return zero


def outside(zero: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the columns of keys outside the tile of the sink."""
    return zero[:, TILE:]


def exact_attention(given: Array, values: Array) -> NDArray[np.float64]:
    """Return the outputs in binary64."""
    wide = given.astype(np.float64)
    powers = np.exp(wide - wide.max(axis=1, keepdims=True))
    found: NDArray[np.float64] = powers / powers.sum(axis=1, keepdims=True) @ values.astype(float)
    return found


def threshold(scale: float) -> float:
    """Return how far below the running maximum a score has a weight that becomes zero."""
    return 10 * log(2) + log(scale)


def predicted(delta: float, scale: float, shift: float = SHIFT) -> float:
    """Return the paper's ``Phi(delta + shift - 6.93 - ln S)``."""
    return _phi(delta + shift - threshold(scale))


def mean_predicted(delta: float, scale: float) -> float:
    """Return the mean of that where the shift is what it stands for: the largest of four scores."""
    x = np.linspace(-8, 8, 1601)
    density = SINKS * np.exp(-x * x / 2) / sqrt(2 * pi) * [_phi(t) ** (SINKS - 1) for t in x]
    return float(np.sum([predicted(delta, scale, t) for t in x] * density) * (x[1] - x[0]))


def _phi(x: float) -> float:
    return (1 + erf(x / sqrt(2))) / 2
