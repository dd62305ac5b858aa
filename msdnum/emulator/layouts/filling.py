"""Whole blocks on request: the last block of the rows filled with zeros, and cut again."""

from dataclasses import replace

from msdnum.emulator import argument_checks, backend
from msdnum.emulator.backend import Array
from msdnum.emulator.jax_settings import under_own_settings
from msdnum.emulator.quantized_arrays import QuantizedArray
from msdnum.formats.elements import ElementFormat, TableFormat

__all__ = ["cut_to_length", "fill_blocks", "filled"]


@under_own_settings
def fill_blocks(quantized: QuantizedArray, block_size: int | None = None) -> QuantizedArray:
    """Return a quantized array whose last blocks along its axis are filled with zeros.

    Layouts have whole blocks alone. Scales stay what they are.

    Parameters
    ----------
    quantized : QuantizedArray
        With blocks of one row along an axis.
    block_size : int, optional
        By default that of the array; needed where the axis is shorter than a block, which is then
        its only one.

    Raises
    ------
    TypeError
        If an argument is not of its type.
    ValueError
        If the blocks are other ones, the block size is not theirs, or the elements have no zero.

    Examples
    --------
    >>> from msdnum import BLOCK_FORMATS, quantize, to_blocks_and_scales
    >>> from msdnum.emulator.layouts import cut_to_length, fill_blocks
    >>> q = quantize(np.ones((2, 33), np.float32), BLOCK_FORMATS["MXFP4"])
    >>> full = fill_blocks(q)
    >>> full.shape, to_blocks_and_scales(full)[0].shape
    ((2, 64), (2, 2, 16))
    >>> cut_to_length(full, 33).shape
    (2, 33)
    """
    argument_checks.check_mode("quantized", quantized, QuantizedArray)
    argument_checks.check_integer("block_size", block_size)
    quantized = quantized.checked()
    axis, own = quantized.axis, quantized.format.block_size
    if axis is None or own is None or quantized.format.rows > 1:
        raise ValueError(
            f"quantized must have blocks of one row along an axis, got {quantized.format.rows} "
            f"rows along axis {axis}"
        )
    length, size = quantized.shape[axis], block_size or own
    if size < own or (size > own and own != length):
        raise ValueError(f"block_size must be {own}, that of quantized, got {size}")
    codes = filled(quantized.codes, quantized.format.element, axis, -length % size)
    return replace(quantized, codes=codes, format=replace(quantized.format, block_size=size))


@under_own_settings
def cut_to_length(quantized: QuantizedArray, length: int) -> QuantizedArray:
    """Undo ``fill_blocks``: keep the first elements along the axis of the blocks.

    Parameters
    ----------
    quantized : QuantizedArray
        With blocks of one row along an axis.
    length : int
        At most that of the axis, and no fewer blocks.

    Raises
    ------
    TypeError
        If an argument is not of its type.
    ValueError
        If the blocks are other ones, or a block would be left without elements.
    """
    argument_checks.check_mode("quantized", quantized, QuantizedArray)
    argument_checks.check_integer("length", length)
    axis, size = quantized.axis, quantized.format.block_size
    if axis is None or size is None or quantized.format.rows > 1:
        raise ValueError(f"quantized must have blocks of one row along an axis, got axis {axis}")
    whole = quantized.shape[axis]
    least = (quantized.scale_codes.shape[axis] - 1) * size + 1
    if not least <= length <= whole:
        raise ValueError(f"length must be in {least}..{whole}, as many blocks, got {length}")
    place = (Ellipsis, slice(length), *[slice(None)] * (-1 - axis))
    return replace(quantized, codes=quantized.codes[place])


def filled(codes: Array, fmt: ElementFormat, axis: int, missing: int) -> Array:
    """Return codes with as many more zeros along an axis as are missing."""
    if not missing:
        return codes
    widths = [(0, 0)] * codes.ndim
    widths[axis] = (0, missing)
    return backend.namespace(codes).pad(codes, widths, constant_values=_zero(fmt))


def _zero(fmt: ElementFormat) -> int:
    if not isinstance(fmt, TableFormat):
        return 0
    if not fmt.has_zero:
        raise ValueError(f"quantized must have a zero to fill blocks up with, not {fmt.name}")
    return fmt.numbers.index(0.0)
