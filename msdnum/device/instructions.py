"""Instructions of tensor cores, as data: what each takes, and the model that it is held against."""

from collections.abc import Iterator
from dataclasses import dataclass

from msdnum._registry import Registry
from msdnum.formats.accumulators import (
    HOPPER,
    HOPPER_FP8,
    HOPPER_MMA_FP8,
    HOPPER_TF32,
    AnyAccumulator,
    Blocks,
    Int32Overflow,
    in_format,
)
from msdnum.formats.elements import (
    BF16,
    BINARY32,
    E4M3,
    E5M2,
    FP16,
    INT8,
    TF32,
    ElementFormat,
    FloatFormat,
)

__all__ = ["TENSOR_CORES", "FusedChain", "Instruction"]

HOPPER_MMA_FP8_SHORT = Blocks(16, HOPPER)
"""A guess from HOPPER_MMA_FP8: half the products in one step of the FP16 unit, then c."""


@dataclass(frozen=True)
class FusedChain:
    """``c = fl(c + a_k b_k)`` for k = 0, 1, ... in binary64: one rounding (RNE) a product."""

    name: str = "BINARY64_FMA_CHAIN"


@dataclass(frozen=True)
class Instruction:
    """One instruction, with the shape and the types that it is written with in PTX.

    Parameters
    ----------
    name : str
        Without ``.sync.aligned`` and layouts: ``mma.m16n8k16.f32.f16.f16``.
    k : int
        Products that it takes.
    left, right : ElementFormat or None
        Of A and B; None: binary64.
    model : Accumulator, FusedChain or Int32Overflow
        What it is held against; the last: an exact sum of integers, and what becomes of it in 32
        bits.
    output : FloatFormat or None
        Of C and D; None: int32 or binary64.
    """

    name: str
    k: int
    left: ElementFormat | None
    right: ElementFormat | None
    model: AnyAccumulator | FusedChain | Int32Overflow
    output: FloatFormat | None

    @property
    def model_name(self) -> str:
        """Name of the model in tables."""
        if isinstance(self.model, Int32Overflow):
            return f"INT32_{self.model.name}"
        return self.model.name

    @property
    def starts_from_nothing(self) -> bool:
        """Whether it can do without C: ``scale-d`` of wgmma."""
        return self.name.startswith("wgmma")


def _floats() -> Iterator[Instruction]:
    for name, k, fmt, unit in (
        ("mma.m16n8k16.{}.f16.f16", 16, FP16, HOPPER),
        ("mma.m16n8k8.{}.f16.f16", 8, FP16, HOPPER),
        ("mma.m16n8k16.f32.bf16.bf16", 16, BF16, HOPPER),
        ("mma.m16n8k8.f32.bf16.bf16", 8, BF16, HOPPER),
        ("mma.m16n8k8.f32.tf32.tf32", 8, TF32, HOPPER_TF32),
        ("mma.m16n8k4.f32.tf32.tf32", 4, TF32, HOPPER_TF32),
        ("mma.m16n8k32.{}.e4m3.e4m3", 32, E4M3, HOPPER_MMA_FP8),
        ("mma.m16n8k32.{}.e5m2.e5m2", 32, E5M2, HOPPER_MMA_FP8),
        ("mma.m16n8k16.{}.e4m3.e4m3", 16, E4M3, HOPPER_MMA_FP8_SHORT),
        ("mma.m16n8k16.{}.e5m2.e5m2", 16, E5M2, HOPPER_MMA_FP8_SHORT),
        ("wgmma.m64n8k16.{}.f16.f16", 16, FP16, HOPPER),
        ("wgmma.m64n8k16.f32.bf16.bf16", 16, BF16, HOPPER),
        ("wgmma.m64n8k8.f32.tf32.tf32", 8, TF32, HOPPER_TF32),
        ("wgmma.m64n8k32.{}.e4m3.e4m3", 32, E4M3, HOPPER_FP8),
        ("wgmma.m64n8k32.{}.e5m2.e5m2", 32, E5M2, HOPPER_FP8),
    ):
        yield Instruction(name.format("f32"), k, fmt, fmt, unit, BINARY32)
        if "{}" in name:
            yield Instruction(name.format("f16"), k, fmt, fmt, in_format(unit, FP16), FP16)


MIXED = (
    Instruction("mma.m16n8k32.f32.e4m3.e5m2", 32, E4M3, E5M2, HOPPER_MMA_FP8, BINARY32),
    Instruction("wgmma.m64n8k32.f32.e4m3.e5m2", 32, E4M3, E5M2, HOPPER_FP8, BINARY32),
    Instruction("wgmma.m64n8k32.f16.e4m3.e5m2", 32, E4M3, E5M2, in_format(HOPPER_FP8, FP16), FP16),
)
BINARY64_ONES = tuple(
    Instruction(f"mma.{shape}.f64.f64.f64", k, None, None, FusedChain(), None)
    for shape, k in (("m8n8k4", 4), ("m16n8k4", 4), ("m16n8k8", 8), ("m16n8k16", 16))
)
INTEGERS = tuple(
    Instruction(f"{shape}k32.{mode}s32.s8.s8", 32, INT8, INT8, overflow, None)
    for shape in ("mma.m16n8", "wgmma.m64n8")
    for mode, overflow in (("", Int32Overflow.WRAP), ("satfinite.", Int32Overflow.SATURATE))
)
TENSOR_CORES: Registry[Instruction] = Registry.of(
    "TENSOR_CORES", (*_floats(), *MIXED, *BINARY64_ONES, *INTEGERS)
)
"""Instructions of Hopper's tensor cores, by name."""
