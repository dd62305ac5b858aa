"""Accumulators by name: those of binary32 and int32 arithmetic, and the units of hardware.

Their kinds, which say what each computes, are re-exported from here. The presets of matrix units
follow MMA-Sim 2.1.1, the model that was compared with GPUs bit for bit (PyPI ``mmasim``, arXiv
2511.10909v2). Its first version differs in the exponent of zero of NVIDIA's units and in the last
rounding of CDNA3; the second was held against more bit patterns, and probed the exponent of zero.
"""

from dataclasses import replace

from msdnum._registry import Registry
from msdnum.formats.accumulator_kinds import (
    Accumulator,
    AnyAccumulator,
    Blocks,
    Cdna3Unit,
    Exact,
    FusedUnit,
    GroupedUnit,
    Int32,
    Int32Overflow,
    MatrixUnit,
    PairwiseUnit,
)
from msdnum.formats.chained_units import ChainUnit, LanesUnit
from msdnum.formats.elements import (
    BF16,
    E2M1,
    E2M3,
    E3M2,
    E4M3,
    E4M3FNUZ,
    E5M2,
    E5M2FNUZ,
    FP16,
    TF32,
    ElementFormat,
    FloatFormat,
)
from msdnum.formats.own_units import DesignedUnit, Pairwise, Sequential, StepUnit, SumRounding

__all__ = [
    "ACCUMULATORS", "ADA_FP8", "ADA_FP8_FP16", "ALL_ACCUMULATORS", "AMPERE", "AMPERE_FP16",
    "AMPERE_TF32", "BLACKWELL", "BLACKWELL_FP16", "BLACKWELL_FP8", "BLACKWELL_FP8_FP16",
    "BLACKWELL_MMA_FP8", "BLACKWELL_MX", "BLACKWELL_MXFP4", "BLACKWELL_TF32", "CDNA1_BF16",
    "CDNA1_FP16", "CDNA2", "CDNA2_BF16", "CDNA3", "CDNA3_FNUZ", "CDNA3_FP8", "CDNA3_XF32", "EXACT",
    "HOPPER", "HOPPER_FP16", "HOPPER_FP8", "HOPPER_FP8_FP16", "HOPPER_FP8_PROMOTED",
    "ARM_BFMMLA", "FMA32", "HOPPER_MMA_FP8", "HOPPER_TF32", "INSTRUCTIONS", "INT32",
    "INT32_SATURATE", "INT32_WRAP", "INTEL_AMX_BF16", "INTEL_AMX_FP16", "INTEL_AMX_TF32",
    "PAIRWISE", "SEQUENTIAL", "TURING", "TURING_FP16", "VOLTA", "VOLTA_FP16", "X86_BF16",
    "Accumulator", "AnyAccumulator", "Blocks", "Cdna3Unit", "ChainUnit", "DesignedUnit", "Exact",
    "FusedUnit", "GroupedUnit", "Int32", "Int32Overflow", "LanesUnit", "MatrixUnit", "Pairwise",
    "PairwiseUnit", "Sequential", "StepUnit", "SumRounding", "in_format",
]  # fmt: skip


def _fp16(unit: MatrixUnit, takes: tuple[ElementFormat, ...], instruction: str) -> MatrixUnit:
    """Return the unit with FP16 accumulators."""
    named = replace(unit, name=f"{unit.name}_FP16", takes=takes, instruction=instruction)
    return named.with_output(FP16)


EXACT = Exact()
INT32 = Int32()
"""``INT32_REFUSE`` in tables."""
INT32_SATURATE = Int32(Int32Overflow.SATURATE)
INT32_WRAP = Int32(Int32Overflow.WRAP)
SEQUENTIAL = Sequential()
PAIRWISE = Pairwise()

MMA_SIM = "MMA-Sim 2.1.1 (arXiv 2511.10909v2)"
FASI = f"{MMA_SIM}; Fasi et al., PeerJ CS 330"
VOLTA = MatrixUnit(
    "VOLTA", 4, 23, exponent_of_zero=-131, source=FASI,
    instruction="mma.sync.m8n8k4.f32.f16.f16.f32, sm_70 and sm_75",
)  # fmt: skip
TURING = MatrixUnit(
    "TURING", 8, 24, exponent_of_zero=-132, source=FASI,
    instruction="mma.sync.m16n8k8.f32.f16.f16.f32, sm_75",
)  # fmt: skip
AMPERE = MatrixUnit(
    "AMPERE", 8, 24, exponent_of_zero=-132, source=FASI,
    instruction="mma.sync.m16n8k8/k16.f32 of f16 and of bf16, sm_80 to sm_89",
)  # fmt: skip
HOPPER = MatrixUnit(
    "HOPPER", 16, 25, exponent_of_zero=-133, source=MMA_SIM,
    instruction="mma.sync and wgmma .f32 of f16 and of bf16, sm_90",
)  # fmt: skip
BLACKWELL = MatrixUnit(
    "BLACKWELL", 16, 25, exponent_of_zero=-133, source=MMA_SIM,
    instruction="mma.sync .f32 of f16 and of bf16, sm_100, sm_120; kind::f16, sm_100",
)  # fmt: skip
HOPPER_FP8 = MatrixUnit(
    "HOPPER_FP8", 32, 13, 13, exponent_of_zero=-133, source=MMA_SIM,
    instruction="wgmma.m64nNk32.f32 of e4m3 and e5m2, sm_90",
)  # fmt: skip
HOPPER_FP8_PROMOTED = Blocks(128, HOPPER_FP8)
"""``BLOCKS_128_HOPPER_FP8`` in tables.

Promotion to a binary32 register every 128 products: DeepSeek-V3 (arXiv 2412.19437), 3.3.2.
"""
ADA_FP8 = MatrixUnit(
    "ADA_FP8", 16, 13, 13, exponent_of_zero=-132, source=MMA_SIM,
    instruction="mma.sync.m16n8k32.f32 of e4m3 and e5m2, sm_89",
)  # fmt: skip
BLACKWELL_FP8 = MatrixUnit(
    "BLACKWELL_FP8", 32, 25, exponent_of_zero=-133, source=MMA_SIM,
    instruction="kind::f8f6f4 with .f32, sm_100, sm_120",
)  # fmt: skip
BLACKWELL_MX = MatrixUnit("BLACKWELL_MX", 32, 25, exponent_of_zero=-133, source=MMA_SIM)
BLACKWELL_MXFP4 = GroupedUnit("BLACKWELL_MXFP4", 64, 16, 35, exponent_of_zero=-139, source=MMA_SIM)
CDNA1_FP16 = FusedUnit(
    "CDNA1_FP16", 4, source=MMA_SIM, instruction="v_mfma_f32_*f16, gfx908",
)  # fmt: skip
CDNA1_BF16 = FusedUnit(
    "CDNA1_BF16", 2, source=MMA_SIM, instruction="v_mfma_f32_*bf16, gfx908",
)  # fmt: skip
CDNA2 = PairwiseUnit(
    "CDNA2", 4, source=MMA_SIM,
    instruction="v_mfma_f32_*f16 and v_mfma_f32_*bf16_1k, gfx90a",
)  # fmt: skip
CDNA3 = Cdna3Unit(
    "CDNA3", 8, 1, source=MMA_SIM,
    instruction="v_mfma_f32_*_f16 and v_mfma_f32_*_bf16, gfx940",
)  # fmt: skip
CDNA3_FP8 = Cdna3Unit("CDNA3_FP8", 16, 2, drops_accumulator=True, source=MMA_SIM)
AMPERE_TF32 = MatrixUnit(
    "AMPERE_TF32", 4, 24, exponent_of_zero=-132, source=MMA_SIM, takes=(TF32,),
    instruction="mma.sync.m16n8k4/k8.f32.tf32.tf32.f32, sm_80 to sm_89",
)  # fmt: skip
HOPPER_TF32 = MatrixUnit(
    "HOPPER_TF32", 8, 25, exponent_of_zero=-133, source=MMA_SIM, takes=(TF32,),
    instruction="mma.sync and wgmma .f32.tf32.tf32, sm_90; kind::tf32, sm_100; sm_120",
)  # fmt: skip
BLACKWELL_TF32 = replace(HOPPER_TF32, name="BLACKWELL_TF32")
CDNA3_XF32 = Cdna3Unit(
    "CDNA3_XF32", 4, 1, source=MMA_SIM, takes=(TF32,), instruction="v_mfma_f32_*_xf32, gfx940",
)  # fmt: skip
"""XF32 is TF32: the low 13 bits of binary32 are dropped."""
CDNA2_BF16 = PairwiseUnit(
    "CDNA2_BF16", 2, source=MMA_SIM, takes=(BF16,), instruction="v_mfma_f32_*bf16 without _1k",
)  # fmt: skip
CDNA3_FNUZ = replace(
    CDNA3_FP8, name="CDNA3_FNUZ", takes=(E4M3FNUZ, E5M2FNUZ),
    instruction="v_mfma_f32_*_{fp8,bf8}_{fp8,bf8}, gfx940",
)  # fmt: skip
"""CDNA3_FP8 for the formats that MI300 has; it has no E4M3 and E5M2 of OCP."""

VOLTA_FP16 = _fp16(VOLTA, (FP16,), "mma.sync.m8n8k4.f16.f16.f16.f16, sm_70")
TURING_FP16 = _fp16(TURING, (FP16,), "mma.sync.m16n8k8.f16.f16.f16.f16, sm_75")
AMPERE_FP16 = _fp16(AMPERE, (FP16,), "mma.sync.m16n8k16.f16.f16.f16.f16, sm_80 to sm_89")
HOPPER_FP16 = _fp16(HOPPER, (FP16,), "mma.sync and wgmma .f16.f16.f16, sm_90")
BLACKWELL_FP16 = _fp16(BLACKWELL, (FP16,), "mma.sync.f16, sm_100, sm_120; kind::f16, sm_100")
ADA_FP8_FP16 = _fp16(ADA_FP8, (E4M3, E5M2), "mma.sync.m16n8k32.f16 of e4m3 and e5m2, sm_89")
HOPPER_FP8_FP16 = _fp16(HOPPER_FP8, (E4M3, E5M2), "wgmma.m64nNk32.f16 of e4m3 and e5m2")
BLACKWELL_FP8_FP16 = _fp16(
    BLACKWELL_FP8, (E4M3, E5M2, E3M2, E2M3, E2M1), "kind::f8f6f4 with .f16, sm_100, sm_120"
)
RECORDED = "inferred from the recorded results of MATLAB-tensor-core b12b5a70 (doi 10.1145/3830409)"
MMA_FP8 = "mma.sync.m16n8k32 of e4m3 and e5m2"
HOPPER_MMA_FP8 = Blocks(
    32,
    replace(HOPPER, takes=(E4M3, E5M2), source=RECORDED, instruction=f"{MMA_FP8}, sm_90"),
    rounds=2,
)
BLACKWELL_MMA_FP8 = Blocks(
    32,
    replace(BLACKWELL, takes=(E4M3, E5M2), source=RECORDED, instruction=f"{MMA_FP8}, sm_100"),
    rounds=2,
)
"""``BLOCKS_32_IN_2_...`` in tables: ``mma.sync`` of FP8 on sm_90 and sm_100, as if emulated.

Two steps of the FP16 unit from zero, then c added in the output's format. Inferred from recorded
results, which decide the order for FP16 output alone.
"""

FMA32 = Sequential(fused=True)
"""``SEQUENTIAL_FMA`` in tables: FP32 products of MFMA on every CDNA, k in order (MMA-Sim)."""
INTEL_AMX_BF16 = LanesUnit(
    "INTEL_AMX_BF16", 32, 2, fused=True, flushes_inputs=True, flushes_results=True, takes=(BF16,),
    instruction="TDPBF16PS, tiles of K = 32", source="Intel SDM, volume 2, TDPBF16PS (operation)",
)  # fmt: skip
"""Even and odd k are a chain of FMAs each, from zero; their sum is added to c.

From the manual, not compared with hardware: RNE, subnormal numbers of inputs and results as zero
whatever MXCSR says. A shorter tile is a shorter step. That a result counts as subnormal after it is
rounded is what `X86_BF16` was seen to do; this manual does not say it.
"""
INTEL_AMX_FP16 = LanesUnit(
    "INTEL_AMX_FP16", 32, 2, fused=True, flushes_results=True, takes=(FP16,),
    instruction="TDPFP16PS, tiles of K = 32", source="Intel SDM, volume 2, TDPFP16PS (operation)",
)  # fmt: skip
"""As `INTEL_AMX_BF16`, but that subnormal FP16 elements are numbers; a subnormal c is zero."""
INTEL_AMX_TF32 = LanesUnit(
    "INTEL_AMX_TF32", 16, 1, fused=True, flushes_results=True, takes=(TF32,),
    instruction="TMMULTF32PS, tiles of K = 16",
    source="LLVM's amxtf32intrin.h (operation), Intel's intrinsics guide",
)  # fmt: skip
"""One chain of FMAs from zero, then added to c; elements are binary32 cut to TF32.

From the description of the intrinsic, not compared with hardware: it says that subnormal inputs are
numbers and results are not. Unknown: whether the c of the tile is an input in this sense; here a
subnormal c counts as zero, as for the other two.
"""
X86_BF16 = ChainUnit(
    "X86_BF16", (1, 0), flushes_inputs=True, flushes_results=True, takes=(BF16,),
    instruction="VDPBF16PS (AVX512_BF16)",
    source="Intel SDM, volume 2, VDPBF16PS (operation); AMD EPYC (Zen 4)",
)  # fmt: skip
"""FMAs onto c, of each pair the odd element first; subnormal numbers are zero whatever MXCSR says.

From the manual, and the same bits as the instruction of an AMD EPYC 9000: see ``benchmarks``.
"""
ARM_BFMMLA = LanesUnit(
    "ARM_BFMMLA", 2, 2, rounding=SumRounding.TO_ODD, flushes_inputs=True, flushes_results=True,
    takes=(BF16,), instruction="BFDOT, BFMMLA with FPCR.EBF = 0",
    source="Arm Architecture Reference Manual, BFDOT (vectors), BFMMLA",
)  # fmt: skip
"""Two products are rounded, added, and added to c: each to odd, subnormal numbers as zero.

From the manual, not compared with hardware. With FEAT_EBF16 and FPCR.EBF = 1 both products are
added without a rounding between, and as FPCR says: ``LanesUnit("EBF", 2, 2)`` where it says RNE.
"""

ACCUMULATORS: Registry[Accumulator] = Registry.of(
    "ACCUMULATORS",
    (
        EXACT, INT32, INT32_SATURATE, INT32_WRAP, SEQUENTIAL, PAIRWISE, Blocks(32, EXACT),
        Blocks(32, SEQUENTIAL), VOLTA, TURING, AMPERE, HOPPER, BLACKWELL, ADA_FP8, HOPPER_FP8,
        HOPPER_FP8_PROMOTED, BLACKWELL_FP8, BLACKWELL_MX, BLACKWELL_MXFP4, CDNA2,
        CDNA3, CDNA3_FP8,
    ),
)  # fmt: skip
"""By name, every preset that float32 arithmetic computes: all but CDNA1.

A name is the constant's but for ``INT32_REFUSE`` (INT32), ``BLOCKS_128_HOPPER_FP8``
(HOPPER_FP8_PROMOTED) and the two ``Blocks`` of 32, which have no constant.
"""

ALL_ACCUMULATORS: Registry[AnyAccumulator] = Registry.of(
    "ALL_ACCUMULATORS", (*ACCUMULATORS.values(), CDNA1_BF16, CDNA1_FP16)
)
"""By name, every preset: ``ACCUMULATORS`` and CDNA1, which needs binary64.

They take all elements that they can hold, as arithmetic to study; ``instructions.as_instruction``
makes of one what its instruction takes, and ``instructions.BLOCK_SCALED`` has those with scales.
"""

INSTRUCTIONS: Registry[AnyAccumulator] = Registry.of(
    "INSTRUCTIONS",
    (
        VOLTA_FP16, TURING_FP16, AMPERE_FP16, HOPPER_FP16, BLACKWELL_FP16, ADA_FP8_FP16,
        HOPPER_FP8_FP16, BLACKWELL_FP8_FP16, AMPERE_TF32, HOPPER_TF32, BLACKWELL_TF32,
        HOPPER_MMA_FP8, BLACKWELL_MMA_FP8, CDNA2_BF16, CDNA3_XF32, CDNA3_FNUZ,
        INTEL_AMX_BF16, INTEL_AMX_FP16, INTEL_AMX_TF32, X86_BF16, ARM_BFMMLA,
    ),
)  # fmt: skip
"""By name, units of one instruction each, which refuse the formats that it does not take.

They are beside ``ALL_ACCUMULATORS``, from which test vectors and tables are derived. Nobody has
published, bit for bit, what these compute, so that there are no presets of them: AMD's CDNA4
(MI350), RDNA's WMMA, Huawei's Ascend cube, Google's TPU, Apple's units, Intel's XMX, NVIDIA's
sm_103.
"""


def in_format(accumulator: AnyAccumulator, output: FloatFormat) -> AnyAccumulator:
    """Return the accumulator that gives this output.

    Raises
    ------
    ValueError
        If there is none.
    """
    if output == accumulator.output:
        return accumulator
    if isinstance(accumulator, MatrixUnit):
        return accumulator.with_output(output)
    if isinstance(accumulator, Blocks) and isinstance(accumulator.inner, MatrixUnit):
        return replace(accumulator, inner=accumulator.inner.with_output(output), output=output)
    raise ValueError(
        f"output must be {accumulator.output.name} for accumulator {accumulator.name}, "
        f"got {output.name}"
    )
