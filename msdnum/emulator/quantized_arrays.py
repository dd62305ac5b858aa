"""Quantized arrays: element codes, shared scales, and what they stand for."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from msdnum.display import arrays
from msdnum.display.text import one_line
from msdnum.emulator import argument_checks, backend, binary32, containers, element_numbers
from msdnum.emulator.backend import Array
from msdnum.emulator.block_rows import join, join_scales, split
from msdnum.emulator.codes import check_values
from msdnum.emulator.compilation import compiled_whole
from msdnum.emulator.jax_settings import under_own_settings
from msdnum.emulator.shared_scales import LARGEST_EXPONENT, divide_by, scale_numbers
from msdnum.formats.blocks import BlockFormat
from msdnum.formats.elements import E8M0, IntegerFormat

__all__ = ["QuantizedArray"]


@backend.pytree(data=("codes", "scale_codes", "tensor_scale"), static=("format", "axis", "divisor"))
@dataclass(frozen=True)
class QuantizedArray:
    """Element codes with the codes of their shared scales.

    Parameters
    ----------
    codes : Array of uint8, uint16 or uint32
        Element codes, of the shape of the array they stand for. Types that hold the same bits are
        seen as codes: those of ``ml_dtypes`` and JAX (float8_e4m3fn, float4_e2m1fn, int4), signed
        bytes.
    scale_codes : Array of uint8, uint16 or uint32
        Codes of ``format.scale``, types as for ``codes``: the shape of ``codes`` with ``axis``
        replaced by the number of blocks, and the other of the last two axes by the number of blocks
        along it where these have several rows; of shape () where the whole tensor is one block. For
        numbers see ``from_scales``.
    tensor_scale : Array of float32 or None
        Second scale, of shape (), in a format that has one. Another number, or shape (1,), is taken
        if it is a binary32 number.
    format : BlockFormat
        Its ``block_size`` becomes that of this array: of an axis that is shorter, or of a whole
        row, the length.
    axis : int or None
        The axis of the blocks, kept as a negative number; None where the whole tensor is one block.
    divisor : int
        The scale is the number of ``scale_codes`` over ``divisor``. Above 1 only in the exact INT8
        decomposition, whose scale ``amax / 127`` is not a binary32 number. It is here and not in a
        class of terms, for a term is multiplied, cached and shown as any quantized array is;
        layouts, which have no place for it, refuse it.

    Raises
    ------
    TypeError
        If an array does not hold codes of the format, or NumPy and JAX arrays are mixed.
    ValueError
        If shapes, axis, format, tensor scale and divisor do not belong together.

    Notes
    -----
    Types and shapes are checked here and, for JAX can change the arrays of a container, again in
    every method; codes with bits above the width of the format when they become numbers.

    Examples
    --------
    Two E2M1 numbers, 1.5 and -6, under the E8M0 scale 2**-1:

    >>> from msdnum import BLOCK_FORMATS, QuantizedArray
    >>> mxfp4 = BLOCK_FORMATS["MXFP4"]
    >>> q = QuantizedArray(np.uint8([3, 15]), np.uint8([126]), None, mxfp4, axis=-1)
    >>> q
    QuantizedArray(codes=uint8[2], scale_codes=uint8[1], tensor_scale=None, format=MXFP4, axis=-1)
    >>> q.scales(), q.dequantize()
    (array([0.5], dtype=float32), array([ 0.75, -3.  ], dtype=float32))
    """

    codes: Array
    scale_codes: Array
    tensor_scale: Array | None
    format: BlockFormat
    axis: int | None
    divisor: int = 1

    @under_own_settings
    def __post_init__(self) -> None:
        """See arrays as codes, check that they belong together; register with JAX."""
        backend.register_pytrees()
        parts = containers.checked_parts(
            self.codes, self.scale_codes, self.tensor_scale, self.format, self.axis, self.divisor
        )
        for name, part in parts._asdict().items():
            object.__setattr__(self, name, part)

    __repr__ = one_line

    @classmethod
    @under_own_settings
    def from_scales(
        cls,
        codes: Array,
        scales: Array,
        fmt: BlockFormat,
        *,
        axis: int | None = -1,
        tensor_scale: Any = None,
    ) -> "QuantizedArray":
        """Return codes with scales that are given as numbers.

        Parameters
        ----------
        codes : Array
            As for ``QuantizedArray``.
        scales : Array of floats, or Python's numbers
            Numbers of ``fmt.scale``, of the shape of its codes.
        fmt : BlockFormat
            Format of the elements and of the scales.
        axis : int or None
            The axis of the blocks; None where the whole tensor is one block.
        tensor_scale : number or Array of float32, optional
            As for ``QuantizedArray``.

        Raises
        ------
        TypeError
            If scales are not numbers, or are traced numbers of another type than the scale's.
        ValueError
            If a scale is not a number of ``fmt.scale``: nothing is rounded.

        Examples
        --------
        >>> from msdnum import BLOCK_FORMATS, QuantizedArray
        >>> int8 = BLOCK_FORMATS["INT8_ROW"]
        >>> q = QuantizedArray.from_scales(np.int8([127, -1]), np.float32([0.25]), int8)
        >>> q.dequantize()
        array([31.75, -0.25], dtype=float32)
        """
        argument_checks.check_mode("fmt", fmt, BlockFormat)
        scale_codes = containers.codes_of_numbers(scales, fmt.scale, "scales")
        return cls(codes, scale_codes, tensor_scale, fmt, axis)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the array these codes stand for."""
        return tuple(self.codes.shape)

    @under_own_settings
    def checked(self) -> "QuantizedArray":
        """Return this array if it is one: JAX makes others of its arrays, as ``jax.vmap`` does.

        Raises
        ------
        TypeError, ValueError
            As the constructor, and if codes have bits above the width of their format. What
            ``jax.vmap`` returns with a scale for the whole tensor is none: call methods inside.
        """
        found = replace(self)
        check_values(found.codes, found.format.element)
        check_values(found.scale_codes, found.format.scale, "scale_codes")
        return found

    @under_own_settings
    def scales(self) -> Array:
        """Return the scale of every block as float32, of the shape of ``scale_codes``.

        An E8M0 scale is exact. Where there is a tensor scale or a divisor, one rounding (RNE).

        Raises
        ------
        TypeError, ValueError
            As ``checked``.
        """
        found = replace(self)
        check_values(found.scale_codes, found.format.scale, "scale_codes")
        return _scales_of(*found._arrays(), **found._static())

    def _arrays(self) -> tuple[Array, ...]:
        return self.codes, self.scale_codes, self.tensor_scale

    def _static(self) -> dict[str, Any]:
        return {"fmt": self.format, "axis": self.axis, "divisor": self.divisor}

    def _scales(self) -> Array:
        scale = scale_numbers(self.scale_codes, self.format, self.tensor_scale)
        if self.divisor != 1:
            scale = divide_by(scale, self.divisor)
        return scale

    @under_own_settings
    def rows(self, array: Array) -> Array:
        """Return ``array``, of the shape of ``codes``, with one row for each block.

        Raises
        ------
        TypeError, ValueError
            If it has another shape; or as the constructor.
        """
        if array.shape != self.shape:
            raise ValueError(f"array must have shape {self.shape}, got {array.shape}")
        found = replace(self)
        return split(array, found.format, found.axis)

    @under_own_settings
    def column(self, scales: Array) -> Array:
        """Return ``scales``, of the shape of ``scale_codes``, beside ``rows``: one for each.

        Raises
        ------
        ValueError
            If they have another shape.
        """
        if scales.shape != self.scale_codes.shape:
            raise ValueError(f"scales must have shape {self.scale_codes.shape}, got {scales.shape}")
        if self.axis is not None:
            scales = backend.namespace(scales).moveaxis(scales, self.axis, -1)
        return scales.reshape(-1, 1)

    @under_own_settings
    def row_by_row(self) -> "QuantizedArray":
        """Return the same codes in blocks of one row: the scales of several rows are repeated.

        Examples
        --------
        >>> from msdnum import BLOCK_FORMATS, quantize
        >>> q = quantize(np.ones((4, 64), np.float32), BLOCK_FORMATS["MXFP4"], block_size=(2, 32))
        >>> q.scale_codes.shape, q.row_by_row().scale_codes.shape
        ((2, 2), (4, 2))
        """
        found = replace(self)
        if found.format.rows == 1:
            return found
        assert found.axis is not None
        other = -3 - found.axis
        xp = backend.namespace(found.scale_codes)
        repeated = xp.repeat(found.scale_codes, found.format.rows, axis=other)
        kept = [slice(None)] * repeated.ndim
        kept[other] = slice(found.shape[other])
        fmt = replace(found.format, rows=1)
        return replace(found, scale_codes=repeated[tuple(kept)], format=fmt)

    @under_own_settings
    def dequantize(self) -> Array:
        """Return element times scale as float32.

        With an E8M0 scale it is exact where float32 holds it, which fails only for magnitudes of
        2**128 (CEIL, RCEIL or EVEN scales of an amax in the top binade): Inf. With a binary32
        scale the product is rounded once (RNE). A block whose scale is NaN is NaN.

        Raises
        ------
        TypeError, ValueError
            As ``checked``.
        """
        found = self.checked()
        return _numbers_of(*found._arrays(), **found._static())

    def _dequantize(self) -> Array:
        backend.keep_freed_memory()
        element = self.format.element

        def scale_by_power(codes: Array, exponent: Array) -> tuple[Array]:
            value = element_numbers.decode_scaled(codes, exponent, element)
            too_large = exponent > LARGEST_EXPONENT
            return (backend.namespace(value).where(too_large, np.float32(np.nan), value),)

        def scale_by_float(codes: Array, scale: Array) -> tuple[Array]:
            return (binary32.multiply(element_numbers.decode_scaled(codes, 0, element), scale),)

        rows, scale = self.rows(self.codes), self.column(self._scales())
        if element_numbers.suits_table(rows, element) and not backend.is_jax(scale):
            value = element_numbers.numbers_of_rows(rows, scale, element)
        elif self.format.scale == E8M0:
            exponent = self.column(self.scale_codes).astype("int32") - E8M0.bias
            (value,) = backend.map_rows(scale_by_power, rows, exponent)
        else:
            (value,) = backend.map_rows(scale_by_float, rows, scale)
        return join(value, self.shape, self.axis, self.format.rows)

    @under_own_settings
    def integers(self) -> Array:
        """Return the elements of an integer format as int8, or as int16 above 8 bits.

        Unsigned integers that have no room there are uint8 or uint16.

        Raises
        ------
        ValueError
            If the element format is not an integer format; or as ``checked``.
        """
        fmt = self.format.element
        if not isinstance(fmt, IntegerFormat):
            raise ValueError(f"integers needs an integer element format, got {fmt.name}")
        patterns = self.checked().codes
        unused = 8 * patterns.dtype.itemsize - fmt.bits
        if not fmt.signed:
            return patterns if not unused else patterns.view(f"int{fmt.bits + unused}")
        return _signed(patterns, unused=unused)

    def _repr_html_(self) -> str | None:
        # None: a notebook shows the plain text.
        return None if backend.is_traced(self.codes) else arrays.quantized(self)


def assemble(
    codes: Array,
    scale_codes: Array,
    tensor_scale: Array | None,
    fmt: BlockFormat,
    shape: tuple[int, ...],
    axis: int | None,
    divisor: int = 1,
) -> QuantizedArray:
    """Return the array of ``shape`` made of one row of codes and one scale code for each block."""
    scales = join_scales(scale_codes, fmt, shape, axis)
    joined = join(codes, shape, axis, fmt.rows)
    return QuantizedArray(joined, scales, tensor_scale, fmt, axis, divisor)


@compiled_whole
def _signed(patterns: Array, *, unused: int) -> Array:
    width = 8 * patterns.dtype.itemsize
    return (patterns << unused).view(f"int{width}") >> unused


@compiled_whole
def _numbers_of(
    codes: Array, scales: Array, tensor: Array, *, fmt: BlockFormat, axis: int | None, divisor: int
) -> Array:
    return QuantizedArray(codes, scales, tensor, fmt, axis, divisor)._dequantize()


@compiled_whole
def _scales_of(
    codes: Array, scales: Array, tensor: Array, *, fmt: BlockFormat, axis: int | None, divisor: int
) -> Array:
    return QuantizedArray(codes, scales, tensor, fmt, axis, divisor)._scales()
