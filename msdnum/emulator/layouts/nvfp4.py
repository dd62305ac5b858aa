"""Layouts of NVFP4 checkpoints: ModelOpt's and that of compressed-tensors.

Both store packed E2M1 elements, E4M3 scales and a binary32 number for the whole tensor. ModelOpt's
is a factor of the scales; that of compressed-tensors divides them.
"""

from typing import Any

import numpy as np

from msdnum.emulator import backend, binary32, element_numbers
from msdnum.emulator.arrays import as_array
from msdnum.emulator.backend import Array
from msdnum.emulator.codes import as_codes
from msdnum.emulator.jax_settings import under_own_settings
from msdnum.emulator.layouts.rows import checked_rows
from msdnum.emulator.packing import pack, unpack
from msdnum.emulator.quantized_arrays import QuantizedArray
from msdnum.formats.blocks import NVFP4, BlockFormat
from msdnum.formats.elements import BINARY32, E2M1, E4M3
from msdnum.formats.modes import ScaleRule

__all__ = [
    "NVFP4_DIVIDED", "from_compressed_tensors", "from_compressed_tensors_divided", "from_modelopt",
    "to_compressed_tensors", "to_modelopt",
]  # fmt: skip

NVFP4_DIVIDED = BlockFormat(
    "NVFP4_DIVIDED",
    E2M1,
    BINARY32,
    16,
    ScaleRule.AMAX,
    source="compressed-tensors, quantization/lifecycle/forward.py, _dequantize",
)
"""NVFP4 whose two scales are one: E4M3 scale over the divisor of the tensor, rounded once."""


@under_own_settings
def from_modelopt(packed: Array, scales: Array, tensor_scale: Any) -> QuantizedArray:
    """Read a tensor of ModelOpt: ``weight``, ``weight_scale`` and ``weight_scale_2``.

    Parameters
    ----------
    packed : Array of uint8
        Shape (..., n / 2), the first element in the low nibble.
    scales : Array of float8_e4m3fn, or their codes
        Shape (..., n / 16).
    tensor_scale : number or Array of float32
        Shape () or (1,); a factor.

    Raises
    ------
    TypeError
        If an array does not hold such codes.
    ValueError
        If the shapes do not belong together, or the tensor scale is not a binary32 number.
    """
    return QuantizedArray(unpack(packed, E2M1), scales, tensor_scale, NVFP4, -1)


@under_own_settings
def to_modelopt(quantized: QuantizedArray) -> tuple[Array, Array, Array]:
    """Undo ``from_modelopt``: the same bytes, the tensor scale of shape ().

    Raises
    ------
    TypeError
        If it is no quantized array.
    ValueError
        If it is not NVFP4 with whole blocks along the last axis.
    """
    quantized = checked_rows(quantized, NVFP4)
    assert quantized.tensor_scale is not None
    return pack(quantized.codes, E2M1), quantized.scale_codes, quantized.tensor_scale


@under_own_settings
def from_compressed_tensors(packed: Array, scales: Array, global_scale: Any) -> QuantizedArray:
    """Read ``weight_packed``, ``weight_scale`` and ``weight_global_scale``, as NVFP4.

    Its tensor scale is the reciprocal of the global scale, rounded once (RNE). The numbers are
    therefore not to the last bit those that compressed-tensors decompresses to: for these see
    ``from_compressed_tensors_divided``.

    Parameters
    ----------
    packed : Array of uint8
        Shape (..., n / 2), the first element in the low nibble.
    scales : Array of float8_e4m3fn, or their codes
        Shape (..., n / 16).
    global_scale : number or Array of float32
        Shape () or (1,); a divisor.

    Raises
    ------
    TypeError
        If an array does not hold such codes.
    ValueError
        If the shapes do not belong together, or the global scale or its reciprocal is not a
        positive finite number.
    """
    given = _global_scale(global_scale, as_array(packed, "packed"))
    return from_modelopt(packed, scales, _reciprocal(given, "global_scale"))


@under_own_settings
def to_compressed_tensors(
    quantized: QuantizedArray, global_scale: Any = None
) -> tuple[Array, Array, Array]:
    """Undo ``from_compressed_tensors``.

    Parameters
    ----------
    quantized : QuantizedArray
        NVFP4 with whole blocks along the last axis.
    global_scale : number or Array of float32, optional
        The divisor that is written, for the same bytes: several may have the same reciprocal. By
        default the reciprocal of the tensor scale.

    Returns
    -------
    packed, scales : Array of uint8
        As they were read.
    global_scale : Array of float32
        Of shape ().

    Raises
    ------
    TypeError
        If it is no quantized array.
    ValueError
        If it is not such an array, or the reciprocal of the global scale is not its tensor scale.
    """
    packed, scales, factor = to_modelopt(quantized)
    given = factor if global_scale is None else _global_scale(global_scale, packed)
    written = _reciprocal(factor, "tensor_scale") if global_scale is None else given
    back = _reciprocal(written, "global_scale")
    if not backend.is_traced(back) and bool(back != factor):
        raise ValueError(
            f"global_scale must have the reciprocal {float(factor)!r}, the tensor scale, "
            f"got {float(written)!r} with {float(back)!r}: pass the one that was read"
        )
    return packed, scales, written


@under_own_settings
def from_compressed_tensors_divided(
    packed: Array, scales: Array, global_scale: Any
) -> QuantizedArray:
    """Read the same three tensors as the numbers that compressed-tensors decompresses to.

    Every E4M3 scale is divided by the global scale, and the quotient rounded once (RNE); it is the
    binary32 scale of its block.

    Parameters
    ----------
    packed, scales, global_scale
        As for ``from_compressed_tensors``.

    Raises
    ------
    TypeError, ValueError
        As ``from_compressed_tensors``, but for the reciprocal.

    Notes
    -----
    Source: compressed-tensors, ``quantization/lifecycle/forward.py``, ``_dequantize``.
    """
    codes = as_codes(scales, E4M3, "scales")
    divisor = _global_scale(global_scale, codes)
    divided = binary32.divide(element_numbers.decode_scaled(codes, 0, E4M3), divisor)
    return QuantizedArray(unpack(packed, E2M1), divided.view("uint32"), None, NVFP4_DIVIDED, -1)


def _global_scale(scale: Any, like: Array) -> Array:
    """Return a divisor as float32 of shape (), of the backend of ``like``."""
    if scale is None or np.shape(scale) not in ((), (1,)):
        raise ValueError(f"global_scale must be one number, shape () or (1,), got {scale!r}")
    xp = backend.namespace(like)
    found = xp.asarray(scale, dtype="float32").reshape(())
    if not backend.is_traced(found):
        _check_positive(found, "global_scale")
        if float(found) != float(np.asarray(scale).reshape(())):
            raise ValueError(f"global_scale must be a binary32 number, got {scale!r}: round it")
    return found


def _check_positive(scale: Array, name: str) -> None:
    if not 0 < float(scale) < np.inf:
        raise ValueError(f"{name} must be positive and finite, got {float(scale)!r}")


def _reciprocal(scale: Array, name: str) -> Array:
    """Return ``1 / scale``, rounded once."""
    xp = backend.namespace(scale)
    found = xp.asarray(binary32.divide(xp.ones((), "float32"), scale))
    if not backend.is_traced(found):
        _check_positive(found, f"1 / {name}")
    return found
