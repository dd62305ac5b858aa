"""Packed codes: two, four or one in whole bytes, and the layout of gpt-oss checkpoints."""

from dataclasses import replace

from msdnum.emulator import argument_checks, backend
from msdnum.emulator.arrays import as_array
from msdnum.emulator.backend import Array
from msdnum.emulator.jax_settings import under_own_settings
from msdnum.emulator.quantized_arrays import QuantizedArray
from msdnum.formats.blocks import BlockFormat
from msdnum.formats.elements import ElementFormat

__all__ = ["from_blocks_and_scales", "pack", "to_blocks_and_scales", "unpack"]


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

    Examples
    --------
    >>> from msdnum import ELEMENT_FORMATS, pack
    >>> [hex(byte) for byte in pack(np.uint8([1, 2, 3, 15]), ELEMENT_FORMATS["E2M1"])]
    ['0x21', '0xf3']
    """
    codes = argument_checks.checked_codes(codes, fmt)
    group, size = _byte_group(fmt)
    if not codes.shape or codes.shape[-1] % group:
        raise ValueError(f"codes must have a last axis divisible by {group}, got {codes.shape}")
    word = sum(codes[..., i::group].astype("int32") << (fmt.bits * i) for i in range(group))
    packed = backend.namespace(codes).stack([word >> (8 * j) & 0xFF for j in range(size)], axis=-1)
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

    Examples
    --------
    >>> from msdnum import ELEMENT_FORMATS, unpack
    >>> unpack(np.uint8([0x21, 0xF3]), ELEMENT_FORMATS["E2M1"])
    array([ 1,  2,  3, 15], dtype=uint8)
    """
    packed = as_array(packed, "packed")
    backend.check_array(packed, "packed", ("uint8", "int8"))
    packed = packed.view("uint8")
    group, size = _byte_group(fmt)
    if not packed.shape or packed.shape[-1] % size:
        raise ValueError(f"packed must have a last axis divisible by {size}, got {packed.shape}")
    word = sum(packed[..., j::size].astype("int32") << (8 * j) for j in range(size))
    mask = (1 << fmt.bits) - 1
    codes = [word >> (fmt.bits * i) & mask for i in range(group)]
    stacked = backend.namespace(packed).stack(codes, axis=-1)
    return stacked.astype("uint8").reshape(*packed.shape[:-1], -1)


_BYTE_GROUPS = {4: (2, 1), 6: (4, 3), 8: (1, 1)}
"""For each width of codes, the smallest numbers of codes and bytes that take the same room."""


def _byte_group(fmt: ElementFormat) -> tuple[int, int]:
    argument_checks.check_mode("fmt", fmt, ElementFormat)
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

    Examples
    --------
    >>> from msdnum import BLOCK_FORMATS, quantize, to_blocks_and_scales
    >>> w = quantize(np.ones((4, 64), np.float32), BLOCK_FORMATS["MXFP4"])
    >>> blocks, scales = to_blocks_and_scales(w)
    >>> blocks.shape, scales.shape
    ((4, 2, 16), (4, 2))
    """
    argument_checks.check_mode("quantized", quantized, QuantizedArray)
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

    Examples
    --------
    >>> from msdnum import BLOCK_FORMATS, from_blocks_and_scales
    >>> blocks = np.full((1, 16), 0x21, np.uint8)  # one block: 0.5, 1, 0.5, 1, ...
    >>> w = from_blocks_and_scales(blocks, np.uint8([128]), BLOCK_FORMATS["MXFP4"])
    >>> w.dequantize()[:4]  # times the scale 2
    array([1., 2., 1., 2.], dtype=float32)
    """
    argument_checks.check_mode("fmt", fmt, BlockFormat)
    blocks = as_array(blocks, "blocks")
    if fmt.tensor_scale:
        raise ValueError(f"fmt must not need a tensor scale, got {fmt.name}")
    codes = unpack(blocks, fmt.element)
    scales = argument_checks.checked_codes(scales, fmt.scale, "scales")
    if blocks.ndim < 2:
        raise ValueError(f"blocks must have at least two dimensions, got shape {blocks.shape}")
    if scales.shape != blocks.shape[:-1]:
        raise ValueError(f"scales must have the shape {blocks.shape[:-1]}, got {scales.shape}")
    fmt = replace(fmt, block_size=codes.shape[-1])
    return QuantizedArray(codes.reshape(*codes.shape[:-2], -1), scales, None, fmt, -1)
