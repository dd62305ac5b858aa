"""Recombination of products of terms: which terms meet, what scales them, how they are added."""

from dataclasses import dataclass
from enum import Enum, unique
from typing import Any, TypeAlias

import numpy as np

from msdnum.formats.elements import BF16, BINARY32, FP16, FloatFormat

__all__ = ["Addition", "Recombination", "Scaling", "Schedule", "full", "triangular"]

Pair: TypeAlias = tuple[int, int]


@unique
class Scaling(Enum):
    """In which order a sum c is multiplied by the two binary32 scales outside."""

    ROW_THEN_COLUMN = "fl(fl(c * s_a) * s_b)"
    COLUMN_THEN_ROW = "fl(fl(c * s_b) * s_a)"
    PRODUCT = "fl(c * fl(s_a * s_b))"


@unique
class Addition(Enum):
    """How the results of term pairs become one."""

    SEPARATE = "each is accumulated from zero and scaled; they are added in the schedule's order"
    CHAINED = "each starts from the accumulator that the pair before it has left"


@dataclass(frozen=True)
class Recombination:
    """What each term's result is scaled by, and how and in which precision the terms are added.

    Parameters
    ----------
    scaling : Scaling
        Order of the two multiplications, each rounded to binary32 (RNE).
    addition : Addition
        CHAINED needs all scales inside (E8M0, E4M3 without a tensor scale).
    precision : FloatFormat
        BINARY32, or BF16 or FP16: then every scaled result, and every sum of them, is rounded to
        it (RNE, overflow to Inf).

    Raises
    ------
    ValueError
        If the precision is another format, or is not BINARY32 for CHAINED.
    """

    scaling: Scaling = Scaling.ROW_THEN_COLUMN
    addition: Addition = Addition.SEPARATE
    precision: FloatFormat = BINARY32

    def __post_init__(self) -> None:
        """Refuse what is not defined."""
        if self.precision not in (BINARY32, BF16, FP16):
            raise ValueError(f"precision must be BINARY32, BF16 or FP16, got {self.precision.name}")
        if self.addition is Addition.CHAINED and self.precision != BINARY32:
            raise ValueError(f"precision must be BINARY32 for CHAINED, got {self.precision.name}")


@dataclass(frozen=True)
class Schedule:
    """Which term of the left operand meets which of the right, in the order of addition.

    Parameters
    ----------
    pairs : tuple of (int, int)
        At least one, none twice.

    Raises
    ------
    ValueError
        If there is none, one is repeated or an index is negative.
    """

    pairs: tuple[Pair, ...]

    def __post_init__(self) -> None:
        """Refuse an empty or ambiguous schedule."""
        if (
            not self.pairs
            or len(set(self.pairs)) < len(self.pairs)
            or min(map(min, self.pairs)) < 0
        ):
            raise ValueError(f"pairs must be different pairs of indices, got {self.pairs}")

    @classmethod
    def from_mask(cls, mask: Any) -> "Schedule":
        """Return the pairs (i, j) where ``mask[i, j]``, by i + j and then by i."""
        pairs = [(int(i), int(j)) for i, j in np.argwhere(np.asarray(mask))]
        return cls(tuple(sorted(pairs, key=lambda pair: (sum(pair), pair))))


def full(left: int, right: int = 1) -> Schedule:
    """Return the schedule of all pairs of ``left`` and ``right`` terms.

    Examples
    --------
    >>> from msdnum.emulator.gemm import full
    >>> full(2, 2).pairs
    ((0, 0), (0, 1), (1, 0), (1, 1))
    """
    return Schedule.from_mask(np.ones((left, right), bool))


def triangular(left: int, right: int) -> Schedule:
    """Return the schedule without the pairs whose product is below the last term (Ozaki).

    Examples
    --------
    >>> from msdnum.emulator.gemm import triangular
    >>> triangular(2, 2).pairs
    ((0, 0), (0, 1), (1, 0))
    """
    i, j = np.indices((left, right))
    return Schedule.from_mask(i + j < max(left, right))
