"""Sums in binary32: one after the other, and as a tree."""

from collections.abc import Callable, Sequence
from typing import Any

from msdnum.emulator import backend
from msdnum.emulator.backend import Array
from msdnum.emulator.gemm.tiles import Arrays, padded, slices
from msdnum.emulator.gemm.units.sums import (
    EXACT_VALUES,
    OperandTypes,
    Operations,
    RangedSums,
    Step,
    product_at,
)
from msdnum.formats.accumulators import Pairwise, Sequential

__all__ = ["PairwiseSums", "SequentialSums", "tree"]

UNROLLED = 16
TREE = 32


class SequentialSums(RangedSums[Sequential]):
    """One product after the other."""

    def step(self, operations: Operations, kinds: OperandTypes) -> tuple[Step, int]:
        """Return a step of one product, or of several where nothing is careful."""

        def step(c: Array, a: Arrays, b: Arrays) -> Array:
            for k in range(a[0].shape[1]):
                c = operations.add(c, product_at(operations, a, b, k))
            return c

        return step, UNROLLED if operations is EXACT_VALUES else 1


class PairwiseSums(RangedSums[Pairwise]):
    """A tree over all of k: its only step."""

    def step(self, operations: Operations, kinds: OperandTypes) -> tuple[Step, int]:
        """Return the whole tree."""

        def step(c: Array, a: Arrays, b: Arrays) -> Array:
            return operations.add(c, _over_k(operations, a, b))

        return step, kinds[0].length

    def fold(
        self, operations: Operations, kinds: OperandTypes, a: Arrays, b: Arrays, c: Array
    ) -> Array:
        """Return c plus the tree, whatever the length of k."""
        return self.step(operations, kinds)[0](c, a, b)


def tree(terms: Sequence[Array], add: Callable[[Array, Array], Array]) -> Array:
    """Add neighbours, then their sums; an odd one moves up."""
    while len(terms) > 1:
        sums = [add(x, y) for x, y in zip(terms[::2], terms[1::2], strict=False)]
        terms = sums + list(terms[len(terms) - len(terms) % 2 :])
    return terms[0]


def _over_k(operations: Operations, a: Arrays, b: Arrays) -> Array:
    """Sum a tree over k filled up with zeros to a power of two, which changes no sum."""
    length = a[0].shape[1]
    size = min(TREE if operations is EXACT_VALUES else 2, 1 << (length - 1).bit_length())
    chunks = 1 << (-(-length // size) - 1).bit_length()
    a, b = padded(a, b, size * chunks)

    def leaf(i: Any) -> Array:
        x, y = slices(a, b, i * size, size)
        return tree([product_at(operations, x, y, k) for k in range(size)], operations.add)

    if chunks == 1:
        return leaf(0)
    return _counted(chunks, leaf, operations.add)


def _counted(
    chunks: int, leaf: Callable[[Any], Array], add: Callable[[Array, Array], Array]
) -> Array:
    """Add up a balanced tree with one partial sum for each level: a binary counter."""
    first = leaf(0)
    if not backend.is_jax(first):
        stack: list[Array] = []
        for i in range(chunks):
            total = first if i == 0 else leaf(i)
            while i & 1:
                total, i = add(stack.pop(), total), i >> 1
            stack.append(total)
        return stack[0]
    import jax

    levels = chunks.bit_length()
    empty = jax.numpy.zeros((levels, *first.shape), first.dtype)

    def body(i: Any, stack: Array) -> Array:
        level, total = jax.lax.while_loop(
            lambda state: (i >> state[0]) & 1 == 1,
            lambda state: (state[0] + 1, add(stack[state[0]], state[1])),
            (0, leaf(i)),
        )
        return jax.lax.dynamic_update_index_in_dim(stack, total, level, 0)

    return jax.lax.fori_loop(0, chunks, body, empty)[levels - 1]
