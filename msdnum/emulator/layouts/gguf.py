"""Layouts of GGUF: blocks of 32 elements, each a scale and then its elements, without gaps.

Type Q4_1 has a minimum between them.
"""

from dataclasses import dataclass

import numpy as np

from msdnum.emulator import argument_checks, backend
from msdnum.emulator.arrays import as_array
from msdnum.emulator.backend import Array
from msdnum.emulator.compilation import compiled_whole
from msdnum.emulator.jax_settings import under_own_settings
from msdnum.emulator.layouts.rows import checked_rows
from msdnum.emulator.minima import MinimumArray
from msdnum.emulator.quantized_arrays import QuantizedArray
from msdnum.formats.blocks import MXFP4, BlockFormat
from msdnum.formats.elements import FP16, INT4, INT8
from msdnum.formats.modes import ScaleRule

__all__ = ["GGUF_MXFP4", "GGUF_Q4_0", "GGUF_Q4_1", "GGUF_Q8_0", "GGUFLayout"]

SOURCE = "llama.cpp, ggml/src/ggml-common.h and ggml-quants.c"


@dataclass(frozen=True)
class GGUFLayout:
    """A type of GGUF: in every block the scale, low byte first, the minimum, then the elements.

    Elements of 4 bits are split by halves: byte i has element i in its low nibble and element
    ``i + 16`` in its high one.

    Parameters
    ----------
    format : BlockFormat
        What the blocks are.
    offset : int
        What is added to two's complement to be stored: 8 where integers are stored from 0 to 15.
    has_minimum : bool
        Whether a number of the format of the scale follows it, which is added to every product of
        a stored integer, 0 to 15, and the scale.

    Notes
    -----
    Source: llama.cpp, ``ggml/src/ggml-common.h`` and ``ggml-quants.c``.
    """

    format: BlockFormat
    offset: int = 0
    has_minimum: bool = False

    @property
    def block_bytes(self) -> int:
        """Bytes of a block."""
        return self._head_bytes + self._size * self.format.element.bits // 8

    @property
    def _head_bytes(self) -> int:
        """Bytes before the elements."""
        return self._scale_bytes * (1 + self.has_minimum)

    @property
    def _size(self) -> int:
        assert self.format.block_size is not None
        return self.format.block_size

    @property
    def _scale_bytes(self) -> int:
        return self.format.scale.bits // 8

    @under_own_settings
    def read(self, blocks: Array) -> QuantizedArray | MinimumArray:
        """Return the tensor whose rows are these bytes.

        Parameters
        ----------
        blocks : Array of uint8
            Shape (..., number of blocks times ``block_bytes``).

        Returns
        -------
        QuantizedArray, or MinimumArray for a type that has minima
            Shape (..., 32 times the number of blocks).

        Raises
        ------
        TypeError
            If they are not bytes.
        ValueError
            If a row has no whole number of blocks.
        """
        blocks = as_array(blocks, "blocks")
        backend.check_array(blocks, "blocks", ("uint8",))
        shape = blocks.shape
        if not shape or shape[-1] % self.block_bytes:
            raise ValueError(
                f"blocks must have a last axis divisible by {self.block_bytes}, the bytes of a "
                f"block of {self.format.name}, got shape {shape}"
            )
        return _read(blocks, layout=self)

    def _read(self, blocks: Array) -> QuantizedArray | MinimumArray:
        rows = blocks.reshape(*blocks.shape[:-1], -1, self.block_bytes)
        codes = self._codes(rows[..., self._head_bytes :]).reshape(*blocks.shape[:-1], -1)
        quantized = QuantizedArray(codes, self._number(rows, 0), None, self.format, -1)
        return MinimumArray(quantized, self._number(rows, 1)) if self.has_minimum else quantized

    def _number(self, rows: Array, place: int) -> Array:
        """Return the codes of a number of the format of the scale, the first or the second."""
        first = place * self._scale_bytes
        return sum(
            rows[..., first + i].astype(f"uint{self.format.scale.bits}") << np.uint8(8 * i)
            for i in range(self._scale_bytes)
        )

    def _codes(self, stored: Array) -> Array:
        if self.format.element.bits == 8:
            return stored
        halves = [stored & 15, stored >> 4]
        return backend.namespace(stored).concatenate(halves, axis=-1) ^ np.uint8(self.offset)

    @under_own_settings
    def write(self, quantized: QuantizedArray | MinimumArray) -> Array:
        """Undo ``read``: the same bytes.

        Raises
        ------
        TypeError
            If it is not what ``read`` returns.
        ValueError
            If it is not of this format with whole blocks along the last axis.
        """
        minima: list[Array] = []
        if self.has_minimum:
            argument_checks.check_mode("quantized", quantized, MinimumArray)
        if isinstance(quantized, MinimumArray) and self.has_minimum:
            minima, quantized = [quantized.minima], quantized.checked().quantized
        quantized = checked_rows(quantized, self.format)  # type: ignore[arg-type]
        return _written(quantized.codes, quantized.scale_codes, *minima, layout=self)

    def _written(self, codes: Array, *heads: Array) -> Array:
        parts = [
            (number >> (8 * i)).astype("uint8")[..., None]
            for number in heads
            for i in range(self._scale_bytes)
        ]
        blocks = codes.reshape(*heads[0].shape, self._size)
        found = backend.namespace(codes).concatenate([*parts, self._stored(blocks)], axis=-1)
        return found.reshape(*codes.shape[:-1], -1)

    def _stored(self, codes: Array) -> Array:
        if self.format.element.bits == 8:
            return codes
        codes = codes ^ np.uint8(self.offset)
        half = self._size // 2
        return codes[..., :half] | (codes[..., half:] << 4)


@compiled_whole
def _read(blocks: Array, *, layout: GGUFLayout) -> QuantizedArray | MinimumArray:
    return layout._read(blocks)


@compiled_whole
def _written(codes: Array, *heads: Array, layout: GGUFLayout) -> Array:
    return layout._written(codes, *heads)


GGUF_MXFP4 = GGUFLayout(MXFP4)
"""Type MXFP4, 17 bytes a block. GGUF doubles the elements and halves the scale, which is the same
number; but its scale byte 255 is 2**128, where it is NaN here, as OCP has it."""

GGUF_Q8_0 = GGUFLayout(BlockFormat("Q8_0", INT8, FP16, 32, ScaleRule.AMAX, source=SOURCE))
"""Type Q8_0, 34 bytes a block."""

# 8 flips the sign bit of a nibble, which is adding 8 to two's complement.
GGUF_Q4_0 = GGUFLayout(BlockFormat("Q4_0", INT4, FP16, 32, ScaleRule.AMAX, source=SOURCE), offset=8)
"""Type Q4_0, 18 bytes a block."""

GGUF_Q4_1 = GGUFLayout(
    BlockFormat("Q4_1", INT4, FP16, 32, ScaleRule.AMAX, source=SOURCE), offset=8, has_minimum=True
)
"""Type Q4_1, 20 bytes a block: a scale and a minimum, integers from 0 to 15. Its scale rule is
``(max - min) / 15``, which no `ScaleRule` is: `quantize` by this format has no minima."""
