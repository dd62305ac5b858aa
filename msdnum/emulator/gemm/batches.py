"""Batches of matrices: one flat matrix where the right side is one, else one after the other."""

from collections.abc import Callable
from math import prod
from typing import TypeAlias

from msdnum.emulator import backend
from msdnum.emulator.backend import Array
from msdnum.emulator.gemm.operands import Prepared

__all__ = ["Factors", "Product", "arrays", "batched", "flat", "mapped", "one_by_one"]

Factors: TypeAlias = list[Prepared]
"""The terms of one side."""
Product: TypeAlias = Callable[[Factors, Factors, Array | None], Array]
"""From two sides, and a c where there is one, to their product."""


def arrays(x: Prepared, function: Callable[[Array], Array]) -> Prepared:
    """Apply a function to each array of a side."""
    return Prepared(*[None if v is None else function(v) for v in x])


def flat(x: Prepared) -> Prepared:
    """Make one matrix of a batch of left factors."""
    xp = backend.namespace(x.elements)
    batch = x.elements.shape[:-2]

    def rows(v: Array) -> Array:
        if batch and v.ndim > 2 and v.size > 1:
            v = xp.broadcast_to(v, (*batch, *v.shape[-2:]))
        return v.reshape(-1, v.shape[-1]) if v.ndim > 2 else v

    return arrays(x, rows)


def batched(x: Prepared, batch: tuple[int, ...]) -> Prepared:
    """Repeat what a batch of this shape shares, with one leading dimension for all of it."""
    xp = backend.namespace(x.elements)

    def stacked(v: Array) -> Array:
        v = v.reshape((1, 1)) if v.ndim == 0 else v
        return xp.broadcast_to(v, (*batch, *v.shape[-2:])).reshape(prod(batch), *v.shape[-2:])

    return arrays(x, stacked)


def one_by_one(product: Product, a: Factors, b: Factors, c: Array | None) -> Array:
    """Multiply each member of the batch, whose values are known."""
    members = range(a[0].elements.shape[0])
    found = [product(_member(a, i), _member(b, i), None if c is None else c[i]) for i in members]
    return backend.namespace(a[0].elements).stack(found)


def mapped(product: Product, a: Factors, b: Factors, c: Array | None) -> Array:
    """Multiply each member of the batch in a loop of JAX."""
    import jax

    return jax.lax.map(lambda operands: product(*operands), (a, b, c))


def _member(factors: Factors, i: int) -> Factors:
    return [arrays(x, lambda v: v[i]) for x in factors]
