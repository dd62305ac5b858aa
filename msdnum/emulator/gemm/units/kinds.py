"""Kinds of accumulators: which class sums the products of each."""

from typing import Any

from msdnum.emulator.gemm.units.aligned import AlignedSums
from msdnum.emulator.gemm.units.binary32 import PairwiseSums, SequentialSums
from msdnum.emulator.gemm.units.blocks import BlockSums, ExactBlockSums
from msdnum.emulator.gemm.units.cdna3 import Cdna3Sums
from msdnum.emulator.gemm.units.designed import DesignedSums
from msdnum.emulator.gemm.units.flushed import FlushedSums
from msdnum.emulator.gemm.units.fused import FusedSums
from msdnum.emulator.gemm.units.grouped import GroupedSums
from msdnum.emulator.gemm.units.lanes import (
    ChainSums,
    LanesSums,
    RoundedPairwiseSums,
    RoundedSequentialSums,
)
from msdnum.emulator.gemm.units.stepped import SteppedSums
from msdnum.emulator.gemm.units.sums import Sums
from msdnum.emulator.gemm.units.whole import ExactSums, Int32Sums
from msdnum.formats.accumulators import (
    AnyAccumulator,
    Blocks,
    Cdna3Unit,
    ChainUnit,
    DesignedUnit,
    Exact,
    FusedUnit,
    GroupedUnit,
    Int32,
    LanesUnit,
    MatrixUnit,
    Pairwise,
    PairwiseUnit,
    Sequential,
    StepUnit,
)

__all__ = ["KINDS", "sums_of"]

KINDS: dict[type, type[Sums[Any]]] = {
    Exact: ExactSums,
    Int32: Int32Sums,
    Sequential: SequentialSums,
    Pairwise: PairwiseSums,
    MatrixUnit: AlignedSums,
    GroupedUnit: GroupedSums,
    Cdna3Unit: Cdna3Sums,
    FusedUnit: FusedSums,
    PairwiseUnit: FlushedSums,
    DesignedUnit: DesignedSums,
    LanesUnit: LanesSums,
    ChainUnit: ChainSums,
    StepUnit: SteppedSums,
}
"""By the class of the accumulator; blocks have one of these inside."""


def sums_of(accumulator: AnyAccumulator) -> Sums[Any]:
    """Return how an accumulator sums.

    Raises
    ------
    TypeError
        If its class is not known.
    """
    if isinstance(accumulator, Blocks):
        if isinstance(accumulator.inner, Exact):
            return ExactBlockSums(accumulator)
        return BlockSums(accumulator, sums_of(accumulator.inner))
    if isinstance(accumulator, StepUnit):
        return SteppedSums(accumulator)
    if isinstance(accumulator, Sequential) and accumulator != Sequential():
        return RoundedSequentialSums(accumulator)
    if isinstance(accumulator, Pairwise) and accumulator != Pairwise():
        return RoundedPairwiseSums(accumulator)
    if type(accumulator) not in KINDS:
        known = ", ".join(sorted([*(kind.__name__ for kind in KINDS), "Blocks"]))
        raise TypeError(
            f"accumulator must be an Accumulator, one of the classes {known}, "
            f"got {accumulator!r} of class {type(accumulator).__name__}"
        )
    return KINDS[type(accumulator)](accumulator)
