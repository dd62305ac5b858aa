"""Remedies, sampled: scales that may not be zero, four over six, both, and every scale."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from msdnum.emulator.blocks import quantize
from msdnum.formats.blocks import BlockFormat
from msdnum.formats.scale_searches import ScaleSearch
from msdnum.trials.finer.distributions import Distribution
from msdnum.trials.finer.formats import BY_E4M3

__all__ = [
    "METHODS",
    "SIZES",
    "drawn",
    "finer_and_worse",
    "rises",
    "sampled_errors",
    "squared_error",
]

Floats = NDArray[np.float32]
METHODS: Mapping[str, tuple[tuple[float, ...] | None, bool]] = {
    "amax / 6": ((6,), False),
    "no scale is zero": ((6,), True),
    "four over six": ((6, 4), False),
    "both": ((6, 4), True),
    "every scale": (None, False),
}
"""By name: divisors of amax among which is chosen, and whether zero scales are prevented."""
SIZES = (2, 4, 8, 16, 32)


def drawn(of: Distribution, sigma: float, n: int, seed: int) -> Floats:
    """Return n numbers, the same but for sigma with the same seed."""
    found: Floats = (of.draw(np.random.default_rng(seed), n) * sigma).astype(np.float32)
    return found


def squared_error(x: Floats, fmt: BlockFormat, method: str, size: int) -> NDArray[np.float64]:
    """Return the squared error of each element."""
    divisors, nonzero = METHODS[method]
    searched = replace(fmt, search=ScaleSearch(divisors, nonzero=nonzero))
    found = quantize(x, searched, block_size=size).dequantize()
    error: NDArray[np.float64] = x.astype(np.float64) - found
    return error**2


def sampled_errors(
    x: Floats, fmt: BlockFormat, method: str, sizes: Iterable[int] = SIZES
) -> dict[int, float]:
    """Return the mean squared error over the mean square, by size of block."""
    square = float(np.mean(x.astype(np.float64) ** 2))
    return {size: float(squared_error(x, fmt, method, size).mean()) / square for size in sizes}


def rises(errors: Mapping[int, float]) -> float:
    """Return the largest ratio of the error of a size to that of the next larger one."""
    sizes = sorted(errors)
    return max(errors[a] / errors[b] for a, b in pairwise(sizes))


def finer_and_worse(method: str, top: int = 10) -> tuple[Floats, float, float, int]:
    """Return a block of four integers that halves quantize worse than the whole does.

    Of all blocks of integers from 1 to ``top`` it is the one with the largest difference; beside it
    its two errors, and how many blocks there are.
    """
    grid = np.arange(1, top + 1, dtype=np.float32)
    blocks = np.stack(np.meshgrid(*[grid] * 4, indexing="ij"), axis=-1).reshape(-1, 4)
    whole, halves = (squared_error(blocks, BY_E4M3, method, n).sum(axis=1) for n in (4, 2))
    i = int(np.argmax(halves - whole))
    return blocks[i], float(halves[i]), float(whole[i]), len(blocks)
