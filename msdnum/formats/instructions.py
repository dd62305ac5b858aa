"""Instructions: units with the formats that hardware takes and no others, block scales included.

The presets of ``ALL_ACCUMULATORS`` are arithmetic to study, on any elements that they can hold.
`as_instruction` makes of such a preset what hardware has of it.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from msdnum._registry import Registry
from msdnum.formats.accumulators import (
    ALL_ACCUMULATORS,
    BLACKWELL_MX,
    BLACKWELL_MXFP4,
    AnyAccumulator,
    Blocks,
)
from msdnum.formats.elements import BF16, E2M1, E2M3, E3M2, E4M3, E5M2, E8M0, FP16, FloatFormat

__all__ = [
    "BLACKWELL_MXF4", "BLACKWELL_MXF4NVF4", "BLACKWELL_MXF8F6F4", "BLOCK_SCALED",
    "SMALL", "TAKEN_BY_PRESETS", "as_instruction",
]  # fmt: skip

HALVES, BYTES = (FP16, BF16), (E4M3, E5M2)
SMALL: tuple[FloatFormat, ...] = (E4M3, E5M2, E3M2, E2M3, E2M1)
"""Elements of ``f8f6f4``, with block scales or without."""

TAKEN_BY_PRESETS: Mapping[str, tuple[FloatFormat, ...]] = {
    "VOLTA": (FP16,), "TURING": (FP16,), "AMPERE": HALVES, "HOPPER": HALVES, "BLACKWELL": HALVES,
    "ADA_FP8": BYTES, "HOPPER_FP8": BYTES, "BLACKWELL_FP8": SMALL, "CDNA1_FP16": (FP16,),
    "CDNA1_BF16": (BF16,), "CDNA2": HALVES, "CDNA3": HALVES,
}  # fmt: skip
"""Formats of elements that the instruction of a preset takes, which itself refuses none."""

TWO_PLACES = "mma.sync with .block_scale, sm_120; tcgen05.mma, sm_100"
BLACKWELL_MXF8F6F4 = replace(
    BLACKWELL_MX, name="BLACKWELL_MXF8F6F4", takes=SMALL, scales=((E8M0, 32),),
    instruction=f"kind::mxf8f6f4 with .block32 of ue8m0: {TWO_PLACES}",
)  # fmt: skip
BLACKWELL_MXF4 = replace(
    BLACKWELL_MXFP4, name="BLACKWELL_MXF4", takes=(E2M1,), scales=((E8M0, 32),),
    instruction=f"kind::mxf4 with .block32 of ue8m0: {TWO_PLACES}",
)  # fmt: skip
BLACKWELL_MXF4NVF4 = replace(
    BLACKWELL_MXFP4, name="BLACKWELL_MXF4NVF4", takes=(E2M1,),
    scales=((E8M0, 32), (E8M0, 16), (E4M3, 16)),
    instruction=f"kind::mxf4nvf4, .block32 of ue8m0, .block16 of ue8m0 or ue4m3: {TWO_PLACES}",
)  # fmt: skip
"""The instruction does not look at the sign of an E4M3 scale; here a negative scale is negative."""

BLOCK_SCALED: Registry[AnyAccumulator] = Registry.of(
    "BLOCK_SCALED", (BLACKWELL_MXF8F6F4, BLACKWELL_MXF4, BLACKWELL_MXF4NVF4)
)
"""By name, units of the instructions with block scales, which refuse other scales, and none.

MMA-Sim 2.1.1 compared those of sm_120 with a GPU; no results of them are recorded in public.
"""


def as_instruction(accumulator: AnyAccumulator) -> AnyAccumulator:
    """Return the unit as its instruction is: other formats of elements are refused.

    Raises
    ------
    TypeError
        If it is no accumulator.
    ValueError
        If no instruction computes so that is known here.

    Examples
    --------
    >>> import numpy as np
    >>> from msdnum import matmul
    >>> from msdnum.formats import HOPPER_FP8
    >>> from msdnum.formats.instructions import as_instruction
    >>> one = np.ones((1, 1), np.float16)
    >>> matmul(one, one, accumulator=HOPPER_FP8)
    array([[1.]], dtype=float32)
    >>> matmul(one, one, accumulator=as_instruction(HOPPER_FP8))
    Traceback (most recent call last):
        ...
    ValueError: accumulator HOPPER_FP8 takes elements of E4M3 or E5M2, got FP16: its instruction \
has no others
    """
    if not isinstance(accumulator, AnyAccumulator):
        raise TypeError(
            f"accumulator must be one of msdnum.ALL_ACCUMULATORS or made like them, "
            f"got {accumulator!r}"
        )
    unit: Any = accumulator.inner if isinstance(accumulator, Blocks) else accumulator
    if unit.takes:
        return accumulator
    if ALL_ACCUMULATORS.get(unit.name) != unit or unit.name not in TAKEN_BY_PRESETS:
        raise ValueError(
            f"accumulator must be a preset of one instruction, {', '.join(TAKEN_BY_PRESETS)}, "
            f"got {accumulator!r}"
        )
    strict = replace(unit, takes=TAKEN_BY_PRESETS[unit.name])
    return replace(accumulator, inner=strict) if isinstance(accumulator, Blocks) else strict
