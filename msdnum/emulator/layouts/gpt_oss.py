"""Layout of the gpt-oss checkpoints: packed elements block by block, scale codes beside them."""

from dataclasses import replace

from msdnum.emulator import argument_checks
from msdnum.emulator.arrays import as_array
from msdnum.emulator.backend import Array
from msdnum.emulator.compilation import compiled_whole
from msdnum.emulator.jax_settings import under_own_settings
from msdnum.emulator.packing import pack, unpack
from msdnum.emulator.quantized_arrays import QuantizedArray
from msdnum.formats.blocks import BlockFormat
from msdnum.formats.elements import ElementFormat

__all__ = ["from_blocks_and_scales", "to_blocks_and_scales"]


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
    if quantized.axis != -1 or quantized.format.rows > 1 or quantized.shape[-1] % size:
        raise ValueError(
            f"quantized must have whole blocks along its last axis, "
            f"got blocks of {size} along axis {quantized.axis} of shape {quantized.shape}: "
            f"gemm.transposed exchanges the last two axes, layouts.fill_blocks fills a short block"
        )
    if quantized.format.tensor_scale or quantized.divisor != 1:
        raise ValueError(
            f"quantized must have no scale but that of the blocks, got {quantized.format.name} "
            f"with divisor {quantized.divisor}"
        )
    blocks = _packed(quantized.codes, element=quantized.format.element, size=size)
    return blocks, quantized.scale_codes


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
    codes, size = _codes_of(blocks, element=fmt.element), blocks.shape[-1] * 8 // fmt.element.bits
    scales = argument_checks.checked_codes(scales, fmt.scale, "scales")
    if blocks.ndim < 2:
        raise ValueError(f"blocks must have at least two dimensions, got shape {blocks.shape}")
    if scales.shape != blocks.shape[:-1]:
        raise ValueError(f"scales must have the shape {blocks.shape[:-1]}, got {scales.shape}")
    return QuantizedArray(codes, scales, None, replace(fmt, block_size=size), -1)


@compiled_whole
def _packed(codes: Array, *, element: ElementFormat, size: int) -> Array:
    return pack(codes.reshape(*codes.shape[:-1], -1, size), element)


@compiled_whole
def _codes_of(blocks: Array, *, element: ElementFormat) -> Array:
    codes = unpack(blocks, element)
    return codes.reshape(*codes.shape[:-2], -1)
