"""Products by every matrix unit on JAX, for ``msdnum bench gemm``: of square matrices."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from msdnum.emulator import backend
from msdnum.emulator.blocks import quantize
from msdnum.emulator.codes import ML_DTYPES
from msdnum.emulator.gemm.products import matmul
from msdnum.formats.accumulators import (
    ALL_ACCUMULATORS,
    BLACKWELL_MX,
    BLACKWELL_MXFP4,
    CDNA3_FP8,
    FMA32,
    INSTRUCTIONS,
    AnyAccumulator,
    Blocks,
    FusedUnit,
)
from msdnum.formats.blocks import MXFP4, MXFP8_E4M3, BlockFormat
from msdnum.formats.elements import BF16, E4M3, TF32, ElementFormat
from msdnum.formats.instructions import TAKEN_BY_PRESETS

__all__ = ["LARGEST_TIMED", "TIMED_UNITS", "operand_format", "unit_calls"]

LARGEST_TIMED = 1024
"""Rows and columns: a larger product takes as long for each of its operations."""


def _inner(unit: AnyAccumulator) -> AnyAccumulator:
    return unit.inner if isinstance(unit, Blocks) else unit


def _is_hardware(unit: AnyAccumulator) -> bool:
    return unit is FMA32 or bool(getattr(_inner(unit), "source", ""))


TIMED_UNITS: dict[str, AnyAccumulator] = {
    unit.name: unit
    for unit in (*ALL_ACCUMULATORS.values(), *INSTRUCTIONS.values(), FMA32)
    if _is_hardware(unit) and not isinstance(unit, FusedUnit)
}
"""By name, all units of hardware but CDNA1, for which JAX needs binary64."""


def operand_format(unit: AnyAccumulator) -> ElementFormat | BlockFormat:
    """Return a format that a unit is there for: BF16 where it takes that."""
    if unit in (BLACKWELL_MX, BLACKWELL_MXFP4):
        return MXFP8_E4M3 if unit == BLACKWELL_MX else MXFP4
    if unit == CDNA3_FP8:
        return E4M3
    taken = unit.takes or TAKEN_BY_PRESETS.get(_inner(unit).name, (BF16,))
    return BF16 if BF16 in taken else taken[0]


def unit_calls(size: int) -> dict[str, Callable[[], Any]]:
    """Return a product by each unit, by name; every callable waits for its result.

    Parameters
    ----------
    size : int
        m = k = n.
    """
    rng = np.random.default_rng(0)
    a, b = (rng.standard_normal((size, size), np.float32) for _ in "ab")
    return {name: _call(a, b, unit) for name, unit in TIMED_UNITS.items()}


def _call(
    a: NDArray[np.float32], b: NDArray[np.float32], unit: AnyAccumulator
) -> Callable[[], Any]:
    fmt = operand_format(unit)
    x, y = backend.on_jax((_operand(a, fmt, -1), _operand(b, fmt, -2)))
    return lambda: matmul(x, y, accumulator=unit).block_until_ready()


def _operand(x: NDArray[np.float32], fmt: ElementFormat | BlockFormat, axis: int) -> Any:
    if isinstance(fmt, BlockFormat):
        return quantize(x, fmt, axis=axis)
    return x if fmt == TF32 else x.astype(ML_DTYPES[fmt])
