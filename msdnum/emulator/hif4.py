"""HiF4: units of 64 elements of 4 bits under scales of three levels, as arrays."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from msdnum.emulator import (
    backend,
    binary32,
    bit_patterns,
    element_numbers,
    element_rounding,
    shared_scales,
)
from msdnum.emulator.argument_checks import checked_codes
from msdnum.emulator.backend import Array
from msdnum.emulator.compilation import compiled_whole
from msdnum.emulator.floats import as_binary32
from msdnum.emulator.jax_settings import under_own_settings
from msdnum.formats.elements import BF16
from msdnum.formats.modes import Overflow, Rounding
from msdnum.formats.other_elements import E6M2, HIF4_ELEMENT

__all__ = ["HiF4Array", "quantize_hif4"]

SIZE = 64
SEVENTH = np.float32(0.142578125)
"""1/7, rounded to BF16."""


@backend.pytree(data=("codes", "scale_codes", "eights", "fours"), static=())
@dataclass(frozen=True)
class HiF4Array:
    """Elements with a scale for each 64, an exponent for each 8 and another for each 4 of them.

    Parameters
    ----------
    codes : Array of uint8
        Shape (..., n), n a multiple of 64: codes of ``HIF4_ELEMENT``, a sign and 0 to 1.75.
    scale_codes : Array of uint8
        Shape (..., n / 64): codes of ``E6M2``.
    eights, fours : Array of uint8
        Shapes (..., n / 8) and (..., n / 4): exponents of two, 0 or 1.

    Raises
    ------
    TypeError
        If an array does not hold such codes.
    ValueError
        If shapes do not belong together, or an exponent is neither.

    Notes
    -----
    How the bits of a unit lie in memory is not published to our knowledge: there is no layout.
    """

    codes: Array
    scale_codes: Array
    eights: Array
    fours: Array

    def __post_init__(self) -> None:
        """Check that the arrays belong together; register with JAX."""
        backend.register_pytrees()
        codes = checked_codes(self.codes, HIF4_ELEMENT)
        scales = checked_codes(self.scale_codes, E6M2, "scale_codes")
        if not codes.shape or codes.shape[-1] % SIZE:
            raise ValueError(f"codes must have a last axis divisible by 64, got {codes.shape}")
        parts = {
            "scale_codes": (scales, SIZE),
            "eights": (self.eights, 8),
            "fours": (self.fours, 4),
        }
        for name, (part, size) in parts.items():
            backend.check_array(part, name, ("uint8",))
            expected = (*codes.shape[:-1], codes.shape[-1] // size)
            if part.shape != expected:
                raise ValueError(f"{name} must have shape {expected}, got {part.shape}")
            if size < SIZE and not backend.is_traced(part) and int(np.asarray(part).max()) > 1:
                raise ValueError(f"{name} must be 0 or 1, got {int(np.asarray(part).max())}")

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the array these codes stand for."""
        return tuple(self.codes.shape)

    @under_own_settings
    def dequantize(self) -> Array:
        """Return element times scale times both powers of two as float32; exact.

        Raises
        ------
        TypeError, ValueError
            As the constructor.
        """
        found = replace(self)
        return _numbers_of(found.codes, found.scale_codes, found.eights, found.fours)


@compiled_whole
def _numbers_of(codes: Array, scale_codes: Array, eights: Array, fours: Array) -> Array:
    power = _each(eights, 8) + _each(fours, 4)
    values = element_numbers.decode_scaled(codes, power.astype("int32"), HIF4_ELEMENT)
    scales = element_numbers.decode_scaled(_each(scale_codes, SIZE), 0, E6M2)
    with np.errstate(invalid="ignore"):
        return backend.namespace(codes).asarray(binary32.multiply(values, scales))


@under_own_settings
def quantize_hif4(x: Any) -> HiF4Array:
    """Quantize to HiF4, in units of 64 along the last axis.

    Parameters
    ----------
    x : Array of bfloat16, float16, float32 or float64
        Shape (..., n), n a multiple of 64. Numbers that are not BF16's are rounded to it (RNE),
        float64 by way of float32.

    Raises
    ------
    TypeError
        If ``x`` is of another type.
    ValueError
        If n is no multiple of 64.

    Notes
    -----
    Source: Luo et al., arXiv:2602.11287; ``spec.hif4_unit`` has every step.

    Examples
    --------
    >>> from msdnum.emulator import quantize_hif4
    >>> x = np.full(64, 0.5, np.float32)
    >>> x[:2] = 7, -3
    >>> q = quantize_hif4(x)
    >>> q.eights, q.dequantize()[[0, 1, 2, 8]]
    (array([1, 0, 0, 0, 0, 0, 0, 0], dtype=uint8), array([ 7. , -3. ,  1. ,  0.5], dtype=float32))
    """
    x = as_binary32(x, "x")
    if not x.shape or x.shape[-1] % SIZE:
        raise ValueError(f"x must have a last axis divisible by 64, got shape {x.shape}")
    return HiF4Array(*_quantize(x))


@compiled_whole
def _quantize(x: Array) -> tuple[Array, ...]:
    xp = backend.namespace(x)
    pattern = _to_bf16(bit_patterns.as_pattern(x))
    magnitude = pattern & bit_patterns.MAGNITUDE_MASK
    peaks = [_peaks(magnitude, size) for size in (SIZE, 8, 4)]
    finite = shared_scales.is_finite(peaks[0])
    pattern = xp.where(_each(finite, SIZE), pattern, 0)
    whole, eight, four = (
        xp.where(_each(finite, SIZE // size), p, 0).view(xp.float32)
        for p, size in zip(peaks, (SIZE, 8, 4), strict=True)
    )
    ideal = _to_bf16(binary32.multiply(whole, xp.full_like(whole, SEVENTH)).view(xp.int32))
    scale = element_rounding.encode_scaled(ideal, 0, E6M2, Overflow.SATURATE)
    number = element_numbers.decode_scaled(scale, 0, E6M2)
    inverse = binary32.divide(xp.ones_like(number), number).view(xp.int32)
    factor = _to_bf16(inverse).view(xp.float32)
    eights = binary32.multiply(eight, _each(factor, 8)) >= 4
    limit = xp.where(_each(eights, 2), np.float32(4), np.float32(2))
    fours = binary32.multiply(four, _each(factor, 16)) >= limit
    exponent = _each(eights, 8).astype("int32") + _each(fours, 4)
    scaled = binary32.multiply(pattern.view(xp.float32), _each(factor, SIZE)).view(xp.int32)
    codes = element_rounding.encode_scaled(
        scaled, exponent, HIF4_ELEMENT, Overflow.SATURATE, Rounding.RNA
    )
    scale = xp.where(finite, scale, E6M2.nan_code).astype("uint8")
    codes = xp.where(_each(finite, SIZE), codes, 0)
    return codes, scale, eights.astype("uint8"), fours.astype("uint8")


def _to_bf16(pattern: Array) -> Array:
    """Return the patterns of numbers rounded to BF16."""
    codes = element_rounding.encode_scaled(pattern, 0, BF16, Overflow.OVERFLOW)
    return element_numbers.decode_scaled(codes, 0, BF16).view("int32")


def _peaks(magnitude: Array, size: int) -> Array:
    return magnitude.reshape(*magnitude.shape[:-1], -1, size).max(axis=-1)


def _each(parts: Array, size: int) -> Array:
    """Return each entry of the last axis as often as there are numbers that it is for."""
    return backend.namespace(parts).repeat(parts, size, axis=-1)
