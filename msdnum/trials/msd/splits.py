"""Splits of CANN's kernels over all BF16 pairs, beside the paper's M/64516."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import product

import numpy as np
from numpy.typing import NDArray

from msdnum.emulator.cann.digits import (
    Digits,
    Division,
    Floats,
    Fusion,
    Switches,
    Variant,
    _fraction,
    _grouped,
    _multicore,
)

__all__ = ["PAIRS", "PAPER_BOUND", "SplitError", "split_error", "split_errors"]

PAPER_BOUND = Fraction(1, 64516)


@dataclass(frozen=True)
class SplitError:
    """The largest error of a split over all BF16 x and amax with ``|x| <= amax``.

    Parameters
    ----------
    variant : str
        Name of the variant.
    switches : Switches
        Switches under which it was run.
    error : Fraction
        ``|x - sum of weights * digits| / amax`` at the witness, exactly.
    x, amax : float
        Pair at which the error is the largest.
    """

    variant: str
    switches: Switches
    error: Fraction
    x: float
    amax: float

    @property
    def over_paper_bound(self) -> float:
        """The error over the paper's M / 64516; at most 1 where the kernel keeps the claim."""
        return float(self.error / PAPER_BOUND)

    @property
    def keeps_paper_bound(self) -> bool:
        """Whether the error is at most M / 64516, decided exactly."""
        return self.error <= PAPER_BOUND


EXPONENTS = 40
"""Binades of x below amax. A smaller x has the digits of the smallest of its sign here."""


PAIRS = 128 * (2 * 128 * EXPONENTS + 1)
"""BF16 pairs that are looked at, ``|x| > amax`` among them."""


def split_error(variant: Variant, switches: Switches | None = None) -> SplitError:
    """Decide the largest error of a split over all BF16 pairs.

    Every operation commutes with powers of two as long as nothing over- or underflows, so that
    amax in [1, 2) decides for all. An x below ``2**-EXPONENTS`` of it could change the result by
    no more than that. The largest errors are found in binary64 and decided in rationals.
    """
    switches = switches or Switches()
    amax, x = _pairs()
    digits = variant.decompose(x, amax, switches)
    weights = np.array([[float(w) for w in variant.weights(_fraction(m))] for m in amax[:, 0]])
    value = sum(d * weights[:, i, None] for i, d in enumerate(digits))
    error = np.where(np.abs(x) <= amax, np.abs(x - value) / amax, -1)
    worst = max(
        (_exact_error(variant, x, amax, digits, i, j) for i, j in _largest(error)),
        key=lambda found: found[0],
    )
    return SplitError(variant.name, switches, *worst)


def _pairs() -> tuple[Floats, Floats]:
    """Return amax, (128, 1), and x, (1, n): all BF16 significands, either sign."""
    significands = 1 + np.arange(128, dtype=np.float32) / np.float32(128)
    powers = np.exp2(-np.arange(EXPONENTS, dtype=np.float32))
    positive = np.multiply.outer(powers, significands).ravel()
    x = np.concatenate([positive, -positive, np.zeros(1, np.float32)])
    return significands[:, None], x[None, :].astype(np.float32)


def _largest(error: NDArray[np.float64]) -> list[tuple[int, int]]:
    found = np.argwhere(error >= error.max() * (1 - 1e-9))
    return [(int(i), int(j)) for i, j in found[:64]]


def _exact_error(
    variant: Variant, x: Floats, amax: Floats, digits: Digits, i: int, j: int
) -> tuple[Fraction, float, float]:
    m, value = _fraction(amax[i, 0]), _fraction(x[0, j])
    weights = variant.weights(m)
    total = sum((w * int(d[i, j]) for w, d in zip(weights, digits, strict=True)), Fraction(0))
    return abs(value - total) / m, float(value), float(m)


def split_errors(variants: Iterable[Variant]) -> Iterator[SplitError]:
    """Decide variants under every switch that they have."""
    for variant in variants:
        fusions = Fusion if variant.split in (_multicore, _grouped) else [Fusion.SEPARATE]
        for division, fusion in product(Division, fusions):
            yield split_error(variant, Switches(division, fusion))
