"""Conversions from one format to another: lossless or not, decided and not sampled."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from msdnum.emulator import block_rows, containers
from msdnum.emulator.arrays import as_array
from msdnum.emulator.floats import as_numbers
from msdnum.evidence.product_bounds import exact_values
from msdnum.formats.blocks import BlockFormat
from msdnum.formats.elements import ElementFormat, FloatFormat

__all__ = ["Conversion", "conversion"]

Numbers: TypeAlias = NDArray[np.float64]
Flags: TypeAlias = NDArray[np.bool_]


@dataclass(frozen=True)
class Conversion:
    """Whether every number of an array is kept, and the first that is not.

    Parameters
    ----------
    lossless : bool
        Whether all are.
    lossy_blocks : int
        Blocks that no scale keeps; elements that are not kept where there are no scales.
    place : tuple of int or None
        Index of the first number, in the order of memory, that is not kept. In its block a scale is
        meant that keeps the largest number and most of those before it; without any, the largest.
    value, nearest : float or None
        That number, and the nearest that it can become under that scale; None without any.
    scales : ndarray of float64 or None
        For a block format, scales that keep all: what `quantize` takes as ``scales``.
    """

    lossless: bool
    lossy_blocks: int
    place: tuple[int, ...] | None = None
    value: float | None = None
    nearest: float | None = None
    scales: Numbers | None = field(default=None, repr=False, compare=False)


def conversion(
    x: Any,
    target: BlockFormat | ElementFormat,
    *,
    axis: int | None = -1,
    block_size: int | tuple[int, int] | None = None,
    tensor_scale: float | None = None,
    signed_zeros: bool = False,
) -> Conversion:
    """Decide whether an array can be converted without a loss, under the best choice of scales.

    Parameters
    ----------
    x : QuantizedArray, AsymmetricArray, or array_like of floats
        Numbers, or codes with scales, which stand for their exact products.
    target : BlockFormat or ElementFormat
        What it becomes: blocks, each with any positive scale that the format has, or numbers
        without a scale.
    axis, block_size
        Blocks of the target, as for `quantize`: ``(128, 128)`` for tiles.
    tensor_scale : float, optional
        That of the target, in a format that has one.
    signed_zeros : bool
        Whether -0 must become -0. NaN must become NaN in any case, and Inf Inf.

    Raises
    ------
    TypeError
        If an argument is not of its type.
    ValueError
        If the products of elements and scales are wider than binary64; if elements of the target
        are wider than 16 bits; if blocks are named for a target without scales; or as `quantize`.

    Notes
    -----
    Of a block that is kept, its largest number is an element times the scale. So only its quotients
    by elements can be the scale, and all are tried that are numbers of the scale format. Products
    of an element and a scale are exact in binary64, and all comparisons are of such products.

    Examples
    --------
    MXFP4 to FP8 in tiles: E4M3 reaches from 2**-9 to 448, so exponents in a tile may differ.

    >>> from msdnum import BLOCK_FORMATS, BlockFormat, ScaleRule, quantize
    >>> from msdnum.evidence import conversion
    >>> from msdnum.formats import BINARY32, E4M3, E4M3FNUZ
    >>> tiles = BlockFormat("FP8", E4M3, BINARY32, 128, ScaleRule.AMAX, rows=128)
    >>> for exponent in (-14, -15):
    ...     x = np.float32([[6, 4] * 16 + [1.5 * 2.0**exponent] * 32])
    ...     found = conversion(quantize(x, BLOCK_FORMATS["MXFP4"]), tiles)
    ...     found.lossless, found.place
    (True, None)
    (False, (0, 32))

    E4M3 to its FNUZ twin, number by number and under a scale:

    >>> x = np.float32([240, 256])
    >>> conversion(x, E4M3FNUZ)
    Conversion(lossless=False, lossy_blocks=1, place=(1,), value=256.0, nearest=240.0)
    """
    if not isinstance(target, BlockFormat | ElementFormat):
        raise TypeError(f"target must be a BlockFormat or an ElementFormat, got {target!r}")
    numbers = _numbers(x)
    element = target.element if isinstance(target, BlockFormat) else target
    if element.bits > 16:
        raise ValueError(f"target must have elements of at most 16 bits, got {element.name}")
    known = _Elements.of(element, signed_zeros)
    if not isinstance(target, BlockFormat):
        _check_without_blocks(target, axis, block_size, tensor_scale)
        return _unscaled(numbers, known)
    fmt, place = block_rows.resolve(numbers, target, axis, block_size, None)
    containers.checked_tensor_scale(tensor_scale, numbers, fmt)
    of_tensor = 1.0 if tensor_scale is None else float(tensor_scale)
    if not 0 < of_tensor < math.inf:
        raise ValueError(f"tensor_scale must be positive and finite, got {tensor_scale}")
    return _scaled(numbers, fmt, place, known, of_tensor)


def _check_without_blocks(target: ElementFormat, axis: Any, *others: Any) -> None:
    if axis not in (-1, None) or any(other is not None for other in others):
        raise ValueError(
            f"axis, block_size and tensor_scale must be left out for {target.name}, which has no "
            f"scales: name a BlockFormat of its elements"
        )


def _numbers(x: Any) -> Numbers:
    if hasattr(x, "dequantize"):
        return np.asarray(exact_values(x), np.float64)
    return np.asarray(as_numbers(np.asarray(as_array(x, "x")), "x"), np.float64)


@dataclass(frozen=True)
class _Elements:
    """The numbers of an element format, and what else it has."""

    ascending: Numbers
    nan: bool
    inf: bool
    negative_zero: bool

    @classmethod
    def of(cls, fmt: ElementFormat, signed_zeros: bool) -> "_Elements":
        values = np.array(fmt.values)
        if not isinstance(fmt, FloatFormat) and hasattr(fmt, "min_integer"):
            values = values[values >= fmt.min_integer * fmt.eta]
        zeros = bool((np.signbit(values) & (values == 0)).any())
        finite = np.unique(values[np.isfinite(values)])
        has = fmt.nan_code is not None, fmt.inf_code is not None
        return cls(finite, *has, zeros or not signed_zeros)

    def nearest(self, x: Numbers) -> Numbers:
        """Return the elements that are nearest to numbers; the lower of two."""
        right = np.searchsorted(self.ascending, x).clip(1, len(self.ascending) - 1)
        low, high = self.ascending[right - 1], self.ascending[right]
        found: Numbers = np.where(x - low <= high - x, low, high)
        return found

    def kept(self, x: Numbers, scale: Numbers) -> Flags:
        """Return which numbers are an element times a scale."""
        with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
            found: Flags = self.nearest(x / scale) * scale == x
        found &= ~(np.signbit(x) & (x == 0)) | self.negative_zero
        found |= np.isnan(x) & self.nan | np.isinf(x) & self.inf
        return found


def _unscaled(x: Numbers, known: _Elements) -> Conversion:
    lost = ~known.kept(x, np.ones_like(x))
    if not lost.any():
        return Conversion(True, 0)
    place = tuple(int(i) for i in np.unravel_index(lost.argmax(), x.shape))
    value = float(x[place])
    return Conversion(False, int(lost.sum()), place, value, float(known.nearest(x[place])))


def _scaled(
    x: Numbers, fmt: BlockFormat, axis: int | None, known: _Elements, tensor_scale: float
) -> Conversion:
    rows = block_rows.split(x, fmt, axis)
    inside = block_rows.split(np.ones(x.shape, bool), fmt, axis)
    whole_nan = (np.isnan(rows) | ~inside).all(axis=1)
    # Of a block of zeros, or of NaN, nothing hangs on the scale.
    best = np.where(whole_nan, np.nan, fmt.scale.value(0) * tensor_scale)[:, None]
    first = np.where(whole_nan, rows.shape[1], -1)
    for scale in _candidates(rows, fmt.scale, known.ascending, tensor_scale):
        tried = np.flatnonzero((first < rows.shape[1]) & (scale[:, 0] > 0))
        lost = ~known.kept(rows[tried], scale[tried])
        until = np.where(lost.any(axis=1), lost.argmax(axis=1), rows.shape[1])
        better = until > first[tried]
        first[tried[better]] = until[better]
        best[tried[better]] = scale[tried[better]]
    if (first == rows.shape[1]).all():
        stored = block_rows.join_scales(best / tensor_scale, fmt, x.shape, axis)
        return Conversion(True, 0, scales=stored)
    first = np.where(first < 0, _largest(rows), first)
    places = block_rows.split(np.arange(x.size).reshape(x.shape), fmt, axis)
    failing = np.flatnonzero(first < rows.shape[1])
    flat = places[failing, first[failing]]
    row = failing[flat.argmin()]
    value, scale = rows[row, first[row]], best[row, 0]
    nearest = float(known.nearest(value / scale) * scale) if scale > 0 else None
    place = tuple(int(i) for i in np.unravel_index(flat.min(), x.shape))
    return Conversion(False, len(failing), place, float(value), nearest)


def _largest(rows: Numbers) -> NDArray[np.intp]:
    """Return where the finite number of the largest magnitude of each row is."""
    found: NDArray[np.intp] = np.where(np.isfinite(rows), np.abs(rows), -1).argmax(axis=1)
    return found


def _candidates(
    rows: Numbers, scale: FloatFormat, elements: Numbers, tensor_scale: float
) -> Iterator[Numbers]:
    """Yield scales, one for each row and 0 where there is none, which may keep all of the row.

    The smallest come first: they leave most room below the largest number.
    """
    top = rows[np.arange(len(rows)), _largest(rows)][:, None]
    top = np.where(np.isfinite(top), top, 0)
    usual = np.full(top.shape, _one(scale) * tensor_scale)
    yield np.where(top == 0, usual, 0)
    for element in sorted(elements[elements != 0], key=abs, reverse=True):
        found = top / element
        with np.errstate(invalid="ignore"):
            exact = (found > 0) & (found * element == top)
        stored = np.where(exact, found, 0) / tensor_scale
        exact &= (stored * tensor_scale == found) & _is_number(stored, scale)
        yield np.where(exact, found, 0)


def _one(scale: FloatFormat) -> float:
    """Return a number of the format of scales: 1, or the one that is nearest below."""
    return min(1.0, scale.max_finite)


def _is_number(x: Numbers, fmt: FloatFormat) -> Flags:
    """Return which positive numbers are some of a float format."""
    exponent = np.frexp(x)[1] - 1
    quantum = np.ldexp(1.0, np.maximum(exponent, fmt.emin) - fmt.fraction_bits)
    found: Flags = (np.rint(x / quantum) * quantum == x) & (x <= fmt.max_finite)
    return found & ((x >= fmt.min_normal) | fmt.subnormals)
