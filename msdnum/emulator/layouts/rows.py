"""Rows of quantized arrays as the layouts have them: whole blocks along the last axis."""

from msdnum.emulator import argument_checks
from msdnum.emulator.quantized_arrays import QuantizedArray
from msdnum.formats.blocks import BlockFormat

__all__ = ["checked_rows"]


def checked_rows(quantized: QuantizedArray, fmt: BlockFormat) -> QuantizedArray:
    """Return a quantized array of this format with whole blocks along the last axis.

    Raises
    ------
    TypeError
        If it is no quantized array.
    ValueError
        If it has other elements, scales or blocks, or the last block is short.
    """
    argument_checks.check_mode("quantized", quantized, QuantizedArray)
    quantized = quantized.checked()
    found = quantized.format
    same = (found.element, found.scale) == (fmt.element, fmt.scale)
    if not same or found.tensor_scale != fmt.tensor_scale:
        raise ValueError(
            f"quantized must be {fmt.name}, {fmt.element.name} with {fmt.scale.name} scales, "
            f"got {found.name}, {found.element.name} with {found.scale.name}"
        )
    sizes = found.block_size == fmt.block_size and found.rows == fmt.rows
    if quantized.axis != -1 or not sizes or quantized.divisor != 1:
        raise ValueError(
            f"quantized must have blocks of {fmt.block_size} along its last axis, got blocks of "
            f"{found.block_size} along axis {quantized.axis}, divisor {quantized.divisor}"
        )
    size = fmt.block_size
    if size and quantized.shape[-1] % size:
        raise ValueError(
            f"quantized must have a last axis divisible by {size}, got shape {quantized.shape}: "
            f"layouts.fill_blocks fills the last block with zeros"
        )
    return quantized
