"""Theorem gemm applied to an emulated product, whose roundings ``product_roundings`` counts.

Nothing here looks at a result. The operands enter by their magnitudes and ranges alone.
"""

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, TypeAlias

import ml_dtypes
import numpy as np
from numpy.typing import NDArray

from msdnum import bounds
from msdnum.bounds.sums import Accumulation
from msdnum.emulator import block_rows
from msdnum.emulator.elements import decode
from msdnum.emulator.gemm.checks import is_inside
from msdnum.emulator.quantized_arrays import QuantizedArray
from msdnum.emulator.zero_points import AsymmetricArray
from msdnum.evidence.promises import coverings
from msdnum.formats.blocks import BlockFormat
from msdnum.formats.elements import BINARY32, E8M0, ElementFormat, FloatFormat, IntegerFormat
from msdnum.formats.schemes import Scheme

__all__ = [
    "Left", "Right", "exact_values", "has_outside_scale", "over_ranges", "ranges", "remainders",
    "theorem_gemm",
]  # fmt: skip

Floats: TypeAlias = NDArray[np.float64]
Weight: TypeAlias = QuantizedArray | AsymmetricArray

MIN_NORMAL = Fraction(BINARY32.min_normal)


def has_outside_scale(fmt: BlockFormat) -> bool:
    """Return whether sums are multiplied by a scale of a factor of this format."""
    return fmt.tensor_scale or not is_inside(fmt)


# Data


@dataclass(frozen=True, eq=False)
class Left:
    """The left factor of a product before it is decomposed, as the bound sees it.

    All arrays are of the shape of the factor, (m, k), in float64 and rounded up.

    Parameters
    ----------
    magnitudes : ndarray
        Of the factor.
    lost : ndarray
        Bound on the remainder that its terms leave; Inf where none is proved.
    carried : ndarray
        Bound on what magnitudes of terms can add up to beyond that of the factor: every term but
        the last may exceed what it rounds, and the next takes that back.
    least : ndarray
        Sum over the terms of the smallest normal number of the element, times its scale; 0 for
        integers. Of a factor that is multiplied as it is, what its subnormal numbers lack to the
        smallest normal one of its type.
    outside : ndarray
        Largest scale that multiplies sums; 1 where it is part of the products.
    held : ndarray
        What magnitudes of terms add up to before such scales.
    """

    magnitudes: Floats
    lost: Floats
    carried: Floats
    least: Floats
    outside: Floats
    held: Floats

    @classmethod
    def of(cls, x: NDArray[Any], scheme: Scheme | None) -> "Left":
        """Describe a factor and how it is decomposed; None: it is multiplied as it is."""
        magnitudes = np.abs(x).astype(np.float64)
        if scheme is None:
            zero, normal = np.zeros_like(magnitudes), float(_smallest_normal(x))
            subnormal = (magnitudes > 0) & (magnitudes < normal)
            least = np.where(subnormal, normal - magnitudes, 0)
            return cls(magnitudes, zero, zero, least, np.ones_like(magnitudes), magnitudes + least)
        spans, first = ranges(x, scheme), scheme.formats[0]
        lost, carried, least = over_ranges(spans, scheme)
        if first.scale == E8M0:
            one = np.ones_like(spans)
            return cls(magnitudes, lost, carried, least, one, magnitudes + carried + least)
        # Digits of a later term can be the largest there are where those of the first are zeros.
        digits = sum(_largest_of(element) for element in scheme.elements)
        outside, held = spans / first.element.max_finite, np.where(magnitudes > 0, digits, 0)
        return cls(magnitudes, lost, carried, least, outside, held)


def _largest_of(element: ElementFormat) -> float:
    """Return the largest magnitude of an element."""
    if isinstance(element, IntegerFormat):
        return max(element.max_integer, -element.min_integer) * element.eta
    return element.max_finite


def over_ranges(spans: Floats, scheme: Scheme) -> tuple[Floats, Floats, Floats]:
    """Return ``lost``, ``carried`` and ``least`` of ``Left`` for blocks with these ranges."""
    different, place = np.unique(spans, return_inverse=True)
    table = np.array([_of_range(span, scheme) for span in different.tolist()]).T
    lost, carried, least = (column[place.reshape(spans.shape)] for column in table)
    return lost, carried, least


def _of_range(span: float, scheme: Scheme) -> tuple[float, float, float]:
    if span == 0:
        return 0.0, 0.0, 0.0
    if not math.isfinite(span):
        return math.inf, math.inf, math.inf
    terms = bounds.term_bounds(scheme, Fraction(span))
    if scheme.divisors[-1] > 1 and terms[-1].scale < BINARY32.min_normal:
        # The product uses the scale rounded to binary32, here by more than half an ulp of it.
        return math.inf, math.inf, math.inf
    left = [term.remainder for term in terms]
    elements = (fmt.element for fmt in scheme.formats)
    least = sum(
        (
            term.scale * Fraction(element.min_normal)
            for term, element in zip(terms, elements, strict=True)
            if isinstance(element, FloatFormat)
        ),
        Fraction(0),
    )
    return bounds.above(left[-1]), bounds.above(2 * sum(left[:-1]) + left[-1]), bounds.above(least)


def remainders(x: NDArray[Any], scheme: Scheme) -> Floats:
    """Return the bound on what a scheme leaves of each element of ``x``, of its shape."""
    return Left.of(x, scheme).lost


def ranges(x: NDArray[Any], scheme: Scheme) -> Floats:
    """Return alpha, or M, of the block of each element of ``x``, of its shape."""
    fmt, axis = block_rows.resolve(x, scheme.formats[0], -1, None, None)
    rows = block_rows.split(np.abs(x).astype(np.float64), fmt, axis)
    amax = rows.max(axis=-1, keepdims=True)
    span = coverings(amax) if fmt.scale == E8M0 else amax
    joined: Floats = block_rows.join(np.broadcast_to(span, rows.shape), x.shape, axis)
    return joined


def exact_values(weight: Weight) -> Floats:
    """Return the numbers that codes and scales stand for, in binary64, nothing rounded.

    Raises
    ------
    ValueError
        If binary64 cannot hold element times scale times tensor scale.
    """
    inner = weight.quantized if isinstance(weight, AsymmetricArray) else weight
    fmt = inner.format
    precision = fmt.element.precision + fmt.scale.precision + 24 * fmt.tensor_scale
    if precision > 53 or inner.divisor > 1:
        raise ValueError(
            f"weight must have products of element and scales of at most 53 bits and no divisor, "
            f"got {precision} bits and divisor {inner.divisor} for {fmt.name}"
        )
    integers = isinstance(fmt.element, IntegerFormat) and not fmt.element.fraction_bits
    elements = weight.integers() if integers else decode(inner.codes, fmt.element)
    scales = np.asarray(decode(inner.scale_codes, fmt.scale)).astype(np.float64)
    tensor = 1.0 if inner.tensor_scale is None else float(inner.tensor_scale)
    scaled = np.asarray(inner.rows(elements)).astype(np.float64) * inner.column(scales) * tensor
    values: Floats = block_rows.join(scaled, inner.shape, inner.axis, fmt.rows)
    return values


@dataclass(frozen=True, eq=False)
class Right:
    """The right factor of a product, as the bound sees it.

    Parameters
    ----------
    magnitudes : ndarray of float64
        Of the weight, (k, n).
    least : ndarray of float64
        Smallest normal number of each element's format, times its scale, which counts as normal,
        too; zeros for integers.
    error : Fraction
        Relative error of the weight as it is used: half a unit of BF16 where it was rounded to it,
        of binary32 where its scales are products of two that multiply sums.
    absolute : Fraction
        The same of a weight that is too small for a relative error.
    outside : ndarray of float64, optional
        Scale of each element that multiplies sums; 1 where it is part of the products.
    normal : Fraction
        Smallest normal number of the weight's format where it is an array of floats: what is below
        it counts as zero to a unit that flushes.
    """

    magnitudes: Floats
    least: Floats
    error: Fraction = Fraction(0)
    absolute: Fraction = Fraction(0)
    outside: Floats | None = None
    normal: Fraction = MIN_NORMAL

    @classmethod
    def of(cls, weight: Weight) -> "Right":
        """Describe a quantized weight."""
        inner = weight.quantized if isinstance(weight, AsymmetricArray) else weight
        fmt, magnitudes = inner.format, np.abs(exact_values(weight))
        tensor_scale = 1.0 if inner.tensor_scale is None else float(inner.tensor_scale)
        scales = _each(inner, np.asarray(inner.scales()).astype(np.float64))
        beside = not is_inside(fmt)
        outside = scales if beside else np.full_like(magnitudes, tensor_scale)
        least, error, absolute = np.zeros_like(magnitudes), Fraction(0), Fraction(0)
        if beside and fmt.tensor_scale:
            error = bounds.U32
            absolute = Fraction(BINARY32.eta) / 2 * Fraction(_largest_of(fmt.element))
        if isinstance(fmt.element, FloatFormat):
            normal = np.maximum(scales, fmt.scale.min_normal * tensor_scale)
            least = normal * fmt.element.min_normal
        return cls(magnitudes, least, error, absolute, outside)


def _each(x: QuantizedArray, per_block: Floats) -> Floats:
    """Return one number for each element from one for each block."""
    rows = np.broadcast_to(x.column(per_block), x.rows(x.codes).shape)
    joined: Floats = block_rows.join(rows, x.shape, x.axis, x.format.rows)
    return joined


def theorem_gemm(
    x: NDArray[Any], scheme: Scheme | None, right: Right, adding: Accumulation
) -> Floats:
    """Return the bound on the error of every entry of a product, against exact arithmetic.

    Parameters
    ----------
    x : ndarray
        The left factor before it is decomposed, (m, k), of the type that it is multiplied in: a
        unit aligns a subnormal number of FP16 as it does the smallest normal one.
    scheme : Scheme or None
        How it is decomposed; None: it is multiplied as it is.
    right : Right
        The right factor.
    adding : Accumulation
        All roundings of sums and scalings.

    Returns
    -------
    ndarray of float64
        Shape (m, n). Inf where no bound is proved: a scheme without a theorem, a unit whose
        roundings have no bound, or magnitudes that could add up to more than binary32 holds, or
        before scales to more than sums of the unit do (65504 in FP16).

    Notes
    -----
    Of products that start from +0 and end in binary32: there is no bound here of one that is given
    a ``c``, another ``output`` or recombination.

    Source: theorem gemm, ``decomposed_dot``: what is lost, what is counted, the error of the
    weight, underflow, and the condition that nothing overflows. Theorem remainder gives what is
    lost, for each block at its own range. Where the unit aligns by exponents (``nearest`` is
    False), elements count with at least the smallest normal number. What is subnormal in binary32
    has an absolute error of its own, which later scales can magnify. A unit that flushes loses what
    is subnormal in the type of ``x`` and in the weight's, and a `DesignedUnit` elements that are
    subnormal in theirs, too (``flushed_dot``).
    """
    left, b = Left.of(x, scheme), right.magnitudes
    if not adding.bounded:
        return np.full((len(x), b.shape[1]), np.inf)
    error = float(right.error) * b + float(right.absolute)
    counted, weights = left.magnitudes + left.carried, b + error
    if not adding.nearest:
        counted, weights = counted + left.least, weights + right.least
    summed, scaled = _product(counted, weights), _largest_scales(left, right)
    total = _product(left.lost, b) + float(adding.gamma) * summed
    if right.error:
        total = total + _product(left.magnitudes + left.lost, error)
    if adding.flushes:
        normal = _smallest_normal(x)
        terms = 1 if scheme is None else scheme.terms
        elements = float(adding.flushes_elements)
        of_x = float(terms * normal) + elements * left.least
        of_weight = np.maximum(float(max(normal, right.normal)), elements * right.least)
        total = total + _flushed(left.magnitudes + left.carried, b + error, of_x, of_weight)
    total = total + float(adding.underflow * (1 + adding.gamma)) * scaled
    slack = 1 + (len(b) + 64) * 2.0**-52
    unscaled = _product(left.held, _over(weights, right.outside))
    held = (unscaled + float(adding.underflow)) * float(1 + adding.gamma) * slack
    grown = summed * float(1 + adding.gamma) * slack
    overflows = np.maximum(grown, held * scaled) > BINARY32.max_finite
    overflows |= held > float(adding.largest)
    overflows |= (b + error).max(axis=0) > BINARY32.max_finite
    result: Floats = np.where(overflows, np.inf, total * slack)
    return result


def _smallest_normal(x: NDArray[Any]) -> Fraction:
    """Return the smallest normal number of a factor's type; 0 for integers."""
    if x.dtype.kind in "iu":
        return Fraction(0)
    normal = ml_dtypes.finfo(x.dtype).smallest_normal  # type: ignore[no-untyped-call]
    return max(MIN_NORMAL, Fraction(float(normal)))


def _flushed(a: Floats, b: Floats, below_a: Floats, below_b: Floats) -> Floats:
    """Return what is lost where subnormal numbers of either side count as zero.

    The left side has its terms together: ``below_a`` is the sum of their smallest normal numbers.
    """
    return _product(np.minimum(a, below_a), b) + _product(a, np.minimum(b, below_b))


def _largest_scales(left: Left, right: Right) -> Floats:
    """Return what outside scales can make of 1 at the most, for each entry."""
    outside = np.ones_like(right.magnitudes) if right.outside is None else right.outside
    row, column = left.outside.max(axis=1, keepdims=True), outside.max(axis=0)
    scaled: Floats = np.maximum(row, 1) * np.maximum(column, 1)
    return scaled


def _over(x: Floats, scale: Floats | None) -> Floats:
    quotient: Floats = x if scale is None else x / np.where(scale == 0, 1, scale)
    return quotient


def _product(a: Floats, b: Floats) -> Floats:
    """Return ``a @ b`` of magnitudes, in which Inf times 0 is 0."""
    bounded = np.isfinite(a)
    result: Floats = np.where(bounded, a, 0) @ b
    if not bounded.all():
        result[(~bounded).astype(np.float64) @ (b > 0) > 0] = np.inf
    return result
