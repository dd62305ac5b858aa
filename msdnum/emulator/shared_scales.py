"""Shared scales of blocks, by rule, as arrays."""

import numpy as np

from msdnum.emulator import backend, binary32, bit_patterns, element_numbers, quotients
from msdnum.emulator.backend import Array
from msdnum.formats.blocks import BlockFormat
from msdnum.formats.elements import E8M0, ElementFormat, FloatFormat
from msdnum.formats.modes import ScaleRule

__all__ = ["over", "tensor_scale_of"]

SMALLEST_EXPONENT, LARGEST_EXPONENT = -E8M0.bias, E8M0.bias


def row_amax(rows: Array) -> Array:
    """Return the pattern of the largest magnitude of every row, of shape (rows, 1).

    Patterns of magnitudes are ordered as the magnitudes are, with Inf and NaN on top.
    """
    magnitude = rows & bit_patterns.width(rows).magnitude_mask
    return (_maxima_by_slices if backend.is_jax(rows) else _maxima_by_pairs)(magnitude)


def _maxima_by_slices(rows: Array) -> Array:
    """Return the maximum of each row; XLA compares slices in vectors, but not what is in a row."""
    xp, quarter = backend.namespace(rows), rows.shape[1] // 4
    if rows.shape[1] == 4 * quarter:
        first, second, third, last = (rows[:, i * quarter : (i + 1) * quarter] for i in range(4))
        rows = xp.maximum(xp.maximum(first, second), xp.maximum(third, last))
    return rows.max(axis=1, keepdims=True)


def _maxima_by_pairs(rows: Array) -> Array:
    """Return the maximum of each row; NumPy compares pairs in vectors, but not what is in a row."""
    left, length = rows.reshape(-1), rows.shape[1]
    while length % 2 == 0:
        left, length = np.maximum(left[0::2], left[1::2]), length // 2
    return left.reshape(-1, length).max(axis=1, keepdims=True)


def is_finite(amax: Array) -> Array:
    """Return where patterns of magnitudes are those of numbers."""
    return amax < bit_patterns.width(amax).inf


def shared_exponent(amax: Array, element: ElementFormat, rule: ScaleRule) -> Array:
    """Return the exponent of the power-of-two scale of blocks whose ``amax`` has these patterns.

    Every rule is the exponent of amax, plus one if its significand exceeds a threshold. Not yet
    clamped to E8M0; a zero amax gives an exponent below its range.
    """
    x, more = (
        bit_patterns.fields(amax),
        bit_patterns.width(amax).fraction_bits - bit_patterns.FRACTION_BITS,
    )
    above = x.significand > significand_threshold(element, rule) << more
    return x.exponent + above - element.emax


def clamp_exponent(exponent: Array) -> Array:
    """Return the nearest exponents that E8M0 has."""
    return backend.namespace(exponent).clip(exponent, SMALLEST_EXPONENT, LARGEST_EXPONENT)


def zero_unless(usable: Array, codes: Array) -> Array:
    """Return ``codes``, with 0 in the rows that are not ``usable``."""
    if not backend.maybe_any(~usable):
        return codes
    return backend.namespace(codes).where(usable, codes, 0)


def scale_numbers(scale_codes: Array, fmt: BlockFormat, tensor_scale: Array | None) -> Array:
    """Return binary32 scales, times that of the tensor, rounded once."""
    scale = element_numbers.decode_scaled(scale_codes, 0, fmt.scale)
    return scale if tensor_scale is None else binary32.multiply(scale, tensor_scale)


def exponent_codes(exponent: Array, amax: Array) -> Array:
    """Return E8M0 codes of clamped exponents; NaN where the pattern ``amax`` is not finite."""
    xp = backend.namespace(exponent)
    return xp.where(is_finite(amax), exponent + E8M0.bias, E8M0.max_code + 1).astype("uint8")


def significand_threshold(element: ElementFormat, rule: ScaleRule) -> int:
    """Return the significand of amax, with 24 bits, above which its scale is twice as large."""
    one, two = bit_patterns.IMPLICIT_BIT, 2 * bit_patterns.IMPLICIT_BIT
    return {
        ScaleRule.FLOOR: two,
        ScaleRule.CEIL: one,
        ScaleRule.RCEIL: int(element.max_finite * 2.0**-element.emax * one),
        ScaleRule.EVEN: two - (one >> element.precision) - 1,
    }[rule]


def finite_or_nan(amax: Array) -> Array:
    """Return the numbers of the patterns ``amax``, NaN for Inf."""
    xp = backend.namespace(amax)
    return xp.where(amax < bit_patterns.INF, amax, bit_patterns.NAN).view(xp.float32)


def divide_by(x: Array, divisor: float) -> Array:
    """Return ``x / divisor`` for one divisor that float32 holds, rounded once (RNE)."""
    return binary32.divide(x, backend.namespace(x).full_like(x, divisor))


def over(pattern: Array, divisor: float) -> Array:
    """Return the numbers of patterns over one that float32 holds, rounded once to binary32."""
    return quotients.divide(
        pattern, backend.namespace(pattern).full(pattern.shape, np.float32(divisor))
    )


def tensor_scale_of(pattern: Array, fmt: BlockFormat) -> Array:
    """Return the binary32 scale of a whole tensor, from its finite elements."""
    assert isinstance(fmt.scale, FloatFormat)
    xp = backend.namespace(pattern)
    magnitude = pattern & bit_patterns.width(pattern).magnitude_mask
    amax = xp.asarray(xp.where(is_finite(magnitude), magnitude, 0).max())
    scale = over(amax, fmt.element.max_finite)
    largest = (fmt.search and fmt.search.largest_scale) or fmt.scale.max_finite
    return divide_by(xp.asarray(scale), largest)


def check_tensor_scale(scale: Array, fmt: BlockFormat) -> None:
    """Raise if the scale of a tensor is Inf, for binary64 numbers can be too large for it."""
    if not backend.is_traced(scale) and bool(np.isinf(np.asarray(scale))):
        largest = f"{fmt.element.max_finite:g} * 2**128"
        raise ValueError(f"x must be below {largest} in magnitude for the scale of {fmt.name}")
