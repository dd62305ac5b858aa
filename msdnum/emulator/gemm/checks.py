"""Checks of what a product takes: arrays whose codes, scales and format belong together."""

from typing import Any

import numpy as np

from msdnum.emulator import backend, containers
from msdnum.emulator.arrays import as_array, is_python
from msdnum.emulator.backend import Array
from msdnum.emulator.floats import SMALL, as_floats
from msdnum.emulator.quantized_arrays import QuantizedArray
from msdnum.emulator.zero_points import AsymmetricArray
from msdnum.formats.blocks import BlockFormat
from msdnum.formats.elements import (
    BINARY32,
    E8M0,
    INT4,
    INT8,
    ElementFormat,
    FloatFormat,
    IntegerFormat,
    TableFormat,
)
from msdnum.formats.modes import ScaleRule

__all__ = ["as_operand", "check_dimensions", "check_layout", "checked", "is_inside"]

RANGE = 2.0**40
"""Elements of blocks are 0 or between its reciprocal and it."""
SCALED_RANGE = 2.0**49
"""The same of their products with scales inside, E4M3's: no product of two of them, and no sum of
such products, leaves the range of binary32."""


def check_dimensions(shape: tuple[int, ...], name: str) -> None:
    """Raise unless it is the shape of matrices."""
    if len(shape) < 2:
        raise ValueError(f"{name} must have at least two dimensions, got shape {shape}")


def checked(x: Any, name: str) -> Any:
    """Return arrays that belong together, or floats; or raise with the name of the argument."""
    if not isinstance(x, QuantizedArray | AsymmetricArray):
        return as_floats(x, name)
    try:
        found = x.checked()
        return found.row_by_row() if isinstance(found, QuantizedArray) else found
    except (TypeError, ValueError) as error:
        raise type(error)(f"{name} must be an array whose parts belong together: {error}") from None


UNSCALED: dict[str, BlockFormat] = {
    "int4": BlockFormat("INT4", INT4, BINARY32, None, ScaleRule.AMAX),
    "int8": BlockFormat("INT8", INT8, BINARY32, None, ScaleRule.AMAX),
} | {
    dtype: BlockFormat(fmt.name, fmt, E8M0, None, ScaleRule.FLOOR)
    for dtype, fmt in SMALL.items() if isinstance(fmt, FloatFormat) and fmt.signed
}  # fmt: skip
"""What arrays of plain numbers are to a product: elements of one block whose scale is 1."""


def as_operand(x: Any, name: str) -> Any:
    """Return what a product takes: as ``checked``, but small numbers as elements."""
    if isinstance(x, QuantizedArray | AsymmetricArray) or is_python(x):
        return checked(x, name)
    array = as_array(x, name)
    fmt = UNSCALED.get(str(array.dtype))
    if fmt is None:
        return checked(array, name)
    one = backend.namespace(array).asarray(containers.codes_of_numbers(1.0, fmt.scale, "scale"))
    return QuantizedArray(array, one, None, fmt, None)


def check_layout(x: QuantizedArray, axis: int | None, name: str) -> None:
    """Raise unless a product takes the format, and the blocks lie along ``axis``."""
    _check_format(x.format, name)
    _check_codes(x.codes, x.format.element, f"codes of {name}")
    check_dimensions(x.shape, name)
    if x.axis not in (axis, None):
        raise ValueError(
            f"{name} must have its blocks along k, axis {axis}, or be one block, got axis {x.axis}"
        )


def _check_format(fmt: BlockFormat, name: str) -> None:
    element = fmt.element
    if isinstance(element, TableFormat) and element.precision > 8:
        raise ValueError(
            f"{name} must have elements of at most 8 significand bits, got {element.name} of "
            f"{element.precision}: no matrix unit takes it; dequantize it first"
        )
    if element.bits > 8 or element.eta < 1 / RANGE or element.max_finite > RANGE:
        raise ValueError(
            f"{name} must have elements of at most 8 bits, 0 or 2**-40 to 2**40 in magnitude, "
            f"got {element.name}"
        )


def is_inside(fmt: BlockFormat) -> bool:
    """Return whether a matrix unit multiplies the scales of blocks with their elements.

    It does with E8M0, and with other scales of at most 8 bits whose products with the elements, as
    those of E4M3, stay so far within binary32 that their products and sums do.
    """
    element, scale = fmt.element, fmt.scale
    smallest, largest = element.eta * scale.eta, element.max_finite * scale.max_finite
    within = smallest >= 1 / SCALED_RANGE and largest <= SCALED_RANGE
    return scale == E8M0 or (scale.bits <= 8 and within)


def _check_codes(codes: Array, fmt: ElementFormat, name: str) -> None:
    if (
        not isinstance(fmt, IntegerFormat)
        or not fmt.signed
        or fmt.min_integer < -fmt.max_integer
        or backend.is_traced(codes)
    ):
        return
    missing = 1 << (fmt.bits - 1)
    if (np.asarray(codes) == missing).any():
        raise ValueError(f"{name} must not be {missing}, which {fmt.name} does not use")
