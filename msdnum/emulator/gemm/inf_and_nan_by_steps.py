"""Inf and NaN in a sum of products as units have them: each step decides, overflows count."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from msdnum.emulator import backend
from msdnum.emulator.backend import Array
from msdnum.emulator.gemm.accumulation import accumulate
from msdnum.emulator.gemm.batches import arrays
from msdnum.emulator.gemm.float_products import dot
from msdnum.emulator.gemm.inf_and_nan import TermPair, finite, signs
from msdnum.emulator.gemm.operands import OperandType, Prepared, scaled_elements
from msdnum.emulator.gemm.tiles import cut
from msdnum.emulator.gemm.units.cdna3 import with_infinite_products
from msdnum.emulator.gemm.units.flushed import without_subnormals
from msdnum.emulator.gemm.units.kinds import sums_of
from msdnum.emulator.gemm.units.sums import EXACT_APART, EXACT_VALUES, Range, plain_values
from msdnum.formats.accumulators import (
    AnyAccumulator,
    Blocks,
    Cdna3Unit,
    GroupedUnit,
    MatrixUnit,
    PairwiseUnit,
)

__all__ = ["sum_by_steps", "with_nan_of_unit"]

NVIDIA_NAN = {"float32": (np.int32, 0x7FFFFFFF), "float16": (np.int16, 0x7FFF)}


def sum_by_steps(
    operands: Sequence[TermPair], c: Array | None, accumulator: AnyAccumulator
) -> Array:
    """Return c plus all products, Inf and NaN decided in each step."""
    a, b, _ = operands[0]
    shape = (a.elements.shape[0], b.elements.shape[1])
    total = backend.namespace(a.elements).zeros(shape, np.float32) if c is None else c
    for left, right, kinds in operands:
        total = _all_steps(total, left, right, kinds, accumulator)
    return total


def _all_steps(
    total: Array,
    a: Prepared,
    b: Prepared,
    kinds: tuple[OperandType, OperandType],
    accumulator: AnyAccumulator,
) -> Array:
    length = kinds[0].length
    size = min(sums_of(accumulator).step(EXACT_APART, kinds)[1], length)

    def step(i: Any, total: Array, length: int = size) -> Array:
        x = arrays(a, lambda v: cut(v, i * size, length, 1))
        y = arrays(b, lambda v: cut(v, i * size, length, 0))
        inner = replace(kinds[0], length=length), replace(kinds[1], length=length)
        if isinstance(accumulator, PairwiseUnit):
            return _natively(total, x, y, inner, accumulator)
        return _one_step(total, x, y, inner, accumulator)

    total = backend.loop(length // size, step, total)
    return step(length // size, total, length % size) if length % size else total


def _one_step(
    total: Array,
    a: Prepared,
    b: Prepared,
    kinds: tuple[OperandType, OperandType],
    accumulator: AnyAccumulator,
) -> Array:
    xp = backend.namespace(total)
    x, y, known = _finite(a), _finite(b), xp.isfinite(total)
    with np.errstate(invalid="ignore", over="ignore"):
        special = dot(signs(a), signs(b)) + xp.where(known, np.float32(0), total)
        if isinstance(accumulator, Cdna3Unit):
            # Of finite numbers, too, products can be infinite.
            left, right, _ = sums_of(accumulator).operands(x, y, kinds, Range.ANY)
            zero = xp.zeros_like(total)
            special = special + with_infinite_products(zero, zero, left, right)
    found = accumulate(x, y, kinds, accumulator, Range.ANY, finite(total))
    return xp.where(xp.isfinite(special), found, special)


def _natively(
    total: Array,
    a: Prepared,
    b: Prepared,
    kinds: tuple[OperandType, OperandType],
    accumulator: PairwiseUnit,
) -> Array:
    """Return the step of a unit that adds as binary32 does: Inf and NaN are numbers like others."""
    sides = []
    with np.errstate(all="ignore"):
        for x, kind in zip((a, b), kinds, strict=True):
            value = plain_values(without_subnormals(x, kind))
            if x.nan is not None:
                value = backend.namespace(value).where(x.nan, np.float32(np.nan), value)
            sides.append([value])
        return sums_of(accumulator).fold(EXACT_VALUES, kinds, sides[0], sides[1], total)


def _finite(x: Prepared) -> Prepared:
    """Return a side with zeros in place of Inf and NaN."""
    xp = backend.namespace(x.elements)
    return x._replace(
        elements=xp.where(xp.isfinite(scaled_elements(x)), x.elements, xp.zeros_like(x.elements))
    )


def with_nan_of_unit(result: Array, accumulator: AnyAccumulator) -> Array:
    """Return a result of float32 or float16 whose NaN is that of the unit, if it is NVIDIA's."""
    inner = accumulator.inner if isinstance(accumulator, Blocks) else accumulator
    if not isinstance(inner, MatrixUnit | GroupedUnit):
        return result
    integer, nan = NVIDIA_NAN[str(result.dtype)]
    xp = backend.namespace(result)
    return xp.where(xp.isnan(result), integer(nan), result.view(integer)).view(result.dtype)
