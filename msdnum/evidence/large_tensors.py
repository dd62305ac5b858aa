"""Tensors of any size beside a bound: judged piece by piece, in memory for one piece."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from msdnum.emulator.decompositions import decompose
from msdnum.evidence.decompositions import finding_of, witness_of
from msdnum.evidence.promises import Promise
from msdnum.ledger.findings import Evidence, Finding

__all__ = ["judge_tensor"]

Array = NDArray[np.float32]
Floats = NDArray[np.float64]

PIECE = 1 << 18
"""Elements of a piece, unless a row has more: a row is not divided."""


def judge_tensor(
    x: Array, promise: Promise, progress: Callable[[int], object] = lambda blocks: None
) -> Finding:
    """Find the worst element of a tensor, block by block along its last axis, and effective bits.

    Parameters
    ----------
    x : ndarray of float32
        At least one dimension, finite.
    promise : Promise
        What to judge; its range of amax is not used.
    progress : callable
        Called with the number of blocks that have been judged since the call before.

    Examples
    --------
    >>> from msdnum.evidence import judge_tensor
    >>> from msdnum.trials.toolkit.tensors import TENSOR_PROMISES
    >>> found = judge_tensor(np.ones((4, 64), np.float32), TENSOR_PROMISES[1])
    >>> found.verdict.value, found.evidence.count
    ('holds', 256)
    """
    rows = x.reshape(-1, x.shape[-1])
    sums = Sums(float(max(np.abs(piece).max() for piece in _pieces(rows))))
    worst: Worst | None = None
    for piece in _pieces(rows):
        found, blocks = _judge_piece(piece, promise, sums)
        if worst is None or found.share > worst.share:
            worst = found
        progress(blocks)
    assert worst is not None
    witness = witness_of(worst.block, worst.place)
    evidence = Evidence("exhaustive", x.size, "elements")
    finding = finding_of(promise.bound, worst.error, worst.amax or 1.0, witness, evidence)
    return replace(finding, notes=(sums.note(),))


def _pieces(rows: Array) -> Iterator[Array]:
    step = max(1, PIECE // rows.shape[1])
    for start in range(0, len(rows), step):
        yield rows[start : start + step]


@dataclass(frozen=True)
class Worst:
    """The block that comes nearest to its bound, or exceeds it by most."""

    share: float
    error: Fraction
    amax: float
    block: Array
    place: int


def _judge_piece(x: Array, promise: Promise, sums: "Sums") -> tuple[Worst, int]:
    result = decompose(x, promise.scheme)
    first = result.terms[0]
    size, remainder = np.abs(x), np.abs(result.scaled_remainder)
    sums.add(size, remainder / result.denominator)
    blocks, left = first.rows(x), first.rows(remainder)
    each, place = np.arange(len(blocks)), left.argmax(axis=1)
    amax = first.rows(size).max(axis=1).astype(np.float64)
    errors = left[each, place].astype(np.float64)
    promised = promise.bound.at_each(amax) * result.denominator
    shares = errors / np.where(promised == 0, 1, promised)
    worst = int(shares.argmax())
    error = Fraction(float(errors[worst])) / result.denominator
    block = blocks[worst].copy()
    found = Worst(float(shares[worst]), error, float(amax[worst]), block, int(place[worst]))
    return found, len(blocks)


@dataclass
class Sums:
    """Sums of squares over all elements, in float64, from which effective bits follow.

    Parameters
    ----------
    amax : float
        Largest magnitude of the tensor: numbers and errors are divided by it first, so that no
        square over- or underflows.
    """

    amax: float
    count: int = 0
    numbers: float = 0.0
    errors: float = 0.0
    relative: float = 0.0

    def add(self, size: Array, left: Array) -> None:
        """Add magnitudes of numbers, and of what is left of them."""
        self.count += size.size
        if not self.amax:
            return
        numbers, errors = size.astype(np.float64), left.astype(np.float64)
        with np.errstate(divide="ignore", invalid="ignore"):
            relative = np.divide(errors, numbers, where=errors != 0, out=np.zeros_like(errors))
        self.relative += _square(relative)
        self.numbers += _square(np.divide(numbers, self.amax, out=numbers))
        self.errors += _square(np.divide(errors, self.amax, out=errors))

    def note(self) -> str:
        """Return effective bits by three of ``errors.EFFECTIVE_BITS``."""
        error = math.sqrt(self.errors / self.count)
        found = {
            "rms_relative": _bits(math.sqrt(self.relative / self.count), 1.0),
            "relative_l2": _bits(error, math.sqrt(self.numbers / self.count)),
            "equivalent_uniform": _bits(error, 1.0) - math.log2(math.sqrt(12) / 2),
        }
        return f"effective bits: {', '.join(f'{k} {bits:.2f}' for k, bits in found.items())}"


def _square(x: Floats) -> float:
    """Return the sum of squares, which overwrite x; not by BLAS, whose threads would only wait."""
    return float(np.square(x, out=x).sum())


def _bits(error: float, size: float) -> float:
    return math.log2(size / error) if error else math.inf
