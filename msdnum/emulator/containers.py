"""Checks that codes, scales, zero points and a format belong together, all in one place."""

from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from msdnum.emulator import (
    argument_checks,
    backend,
    bit_patterns,
    element_numbers,
    element_rounding,
)
from msdnum.emulator.backend import Array
from msdnum.emulator.codes import as_codes, same_bits
from msdnum.emulator.floats import as_numbers, patterns
from msdnum.formats.blocks import BlockFormat
from msdnum.formats.elements import BINARY32, FloatFormat, IntegerFormat
from msdnum.formats.modes import Overflow

__all__ = [
    "Parts", "axis_from_the_end", "checked_parts", "checked_tensor_scale", "checked_zero_points",
    "codes_of_numbers", "rows_of", "scale_shape",
]  # fmt: skip


class Parts(NamedTuple):
    """Arrays that belong together, as bit patterns, with their format and axis."""

    codes: Array
    scale_codes: Array
    tensor_scale: Array | None
    format: BlockFormat
    """With the block size of these arrays."""
    axis: int | None
    """Negative, or None."""


def checked_parts(
    element_codes: Array,
    scale_codes: Array,
    tensor_scale: Any,
    fmt: BlockFormat,
    axis: int | None,
    divisor: int,
) -> Parts:
    """Return the parts of a ``QuantizedArray`` in their own types; values are not looked at.

    Raises
    ------
    TypeError
        If an array is of a type that does not hold its bits, or of the other backend.
    ValueError
        If shapes, axis, format and divisor do not belong together, or the tensor scale is not a
        binary32 number.
    """
    argument_checks.check_mode("format", fmt, BlockFormat)
    element_codes = as_codes(
        element_codes, fmt.element, "codes", ": encode numbers first, or quantize them"
    )
    scale_codes = as_codes(
        scale_codes, fmt.scale, "scale_codes", "; QuantizedArray.from_scales takes numbers"
    )
    _check_backend(scale_codes, element_codes, "scale_codes")
    axis = axis_from_the_end(element_codes.shape, axis, "codes")
    length = element_codes.size if axis is None else element_codes.shape[axis]
    size = length if axis is None else min(fmt.block_size or length, length)
    rows = 1 if axis is None else rows_of(element_codes.shape, axis, fmt.rows, "codes")
    fmt = replace(fmt, block_size=size, rows=rows)
    _check_scale_shape(scale_codes.shape, element_codes.shape, axis, fmt)
    _check_divisor(divisor, fmt)
    scale = checked_tensor_scale(tensor_scale, element_codes, fmt)
    return Parts(element_codes, scale_codes, scale, fmt, axis)


def axis_from_the_end(shape: tuple[int, ...], axis: int | None, name: str) -> int | None:
    """Return an axis, which may be counted from either end, as a negative number; None is None."""
    argument_checks.check_integer("axis", axis)
    if axis is None:
        return None
    ndim = len(shape)
    if not ndim:
        raise ValueError(f"{name} must have at least one dimension where axis is not None")
    if not -ndim <= axis < ndim:
        raise ValueError(f"axis must be in {-ndim}..{ndim - 1}, got {axis}")
    return int(axis) % ndim - ndim


def rows_of(shape: tuple[int, ...], axis: int, rows: int, name: str) -> int:
    """Return the rows of a block, no more than there are, along the other of the last two axes."""
    if rows == 1:
        return 1
    if len(shape) < 2 or axis < -2:
        raise ValueError(
            f"{name} must have blocks of {rows} rows along its last two axes, got axis {axis} of "
            f"shape {shape}"
        )
    return min(rows, shape[-3 - axis])


def scale_shape(shape: tuple[int, ...], axis: int, size: int, rows: int = 1) -> tuple[int, ...]:
    """Return the shape of the scales of blocks of ``size`` along an axis, a negative number."""
    found = list(shape)
    found[axis] = -(-shape[axis] // size)
    if rows > 1:
        found[-3 - axis] = -(-shape[-3 - axis] // rows)
    return tuple(found)


def _check_scale_shape(
    found: tuple[int, ...],
    shape: tuple[int, ...],
    axis: int | None,
    fmt: BlockFormat,
) -> None:
    if axis is None:
        if found != ():
            raise ValueError(
                f"scale_codes must have shape (), one scale for the whole tensor where axis is "
                f"None, got {found}: name the axis of the blocks; under jax.vmap, dequantize inside"
            )
        return
    assert fmt.block_size is not None
    expected = scale_shape(shape, axis, fmt.block_size, fmt.rows)
    if found != expected:
        block = f"{fmt.rows} x {fmt.block_size}" if fmt.rows > 1 else f"{fmt.block_size}"
        raise ValueError(
            f"scale_codes must have shape {expected}, got {found}: one for each block of {block} "
            f"along axis {axis} of codes of shape {shape}{_remedy(found, expected, axis, fmt)}"
        )


def _remedy(found: tuple[int, ...], expected: tuple[int, ...], axis: int, fmt: BlockFormat) -> str:
    """Return what the shape of the scales reminds of."""
    per_byte = 8 // fmt.element.bits
    packed = (*expected[:-1], per_byte * expected[-1])
    if per_byte > 1 and axis == -1 and found == packed:
        return "; are the codes packed? unpack them first"
    if np.prod(found) == np.prod(expected):
        return "; reshape them"
    return ""


def _check_divisor(divisor: int, fmt: BlockFormat) -> None:
    argument_checks.check_integer("divisor", divisor)
    if divisor is None or divisor < 1:
        raise ValueError(f"divisor must be a positive integer, got {divisor}")
    if divisor != 1 and fmt.scale != BINARY32:
        raise ValueError(f"divisor must be 1 with {fmt.scale.name} scales, got {divisor}")


def checked_tensor_scale(scale: Any, like: Array, fmt: BlockFormat) -> Array | None:
    """Return the scale of the whole tensor as float32 of shape (), of the backend of ``like``."""
    if not fmt.tensor_scale:
        if scale is not None:
            raise ValueError(f"tensor_scale must be None for {fmt.name}, got {scale!r}")
        return None
    if scale is None:
        raise ValueError(f"tensor_scale must be a number, float32, for {fmt.name}, got None")
    shape = np.shape(scale)
    if shape not in ((), (1,)):
        raise ValueError(
            f"tensor_scale must have shape (), one scale for the whole tensor, got {shape}; "
            f"under jax.vmap, dequantize inside"
        )
    if getattr(scale, "dtype", None) == np.float32 and backend.is_jax(scale) == backend.is_jax(
        like
    ):
        return scale if shape == () else scale.reshape(())
    return _as_binary32(scale, like).reshape(())


def _as_binary32(number: Any, like: Array) -> Array:
    """Return a number of another type, or a NumPy number beside JAX arrays, if it is binary32."""
    if hasattr(number, "__array_namespace__") and backend.is_jax(number):
        _check_backend(number, like, "tensor_scale")
    if backend.is_traced(number):
        if str(number.dtype) not in ("float32", "bfloat16", "float16"):
            raise TypeError(f"tensor_scale must be float32 where it is traced, got {number.dtype}")
        return bit_patterns.as_pattern(number, "tensor_scale").view("float32")
    known = np.asarray(number)
    if known.dtype.kind not in "iuf" and str(known.dtype) != "bfloat16":
        raise TypeError(f"tensor_scale must be a number, float32, got {number!r}")
    with np.errstate(over="ignore"):
        rounded = known.astype(np.float32)
    if rounded.item() != known.item() and known.item() == known.item():
        raise ValueError(
            f"tensor_scale must be a binary32 number, got {known.item()!r}: round it first, "
            f"np.float32({known.item()!r})"
        )
    return backend.namespace(like).asarray(rounded)


def checked_zero_points(zero_points: Array, scale_codes: Array, fmt: BlockFormat) -> Array:
    """Return zero points in a byte each, if they belong to these scales; values are not looked at.

    Raises
    ------
    TypeError
        If they are not of the type of the integers, or of the other backend.
    ValueError
        If they are not of the shape of the scales, or the format is not one of integers of at most
        8 bits with binary32 scales.
    """
    element = fmt.element
    integers = isinstance(element, IntegerFormat) and not element.fraction_bits
    if not integers or element.bits > 8 or fmt.scale != BINARY32:
        raise ValueError(
            f"quantized must be of integers of at most 8 bits with BINARY32 scales beside zero "
            f"points, got {element.name} with {fmt.scale.name}"
        )
    # int8 has room for all but the unsigned integers of 8 bits.
    byte = "int8" if element.signed or element.bits < 8 else "uint8"
    same = (f"int{element.bits}",) if element.signed else (f"uint{element.bits}", "uint8")
    backend.check_array(zero_points, "zero_points", tuple(dict.fromkeys((byte, *same))))
    _check_backend(zero_points, scale_codes, "zero_points")
    if zero_points.shape != scale_codes.shape:
        raise ValueError(
            f"zero_points must have shape {scale_codes.shape}, that of the scales, "
            f"got {zero_points.shape}"
        )
    return zero_points if zero_points.dtype == byte else zero_points.astype(byte)


def _check_backend(x: Array, like: Array, name: str) -> None:
    if backend.is_jax(x) != backend.is_jax(like):
        found = ["NumPy", "JAX"] if backend.is_jax(like) else ["JAX", "NumPy"]
        raise TypeError(
            f"{name} must be of the backend of its codes, got {found[0]} beside {found[1]}"
        )


def codes_of_numbers(x: Array, fmt: FloatFormat, name: str) -> Array:
    """Return the codes of numbers of ``fmt``. Nothing is rounded.

    Raises
    ------
    TypeError
        If ``x`` is no array of floats, or is traced, so that its numbers are not known, and of a
        type that has numbers besides those of ``fmt``.
    ValueError
        If a number is not one of ``fmt``.
    """
    numbers = as_numbers(x, name)
    xp = backend.namespace(numbers)
    if fmt == BINARY32 and numbers.dtype != np.float64:
        return xp.asarray(patterns(backend.readable(numbers)).view("uint32"))
    if backend.is_traced(numbers):
        if str(getattr(x, "dtype", "")) in same_bits(fmt):
            return as_codes(x, fmt, name)
        raise TypeError(
            f"{name} must be known to be numbers of {fmt.name} and are traced {numbers.dtype}: "
            f"round them with encode, and pass the codes"
        )
    # Their values are looked at, so that NumPy may as well do the rest: it compiles nothing.
    known = np.asarray(numbers)
    found = element_rounding.encode_scaled(patterns(known), 0, fmt, Overflow.OVERFLOW)
    back = element_numbers.decode_scaled(found, 0, fmt).astype(np.float64)
    given = known.astype(np.float64)
    same = (given == back) & (np.signbit(given) == np.signbit(back))
    differs = ~(same | np.isnan(given) & np.isnan(back))
    if differs.any():
        place = tuple(int(i) for i in np.argwhere(differs)[0])
        raise ValueError(
            f"{name} must be numbers of {fmt.name}, got {given[place]} at {place}: "
            f"round them first, with round_to"
        )
    return xp.asarray(found)
