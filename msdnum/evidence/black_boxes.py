"""Black boxes: inner products that something computes, asked for row by row."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import ml_dtypes
import numpy as np
from numpy.typing import NDArray

from msdnum.emulator.blocks import quantize
from msdnum.emulator.codes import ML_DTYPES
from msdnum.emulator.gemm.diagonals import inner_products, some_rows
from msdnum.emulator.gemm.products import transposed
from msdnum.emulator.quantized_arrays import QuantizedArray
from msdnum.formats.accumulators import AnyAccumulator
from msdnum.formats.blocks import MXFP4, BlockFormat
from msdnum.formats.elements import E8M0, ELEMENT_FORMATS, TF32, UNIT_FORMATS, ElementFormat

__all__ = [
    "FORMATS",
    "BlackBox",
    "Question",
    "box_of_accumulator",
    "box_of_function",
    "codes_and_scales",
    "elements_of",
]

Floats: TypeAlias = NDArray[np.float64]
DotFunction: TypeAlias = Callable[[Any, Any, Floats | None], NDArray[Any]]

FORMATS: dict[str, Any] = {
    **{name: fmt for name, fmt in ELEMENT_FORMATS.items() if fmt in ML_DTYPES and fmt != E8M0},
    **UNIT_FORMATS,
    MXFP4.name: MXFP4,
}
"""Formats of which inner products can be asked, by name."""


@dataclass(frozen=True)
class Question:
    """Rows of both sides, what each starts from, and the answers.

    Parameters
    ----------
    a, b : ndarray of float64
        Of shape (rows, k): numbers of the format.
    c : ndarray of float64, or None
        Of shape (rows,).
    d : ndarray of float64
        The answers, (rows,).
    """

    a: Floats
    b: Floats
    c: Floats | None
    d: Floats


@dataclass(eq=False)
class BlackBox:
    """Inner products that something computes, and all that it has been asked.

    Parameters
    ----------
    name : str
        Name in tables.
    fmt : ElementFormat or BlockFormat
        Format of the elements of both sides.
    dots : callable
        From arrays of elements, both (rows, k), and c or None to the sums, (rows,).
    length : int
        Of every inner product: k.
    takes_c : bool
        Whether it can start from a c.
    asked : list of Question
        All that it has been asked.
    uniform : bool
        Whether all entries of a product were the same where their rows and columns were.
    """

    name: str
    fmt: ElementFormat | BlockFormat
    dots: DotFunction
    length: int
    takes_c: bool
    asked: list[Question] = field(default_factory=list)
    uniform: bool = True

    @property
    def slot(self) -> int:
        """Products from one to the next whose scale is free: 1 where elements have no blocks."""
        size = self.fmt.block_size if isinstance(self.fmt, BlockFormat) else 1
        return size or 1

    @property
    def element(self) -> ElementFormat:
        """Format of the elements, without scales."""
        return self.fmt.element if isinstance(self.fmt, BlockFormat) else self.fmt

    def ask(self, a: Floats, b: Floats, c: Floats | None = None) -> Floats:
        """Return the sums for rows of numbers of the format.

        Raises
        ------
        ValueError
            If it gives anything but one number a row.
        """
        start = None if c is None and not self.takes_c else np.zeros(len(a)) if c is None else c
        found = np.asarray(self.dots(elements_of(a, self.fmt), elements_of(b, self.fmt), start))
        if found.shape != (len(a),):
            raise ValueError(
                f"{self.name} must give one sum for each inner product, {(len(a),)}, got an array "
                f"of shape {found.shape}: it is no product"
            )
        with np.errstate(invalid="ignore"):
            d = found.astype(np.float64)
        self.asked.append(Question(a, b, start, d))
        return d


def elements_of(x: Floats, fmt: ElementFormat | BlockFormat) -> Any:
    """Return numbers of a format as an array of its type, or quantized along the last axis.

    Raises
    ------
    ValueError
        If a number is none of the format.
    """
    found: Any
    if isinstance(fmt, BlockFormat):
        found = quantize(x.astype(np.float32), fmt)
        same = np.array_equal(found.dequantize(), x)
    else:
        with np.errstate(over="ignore", invalid="ignore"):
            found = x.astype(_dtype(fmt))
            same = np.array_equal(found.astype(np.float64), x, equal_nan=True)
    if not same:
        raise ValueError(f"numbers must be of the format {fmt.name}")
    return found


def _dtype(fmt: ElementFormat) -> Any:
    if fmt == TF32:
        return np.float32
    return getattr(ml_dtypes, ML_DTYPES[fmt], ML_DTYPES[fmt])


def codes_and_scales(x: Any) -> tuple[NDArray[Any], NDArray[Any] | None]:
    """Return the codes of an array of elements in one dimension, and those of its scales."""
    if isinstance(x, QuantizedArray):
        return np.asarray(x.codes).ravel(), np.asarray(x.scale_codes).ravel()
    return x.view(f"uint{8 * x.dtype.itemsize}").ravel(), None


# ------------------------------------------------------------------------------------------------
# Boxes
# ------------------------------------------------------------------------------------------------


def box_of_accumulator(
    unit: AnyAccumulator, fmt: ElementFormat | BlockFormat, length: int
) -> BlackBox:
    """Return the box that an emulated product is."""

    def dots(a: Any, b: Any, c: Floats | None) -> NDArray[Any]:
        found: NDArray[Any] = inner_products(a, b, c, unit)
        return found

    return BlackBox(unit.name, fmt, dots, length, _takes_c(unit, fmt))


def _takes_c(unit: AnyAccumulator, fmt: ElementFormat | BlockFormat) -> bool:
    one = elements_of(np.ones((1, 32)), fmt)
    inner_products(one, one, None, unit)
    try:
        inner_products(one, one, np.zeros(1), unit)
    except ValueError:
        return False
    return True


def box_of_function(
    product: Callable[..., Any],
    fmt: ElementFormat | BlockFormat,
    length: int,
    *,
    shape: tuple[int, int] = (16, 16),
    takes_c: bool = False,
) -> BlackBox:
    """Return the box that a function of two matrices is.

    Every inner product fills a whole product of the given shape, since its order may depend on the
    shape, and on the place in it: the answer is that of the first entry.

    Parameters
    ----------
    product : callable
        ``product(a, b)``, or ``product(a, b, c)``, of arrays (m, k), (k, n) and (m, n).
    fmt : ElementFormat or BlockFormat
        Format of the elements.
    length : int
        k of the product.
    shape : tuple of int
        m and n of the product.
    takes_c : bool
        Whether it has a third argument, float32, that it starts from.
    """
    name = getattr(product, "__name__", type(product).__name__)

    def dots(a: Any, b: Any, c: Floats | None) -> NDArray[Any]:
        rows = range(a.shape[0])
        found = [_entries(name, product, a, b, c, i, shape) for i in rows]
        same = (np.array_equal(x, np.full(shape, x[0, 0]), equal_nan=True) for x in found)
        box.uniform &= all(same)
        return np.array([x[0, 0] for x in found])

    box = BlackBox(name, fmt, dots, length, takes_c)
    return box


def _entries(
    name: str,
    product: Callable[..., Any],
    a: Any,
    b: Any,
    c: Floats | None,
    row: int,
    shape: tuple[int, int],
) -> Floats:
    """Return a product whose entries are all of the same row and column."""
    left, right = (
        some_rows(x, np.full(count, row)) for x, count in zip((a, b), shape, strict=True)
    )
    right = right.T.copy() if isinstance(right, np.ndarray) else transposed(right)
    start = [] if c is None else [np.full(shape, c[row], np.float32)]
    found = np.asarray(product(left, right, *start))
    if found.shape != shape or found.dtype.kind not in "fiuV":
        raise ValueError(
            f"{name} must give a matrix of shape {shape} for matrices {left.shape} and "
            f"{right.shape}, got {found.dtype} of shape {found.shape}: it is no product"
        )
    with np.errstate(invalid="ignore"):
        values: Floats = found.astype(np.float64)
    return values
