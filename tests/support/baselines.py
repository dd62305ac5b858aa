"""Helpers of the tests of baselines."""

from msdnum.emulator.gemm import dequantizing

FUNCTIONS = {
    "weight in BF16": dequantizing.dequantized_bf16,
    "scale after": dequantizing.scale_after,
    "MXFP8 floor": dequantizing.mxfp8_floor,
    "MXFP8 ceil": dequantizing.mxfp8_ceil,
    "float32": dequantizing.float32,
}
