"""Integer levels with a scale and a minimum: ``x = level * scale + minimum``, block by block."""

from dataclasses import dataclass, replace

import numpy as np

from msdnum.emulator import argument_checks, backend, binary32, block_rows, element_numbers
from msdnum.emulator.backend import Array
from msdnum.emulator.codes import as_codes, check_values
from msdnum.emulator.compilation import compiled_whole
from msdnum.emulator.jax_settings import under_own_settings
from msdnum.emulator.quantized_arrays import QuantizedArray
from msdnum.formats.blocks import BlockFormat
from msdnum.formats.elements import INT8, FloatFormat, IntegerFormat

__all__ = ["MinimumArray"]


@backend.pytree(data=("quantized", "minima"), static=())
@dataclass(frozen=True)
class MinimumArray:
    """Integer codes, a scale and a minimum for each block.

    A level is a code less the lowest code of its format: 0 to 15 for INT4.

    Parameters
    ----------
    quantized : QuantizedArray
        Codes of an integer format of at most 7 bits, and their scales.
    minima : Array of uint8, uint16 or uint32
        Codes of the format of the scales, of their shape: what a block's level 0 stands for.

    Raises
    ------
    TypeError
        If the minima are no codes, or of another backend than the scales.
    ValueError
        If they are not of the shape of the scales, or the format is not one of integers of at most
        7 bits with a scale of a float format and nothing beside it.

    Examples
    --------
    Levels 0 and 15 with the scale 0.5 and the minimum -2:

    >>> from msdnum import BLOCK_FORMATS, QuantizedArray
    >>> from msdnum.emulator.minima import MinimumArray
    >>> int4 = BLOCK_FORMATS["INT4_GROUP"]
    >>> codes = QuantizedArray.from_scales(np.uint8([8, 7]), np.float32([0.5]), int4)
    >>> MinimumArray(codes, np.float32([-2]).view(np.uint32)).dequantize()
    array([-2. ,  5.5], dtype=float32)
    """

    quantized: QuantizedArray
    minima: Array

    @under_own_settings
    def __post_init__(self) -> None:
        """Check that the minima belong to the codes; register with JAX."""
        backend.register_pytrees()
        q = self.quantized
        argument_checks.check_mode("quantized", q, QuantizedArray)
        _check_levels(q.format, q.divisor)
        minima = as_codes(self.minima, q.format.scale, "minima")
        if backend.is_jax(minima) != backend.is_jax(q.scale_codes):
            raise TypeError("minima must be NumPy or JAX arrays as the scales are, got the other")
        if minima.shape != q.scale_codes.shape:
            raise ValueError(
                f"minima must have shape {q.scale_codes.shape}, that of the scales, "
                f"got {minima.shape}"
            )
        object.__setattr__(self, "minima", minima)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the array these codes stand for."""
        return self.quantized.shape

    @under_own_settings
    def checked(self) -> "MinimumArray":
        """Return this array if it is one: JAX makes others of its arrays, as ``jax.vmap`` does.

        Raises
        ------
        TypeError, ValueError
            As the constructor and ``QuantizedArray.checked``.
        """
        found = replace(self, quantized=self.quantized.checked())
        check_values(found.minima, found.quantized.format.scale, "minima")
        return found

    @under_own_settings
    def levels(self) -> Array:
        """Return the levels as int8.

        Raises
        ------
        TypeError, ValueError
            As ``checked``.
        """
        q = self.checked().quantized
        return _levels_of(q.codes, q)

    @under_own_settings
    def terms(self) -> tuple[QuantizedArray, QuantizedArray]:
        """Return two arrays of INT8 whose sum is this one: level times scale, 1 times minimum.

        A product with both, one after the other, is one with this array whose every step is
        defined: ``matmul(a, w.terms())``.

        Raises
        ------
        TypeError, ValueError
            As ``checked``.
        """
        found = self.checked()
        q = found.quantized
        fmt = replace(q.format, name=f"{q.format.name} levels", element=INT8)
        levels, ones = _factors_of(q.codes, q)
        first = QuantizedArray(levels, q.scale_codes, None, fmt, q.axis)
        return first, QuantizedArray(ones, found.minima, None, fmt, q.axis)

    @under_own_settings
    def dequantize(self) -> Array:
        """Return ``fl(fl(level * scale) + minimum)`` as float32, each rounded to binary32 (RNE).

        With FP16 scales level times scale is exact.

        Raises
        ------
        TypeError, ValueError
            As ``checked``.
        """
        found = self.checked()
        return _numbers_of(found.minima, found.quantized)


@compiled_whole
def _numbers_of(minima: Array, q: QuantizedArray) -> Array:
    rows = q.rows(_levels_of(q.codes, q)).astype("float32")
    added = element_numbers.decode_scaled(minima, 0, q.format.scale)
    scaled = binary32.multiply(rows, q.column(q.scales()))
    value = binary32.add(scaled, q.column(added))
    return block_rows.join(value, q.shape, q.axis)


@compiled_whole
def _levels_of(codes: Array, q: QuantizedArray) -> Array:
    assert isinstance(q.format.element, IntegerFormat)
    return replace(q, codes=codes).integers() - np.int8(q.format.element.min_integer)


@compiled_whole
def _factors_of(codes: Array, q: QuantizedArray) -> tuple[Array, Array]:
    levels = _levels_of(codes, q).view("uint8")
    return levels, backend.namespace(levels).ones_like(levels)


def _check_levels(fmt: BlockFormat, divisor: int) -> None:
    element, scale = fmt.element, fmt.scale
    integers = isinstance(element, IntegerFormat) and not element.fraction_bits
    if not integers or element.bits > 7:
        raise ValueError(
            f"quantized must be of integers of at most 7 bits beside minima, got {element.name}"
        )
    if not isinstance(scale, FloatFormat) or not scale.signed or fmt.tensor_scale or divisor != 1:
        raise ValueError(
            f"quantized must have scales of a signed float format alone beside minima, "
            f"got {fmt.name}"
        )
