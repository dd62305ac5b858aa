"""What a product takes: arrays whose codes, scales and format belong together."""

import numpy as np

from msdnum import bits, elements
from msdnum.bits import Array
from msdnum.blocks import QuantizedArray
from msdnum.formats import (
    BINARY32,
    E4M3,
    E8M0,
    BlockFormat,
    ElementFormat,
    FloatFormat,
    IntegerFormat,
)
from msdnum.zeropoint import AsymmetricArray

__all__ = ["check_dimensions", "check_layout", "check_zero_points"]

RANGE = 2.0**40
"""Elements of blocks are 0 or between its reciprocal and it: no product of them and of E4M3 scales,
and no sum of such products, leaves the range of binary32."""


def check_dimensions(shape: tuple[int, ...], name: str) -> None:
    """Raise unless it is the shape of matrices."""
    if len(shape) < 2:
        raise ValueError(f"{name} must have at least two dimensions, got shape {shape}")


def check_layout(x: QuantizedArray, axis: int | None, name: str) -> None:
    """Raise unless codes, scales and format belong together; codes as far as they are known."""
    fmt = x.format
    _check_format(fmt, name)
    _check_codes(x.codes, fmt.element, f"codes of {name}")
    elements.check_codes(x.scale_codes, fmt.scale, f"scale_codes of {name}")
    check_dimensions(x.shape, name)
    if x.axis not in (axis, None):
        raise ValueError(
            f"{name} must have its blocks along k, axis {axis}, or be one block, got axis {x.axis}"
        )
    expected = _scale_shape(x, name)
    if x.scale_codes.shape != expected:
        raise ValueError(
            f"scale_codes of {name} must have shape {expected}, got {x.scale_codes.shape}"
        )
    _check_tensor_scale(x, name)
    _check_backend(x.scale_codes, x.codes, f"scale_codes of {name}")


def _check_format(fmt: BlockFormat, name: str) -> None:
    element = fmt.element
    if element.bits > 8 or element.eta < 1 / RANGE or element.max_finite > RANGE:
        raise ValueError(
            f"{name} must have elements of at most 8 bits, 0 or 2**-40 to 2**40 in magnitude, "
            f"got {element.name}"
        )
    if fmt.scale not in (E8M0, E4M3, BINARY32):
        raise ValueError(
            f"{name} must have E8M0, E4M3 or BINARY32 scales, got {fmt.scale.name} in {fmt.name}"
        )


def _check_codes(codes: Array, fmt: ElementFormat, name: str) -> None:
    elements.check_codes(codes, fmt, name)
    if isinstance(fmt, FloatFormat) or fmt.min_integer < -fmt.max_integer or bits.is_traced(codes):
        return
    missing = 1 << (fmt.bits - 1)
    if (np.asarray(codes) == missing).any():
        raise ValueError(f"{name} must not be {missing}, which {fmt.name} does not use")


def _scale_shape(x: QuantizedArray, name: str) -> tuple[int, ...]:
    """Return the shape that the scale codes must have."""
    if x.axis is None:
        return ()
    size = x.format.block_size
    if size is None:
        raise ValueError(f"{name} must have a block size, got a format {x.format.name} with None")
    axis = len(x.shape) + x.axis
    return (*x.shape[:axis], -(-x.shape[axis] // size), *x.shape[axis + 1 :])


def _check_tensor_scale(x: QuantizedArray, name: str) -> None:
    if x.divisor != 1 and x.format.scale != BINARY32:
        raise ValueError(
            f"divisor of {name} must be 1 with {x.format.scale.name} scales, got {x.divisor}"
        )
    if (x.tensor_scale is not None) != x.format.tensor_scale:
        expected = "an array" if x.format.tensor_scale else "None"
        raise ValueError(f"tensor_scale of {name} must be {expected} for {x.format.name}")
    if x.tensor_scale is None:
        return
    bits.check_array(x.tensor_scale, f"tensor_scale of {name}", ("float32",))
    if x.tensor_scale.shape != ():
        raise ValueError(f"tensor_scale of {name} must have shape (), got {x.tensor_scale.shape}")
    _check_backend(x.tensor_scale, x.codes, f"tensor_scale of {name}")


def check_zero_points(x: AsymmetricArray, name: str) -> None:
    """Raise unless the zero points belong to their array, which has a good layout."""
    q, fmt = x.quantized, x.quantized.format.element
    integers = isinstance(fmt, IntegerFormat) and fmt.bits <= 7 and not fmt.fraction_bits
    if not integers or q.format.scale != BINARY32:
        raise ValueError(
            f"{name} must have integers of at most 7 bits and BINARY32 scales beside zero points, "
            f"got {q.format.name}"
        )
    bits.check_array(x.zero_points, f"zero_points of {name}", ("int8",))
    if x.zero_points.shape != q.scale_codes.shape:
        raise ValueError(
            f"zero_points of {name} must have shape {q.scale_codes.shape}, "
            f"got {x.zero_points.shape}"
        )
    _check_backend(x.zero_points, q.codes, f"zero_points of {name}")
    if bits.is_traced(x.zero_points):
        return
    zero_points, half = np.asarray(x.zero_points), 1 << (fmt.bits - 1)
    if zero_points.min() < -half or zero_points.max() >= half:
        raise ValueError(
            f"zero_points of {name} must be integers of {fmt.name}, "
            f"got {zero_points.min()} to {zero_points.max()}"
        )


def _check_backend(x: Array, codes: Array, name: str) -> None:
    if bits.is_jax(x) != bits.is_jax(codes):
        raise TypeError(f"{name} must be of the backend of its codes, got NumPy and JAX")
