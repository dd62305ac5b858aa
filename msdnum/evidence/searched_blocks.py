"""Witnesses of searched scales: a whole block whose search takes the divisor that errs most."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from msdnum.emulator.blocks import quantize
from msdnum.evidence.bf16_pairs import to_float32
from msdnum.formats.blocks import BlockFormat
from msdnum.ledger.findings import Witness

__all__ = ["chosen_block"]

Floats = NDArray[np.float64]

AMAX_OF_TENSOR = 2.0
"""In a row of its own, where the format has a scale of the tensor: as of the pairs looked at."""
ROW = 16
"""Elements of the witness where a block is a whole row."""


def chosen_block(fmt: BlockFormat, divisor: float, pair: Witness) -> Witness | None:
    """Return a block that begins with a pair and whose search takes a divisor; None if none found.

    All other elements are one BF16 number no larger than the first: the one for which this divisor
    errs least beside the others. Quantizing the block then shows which scale the search takes.

    Parameters
    ----------
    fmt : BlockFormat
        With a search of several divisors.
    divisor : float
        One of them.
    pair : Witness
        Amax of the block, and the element that errs most with that divisor.
    """
    assert fmt.search is not None
    amax, _ = pair.block
    fillers = np.arange(0, amax + 1, dtype=np.uint16)
    for filler in fillers[np.argsort(_disadvantage(fmt, divisor, amax, fillers))][:8]:
        size = fmt.block_size or ROW
        block = np.array([*pair.block, *[int(filler)] * (size - 2)], np.uint16)
        row = to_float32(block)[np.newaxis]
        single = replace(fmt, search=replace(fmt.search, divisors=(divisor,)))
        if np.array_equal(_held(fmt, row), _held(single, row)):
            return Witness("BF16", tuple(map(int, block)), 1)
    return None


def _disadvantage(
    fmt: BlockFormat, divisor: float, amax: int, fillers: NDArray[np.uint16]
) -> Floats:
    """Return how much more than with the best other divisor each filler errs with this one."""
    assert fmt.search is not None
    pairs = to_float32(np.stack([np.full_like(fillers, amax), fillers], axis=1))
    errors = {
        each: np.abs(pairs - _held(_pairwise(fmt, each), pairs))[:, 1]
        for each in fmt.search.divisors or ()
    }
    others = [error for each, error in errors.items() if each != divisor]
    return np.asarray(errors[divisor] - np.min(others, axis=0))


def _pairwise(fmt: BlockFormat, divisor: float) -> BlockFormat:
    assert fmt.search is not None
    return replace(fmt, block_size=2, search=replace(fmt.search, divisors=(divisor,)))


def _held(fmt: BlockFormat, rows: NDArray[np.float32]) -> Floats:
    """Return what rows become, in a tensor whose amax is that of the pairs looked at."""
    if not fmt.tensor_scale:
        return np.asarray(quantize(rows, fmt).dequantize(), np.float64)
    first = np.zeros((1, rows.shape[1]), np.float32)
    first[0, 0] = AMAX_OF_TENSOR
    tensor = np.concatenate([first, rows])
    return np.asarray(quantize(tensor, fmt).dequantize(), np.float64)[1:]
