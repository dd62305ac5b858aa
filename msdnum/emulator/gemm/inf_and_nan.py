"""Inf and NaN in a sum of products, whatever the accumulator: as IEEE 754 has it."""

import operator
from collections.abc import Sequence
from functools import reduce
from typing import TypeAlias

import numpy as np

from msdnum.emulator import backend
from msdnum.emulator.backend import Array
from msdnum.emulator.gemm.float_products import dot
from msdnum.emulator.gemm.operands import OperandType, Prepared, scaled_elements

__all__ = ["TermPair", "finite", "has_special", "signs", "with_specials"]

TermPair: TypeAlias = tuple[Prepared, Prepared, tuple[OperandType, OperandType]]


def finite(c: Array) -> Array:
    """Return c with zeros for Inf and NaN: what an accumulator starts from."""
    xp = backend.namespace(c)
    return xp.where(xp.isfinite(c), c, np.float32(0))


def with_specials(result: Array, operands: Sequence[TermPair], c: Array | None) -> Array:
    """Return ``result``, but where c and the products of all operands sum to Inf or NaN, that.

    Inf and NaN decide about every sum that they are part of, and about no other: what an
    accumulator makes of them is replaced.
    """
    sides = [side for a, b, kinds in operands for side in ((a, kinds[0]), (b, kinds[1]))]
    found = reduce(operator.or_, [has_special(x, kind) for x, kind in sides])
    xp = backend.namespace(result)
    if c is not None:
        found = found | ~xp.isfinite(c).all()

    def replaced() -> Array:
        special = sum(dot(signs(a), signs(b)) for a, b, _ in operands)
        if c is not None:
            with np.errstate(invalid="ignore"):
                special = special + xp.where(xp.isfinite(c), np.float32(0), c)
        return xp.where(xp.isfinite(special), result, special)

    if not backend.is_jax(found):
        return replaced() if found else result
    import jax

    return jax.lax.cond(found, replaced, lambda: result)


def has_special(x: Prepared, kind: OperandType) -> Array:
    """Return whether an element with its scale inside is Inf or NaN."""
    found = np.zeros((), bool) if x.nan is None else x.nan.any()
    if kind.has_specials or x.scales is not None:
        found = found | ~backend.namespace(x.elements).isfinite(scaled_elements(x)).all()
    return found


def signs(x: Prepared) -> Array:
    """Return the values with -1, 0 and 1 in place of the finite ones."""
    xp = backend.namespace(x.elements)
    value = scaled_elements(x)
    value = value if x.nan is None else xp.where(x.nan, np.float32(np.nan), value)
    return xp.where(xp.isfinite(value), xp.sign(value), value)
