"""Judgements of a bound on what a decomposition leaves: of all BF16 pairs, or of blocks."""

from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cache

import ml_dtypes
import numpy as np
from numpy.typing import NDArray

from msdnum.emulator.decompositions import Decomposition, decompose
from msdnum.evidence.bf16_pairs import (
    ONE,
    Profile,
    Window,
    every_amax,
    profile,
    scale_free,
    to_number,
)
from msdnum.evidence.promises import Bound, Promise
from msdnum.formats.schemes import OWN_AMAX, Scheme
from msdnum.ledger.findings import Evidence, Finding, Verdict, Witness
from msdnum.ledger.trial import Progress, Study, no_progress

__all__ = ["Pairs", "finding_of", "judge_blocks", "pairs_of", "witness_of"]

Array = NDArray[np.float32]


Number = Fraction | float


def finding_of(
    bound: Bound, error: Fraction, amax: Number, witness: Witness, evidence: Evidence
) -> Finding:
    """Return what an error is beside the bound at this amax."""
    ratio = error / bound.at(amax)
    verdict = Verdict.HOLDS if ratio <= 1 else Verdict.FAILS
    return Finding(verdict, bound.found(error, amax), ratio, evidence, witness)


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
    progress: Progress = no_progress
    _profiles: dict[Scheme, Profile] = field(default_factory=dict, compare=False, repr=False)

    def judge(self, promise: Promise) -> Finding:
        """Find the worst pair in the range of a promise."""
        found = self._profile(promise.scheme)
        claimed = [amax for amax in found.errors if amax in promise.amaxes]
        of = cache(promise.bound.of)

        def badness(a: int) -> tuple[Fraction | float, int]:
            return found.errors[a] / of(promise.bound.range(to_number(a))), -abs(a - ONE)

        worst = max(claimed, key=badness)
        block = found.blocks[worst]
        witness = Witness("BF16", block, len(block) - 1)
        count = sum(found.pairs[amax] for amax in claimed)
        evidence = Evidence("exhaustive", count, self.name)
        return finding_of(promise.bound, found.errors[worst], to_number(worst), witness, evidence)

    @property
    def name(self) -> str:
        """What is run."""
        return f"BF16 pairs (x, amax){'' if self.deep else ' mod 2^k'}"

    def _profile(self, scheme: Scheme) -> Profile:
        key = replace(scheme, name="")
        if key not in self._profiles:
            self._profiles[key] = profile(scheme, self._windows(scheme), self.progress)
        return self._profiles[key]

    def _windows(self, scheme: Scheme) -> tuple[Window, ...]:
        if not self.deep:
            return scale_free(_depth(scheme))
        return every_amax(None if scheme.ratios is not OWN_AMAX else _depth(scheme))


def pairs_of(study: Study) -> Pairs:
    """Return the pairs of a study, whose schemes are run once each."""
    return study.once("BF16 pairs", lambda: Pairs(study.deep, study.progress))


def _depth(scheme: Scheme) -> int:
    """Return after how many binades below amax all digits are zero."""
    return 2 + sum(fmt.element.precision + 1 for fmt in scheme.formats)


def judge_blocks(x: Array, promise: Promise, kind: str = "exhaustive") -> Finding:
    """Find the worst element of a tensor, block by block along its last axis.

    Parameters
    ----------
    x : ndarray of float32
        At least one dimension, finite.
    promise : Promise
        What to judge; its range of amax is not used.
    kind : str
        Of the evidence.
    """
    result = decompose(x, promise.scheme)
    worst = worst_block(x, result, np.abs(result.scaled_remainder), promise)
    return worst.finding(promise.bound, Evidence(kind, x.size, "elements"))


@dataclass(frozen=True)
class WorstBlock:
    """The block that comes nearest to its bound, or exceeds it by most."""

    share: float
    error: Fraction
    amax: float
    block: Array
    place: int

    def finding(self, bound: Bound, evidence: Evidence) -> Finding:
        """Return what was found, with this block as witness."""
        witness = witness_of(self.block, self.place)
        return finding_of(bound, self.error, self.amax or 1.0, witness, evidence)


def worst_block(x: Array, result: Decomposition, left: Array, promise: Promise) -> WorstBlock:
    """Return the worst block of an array, from the magnitudes of what its terms leave."""
    first = result.terms[0]
    blocks, remainders = first.rows(x), first.rows(left)
    each, place = np.arange(len(blocks)), remainders.argmax(axis=1)
    amax = np.abs(blocks).max(axis=1).astype(np.float64)
    errors = remainders[each, place].astype(np.float64)
    promised = promise.bound.at_each(amax) * result.denominator
    shares = errors / np.where(promised == 0, 1, promised)
    worst = int(shares.argmax())
    error = Fraction(float(errors[worst])) / result.denominator
    block = blocks[worst].copy()
    return WorstBlock(float(shares[worst]), error, float(amax[worst]), block, int(place[worst]))


def witness_of(block: Array, element: int) -> Witness:
    """Write a block in BF16 if it can be."""
    narrow = block.astype(ml_dtypes.bfloat16)
    if (narrow.astype(np.float32) == block).all():
        return Witness("BF16", tuple(narrow.view(np.uint16).tolist()), element)
    return Witness("BINARY32", tuple(block.view(np.uint32).tolist()), element)
