"""Inner products row by row: the diagonals of small products."""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from msdnum.emulator.gemm.products import matmul, transposed
from msdnum.emulator.quantized_arrays import QuantizedArray
from msdnum.formats.accumulators import AnyAccumulator
from msdnum.formats.elements import FP16

__all__ = ["inner_products", "some_rows"]

ROWS = 32
"""Rows of a product of which only the diagonal is wanted: a matrix is faster than its parts."""


def inner_products(a: Any, b: Any, c: NDArray[Any] | None, accumulator: AnyAccumulator) -> Any:
    """Return the inner product of each row of ``a`` with the same row of ``b``, from its c.

    Parameters
    ----------
    a, b : ndarray or QuantizedArray
        Of shape (rows, k), blocks along k.
    c : ndarray, or None
        Of shape (rows,), cut to what the accumulator holds; None: no c.
    accumulator : Accumulator
        What the products are added in.

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
    found = [
        _diagonal(some_rows(a, part), some_rows(b, part), None if c is None else c[part],
                  accumulator)
        for part in (slice(i, i + ROWS) for i in range(0, a.shape[0], ROWS))
    ]  # fmt: skip
    return np.concatenate(found)


def _diagonal(a: Any, b: Any, c: NDArray[Any] | None, accumulator: AnyAccumulator) -> NDArray[Any]:
    start = None
    if c is not None:
        held = np.float16 if accumulator.output == FP16 else np.float32
        start = np.zeros((len(c), len(c)), held)
        with np.errstate(over="ignore"):
            np.fill_diagonal(start, c)
    right = transposed(b) if isinstance(b, QuantizedArray) else b.T.copy()
    return np.array(np.diagonal(matmul(a, right, c=start, accumulator=accumulator)))


def some_rows(x: Any, rows: Any) -> Any:
    """Return some rows of an array, quantized or not."""
    if isinstance(x, QuantizedArray):
        return replace(x, codes=x.codes[rows], scale_codes=x.scale_codes[rows])
    return x[rows]
