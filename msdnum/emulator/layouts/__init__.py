"""Layouts in which quantized tensors are stored: each is read and written, same bytes back."""

from msdnum.emulator.layouts.filling import cut_to_length, fill_blocks
from msdnum.emulator.layouts.gguf import GGUF_MXFP4, GGUF_Q4_0, GGUF_Q4_1, GGUF_Q8_0, GGUFLayout
from msdnum.emulator.layouts.gpt_oss import from_blocks_and_scales, to_blocks_and_scales
from msdnum.emulator.layouts.nvfp4 import (
    NVFP4_DIVIDED,
    from_compressed_tensors,
    from_compressed_tensors_divided,
    from_modelopt,
    to_compressed_tensors,
    to_modelopt,
)
from msdnum.emulator.layouts.scale_tiles import from_scale_tiles, to_scale_tiles
from msdnum.emulator.layouts.words import AWQ_WORDS, GPTQ_WORDS, WordLayout

__all__ = [
    "AWQ_WORDS", "GGUF_MXFP4", "GGUF_Q4_0", "GGUF_Q4_1", "GGUF_Q8_0", "GPTQ_WORDS", "NVFP4_DIVIDED",
    "GGUFLayout", "WordLayout", "cut_to_length", "fill_blocks", "from_blocks_and_scales",
    "from_compressed_tensors",
    "from_compressed_tensors_divided", "from_modelopt", "from_scale_tiles", "to_blocks_and_scales",
    "to_compressed_tensors", "to_modelopt", "to_scale_tiles",
]  # fmt: skip
