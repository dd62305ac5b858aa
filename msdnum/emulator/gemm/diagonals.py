"""Inner products row by row: elementwise where a unit has steps, else diagonals of products."""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from msdnum.emulator.gemm.accumulation import check_accumulator
from msdnum.emulator.gemm.checks import as_operand
from msdnum.emulator.gemm.inf_and_nan import has_special
from msdnum.emulator.gemm.operands import cut_to_taken, kind, prepare
from msdnum.emulator.gemm.plans import ARRAYS_OF
from msdnum.emulator.gemm.products import matmul, transposed
from msdnum.emulator.gemm.units.kinds import sums_of
from msdnum.emulator.gemm.units.sums import Range
from msdnum.emulator.quantized_arrays import QuantizedArray
from msdnum.formats.accumulators import AnyAccumulator, Blocks, Pairwise, StepUnit
from msdnum.formats.modes import InfAndNan

__all__ = ["inner_products", "some_rows"]

ROWS = 32
"""Rows of a product of which only the diagonal is wanted: a matrix is faster than its parts."""
MANY = 4096
"""Rows at a time elsewhere: their arrays stay in the cache."""


def inner_products(
    a: Any,
    b: Any,
    c: NDArray[Any] | None,
    accumulator: AnyAccumulator,
    inf_and_nan: InfAndNan = InfAndNan.OF_THE_SUM,
) -> Any:
    """Return the inner product of each row of ``a`` with the same row of ``b``, from its c.

    Parameters
    ----------
    a, b : ndarray or QuantizedArray
        Of shape (rows, k), blocks along k.
    c : ndarray, or None
        Of shape (rows,), cut to what the accumulator holds; None: no c.
    accumulator : Accumulator
        What the products are added in.
    inf_and_nan : InfAndNan
        As that of ``matmul``.

    Returns
    -------
    ndarray of float32
        Shape (rows,).

    Examples
    --------
    >>> from msdnum import accumulators
    >>> from msdnum.emulator.gemm.diagonals import inner_products
    >>> ones = np.ones((3, 4), np.float16)
    >>> inner_products(ones, ones, np.array([0, 1, 2]), accumulators.VOLTA)
    array([4., 5., 6.], dtype=float32)
    """
    whole = isinstance(accumulator, Blocks | Pairwise | StepUnit)
    if whole or not sums_of(accumulator).takes_start:
        return _by_diagonals(a, b, c, accumulator, inf_and_nan)
    parts = (slice(i, i + MANY) for i in range(0, a.shape[0], MANY))
    found = [
        _elementwise(
            some_rows(a, part),
            some_rows(b, part),
            None if c is None else c[part],
            accumulator,
            inf_and_nan,
        )
        for part in parts
    ]
    return np.concatenate(found)


def _elementwise(
    a: Any,
    b: Any,
    c: NDArray[Any] | None,
    accumulator: AnyAccumulator,
    inf_and_nan: InfAndNan,
) -> NDArray[Any]:
    """Take the rows along an axis of their own, where a step has columns: as many as it likes."""
    x, y = as_operand(a, "a"), as_operand(b, "b")
    kinds = (
        cut_to_taken(kind(x, -1, "a"), accumulator.takes),
        cut_to_taken(kind(y, -1, "b"), accumulator.takes),
    )
    check_accumulator(accumulator, kinds, kinds[0].length)
    prepared = prepare(x, kinds[0], -1), prepare(y, kinds[1], -1)
    start = np.zeros(a.shape[0], np.float32) if c is None else held(c, accumulator)
    special = any(has_special(v, k) for v, k in zip(prepared, kinds, strict=True))
    if special or not np.isfinite(start).all() or any(v.outer is not None for v in prepared):
        return _by_diagonals(a, b, c, accumulator, inf_and_nan)
    left, right, operations = sums_of(accumulator).operands(*prepared, kinds, Range.ANY)
    with np.errstate(all="ignore"):
        found = sums_of(accumulator).fold(
            operations, kinds, [v.T[np.newaxis] for v in left], [v.T for v in right], start[None]
        )
    total: NDArray[Any] = np.where(np.isnan(found), np.float32(np.nan), found).reshape(-1)
    return total


def held(c: NDArray[Any], accumulator: AnyAccumulator) -> NDArray[np.float32]:
    """Return numbers as an accumulator holds them."""
    with np.errstate(over="ignore"):
        found: NDArray[np.float32] = c.astype(_type_of_c(accumulator)).astype(np.float32)
    return found


def _type_of_c(accumulator: AnyAccumulator) -> np.dtype[Any]:
    return np.dtype(ARRAYS_OF.get(accumulator.output, "float32"))


def _by_diagonals(
    a: Any,
    b: Any,
    c: NDArray[Any] | None,
    accumulator: AnyAccumulator,
    inf_and_nan: InfAndNan = InfAndNan.OF_THE_SUM,
) -> NDArray[Any]:
    """Take some rows at a time: the diagonal of a product that is otherwise not needed."""

    def diagonal(part: slice) -> NDArray[Any]:
        start, right = None, some_rows(b, part)
        if c is not None:
            start = np.zeros((len(c[part]),) * 2, _type_of_c(accumulator))
            with np.errstate(over="ignore"):
                np.fill_diagonal(start, c[part])
        right = transposed(right) if isinstance(right, QuantizedArray) else right.T.copy()
        product = matmul(
            some_rows(a, part), right, c=start, accumulator=accumulator, inf_and_nan=inf_and_nan
        )
        return np.array(np.diagonal(product))

    return np.concatenate([diagonal(slice(i, i + ROWS)) for i in range(0, a.shape[0], ROWS)])


def some_rows(x: Any, rows: Any) -> Any:
    """Return some rows of an array, quantized or not."""
    if isinstance(x, QuantizedArray):
        return replace(x, codes=x.codes[rows], scale_codes=x.scale_codes[rows])
    return x[rows]
