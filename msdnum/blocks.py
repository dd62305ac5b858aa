"""Arrays whose elements share a scale, block by block: quantize, dequantize, pack, unpack."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from msdnum import array_tables, bits, containers, elements, quotients
from msdnum.arrays import as_array
from msdnum.bits import Array
from msdnum.codes import check_values
from msdnum.floats import as_numbers, patterns
from msdnum.formats import E8M0, BlockFormat, ElementFormat, FloatFormat, IntegerFormat
from msdnum.jax_settings import under_own_settings
from msdnum.modes import Overflow, Rounding, ScaleRule

__all__ = [
    "QuantizedArray",
    "from_blocks_and_scales",
    "pack",
    "quantize",
    "to_blocks_and_scales",
    "unpack",
]

SMALLEST_EXPONENT, LARGEST_EXPONENT = -E8M0.bias, E8M0.bias


@bits.pytree(data=("codes", "scale_codes", "tensor_scale"), static=("format", "axis", "divisor"))
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
        replaced by the number of blocks; of shape () where the whole tensor is one block. For
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
        decomposition, whose scale ``amax / 127`` is not a binary32 number.

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
        bits.register_pytrees()
        parts = containers.checked_parts(
            self.codes, self.scale_codes, self.tensor_scale, self.format, self.axis, self.divisor
        )
        for name, part in parts._asdict().items():
            object.__setattr__(self, name, part)

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
            The format.
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
        """
        elements.check_mode("fmt", fmt, BlockFormat)
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
        return found._scales()

    def _scales(self) -> Array:
        scale = elements.decode_scaled(self.scale_codes, 0, self.format.scale)
        if self.tensor_scale is not None:
            scale = bits.multiply(scale, self.tensor_scale)
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
            scales = bits.namespace(scales).moveaxis(scales, self.axis, -1)
        return scales.reshape(-1, 1)

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
        return self.checked()._dequantize()

    def _dequantize(self) -> Array:
        element = self.format.element

        def scale_by_power(codes: Array, exponent: Array) -> tuple[Array]:
            value = elements.decode_scaled(codes, exponent, element)
            too_large = exponent > LARGEST_EXPONENT
            return (bits.namespace(value).where(too_large, np.float32(np.nan), value),)

        def scale_by_float(codes: Array, scale: Array) -> tuple[Array]:
            return (bits.multiply(elements.decode_scaled(codes, 0, element), scale),)

        if self.format.scale == E8M0:
            exponent = self.column(self.scale_codes).astype("int32") - E8M0.bias
            (value,) = bits.map_rows(scale_by_power, self.rows(self.codes), exponent)
        else:
            scale = self.column(self._scales())
            (value,) = bits.map_rows(scale_by_float, self.rows(self.codes), scale)
        return join(value, self.shape, self.axis)

    @under_own_settings
    def integers(self) -> Array:
        """Return the elements of an integer format as int8 (int16 above 8 bits).

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
        signed = (patterns << unused).view(f"int{fmt.bits + unused}")
        return signed >> unused

    def _repr_html_(self) -> str | None:
        # None: a notebook shows the plain text.
        return None if bits.is_traced(self.codes) else array_tables.quantized(self)


@under_own_settings
def quantize(
    x: Array,
    fmt: BlockFormat,
    *,
    axis: int | None = -1,
    block_size: int | None = None,
    rule: ScaleRule | None = None,
    rounding: Rounding = Rounding.RNE,
    random: Any = None,
) -> QuantizedArray:
    """Choose a shared scale for every block of ``x`` and round the elements, saturating.

    Parameters
    ----------
    x : Array of float32, bfloat16, float16 or float64, or Python's numbers
        At least one dimension. Smaller floats of ``ml_dtypes`` and torch tensors on the CPU are
        taken, too. Amax, and each quotient by a scale, is exact until it is rounded, once.
    fmt : BlockFormat
        The target.
    axis : int or None
        Axis along which blocks are consecutive; None: the whole tensor is one block.
    block_size : int, optional
        In place of that of ``format``. The last block of an axis may be shorter: it has a scale of
        its own, computed from the elements it has.
    rule : ScaleRule, optional
        In place of that of ``format``.
    rounding : Rounding
        Of the elements; the scale has its own rule.
    random : numpy.random.Generator, JAX key or Array of uint32, optional
        For stochastic rounding.

    Returns
    -------
    QuantizedArray
        Where the scale is zero, or the block is, elements are zeros that keep their sign where the
        format has one. A zero block has scale code 0. A block with a NaN or an Inf is a NaN block:
        its scale is NaN, its element codes are 0.

    Raises
    ------
    TypeError
        If an argument is not of its type.
    ValueError
        If ``x`` is empty or has no dimension; if ``axis`` is not one of its axes; if
        ``block_size`` is below 1 or above the axis length; if the rule does not suit the format;
        if a float64 number is so large that the tensor scale, a binary32 number, would be Inf.

    Notes
    -----
    Power-of-two scales are clamped to E8M0's 2**-127 to 2**127. With a float scale every
    operation is rounded to binary32 (RNE): ``scale = amax / max_finite``, then to the format of the
    scale (RNE, saturating), and ``element = x / scale``. NVFP4: ``tensor_scale = amax / 6 / 448``
    over the finite elements of the tensor, ``scale = E4M3(amax / 6 / tensor_scale)`` and
    ``element = x / (scale * tensor_scale)``.

    Source: OCP MX v1.0, sections 5 and 6.3; ``spec.quantize_block``.
    """
    x = as_numbers(x, "x")
    pattern = patterns(x)
    fmt, axis = resolve(x, fmt, axis, block_size, rule)
    words = elements.check_random(rounding, random, pattern)
    tensor_scale = _tensor_scale(pattern, fmt) if fmt.tensor_scale else None

    def quantize_rows(rows: Array, words: Array | None = None) -> tuple[Array, Array]:
        if fmt.scale == E8M0:
            return _quantize_powers_of_two(rows, fmt, rounding, words)
        return _quantize_float_scale(rows, fmt, tensor_scale, rounding, words)

    operands = [split(v, fmt, axis) for v in (pattern, words) if v is not None]
    codes, scale_codes = bits.map_rows(quantize_rows, *operands)
    return assemble(codes, scale_codes, tensor_scale, fmt, x.shape, axis)


def resolve(
    x: Array,
    fmt: BlockFormat,
    axis: int | None,
    block_size: int | None,
    rule: ScaleRule | None,
) -> tuple[BlockFormat, int | None]:
    """Return the format with this array's block size and rule, and the axis, negative."""
    elements.check_mode("fmt", fmt, BlockFormat)
    if rule is not None:
        elements.check_mode("rule", rule, ScaleRule)
        fmt = replace(fmt, rule=rule)
    elements.check_integer("block_size", block_size)
    axis = containers.axis_from_the_end(x.shape, axis, "x")
    if axis is None:
        if block_size is not None:
            raise ValueError(f"block_size must be None where axis is None, got {block_size}")
        return replace(fmt, block_size=x.size), None
    length = x.shape[axis]
    if block_size is not None and not 1 <= block_size <= length:
        raise ValueError(f"block_size must be in 1..{length}, the axis length, got {block_size}")
    size = block_size or fmt.block_size or length
    return replace(fmt, block_size=min(size, length)), axis


def split(x: Array, fmt: BlockFormat, axis: int | None) -> Array:
    """Return the blocks of ``x`` as rows, the last of each axis filled up with zeros."""
    size = fmt.block_size
    assert size is not None
    if axis is None:
        return x.reshape(1, size)
    xp = bits.namespace(x)
    moved = xp.moveaxis(x, axis, -1)
    missing = -moved.shape[-1] % size
    if missing:
        moved = xp.pad(moved, [(0, 0)] * (moved.ndim - 1) + [(0, missing)])
    return moved.reshape(-1, size)


def join(rows: Array, shape: tuple[int, ...], axis: int | None) -> Array:
    """Undo ``split``."""
    if axis is None:
        return rows.reshape(shape)
    xp = bits.namespace(rows)
    length = shape[axis]
    moved = shape[:axis] + shape[len(shape) + axis + 1 :]
    return xp.moveaxis(rows.reshape(*moved, -1)[..., :length], -1, axis)


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
    return QuantizedArray(join(codes, shape, axis), scales, tensor_scale, fmt, axis, divisor)


def join_scales(scales: Array, fmt: BlockFormat, shape: tuple[int, ...], axis: int | None) -> Array:
    """Return what there is one of for each block in the shape of the scales of an array."""
    if axis is None:
        return scales.reshape(())
    assert fmt.block_size is not None
    return join(scales, containers.scale_shape(shape, axis, fmt.block_size), axis)


def row_amax(rows: Array) -> Array:
    """Return the pattern of the largest magnitude of every row, of shape (rows, 1).

    Patterns of magnitudes are ordered as the magnitudes are, with Inf and NaN on top.
    """
    return (rows & bits.width(rows).magnitude_mask).max(axis=1, keepdims=True)


def is_finite(amax: Array) -> Array:
    """Return where patterns of magnitudes are those of numbers."""
    return amax < bits.width(amax).inf


def shared_exponent(amax: Array, element: ElementFormat, rule: ScaleRule) -> Array:
    """Return the exponent of the power-of-two scale of blocks whose ``amax`` has these patterns.

    Every rule is the exponent of amax, plus one if its significand exceeds a threshold. Not yet
    clamped to E8M0; a zero amax gives an exponent below its range.
    """
    x, more = bits.fields(amax), bits.width(amax).fraction_bits - bits.FRACTION_BITS
    above = x.significand > _threshold(element, rule) << more
    return x.exponent + above - element.emax


def clamp_exponent(exponent: Array) -> Array:
    """Return the nearest exponents that E8M0 has."""
    return bits.namespace(exponent).clip(exponent, SMALLEST_EXPONENT, LARGEST_EXPONENT)


def zero_unless(usable: Array, codes: Array) -> Array:
    """Return ``codes``, with 0 in the rows that are not ``usable``."""
    if not bits.maybe_any(~usable):
        return codes
    return bits.namespace(codes).where(usable, codes, 0)


def exponent_codes(exponent: Array, amax: Array) -> Array:
    """Return E8M0 codes of clamped exponents; NaN where the pattern ``amax`` is not finite."""
    xp = bits.namespace(exponent)
    return xp.where(is_finite(amax), exponent + E8M0.bias, E8M0.max_code + 1).astype("uint8")


def _threshold(element: ElementFormat, rule: ScaleRule) -> int:
    one, two = bits.IMPLICIT_BIT, 2 * bits.IMPLICIT_BIT
    return {
        ScaleRule.FLOOR: two,
        ScaleRule.CEIL: one,
        ScaleRule.RCEIL: int(element.max_finite * 2.0**-element.emax * one),
        ScaleRule.EVEN: two - (one >> element.precision) - 1,
    }[rule]


def _quantize_powers_of_two(
    rows: Array, fmt: BlockFormat, rounding: Rounding, words: Array | None
) -> tuple[Array, Array]:
    amax = row_amax(rows)
    exponent = clamp_exponent(shared_exponent(amax, fmt.element, fmt.rule))
    codes = elements.encode_scaled(rows, exponent, fmt.element, Overflow.SATURATE, rounding, words)
    return zero_unless(is_finite(amax), codes), exponent_codes(exponent, amax)


def _quantize_float_scale(
    rows: Array,
    fmt: BlockFormat,
    tensor_scale: Array | None,
    rounding: Rounding,
    words: Array | None,
) -> tuple[Array, Array]:
    xp = bits.namespace(rows)
    amax = row_amax(rows)
    scale = _over(xp.where(is_finite(amax), amax, -1), fmt.element.max_finite)
    if tensor_scale is not None:
        # As a float, JAX would take a subnormal tensor scale for zero.
        zero = tensor_scale.view(xp.int32) == 0
        scale = xp.where(zero, scale, bits.divide(scale, tensor_scale))
    scale_codes = elements.encode_scaled(
        scale.view(xp.int32), 0, fmt.scale, Overflow.SATURATE, Rounding.RNE
    )
    scale = elements.decode_scaled(scale_codes, 0, fmt.scale)
    if tensor_scale is not None:
        scale = bits.multiply(scale, tensor_scale)
    # What a scale of zero leaves of a number is its sign, as division by Inf does.
    divisor = xp.where(scale.view(xp.int32) == 0, np.float32(np.inf), scale)
    quotient = quotients.divide(rows, divisor)
    codes = elements.encode_scaled(
        quotient.view(xp.int32), 0, fmt.element, Overflow.SATURATE, rounding, words
    )
    return zero_unless(is_finite(amax), codes), scale_codes


def finite_or_nan(amax: Array) -> Array:
    """Return the numbers of the patterns ``amax``, NaN for Inf."""
    xp = bits.namespace(amax)
    return xp.where(amax < bits.INF, amax, bits.NAN).view(xp.float32)


def divide_by(x: Array, divisor: float) -> Array:
    """Return ``x / divisor`` for one divisor that float32 holds, rounded once (RNE)."""
    return bits.divide(x, bits.namespace(x).full_like(x, divisor))


def _over(pattern: Array, divisor: float) -> Array:
    """Return the numbers of patterns over one that float32 holds, rounded once to binary32."""
    return quotients.divide(
        pattern, bits.namespace(pattern).full(pattern.shape, np.float32(divisor))
    )


def _tensor_scale(pattern: Array, fmt: BlockFormat) -> Array:
    assert isinstance(fmt.scale, FloatFormat)
    xp = bits.namespace(pattern)
    magnitude = pattern & bits.width(pattern).magnitude_mask
    amax = xp.asarray(xp.where(is_finite(magnitude), magnitude, 0).max())
    scale = _over(amax, fmt.element.max_finite)
    if not bits.is_traced(scale) and bool(xp.isinf(scale)):
        largest = f"{fmt.element.max_finite:g} * 2**128"
        raise ValueError(f"x must be below {largest} in magnitude for the scale of {fmt.name}")
    return divide_by(xp.asarray(scale), fmt.scale.max_finite)


@under_own_settings
def pack(codes: Array, fmt: ElementFormat) -> Array:
    """Return the codes of a format of 4, 6 or 8 bits as bytes without gaps, lowest bits first.

    Two 4-bit codes make a byte, the first in the low nibble; four 6-bit codes make three bytes.

    Parameters
    ----------
    codes : Array of uint8
        At least one dimension.
    fmt : ElementFormat
        Their format.

    Returns
    -------
    Array of uint8
        The last axis is ``fmt.bits / 8`` times as long.

    Raises
    ------
    ValueError
        If the last axis does not fill whole bytes, or the format has another width.
    """
    codes = elements.checked_codes(codes, fmt)
    group, size = _byte_group(fmt)
    if not codes.shape or codes.shape[-1] % group:
        raise ValueError(f"codes must have a last axis divisible by {group}, got {codes.shape}")
    word = sum(codes[..., i::group].astype("int32") << (fmt.bits * i) for i in range(group))
    packed = bits.namespace(codes).stack([word >> (8 * j) & 0xFF for j in range(size)], axis=-1)
    return packed.astype("uint8").reshape(*codes.shape[:-1], -1)


@under_own_settings
def unpack(packed: Array, fmt: ElementFormat) -> Array:
    """Undo ``pack``.

    Parameters
    ----------
    packed : Array of uint8
        As ``pack`` returns it.
    fmt : ElementFormat
        The format of the codes.

    Returns
    -------
    Array of uint8
        Codes, one in each byte.

    Raises
    ------
    ValueError
        If the last axis does not hold whole codes, or the format has another width.
    """
    packed = as_array(packed, "packed")
    bits.check_array(packed, "packed", ("uint8", "int8"))
    packed = packed.view("uint8")
    group, size = _byte_group(fmt)
    if not packed.shape or packed.shape[-1] % size:
        raise ValueError(f"packed must have a last axis divisible by {size}, got {packed.shape}")
    word = sum(packed[..., j::size].astype("int32") << (8 * j) for j in range(size))
    mask = (1 << fmt.bits) - 1
    codes = [word >> (fmt.bits * i) & mask for i in range(group)]
    stacked = bits.namespace(packed).stack(codes, axis=-1)
    return stacked.astype("uint8").reshape(*packed.shape[:-1], -1)


_BYTE_GROUPS = {4: (2, 1), 6: (4, 3), 8: (1, 1)}
"""For each width of codes, the smallest numbers of codes and bytes that take the same room."""


def _byte_group(fmt: ElementFormat) -> tuple[int, int]:
    elements.check_mode("fmt", fmt, ElementFormat)
    if fmt.bits not in _BYTE_GROUPS:
        raise ValueError(f"fmt must have 4, 6 or 8 bits, got {fmt.name} of {fmt.bits}")
    return _BYTE_GROUPS[fmt.bits]


@under_own_settings
def to_blocks_and_scales(quantized: QuantizedArray) -> tuple[Array, Array]:
    """Return packed elements and scale codes in the layout of the gpt-oss checkpoints.

    Parameters
    ----------
    quantized : QuantizedArray
        With whole blocks along the last axis, of length n.

    Returns
    -------
    blocks : Array of uint8
        Shape (..., n / block_size, packed bytes of a block).
    scales : Array of uint8
        Shape (..., n / block_size).

    Raises
    ------
    ValueError
        If the blocks lie along another axis, the last one is short, or the scale codes are not all
        there is to the scale (a tensor scale, a divisor).
    """
    elements.check_mode("quantized", quantized, QuantizedArray)
    quantized = quantized.checked()
    size = quantized.format.block_size
    assert size is not None
    if quantized.axis != -1 or quantized.shape[-1] % size:
        raise ValueError(
            f"quantized must have whole blocks along its last axis, "
            f"got blocks of {size} along axis {quantized.axis} of shape {quantized.shape}"
        )
    if quantized.format.tensor_scale or quantized.divisor != 1:
        raise ValueError(
            f"quantized must have no scale but that of the blocks, got {quantized.format.name} "
            f"with divisor {quantized.divisor}"
        )
    codes = quantized.codes.reshape(*quantized.shape[:-1], -1, size)
    return pack(codes, quantized.format.element), quantized.scale_codes


@under_own_settings
def from_blocks_and_scales(blocks: Array, scales: Array, fmt: BlockFormat) -> QuantizedArray:
    """Undo ``to_blocks_and_scales``.

    Parameters
    ----------
    blocks : Array of uint8
        Shape (..., number of blocks, packed bytes of a block).
    scales : Array of unsigned integers
        Codes of ``fmt.scale``, shape (..., number of blocks).
    fmt : BlockFormat
        The format; its block size is replaced by that of ``blocks``.

    Raises
    ------
    ValueError
        If the shapes do not belong together or the format needs a tensor scale.
    """
    elements.check_mode("fmt", fmt, BlockFormat)
    if fmt.tensor_scale:
        raise ValueError(f"fmt must not need a tensor scale, got {fmt.name}")
    blocks = as_array(blocks, "blocks")
    codes = unpack(blocks, fmt.element)
    scales = elements.checked_codes(scales, fmt.scale, "scales")
    if blocks.ndim < 2:
        raise ValueError(f"blocks must have at least two dimensions, got shape {blocks.shape}")
    if scales.shape != blocks.shape[:-1]:
        raise ValueError(f"scales must have the shape {blocks.shape[:-1]}, got {scales.shape}")
    fmt = replace(fmt, block_size=codes.shape[-1])
    return QuantizedArray(codes.reshape(*codes.shape[:-2], -1), scales, None, fmt, -1)
