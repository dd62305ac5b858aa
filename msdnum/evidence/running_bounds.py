"""Theorem running-error applied to emulated products and scores: bounds that are computed along.

The sums are added up again, one binary32 operation after the other, and each that is rounded adds
its share to the bound. They must come out as ``matmul``'s, bit by bit; otherwise nothing is said.
"""

from dataclasses import dataclass
from functools import reduce
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from msdnum import bounds
from msdnum.emulator.decompositions import decompose_terms
from msdnum.emulator.elements import decode
from msdnum.emulator.gemm.products import matmul
from msdnum.emulator.quantized_arrays import QuantizedArray
from msdnum.evidence.product_bounds import exact_values
from msdnum.evidence.products import ProductResult
from msdnum.formats.accumulators import EXACT, SEQUENTIAL, AnyAccumulator, Exact, Int32
from msdnum.formats.elements import BINARY32, E8M0, IntegerFormat
from msdnum.formats.schemes import Scheme

__all__ = ["running_product"]

Floats: TypeAlias = NDArray[np.float64]
Float32s: TypeAlias = NDArray[np.float32]
Operand: TypeAlias = QuantizedArray | Float32s

U32 = float(bounds.U32)
HALF_UNDERFLOW = BINARY32.eta / 2


def _wide(x: Float32s) -> Floats:
    """Return magnitudes in binary64: their sums in binary32 would be rounded either way."""
    magnitudes: Floats = np.abs(x).astype(np.float64)
    return magnitudes


@dataclass(frozen=True, eq=False)
class _Tracked:
    """Binary32 numbers, and what bounds their errors."""

    value: Float32s
    error: Floats

    def times(self, scale: Float32s | None) -> "_Tracked":
        """Multiply by a scale, rounded; binary64 holds the product, so its rounding is known."""
        if scale is None:
            return self
        exact = self.value.astype(np.float64) * scale.astype(np.float64)
        value = (self.value * scale).astype(np.float32)
        rounding = np.abs(value - exact) + HALF_UNDERFLOW * (np.abs(exact) < BINARY32.min_normal)
        return _Tracked(value, np.abs(scale) * self.error + rounding)

    def plus(self, other: "_Tracked") -> "_Tracked":
        """Add, rounded."""
        value = self.value + other.value
        return _Tracked(value, self.error + other.error + U32 * _wide(value))


@dataclass(frozen=True, eq=False)
class _Factor:
    """What of a factor is inside the products, exactly, and what scale multiplies their sums."""

    inside: Floats
    outside: Float32s | None

    @classmethod
    def of(cls, x: Operand, name: str) -> "_Factor":
        if not isinstance(x, QuantizedArray):
            return cls(x.astype(np.float64), None)
        if x.format.scale == E8M0:
            return cls(exact_values(x), None)
        whole = x.axis is not None and x.scale_codes.shape[x.axis] == 1
        if x.format.scale != BINARY32 or not whole:
            raise ValueError(
                f"{name} must have E8M0 scales, or one binary32 scale for all of k, "
                f"got {x.format.name}"
            )
        element = x.format.element
        integers = isinstance(element, IntegerFormat) and not element.fraction_bits
        elements = x.integers() if integers else decode(x.codes, element)
        return cls(np.asarray(elements).astype(np.float64), np.asarray(x.scales()))

    @property
    def used(self) -> Floats:
        """The numbers that take part, of at most 32 bits."""
        return self.inside if self.outside is None else self.inside * self.outside


def running_product(
    x: Float32s, scheme: Scheme | None, weight: Operand, accumulator: AnyAccumulator
) -> ProductResult:
    """Multiply as ``matmul`` does, and bound the error of every entry on the way.

    Parameters
    ----------
    x : ndarray of float32
        The left factor before it is decomposed, (m, k).
    scheme : Scheme or None
        How it is decomposed; None: it is multiplied as it is.
    weight : QuantizedArray, or ndarray of float32
        The right factor, (k, n); its scales are E8M0, or one for each column.
    accumulator : Accumulator
        SEQUENTIAL, EXACT or INT32.

    Returns
    -------
    ProductResult
        The product, bit by bit that of ``matmul``, and the bound, against exact arithmetic: what
        the terms leave of each element, times the weight, and a share of each result on the way.

    Raises
    ------
    ValueError
        If the accumulator or a factor's scales are others.
    RuntimeError
        If the sums do not come out as those of ``matmul``.

    Notes
    -----
    Source: theorem running-error. Sums of the bound are in binary64 and rounded outward: by one
    factor, which is more than all of their roundings.

    Examples
    --------
    >>> from msdnum import BLOCK_FORMATS, SCHEMES, accumulators, quantize
    >>> from msdnum.evidence import Product, decomposed, running_product
    >>> x = np.random.default_rng(0).standard_normal((4, 256)).astype(np.float32)
    >>> w = quantize(np.ones((256, 2), np.float32), BLOCK_FORMATS["MXFP4"], axis=0)
    >>> found = running_product(x, SCHEMES["MXFP4_X2"], w, accumulators.SEQUENTIAL)
    >>> before = decomposed(SCHEMES["MXFP4_X2"])(Product.of(x, w), accumulators.SEQUENTIAL)
    >>> bool((found.product == before.product).all()), bool((2 * found.bound < before.bound).all())
    (True, True)
    """
    if accumulator != SEQUENTIAL and not isinstance(accumulator, Exact | Int32):
        raise ValueError(f"accumulator must be SEQUENTIAL, EXACT or INT32, got {accumulator.name}")
    terms: tuple[Any, ...] = (x,) if scheme is None else decompose_terms(x, scheme)
    left, right = [_Factor.of(term, "x") for term in terms], _Factor.of(weight, "weight")
    with np.errstate(over="ignore", invalid="ignore"):
        sums = [
            _sums(term, factor, weight, right, accumulator)
            .times(factor.outside)
            .times(right.outside)
            for term, factor in zip(terms, left, strict=True)
        ]
        total = reduce(_Tracked.plus, sums)
    expected = np.asarray(matmul(terms, weight, accumulator=accumulator))
    if not np.array_equal(total.value, expected, equal_nan=True):
        raise RuntimeError("the sums do not come out as those of matmul: this is a defect")
    error = total.error + _left_over(x, left) @ np.abs(right.used)
    outward = 1 + (4 * x.shape[1] + 64) * 2.0**-52
    return ProductResult(total.value, np.where(np.isfinite(expected), error * outward, np.inf))


def _left_over(x: Float32s, terms: list[_Factor]) -> Floats:
    """Bound what the terms leave of ``x``: binary64 adds them with errors of a few 2**-53."""
    wide = x.astype(np.float64)
    used = [term.used for term in terms]
    left = wide - sum(used[1:], start=used[0])
    magnitudes = np.abs(wide) + sum(np.abs(term) for term in used)
    exact = left == 0
    bound: Floats = np.abs(left) + np.where(exact, 0, 2.0**-50 * magnitudes)
    return bound


def _sums(
    term: Operand, left: _Factor, weight: Operand, right: _Factor, accumulator: AnyAccumulator
) -> _Tracked:
    """Return the sums of products, before any scale outside."""
    if accumulator == SEQUENTIAL:
        rows = [_in_order(row, right.inside) for row in left.inside]
        return _Tracked(np.stack([r.value for r in rows]), np.stack([r.error for r in rows]))
    if left.outside is not None or right.outside is not None:
        # Integers: binary64 holds their sums.
        exact = left.inside @ right.inside
        value = exact.astype(np.float32)
        return _Tracked(value, np.abs(value - exact))
    value = np.asarray(matmul(term, weight, accumulator=EXACT))
    return _Tracked(value, U32 * _wide(value) + HALF_UNDERFLOW)


def _in_order(row: Floats, right: Floats) -> _Tracked:
    """Add the products of one row in order; each is exact in binary64, and its rounding known."""
    exact = row[:, np.newaxis] * right
    products = exact.astype(np.float32)
    partial = np.add.accumulate(products, axis=0, dtype=np.float32)
    error = np.abs(products - exact).sum(axis=0) + U32 * _wide(partial[1:]).sum(axis=0)
    return _Tracked(partial[-1], error)
