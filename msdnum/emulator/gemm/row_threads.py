"""Rows of a product in a thread for each core, where JAX runs a loop on one core alone.

Every entry is computed as it is without them, so that no bit depends on it.
"""

import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any, TypeAlias

import numpy as np

from msdnum._cores import cores
from msdnum.emulator import backend
from msdnum.emulator.backend import Array
from msdnum.emulator.gemm.plans import codes
from msdnum.emulator.jax_settings import under_own_settings
from msdnum.emulator.quantized_arrays import QuantizedArray

__all__ = ["in_row_threads", "parts_of_rows"]

ONE_CORE_SINCE = (0, 11)
"""First version of JAX whose loops are taken to run on one core: 0.12.0 does, 0.10.2 does not."""
FEWEST_PRODUCTS, FEWEST_ROWS = 1 << 24, 32
"""Of a whole result, and of a thread: fewer are done before it has begun."""

Terms: TypeAlias = tuple[Any, ...]


def parts_of_rows(left: Terms, right: Terms, c: Array | None) -> int:
    """Return how many threads suit a product: 1 within ``jit``, off the CPU, and for small ones."""
    jax = sys.modules["jax"]
    first, second = codes(left[0]), codes(right[0])
    if jax.__version_info__ < ONE_CORE_SINCE or len(first.shape) != 2 or len(second.shape) != 2:
        return 1
    if first.size * second.shape[1] < FEWEST_PRODUCTS or not all(map(_has_rows, left)):
        return 1
    arrays = jax.tree.leaves((left, right, c))
    if any(map(backend.is_traced, arrays)) or jax.config.jax_default_device is not None:
        return 1
    if any(x.devices() != {jax.local_devices(backend="cpu")[0]} for x in arrays):
        return 1
    rows = int(first.shape[0])
    return max(1, min(cores(), rows // FEWEST_ROWS))


def _has_rows(term: Any) -> bool:
    """Return whether each row of a term has codes and scales of its own."""
    if isinstance(term, QuantizedArray):
        return term.axis == -1 and term.scale_codes.shape[0] == term.codes.shape[0]
    return backend.is_jax(term)


def in_row_threads(
    product: Callable[[Terms, Array | None], Array], left: Terms, c: Array | None, parts: int
) -> Array:
    """Return ``product(left, c)`` from parts of their rows, all of one length: some overlap."""
    from jax.lax import dynamic_slice_in_dim

    rows = codes(left[0]).shape[0]
    size = -(-rows // parts)
    starts = [min(i * size, rows - size) for i in range(parts)]

    def some(x: Array, start: int) -> Array:
        return dynamic_slice_in_dim(x, np.int32(start), size)

    # JAX's settings are those of a thread, and so is waiting for a result.
    @under_own_settings
    def run(start: int) -> Array:
        terms = tuple(_of_rows(term, lambda x: some(x, start)) for term in left)
        return product(terms, None if c is None else some(c, start)).block_until_ready()

    with ThreadPoolExecutor(parts) as pool:
        found = list(pool.map(run, starts))
    kept = [x[i * size - start :] for i, (x, start) in enumerate(zip(found, starts, strict=True))]
    return backend.namespace(found[0]).concatenate(kept)


def _of_rows(term: Any, some: Callable[[Array], Array]) -> Any:
    if isinstance(term, QuantizedArray):
        return replace(term, codes=some(term.codes), scale_codes=some(term.scale_codes))
    return some(term)
