"""The specification: one number at a time, in integers and fractions."""

from msdnum.spec.accumulators import Number, factor, inner_product, partial_sums
from msdnum.spec.blocks import (
    candidate_scales,
    dequantize_block,
    dequantize_levels,
    e8m0_code,
    largest_magnitude,
    quantize_block,
    searched_block,
    shared_exponent,
    shared_scale,
    tensor_scale,
)
from msdnum.spec.decompositions import (
    Decomposition,
    decompose,
    decompose_amax,
    decompose_covering,
    decompose_own_amax,
)
from msdnum.spec.elements import (
    decode,
    encode,
    fl32,
    from_float32_bits,
    max_finite,
    nan_code,
    round_to,
    to_float32_bits,
)
from msdnum.spec.hif4 import HiF4Unit, dequantize_hif4_unit, hif4_unit
from msdnum.spec.library_arithmetic import BlockTrace, trace_block
from msdnum.spec.numbers import (
    Special,
    Value,
    ceil_log2,
    divide,
    floor_log2,
    from_float,
    is_finite,
    is_negative,
    multiply,
    number,
    pow2,
    round_significand,
    round_to_integer,
    signed,
    subtract,
)
from msdnum.spec.requantization import Requantized, RequantizedTerm, requantize
from msdnum.spec.transforms import add, hadamard_entry, hadamard_factor, inverse, transform
from msdnum.spec.zero_points import ZeroPointBlock, zero_point_block

__all__ = [
    "BlockTrace", "Decomposition", "HiF4Unit", "Number", "Requantized", "RequantizedTerm",
    "Special", "Value", "ZeroPointBlock",
    "add", "candidate_scales", "ceil_log2", "decode", "decompose",
    "decompose_amax", "decompose_covering", "decompose_own_amax", "dequantize_block",
    "dequantize_hif4_unit",
    "dequantize_levels", "divide", "e8m0_code", "encode", "factor", "fl32", "floor_log2",
    "from_float", "from_float32_bits", "hadamard_entry", "hadamard_factor", "hif4_unit",
    "inner_product", "inverse", "is_finite", "is_negative", "largest_magnitude", "max_finite",
    "multiply", "nan_code", "number", "partial_sums", "pow2", "quantize_block", "requantize",
    "round_significand", "round_to", "round_to_integer", "searched_block", "shared_exponent",
    "shared_scale", "signed", "subtract", "tensor_scale", "to_float32_bits", "trace_block",
    "transform", "zero_point_block",
]  # fmt: skip
