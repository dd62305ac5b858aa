"""Integers with a zero point: ``x = (code - zero_point) * scale``, group by group."""

from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from msdnum.emulator import (
    argument_checks,
    backend,
    binary32,
    bit_patterns,
    block_rows,
    containers,
    quantized_arrays,
    shared_scales,
)
from msdnum.emulator.backend import Array
from msdnum.emulator.compilation import compiled_whole
from msdnum.emulator.floats import as_binary32
from msdnum.emulator.jax_settings import under_own_settings
from msdnum.emulator.quantized_arrays import QuantizedArray
from msdnum.formats.blocks import BlockFormat
from msdnum.formats.elements import BINARY32, IntegerFormat
from msdnum.formats.modes import ScaleRule

__all__ = ["AsymmetricArray", "quantize_asymmetric"]

HALF_RANGE = (126 + bit_patterns.BIAS) << bit_patterns.FRACTION_BITS
"""Pattern of 2**126: the sum of two magnitudes below it does not overflow."""


@backend.pytree(data=("quantized", "zero_points"), static=())
@dataclass(frozen=True)
class AsymmetricArray:
    """Integer codes, a binary32 scale and an integer zero point for each block.

    Parameters
    ----------
    quantized : QuantizedArray
        Codes of an integer format of at most 8 bits, and scales.
    zero_points : Array of int8, or of uint8 beside unsigned integers
        Of the shape of the scales, each an integer of the format.

    Raises
    ------
    TypeError
        If the zero points are not of such a type, or of another backend than the codes.
    ValueError
        If they are not of the shape of the scales, or the format is not one of integers of at most
        8 bits with binary32 scales.
    """

    quantized: QuantizedArray
    zero_points: Array

    @under_own_settings
    def __post_init__(self) -> None:
        """Check that the zero points belong to the codes; register with JAX."""
        backend.register_pytrees()
        q = self.quantized
        argument_checks.check_mode("quantized", q, QuantizedArray)
        zeros = containers.checked_zero_points(self.zero_points, q.scale_codes, q.format)
        object.__setattr__(self, "zero_points", zeros)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the array these codes stand for."""
        return self.quantized.shape

    @property
    def largest(self) -> int:
        """Largest magnitude of ``code - zero_point``: 15 for INT4."""
        fmt = _check_format(self.quantized.format.element, "quantized")
        return fmt.max_integer - fmt.min_integer

    @under_own_settings
    def checked(self) -> "AsymmetricArray":
        """Return this array if it is one: JAX makes others of its arrays, as ``jax.vmap`` does.

        Raises
        ------
        TypeError, ValueError
            As the constructor and ``QuantizedArray.checked``, and if a zero point is not an integer
            of the format.
        """
        found = replace(self, quantized=self.quantized.checked())
        fmt, zeros = _check_format(self.quantized.format.element, "quantized"), found.zero_points
        if not backend.is_traced(zeros):
            low, high = int(np.asarray(zeros).min()), int(np.asarray(zeros).max())
            if low < fmt.min_integer or high > fmt.max_integer:
                raise ValueError(f"zero_points must be integers of {fmt.name}, got {low} to {high}")
        return found

    @under_own_settings
    def integers(self) -> Array:
        """Return ``code - zero_point``, of magnitudes up to ``largest``, as int8 or int16.

        Raises
        ------
        TypeError, ValueError
            As ``checked``.
        """
        found = self.checked()
        wide = "int8" if found.largest < 128 else "int16"
        return _integers_of(found.zero_points, found.quantized, wide=wide)

    @under_own_settings
    def dequantize(self) -> Array:
        """Return ``(code - zero_point) * scale`` as float32, rounded once (RNE).

        Of a block whose amax is near 2**128 it can be Inf: a code may stand for more than its x.

        Raises
        ------
        TypeError, ValueError
            As ``checked``.
        """
        found = self.checked()
        return _numbers_of(found.zero_points, found.quantized)


@compiled_whole
def _integers_of(zeros: Array, q: QuantizedArray, *, wide: str) -> Array:
    difference = q.rows(q.integers().astype(wide)) - q.column(zeros.astype(wide))
    return block_rows.join(difference, q.shape, q.axis)


@compiled_whole
def _numbers_of(zeros: Array, q: QuantizedArray) -> Array:
    rows = q.rows(AsymmetricArray(q, zeros).integers()).astype("float32")
    value = binary32.multiply(rows, q.column(q.scales()))
    return block_rows.join(value, q.shape, q.axis)


@under_own_settings
def quantize_asymmetric(
    x: Array, element: IntegerFormat, *, axis: int | None = -1, block_size: int | None = None
) -> AsymmetricArray:
    """Quantize with scale ``(high - low) / levels`` and the zero point that maps low to the lowest.

    Parameters
    ----------
    x : Array of float32, bfloat16, float16 or float64
        Numbers to quantize; float64 is rounded once to float32 (RNE) before anything else.
    element : IntegerFormat
        At most 8 bits: INT8 or UINT8, INT4, and others.
    axis : int or None
        Axis of the blocks; None: the whole tensor is one block.
    block_size : int, optional
        Elements that share a scale; None: all of the axis.

    Returns
    -------
    AsymmetricArray

    Raises
    ------
    TypeError
        If an argument is not of its type.
    ValueError
        If the element format is wider than 8 bits or has fractions; otherwise as ``quantize``.

    Notes
    -----
    With ``low = min(0, min x)``, ``high = max(0, max x)`` and ``levels = largest - lowest``, every
    operation rounded to binary32 (RNE, subnormals kept)::

        scale = (high - low) / levels
        zero = clamp(lowest - rint(low / scale))
        code = clamp(rint(x / scale) + zero)

    ``rint`` rounds to an integer, ties to even; ``clamp`` keeps to the format. ``high - low`` does
    not overflow: where one of them is 2**126 or more in magnitude, half of it is taken and the
    scale doubled. A scale of 0 counts as 1 in the divisions: codes and zero points are the lowest.
    So they are in a block with a NaN or an Inf, whose scale is NaN.

    Examples
    --------
    >>> from msdnum.emulator import quantize_asymmetric
    >>> from msdnum.formats import INT4
    >>> q = quantize_asymmetric(np.float32([[0, 1, 2, 30]]), INT4)
    >>> q.zero_points, q.dequantize()
    (array([[-8]], dtype=int8), array([[ 0.,  0.,  2., 30.]], dtype=float32))
    """
    _check_format(element, "element")
    x = as_binary32(x, "x")
    fmt = BlockFormat(f"{element.name}_ASYMMETRIC", element, BINARY32, None, ScaleRule.AMAX)
    fmt, found = block_rows.resolve(x, fmt, axis, block_size, None)
    return _quantize(x, element=element, fmt=fmt, axis=found)


@compiled_whole
def _quantize(
    x: Array, *, element: IntegerFormat, fmt: BlockFormat, axis: int | None
) -> AsymmetricArray:
    rows = block_rows.split(bit_patterns.as_pattern(x), fmt, axis)
    codes, scales, zeros = backend.map_rows(partial(_quantize_rows, element=element), rows)
    quantized = quantized_arrays.assemble(codes, scales, None, fmt, x.shape, axis)
    return AsymmetricArray(quantized, block_rows.join_scales(zeros, fmt, x.shape, axis))


def _check_format(element: object, name: str) -> IntegerFormat:
    if not isinstance(element, IntegerFormat):
        raise TypeError(f"{name} must be of an IntegerFormat, got {element!r}")
    if element.bits > 8 or element.fraction_bits:
        raise ValueError(f"{name} must be of integers of at most 8 bits, got {element.name}")
    return element


def _quantize_rows(rows: Array, element: IntegerFormat) -> tuple[Array, Array, Array]:
    """Return codes, scale patterns and zero points of rows of binary32 patterns."""
    xp = backend.namespace(rows)
    lowest, highest = element.min_integer, element.max_integer
    finite = shared_scales.row_amax(rows) < bit_patterns.INF
    rows = shared_scales.zero_unless(finite, rows)
    # As patterns, which are ordered as magnitudes are; JAX compares subnormal floats as zeros.
    below = xp.where(rows < 0, rows & bit_patterns.MAGNITUDE_MASK, 0).max(axis=-1, keepdims=True)
    above = xp.maximum(rows, 0).max(axis=-1, keepdims=True)
    scale = _scale(below, above, highest - lowest)
    scale = backend.compiled_apart(scale)
    divisor = xp.where(scale.view(xp.int32) != 0, scale, np.float32(1))
    zero = xp.clip(lowest + _rounded(below, divisor), lowest, highest)
    code = xp.clip(_rounded(rows, divisor) + zero, lowest, highest)
    mask = (1 << element.bits) - 1
    scales = xp.where(finite, scale.view(xp.int32), bit_patterns.NAN).view(xp.uint32)
    byte = "int8" if highest < 128 else "uint8"
    return (code & mask).astype("uint8"), scales, zero.astype(byte)


def _scale(below: Array, above: Array, levels: int) -> Array:
    """Return ``(above + below) / levels`` of patterns of magnitudes, as float32."""
    xp = backend.namespace(below)
    large = xp.maximum(below, above) >= HALF_RANGE
    unit, back = xp.where(large, np.float32(0.5), 1), xp.where(large, np.float32(2), 1)
    low, high = (binary32.multiply(v.view(xp.float32), unit) for v in (below, above))
    return binary32.multiply(shared_scales.divide_by(binary32.add(high, low), levels), back)


def _rounded(pattern: Array, divisor: Array) -> Array:
    xp = backend.namespace(pattern)
    return xp.round(binary32.divide(pattern.view(xp.float32), divisor)).astype("int32")
