"""Emulated products: operands, accumulators, recombination. Ozaki's are in a file of that name."""

from msdnum.emulator.gemm.dequantizing import (
    dequantized_bf16,
    float32,
    mxfp8_ceil,
    mxfp8_floor,
    scale_after,
    to_bf16,
)
from msdnum.emulator.gemm.double_chains import fma_matmul
from msdnum.emulator.gemm.products import (
    Addition,
    Operand,
    Recombination,
    Scaling,
    Schedule,
    full,
    matmul,
    transposed,
    triangular,
)

__all__ = [
    "Addition", "Operand", "Recombination", "Scaling", "Schedule", "dequantized_bf16", "float32",
    "fma_matmul", "full", "matmul", "mxfp8_ceil", "mxfp8_floor", "scale_after", "to_bf16",
    "transposed", "triangular",
]  # fmt: skip
