"""Loops over k and over tiles of a result, in NumPy and in JAX: none of them changes a bit."""

from collections.abc import Callable, Iterator
from enum import Enum, unique
from typing import Any, TypeAlias

import numpy as np

from msdnum.emulator import backend
from msdnum.emulator.backend import Array

__all__ = ["Arrays", "Run", "Tiling", "cut", "over_tiles", "padded", "slices"]

ELEMENTS = 1 << 15
"""Elements of a tile of NumPy's accumulator: it and a product stay in the cache."""
DOT_ELEMENTS = 1 << 20
"""The same where BLAS makes the products, in JAX too: rows alone."""
ROWS, COLUMNS = 512, 128
"""A tile in JAX elsewhere."""

Arrays: TypeAlias = list[Array]
"""What an accumulator needs of a factor, each (m, k) on the left, (k, n) on the right."""


@unique
class Tiling(Enum):
    """Which tiles of the result suit what is done with them."""

    CACHED = "small ones, whose accumulator and products stay in the cache"
    BLAS = "whole rows, for the products of BLAS"


Run: TypeAlias = Callable[[Arrays, Arrays, Array], Array]
"""From rows of the left, columns of the right and c between them to the next c."""


def cut(x: Array, start: Any, size: int, axis: int) -> Array:
    """Return a slice of one axis."""
    if backend.is_jax(x):
        from jax.lax import dynamic_slice_in_dim

        return dynamic_slice_in_dim(x, start, size, axis)
    return x[(slice(None),) * axis + (slice(start, start + size),)]


def slices(a: Arrays, b: Arrays, start: Any, size: int) -> tuple[Arrays, Arrays]:
    """Return the same slice of k of both sides."""
    return [cut(v, start, size, 1) for v in a], [cut(v, start, size, 0) for v in b]


def padded(a: Arrays, b: Arrays, size: int) -> tuple[Arrays, Arrays]:
    """Fill k up with zeros to a multiple of ``size``."""
    missing = -a[0].shape[1] % size
    if not missing:
        return a, b
    xp = backend.namespace(a[0])
    return (
        [xp.pad(v, [(0, 0), (0, missing), *[(0, 0)] * (v.ndim - 2)]) for v in a],
        [xp.pad(v, [(0, missing), *[(0, 0)] * (v.ndim - 1)]) for v in b],
    )


def over_tiles(run: Run, a: Arrays, b: Arrays, c: Array, tiling: Tiling) -> Array:
    """Apply ``run`` to tiles of the result: every entry is computed as it is without them."""
    dot_rows = max(1, DOT_ELEMENTS // c.shape[1])
    if backend.is_jax(c):
        rows, columns = (dot_rows, c.shape[1]) if tiling is Tiling.BLAS else (ROWS, COLUMNS)
        return _over_jax_tiles(run, a, b, c, rows, columns)
    rows, columns = (dot_rows, c.shape[1]) if tiling is Tiling.BLAS else (ELEMENTS // 512, 512)
    result = np.empty_like(c)
    with np.errstate(all="ignore"):
        for j in _parts(c.shape[1], columns):
            right = [v[:, j] for v in b]
            for i in _parts(c.shape[0], rows):
                result[i, j] = run([v[i] for v in a], right, c[i, j])
    return result


def _parts(length: int, size: int) -> Iterator[slice]:
    return (slice(start, start + size) for start in range(0, length, size))


def _over_jax_tiles(run: Run, a: Arrays, b: Arrays, c: Array, rows: int, columns: int) -> Array:
    """Loop over tiles whose columns are contiguous, so that a step reads from the first cache."""
    import jax

    m, n = c.shape
    # Rows as even as can be: the last tile is filled up with zeros.
    rows, columns = -(-m // -(-m // rows)), min(columns, n)
    if (rows, columns) == (m, n):
        return run(a, b, c)
    left = [_row_tiles(v, rows) for v in a]
    right = [_column_tiles(v, columns) for v in b]
    start = _column_tiles(_row_tiles(c, rows), columns)

    def of_columns(operands: tuple[Arrays, Array]) -> Array:
        right, start = operands
        return jax.lax.map(lambda tile: run(tile[0], right, tile[1]), (left, start))

    result = jax.lax.map(of_columns, (right, start))
    return jax.numpy.moveaxis(result, 0, 2).reshape(result.shape[1] * rows, -1)[:m, :n]


def _row_tiles(x: Array, rows: int) -> Array:
    padded = backend.namespace(x).pad(x, ((0, -x.shape[0] % rows), (0, 0)))
    return padded.reshape(-1, rows, x.shape[1])


def _column_tiles(x: Array, columns: int) -> Array:
    """Return (tiles, ..., columns) of (..., n)."""
    xp = backend.namespace(x)
    padded = xp.pad(x, [(0, 0)] * (x.ndim - 1) + [(0, -x.shape[-1] % columns)])
    return xp.moveaxis(padded.reshape(*x.shape[:-1], -1, columns), -2, 0)
