"""Scale arithmetic of libraries by name, read in their public sources at the commits named.

A name with a year is of a version that has been replaced. Where a kernel uses an approximate
reciprocal (``rcp.approx.ftz``, one ulp off at most), as FlashInfer's fast path does, its bits are
not defined; what is here is the same arithmetic with reciprocals that are rounded correctly.

The factor of a tensor, 2688 over its amax, is beyond binary32 below an amax of 7.9e-36. There, and
for a tensor of zeros, TransformerEngine has an answer of its own, and all have its here; vLLM and
FlashInfer are given that factor, and others would multiply by Inf.

What is written in torch is as on a CPU. On CUDA torch multiplies a tensor by the reciprocal of a
number that divides it, so that ``amax / 6`` may be another in the last bit. Scales saturate; one
beyond FP16 is Inf in GGUF. ``benchmarks/library_scales.py`` runs the libraries that are installed
beside these: of torchao, compressed-tensors, Model-Optimizer and gguf no code differs.
"""

from typing import TypeAlias

from msdnum._registry import Registry
from msdnum.formats.blocks import MXFP4, MXFP8_E4M3, NVFP4, BlockFormat
from msdnum.formats.elements import E4M3, FP16, INT8, FloatFormat, NonNumbers
from msdnum.formats.modes import Rounding, ScaleRule
from msdnum.formats.scale_arithmetic import Operation, ScaleArithmetic, ScaleStep

__all__ = ["LIBRARY_ARITHMETIC"]

LARGEST = (2 - 2.0**-23) * 2.0**127
"""The largest binary32 number."""
SIXTH = 11184811 * 2.0**-26
"""1/6, rounded to binary32."""

Operand: TypeAlias = str | float


def _times(name: str, a: Operand, b: Operand) -> ScaleStep:
    return ScaleStep(name, Operation.MULTIPLY, (a, b))


def _over(name: str, a: Operand, b: Operand) -> ScaleStep:
    return ScaleStep(name, Operation.DIVIDE, (a, b))


def _at_most(name: str, a: Operand, b: Operand) -> ScaleStep:
    return ScaleStep(name, Operation.MINIMUM, (a, b))


def _if_zero(name: str, a: Operand, b: Operand) -> ScaleStep:
    return ScaleStep(name, Operation.IF_ZERO, (a, b))


def _to(name: str, a: Operand, fmt: FloatFormat, rounding: Rounding = Rounding.RNE) -> ScaleStep:
    return ScaleStep(name, Operation.ROUND, (a,), fmt, rounding)


ENCODE = (
    _over("ratio", 2688.0, "tensor_amax"),
    _at_most("encode", "ratio", LARGEST),
    _over("tensor_scale", 1.0, "encode"),
)
"""Factor of a tensor, 448 * 6 over its amax; its reciprocal is stored. Of a zero tensor the factor
is 1 in TransformerEngine and the largest number here: all of its elements are zeros either way."""

ENCODE_BY_INVERSE = (_times("ratio", 2688.0, "inverse"), *ENCODE[1:])
"""The same of the reciprocal of amax, as torch has it of a number over a tensor."""

BY_RECIPROCAL = (
    _times("used", "scale", "tensor_scale"),
    _over("inverse", 1.0, "used"),
    _at_most("factor", "inverse", LARGEST),
    _times("quotient", "x", "factor"),
)
"""Multiply by the reciprocal of what the block is dequantized with."""

BY_RECIPROCAL_OR_SMALL = (
    _times("used", "scale", "tensor_scale"),
    _if_zero("divisor", "used", 1e8),
    _over("factor", 1.0, "divisor"),
    _times("quotient", "x", "factor"),
)
"""The same, with factor 1e-8 where the scale is 0."""

BY_RECIPROCAL_OR_INF = (
    _times("used", "scale", "tensor_scale"),
    _over("factor", 1.0, "used"),
    _times("quotient", "x", "factor"),
)
"""The same, with factor Inf where the scale is 0: a zero element is NaN then, which is 0 here. That
of a block of zeros is 0 in FlashInfer, whose elements are zeros either way."""

RATIO = (
    _times("six", 6.0, "tensor_scale"),
    _over("ratio_of_block", "amax", "six"),
    _if_zero("ideal", "ratio_of_block", 1.0),
)
"""Amax of a block over what its tensor has for the scale 1, which is that of a block of zeros."""

AT_LEAST_A_NORMAL = (
    _over("sixth", "amax", 6.0),
    _over("ideal", "sixth", "tensor_scale"),
    ScaleStep("at_least", Operation.MAXIMUM, ("ideal", 2.0**-6)),
    _to("scale", "at_least", E4M3),
)
"""Scales that are at least E4M3's smallest normal number."""

BY_DIVISION = (_times("used", "scale", "tensor_scale"), _over("quotient", "x", "used"))

E8_ZERO = FloatFormat("E8_ZERO", 8, 0, 127, NonNumbers.NAN, signed=False)
"""Exponent fields of binary32 without fractions: field 0 is 0, where E8M0 has 2**-127."""


E8_EVEN = FloatFormat("E8_EVEN", 8, 0, 127, NonNumbers.NAN, signed=False, ties_by_code=True)
"""The same, halfway between two to the even field."""


def _triton(
    name: str, fmt: BlockFormat, divisor: float, scale: ScaleStep, source: str,
    rounding: Rounding = Rounding.RNE,
) -> ScaleArithmetic:  # fmt: skip
    return ScaleArithmetic(
        f"triton {name} {fmt.element.name}", fmt, (),
        (
            _over("ideal", "amax", divisor), scale,
            _if_zero("divisor", "scale", float("inf")), _over("factor", 1.0, "divisor"),
        ),
        (_times("quotient", "x", "factor"),),
        rounding,
        source=source,
    )  # fmt: skip


UP, DOWN = (_to("scale", "ideal", E8_ZERO, way) for way in (Rounding.RTP, Rounding.RTZ))
NEAREST = _to("scale", "ideal", E8_EVEN)
DOWNCAST = "triton-lang/triton, _downcast_to_mxfp.py of triton_kernels"
LATER = f"{DOWNCAST}, as byoshimi-gmail/triton has it at 3c76488; up to 0616e64 over 6 and 448"
EARLIER = f"{DOWNCAST} at d1c192b of 2025: elements to nearest, ties away"
FORKED = "ROCm/aiter at 8b77335, downcast_to_mxfp_rne.py: the scale to nearest, ties to even"


Q8_0 = BlockFormat("Q8_0", INT8, FP16, 32, ScaleRule.AMAX)

LIBRARY_ARITHMETIC: Registry[ScaleArithmetic] = Registry.of(
    "LIBRARY_ARITHMETIC",
    (
        ScaleArithmetic(
            "transformer_engine", NVFP4, ENCODE,
            (
                _times("per_unit", "encode", SIXTH), _times("ideal", "amax", "per_unit"),
                _at_most("finite", "ideal", LARGEST), _to("scale", "finite", E4M3),
            ),
            BY_RECIPROCAL,
            source="NVIDIA/TransformerEngine at 0718c01 of 2026, cast/nvfp4/core_nvfp4.cuh",
        ),
        ScaleArithmetic(
            "transformer_engine 2025", NVFP4, ENCODE,
            (
                _over("sixth", "amax", 6.0), _times("ideal", "sixth", "encode"),
                _at_most("finite", "ideal", LARGEST), _to("scale", "finite", E4M3),
            ),
            BY_RECIPROCAL,
            source="NVIDIA/TransformerEngine at 433b1db of 2025, where it transposes, too",
        ),
        ScaleArithmetic(
            "vllm", NVFP4, ENCODE,
            (
                _times("sixth", "amax", SIXTH), _times("ideal", "encode", "sixth"),
                _to("scale", "ideal", E4M3),
            ),
            BY_RECIPROCAL_OR_SMALL,
            source="vllm-project/vllm at 055e47c, nvfp4_emulation_utils.py, ref_nvfp4_quant",
        ),
        ScaleArithmetic(
            "flashinfer strict", NVFP4, ENCODE,
            (
                _times("sixth", "amax", SIXTH), _times("ideal", "encode", "sixth"),
                _to("scale", "ideal", E4M3),
            ),
            BY_RECIPROCAL_OR_INF,
            source="flashinfer-ai/flashinfer at 014327a, cvt_warp_fp16_to_fp4, exact reciprocals",
        ),
        ScaleArithmetic(
            "flashinfer te", NVFP4, ENCODE,
            (
                _times("per_unit", "encode", SIXTH), _times("ideal", "amax", "per_unit"),
                _to("scale", "ideal", E4M3),
            ),
            BY_RECIPROCAL_OR_INF,
            source="flashinfer-ai/flashinfer at 014327a, cvt_warp_fp16_to_fp4, TE_EXACT_NVFP4",
        ),
        ScaleArithmetic(
            "torchao", NVFP4, (_over("tensor_scale", "tensor_amax", 2688.0),),
            AT_LEAST_A_NORMAL,
            (
                _over("inverse", 1.0, "tensor_scale"), _over("factor", "inverse", "scale"),
                _times("quotient", "x", "factor"),
            ),
            source="pytorch/ao 0.18.0, prototype/mx_formats/nvfp4_tensor.py, nvfp4_quantize",
        ),
        ScaleArithmetic(
            "torchao 2025", NVFP4, (_over("tensor_scale", "tensor_amax", 2688.0),),
            AT_LEAST_A_NORMAL,
            BY_DIVISION,
            source="pytorch/ao at 02a1bc4, the same file: elements are divided",
        ),
        ScaleArithmetic(
            "compressed_tensors", NVFP4, (_over("inverse", 1.0, "tensor_amax"), *ENCODE_BY_INVERSE),
            (
                _over("sixth", "amax", 6.0), _times("ideal", "encode", "sixth"),
                _to("rounded", "ideal", E4M3), _if_zero("scale", "rounded", 0.125),
            ),
            (_over("used", "scale", "encode"), _over("quotient", "x", "used")),
            source="vllm-project/compressed-tensors at 04a58ff, helpers.py, calculate_qparams",
        ),
        ScaleArithmetic(
            "modelopt", NVFP4, (_over("tensor_scale", "tensor_amax", 2688.0),),
            (
                *RATIO, ScaleStep("at_least", Operation.MAXIMUM, ("ideal", 2.0**-9)),
                _to("scale", "at_least", E4M3),
            ),
            BY_DIVISION,
            source="NVIDIA/Model-Optimizer at 211c6b3 of 2026, qtensor/nvfp4_tensor.py",
        ),
        ScaleArithmetic(
            "modelopt 2025", NVFP4, (_over("tensor_scale", "tensor_amax", 2688.0),),
            (*RATIO, _to("scale", "ideal", E4M3)),
            BY_DIVISION,
            source="NVIDIA/Model-Optimizer at 0d7d92d of 2025, the same file: scales may be 0",
        ),
        _triton("up", MXFP4, 6.0, UP, f"{DOWNCAST} at 0616e64"),
        _triton("down", MXFP4, 4.0, DOWN, LATER),
        _triton("up", MXFP8_E4M3, 448.0, UP, f"{DOWNCAST} at 0616e64"),
        _triton("down", MXFP8_E4M3, 256.0, DOWN, LATER),
        _triton("up 2025", MXFP4, 6.0, UP, EARLIER, Rounding.RNA),
        _triton("down 2025", MXFP4, 6.0, DOWN, EARLIER, Rounding.RNA),
        _triton("nearest", MXFP4, 6.0, NEAREST, FORKED, Rounding.RNA),
        _triton("nearest", MXFP8_E4M3, 448.0, NEAREST, FORKED),
        ScaleArithmetic(
            "gguf Q8_0", Q8_0, (),
            (
                _over("unrounded", "amax", 127.0), _to("scale", "unrounded", FP16),
                _if_zero("divisor", "unrounded", float("inf")), _over("factor", 1.0, "divisor"),
            ),
            (_times("quotient", "x", "factor"),),
            Rounding.RNA,
            source="ggml-org/llama.cpp at 01243c5, ggml-quants.c, quantize_row_q8_0_ref",
        ),
    ),
)  # fmt: skip
"""Scale arithmetic by the name of the library. A block that is not finite is not covered."""
