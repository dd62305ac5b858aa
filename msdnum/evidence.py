"""Judge a bound on what a decomposition leaves: on all BF16 pairs, or on the blocks of a tensor."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from fractions import Fraction
from math import frexp

import ml_dtypes
import numpy as np
from numpy.typing import NDArray

from msdnum import blocks
from msdnum.decompose import OWN_AMAX, Scheme, decompose
from msdnum.ledger import Evidence, Finding, Verdict, Witness
from msdnum.pairs import (
    LARGEST,
    ONE,
    Profile,
    Progress,
    Window,
    every_amax,
    profile,
    scale_free,
    to_float32,
)

__all__ = ["EVERY_AMAX", "Bound", "Pairs", "covering", "judge_blocks"]

Array = NDArray[np.float32]
Number = Fraction | float

EVERY_AMAX = range(1, LARGEST + 1)
"""Patterns of all positive finite BF16 numbers."""


def covering(amax: Number) -> Fraction:
    """Return alpha, the least power of two that is not below a float32 ``amax``."""
    significand, exponent = frexp(amax)
    return Fraction(2) ** (exponent - (significand == 0.5))


def whole(amax: Number) -> Fraction:
    """Return M, which is amax itself."""
    return Fraction(amax)


UNITS: dict[str, Callable[[Number], Fraction]] = {"alpha": covering, "M": whole, "amax": whole}


@dataclass(frozen=True)
class Bound:
    """A promised bound on the error of every element of a block.

    Parameters
    ----------
    text : str
        The formula.
    unit : str
        The range it is proportional to: alpha, M or amax.
    of : callable
        From that range of a block to the bound, exact.
    """

    text: str
    unit: str
    of: Callable[[Fraction], Fraction]

    def __post_init__(self) -> None:
        """Refuse a range that is not defined."""
        if self.unit not in UNITS:
            raise ValueError(f"unit must be one of {', '.join(UNITS)}, got {self.unit!r}")

    def range(self, amax: Number) -> Fraction:
        """Return the range of a block."""
        return UNITS[self.unit](amax)

    def at(self, amax: Number) -> Fraction:
        """Return the bound for a block with this amax."""
        return self.of(self.range(amax))

    def found(self, error: Fraction, amax: Number) -> str:
        """Write an error as the fraction of the range that it is."""
        return f"{self.unit}/{float(self.range(amax) / error):.7g}" if error else "0"


def _finding(
    bound: Bound, error: Fraction, amax: Number, witness: Witness, evidence: Evidence
) -> Finding:
    ratio = error / bound.at(amax)
    verdict = Verdict.HOLDS if ratio <= 1 else Verdict.FAILS
    return Finding(verdict, bound.found(error, amax), ratio, evidence, witness)


def _unheard(count: int) -> None:
    """Show no progress."""


@dataclass(frozen=True)
class Pairs:
    """All pairs of a BF16 element and a BF16 amax.

    Parameters
    ----------
    deep : bool
        Whether to run all of them, or those that differ by more than a power of two.
    progress : callable
        Told the number of amax done.
    """

    deep: bool
    progress: Progress = _unheard
    _profiles: dict[Scheme, Profile] = field(default_factory=dict, compare=False, repr=False)

    def judge(self, scheme: Scheme, bound: Bound, amaxes: range = EVERY_AMAX) -> Finding:
        """Find the worst pair.

        Parameters
        ----------
        scheme : Scheme
            How to decompose; its block size is not used.
        bound : Bound
            What to judge.
        amaxes : range
            BF16 patterns of the amax for which it is claimed.
        """
        found = self._profile(scheme)
        claimed = [amax for amax in found.errors if amax in amaxes]
        worst = max(
            claimed,
            key=lambda a: (found.errors[a] / bound.at(_number(a)), -abs(a - ONE)),
        )
        block = found.blocks[worst]
        witness = Witness("BF16", block, len(block) - 1)
        count = sum(found.pairs[amax] for amax in claimed)
        evidence = Evidence("exhaustive", count, self.name)
        return _finding(bound, found.errors[worst], _number(worst), witness, evidence)

    @property
    def name(self) -> str:
        """What is run."""
        return f"BF16 pairs (x, amax){'' if self.deep else ' up to powers of two'}"

    def _profile(self, scheme: Scheme) -> Profile:
        key = replace(scheme, name="")
        if key not in self._profiles:
            self._profiles[key] = profile(scheme, self._windows(scheme), self.progress)
        return self._profiles[key]

    def _windows(self, scheme: Scheme) -> tuple[Window, ...]:
        if not self.deep:
            return scale_free(_depth(scheme))
        return every_amax(None if scheme.ratios is not OWN_AMAX else _depth(scheme))


def _depth(scheme: Scheme) -> int:
    """Return after how many binades below amax all digits are zero."""
    return 2 + sum(fmt.element.precision + 1 for fmt in scheme.formats)


def _number(pattern: int) -> float:
    return float(to_float32(np.array([pattern], np.uint16))[0])


def judge_blocks(x: Array, scheme: Scheme, bound: Bound, seed: int | None = None) -> Finding:
    """Find the worst element of a tensor, block by block along its last axis.

    Parameters
    ----------
    x : ndarray of float32
        At least one dimension, finite.
    scheme : Scheme
        How to decompose.
    bound : Bound
        What to judge.
    seed : int or None
        Of the tensor, where it was drawn.
    """
    result = decompose(x, scheme)
    first = result.terms[0]
    rows = blocks.split(x, first.format, first.axis)
    left = np.abs(blocks.split(result.remainder, first.format, first.axis).astype(np.float64))
    each, place = np.arange(len(rows)), left.argmax(axis=1)
    amax, errors = np.abs(rows).max(axis=1), left[each, place]
    promised = np.array([float(_at(bound, float(m))) for m in amax])
    worst = int((errors / promised).argmax())
    error = Fraction(float(errors[worst])) / result.denominator
    evidence = Evidence("sampled" if seed is not None else "exhaustive", x.size, "elements", seed)
    witness = _witness(rows[worst], int(place[worst]))
    return _finding(bound, error, float(amax[worst]) or 1.0, witness, evidence)


def _at(bound: Bound, amax: float) -> Fraction:
    return bound.at(amax) if amax else Fraction(1)


def _witness(block: Array, element: int) -> Witness:
    """Write a block in BF16 if it can be."""
    narrow = block.astype(ml_dtypes.bfloat16)
    if (narrow.astype(np.float32) == block).all():
        return Witness("BF16", tuple(narrow.view(np.uint16).tolist()), element)
    return Witness("BINARY32", tuple(block.view(np.uint32).tolist()), element)
