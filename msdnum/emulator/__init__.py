"""The same as ``spec``, for arrays of NumPy and JAX; products and attention have rooms inside."""

from msdnum.emulator.backend import Array, straight_through
from msdnum.emulator.blocks import quantize
from msdnum.emulator.compiled_rows import use_numba
from msdnum.emulator.decompositions import Decomposition, decompose, decompose_terms
from msdnum.emulator.elements import as_ml_dtype, decode, encode, round_to
from msdnum.emulator.hif4 import HiF4Array, quantize_hif4
from msdnum.emulator.layouts.gpt_oss import from_blocks_and_scales, to_blocks_and_scales
from msdnum.emulator.library_arithmetic import quantize_as
from msdnum.emulator.minima import MinimumArray
from msdnum.emulator.packing import pack, unpack
from msdnum.emulator.quantized_arrays import QuantizedArray
from msdnum.emulator.transforms import inverse, transform, transform_factors
from msdnum.emulator.zero_points import AsymmetricArray, quantize_asymmetric

__all__ = [
    "Array", "AsymmetricArray", "Decomposition", "HiF4Array", "MinimumArray", "QuantizedArray",
    "as_ml_dtype", "decode", "decompose", "decompose_terms", "encode", "from_blocks_and_scales",
    "inverse", "pack", "quantize", "quantize_as", "quantize_asymmetric", "quantize_hif4",
    "round_to", "straight_through", "to_blocks_and_scales", "transform", "transform_factors",
    "unpack", "use_numba",
]  # fmt: skip
