"""The worst that a scheme leaves: of all BF16 pairs, and of binary32 numbers made to be worst."""

from dataclasses import dataclass, replace
from fractions import Fraction
from math import prod

import numpy as np
from numpy.typing import NDArray

from msdnum import bounds
from msdnum.display import html
from msdnum.emulator.decompositions import decompose
from msdnum.evidence.bf16_pairs import ONE, Profile, Window, profile, to_float32, to_number
from msdnum.evidence.decompositions import judge_blocks
from msdnum.evidence.promises import EVERY_AMAX, Bound, Promise, covering
from msdnum.formats.elements import E8M0, IntegerFormat
from msdnum.formats.modes import Arithmetic
from msdnum.formats.schemes import OWN_AMAX, Scheme
from msdnum.ledger.findings import Evidence, Witness
from msdnum.ledger.trial import no_progress

__all__ = ["TOP", "Extreme", "among_pairs", "among_ties", "bound_of", "pair_profile"]

Array = NDArray[np.float32]

BINADE = 128
TOP = range(ONE + 1, ONE + BINADE + 1)
"""BF16 patterns of amax in (1, 2], where alpha is 2: every significand once."""


@dataclass(frozen=True)
class Extreme(html.Shown):
    """The largest error of a scheme on some set of inputs.

    Parameters
    ----------
    error : Fraction
        What was found, relative to the range of the block, alpha or M.
    bound : Fraction or float
        What is promised, likewise; Inf where nothing is proved.
    witness : Witness
        Block at which that error is met.
    evidence : Evidence
        What was looked at.

    Examples
    --------
    >>> from msdnum import SCHEMES
    >>> from msdnum.evidence import among_pairs
    >>> found = among_pairs(SCHEMES["MXFP4_X1"])
    >>> found.error, found.witness
    (Fraction(1, 8), Witness(format='BF16', block=(16288, 16288), element=1))
    >>> found.evidence.count
    2089152
    """

    error: Fraction
    bound: Fraction | float
    witness: Witness
    evidence: Evidence

    def __repr__(self) -> str:
        """Show it in a line."""
        return f"<Extreme: {self.error} found, {self.bound} promised, at {self.witness}>"


def _proportional(scheme: Scheme, constant: Fraction | float) -> Bound:
    """Return the bound ``constant`` times alpha, or M, as the scheme's scales have it."""
    unit = "alpha" if scheme.formats[0].scale == E8M0 else "M"
    return Bound(f"{constant} {unit}", unit, lambda span: constant * span)


def bound_of(scheme: Scheme) -> Fraction | float:
    """Return what theorem remainder promises, relative to the range, where no scale underflows.

    Examples
    --------
    >>> from msdnum import SCHEMES
    >>> from msdnum.evidence import bound_of
    >>> bound_of(SCHEMES["MXFP8_X2"])
    Fraction(1, 1024)
    """
    return bounds.remainder(scheme)


def pair_profile(scheme: Scheme) -> Profile:
    """Run all BF16 pairs of an amax in (1, 2] and an x up to it, down to zero."""
    return profile(scheme, (Window(TOP[0], TOP[-1]),), no_progress)


def among_pairs(scheme: Scheme) -> Extreme:
    """Find the worst of all BF16 pairs that differ by more than a power of two.

    The block size of the scheme is not used. Where each term is quantized anew, or has a
    binary32 scale of its own, the pairs are blocks of two in one tensor, whose amax is 2; longer
    blocks may leave more.

    Examples
    --------
    >>> from msdnum import SCHEMES
    >>> from msdnum.evidence import among_pairs
    >>> worst = among_pairs(SCHEMES["MXFP4_X2"])
    >>> worst.error, worst.bound
    (Fraction(1, 64), Fraction(1, 64))
    """
    own = scheme.ratios is OWN_AMAX and scheme.terms > 1
    if scheme.requantizes or (own and scheme.arithmetic is Arithmetic.FLOAT32):
        return _among_blocks_of_two(scheme)
    found = pair_profile(scheme)
    bound = _proportional(scheme, bound_of(scheme))
    errors = {amax: e / bound.range(to_number(amax)) for amax, e in found.errors.items()}
    worst = max(errors, key=errors.__getitem__)
    block = found.blocks[worst]
    evidence = _looked_at(scheme, sum(found.pairs.values()))
    witness = Witness("BF16", block, len(block) - 1)
    return Extreme(errors[worst], bound_of(scheme), witness, evidence)


def _among_blocks_of_two(scheme: Scheme) -> Extreme:
    """Run pairs as blocks of a tensor whose amax is 2; relative to amax, or alpha with E8M0."""
    rows = Window(TOP[0], TOP[-1]).rows()
    x = to_float32(rows)
    pairs = np.stack([np.broadcast_to(x[:, :1], x.shape), x], axis=-1)
    formats = tuple(replace(fmt, block_size=2) for fmt in scheme.formats)
    left = np.abs(decompose(pairs, replace(scheme, formats=formats)).remainder)
    amaxes = [Fraction(to_number(int(amax))) for amax in rows[:, 0]]
    if scheme.formats[0].scale == E8M0:
        amaxes = [covering(float(amax)) for amax in amaxes]
    ratios = left / np.array([float(amax) for amax in amaxes])[:, None, None]
    row, column, element = np.unravel_index(ratios.argmax(), ratios.shape)
    error = Fraction(float(left[row, column, element])) / amaxes[row]
    witness = Witness("BF16", (int(rows[row, 0]), int(rows[row, column])), int(element))
    count = int((rows[:, :1].astype(int) + 1).sum())
    evidence = Evidence("exhaustive", count, "BF16 pairs as blocks of two, tensor amax 2")
    return Extreme(error, bound_of(scheme), witness, evidence)


def _looked_at(scheme: Scheme, pairs: int) -> Evidence:
    """Say what was run: not all blocks where a third scale, too, follows from what is left."""
    if scheme.ratios is OWN_AMAX and scheme.terms > 2:
        return Evidence("known case", pairs, "BF16 pairs (x, amax), the scales of few blocks each")
    return Evidence("exhaustive", pairs, "BF16 pairs (x, amax) mod 2^k")


def among_ties(scheme: Scheme, most: int, seed: int, constant: Fraction | None = None) -> Extreme:
    """Find the worst of the multiples of half a step of the last term: sums of terms, and ties.

    In binary32: BF16 is too coarse for three terms and more. Where the arithmetic is exact these
    attain what is proved.

    Parameters
    ----------
    scheme : Scheme
        Its block size is not used.
    most : int
        Multiples that are run; all of them, if there are no more, else a sample.
    seed : int
        Of the sample.
    constant : Fraction, optional
        Half the last step over the range, where it is not what exact arithmetic leaves.

    Raises
    ------
    ValueError
        If nothing is proved of the scheme.
    """
    bound = bound_of(scheme) if constant is None else constant
    if not isinstance(bound, Fraction):
        raise ValueError(f"scheme must have a proved bound, got {scheme.name!r}: name a constant")
    steps = int(1 / (_exact_bound(scheme) if constant is None else constant))
    x = _multiples(scheme, steps, most, seed)
    promise = Promise("", _rowwise(scheme), _proportional(scheme, bound), None, EVERY_AMAX)
    found = judge_blocks(x, promise)
    assert isinstance(found.ratio, Fraction)
    assert found.witness is not None
    kind, drawn = ("exhaustive", None) if steps <= most else ("sampled", seed)
    evidence = Evidence(kind, len(x), "binary32 multiples of half the last step", drawn)
    return Extreme(found.ratio * bound, bound, found.witness, evidence)


def _rowwise(scheme: Scheme) -> Scheme:
    formats = tuple(replace(fmt, block_size=None) for fmt in scheme.formats)
    return replace(scheme, formats=formats)


def _multiples(scheme: Scheme, steps: int, most: int, seed: int) -> Array:
    """Return blocks [range, x], x a multiple of ``range / steps``.

    With integer digits the range is the product of their largest values, so that x is dyadic.
    """
    elements = [fmt.element for fmt in scheme.formats]
    integers = [e.max_integer for e in elements if isinstance(e, IntegerFormat)]
    span = 1 if scheme.formats[0].scale == E8M0 else prod(integers)
    chosen = np.arange(1, steps + 1)
    if steps > most:
        chosen = np.random.default_rng(seed).integers(1, steps + 1, most)
    x = chosen * (span / steps)
    return np.stack([np.full(len(x), span), x], axis=1).astype(np.float32)


def _exact_bound(scheme: Scheme) -> Fraction:
    """Return the bound in exact arithmetic: half the last step, over the range."""
    return Fraction(bounds.remainder(replace(scheme, arithmetic=Arithmetic.EXACT)))
