"""Integers with a zero point: ``x = (code - zero_point) * scale``, group by group."""

from dataclasses import dataclass

from msdnum import bits, blocks
from msdnum.bits import Array
from msdnum.blocks import QuantizedArray
from msdnum.formats import BINARY32, BlockFormat, IntegerFormat
from msdnum.modes import ScaleRule

__all__ = ["AsymmetricArray", "quantize_asymmetric"]


@bits.pytree(data=("quantized", "zero_points"), static=())
@dataclass(frozen=True)
class AsymmetricArray:
    """Integer codes, a binary32 scale and an integer zero point for each block.

    Parameters
    ----------
    quantized : QuantizedArray
        Codes of an integer format of at most 7 bits, and scales.
    zero_points : Array of int8
        Of the shape of the scales, each an integer of the format.
    """

    quantized: QuantizedArray
    zero_points: Array

    def __post_init__(self) -> None:
        """Register with JAX if it is there."""
        bits.register_pytrees()

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the array these codes stand for."""
        return self.quantized.shape

    @property
    def largest(self) -> int:
        """Largest magnitude of ``code - zero_point``: 15 for INT4."""
        fmt = self.quantized.format.element
        assert isinstance(fmt, IntegerFormat)
        return fmt.max_integer - fmt.min_integer

    def integers(self) -> Array:
        """Return ``code - zero_point`` as int8."""
        q = self.quantized
        difference = q.rows(q.integers()) - q.column(self.zero_points)
        return blocks.join(difference, q.shape, q.axis)

    def dequantize(self) -> Array:
        """Return ``(code - zero_point) * scale`` as float32, rounded once (RNE)."""
        q = self.quantized
        rows = q.rows(self.integers()).astype("float32")
        value = bits.multiply(rows, q.column(q.scales()))
        return blocks.join(value, q.shape, q.axis)


def quantize_asymmetric(
    x: Array, element: IntegerFormat, *, axis: int = -1, block_size: int | None = None
) -> AsymmetricArray:
    """Quantize with scale ``(max - min) / levels`` and the zero point that maps min to the lowest.

    Parameters
    ----------
    x : Array of float32, bfloat16 or float16
        Finite. The range of a block is widened to include zero.
    element : IntegerFormat
        At most 7 bits, so that differences are int8.
    axis : int
        Axis of the blocks.
    block_size : int, optional
        Elements that share a scale; None: all of the axis.

    Returns
    -------
    AsymmetricArray

    Raises
    ------
    ValueError
        If the element format is wider than 7 bits, or ``x`` is not finite.

    Notes
    -----
    In binary32, every operation rounded (RNE): ``scale = (max - min) / (2**bits - 1)``,
    ``zero = round(lowest - min / scale)``, ``code = clamp(round(x / scale) + zero)``. A block of
    zeros has scale 0, codes and zero point the lowest integer.
    """
    if element.bits > 7 or element.fraction_bits:
        raise ValueError(f"element must be an integer of at most 7 bits, got {element.name}")
    pattern = bits.as_pattern(x)
    xp = bits.namespace(pattern)
    if not bits.is_traced(pattern) and bool((pattern & bits.MAGNITUDE_MASK >= bits.INF).any()):
        raise ValueError("x must be finite, got Inf or NaN")
    fmt = BlockFormat(f"{element.name}_ASYMMETRIC", element, BINARY32, block_size, ScaleRule.AMAX)
    fmt, found = blocks.resolve(x, fmt, axis, block_size, None)
    rows = blocks.split(pattern, fmt, found).view(xp.float32)
    low = xp.minimum(rows.min(axis=-1, keepdims=True), 0)
    high = xp.maximum(rows.max(axis=-1, keepdims=True), 0)
    scale = blocks.divide_by(bits.subtract(high, low), 2.0**element.bits - 1)
    usable = scale.view(xp.int32) != 0
    lowest, divisor = element.min_integer, xp.where(usable, scale, 1)
    zero = lowest - xp.round(bits.divide(low, divisor))
    code = xp.clip(xp.round(bits.divide(rows, divisor)) + zero, lowest, element.max_integer)
    codes = code.astype("int32") & ((1 << element.bits) - 1)
    quantized = blocks.assemble(
        codes.astype("uint8"), scale.view(xp.uint32), None, fmt, x.shape, found
    )
    zeros = blocks.assemble(codes.astype("uint8"), zero, None, fmt, x.shape, found).scale_codes
    return AsymmetricArray(quantized, zeros.astype("int8"))
