"""Bounds on products of matrices, certain and with a probability."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from msdnum.bounds.rationals import (
    EXPONENTS,
    Number,
    above,
    at_least_one,
    positive,
    times,
    up,
    weighted_sum,
)
from msdnum.bounds.sums import EXACT, Accumulation
from msdnum.display import html
from msdnum.display.text import one_line
from msdnum.formats.elements import BINARY32

__all__ = ["GemmBound", "ProbabilisticGemmBound", "exact_residuals", "gemm", "gemm_probabilistic"]


HUGE = 2.0**64
"""The square of it is far from the largest number of binary64."""


@dataclass(frozen=True)
class GemmBound(html.Shown):
    """Coefficients of a componentwise forward error bound.

    ``|C - AB|_ij <= product * (|A||B|)_ij + amax * sum_k a_ik |B_kj| + underflow``, with a_ik the
    range (alpha or M) of the block that holds A_ik.
    """

    product: Fraction
    amax: Fraction
    underflow: Fraction

    __repr__ = one_line

    def at(self, product: Number, amax: Number) -> Fraction:
        """Bound of one entry, given ``(|A||B|)_ij`` and ``sum_k a_ik |B_kj|``."""
        sums = self.product * Fraction(product) + self.amax * Fraction(amax)
        return sums + self.underflow


def gemm(
    residuals: Sequence[Number], accumulation: Accumulation = EXACT, *, underflows: int = 0
) -> GemmBound:
    """Bound the error of a GEMM with a decomposed left factor and an exact right factor.

    Forward error, componentwise, against the product of A with the dequantized weights B. The
    decomposition contributes ``residuals[-1]`` of the ranges; the accumulation ``gamma`` of the
    magnitudes summed, and those are at most ``|A| + 2 r_1 + ... + 2 r_(n-1) + r_n``.

    Parameters
    ----------
    residuals : sequence of number
        Bound on the remainder after each term, relative to the range: ``[1/8, 1/64]`` for two-pass
        MXFP4, ``[1/254, 1/64516]`` for two-pass INT8.
    accumulation : Accumulation
        From ``sequential``, ``blocked``, ``pairwise_sum``, ``matrix_unit``, ``int32`` or ``EXACT``.
        Products of E2M1, E4M3 and INT8 values with power-of-two scales are exact in binary32, and
        the sum of a block of 32 MXFP4 products is too: there, count the blocks.
    underflows : int
        Multiplications per entry whose result may be subnormal; each adds ``2**-150``, provided
        that no scale above 1 follows. Additions do not underflow.

    Notes
    -----
    Source: theorem gemm.

    Examples
    --------
    >>> from msdnum import SCHEMES, bounds
    >>> left = bounds.remainder(SCHEMES["MXFP4_X2"])
    >>> found = bounds.gemm([left], bounds.sequential(1024))
    >>> found.product, found.amax
    (Fraction(1023, 16776193), Fraction(262144, 16776193))
    """
    *earlier, last = exact_residuals(residuals)
    carried = 2 * sum(earlier, Fraction(0)) + last
    growth = accumulation.gamma
    tiny = underflows * Fraction(BINARY32.eta) / 2 * (1 + growth)
    return GemmBound(growth, last + growth * carried, tiny)


def exact_residuals(residuals: Sequence[Number]) -> list[Fraction]:
    """Return residuals as fractions, one or more, none negative."""
    exact = [Fraction(residual) for residual in residuals]
    if not exact or min(exact) < 0:
        raise ValueError(f"residuals must be one or more numbers >= 0, got {list(residuals)}")
    return exact


@dataclass(frozen=True)
class ProbabilisticGemmBound(html.Shown):
    """Coefficients of a componentwise forward error bound that holds with a probability.

    ``product * (|A||B|)_ij + amax * sum_k a_ik |B_kj| + amax_two_norm * ||(a_ik B_kj)_k||_2``.
    """

    product: float
    amax: float
    amax_two_norm: float
    probability: float

    __repr__ = one_line

    def at(self, product: float, amax: float, amax_two_norm: float) -> float:
        """Bound of one entry, given the three sums."""
        two_norm = self.amax_two_norm, amax_two_norm
        return weighted_sum((self.product, product), (self.amax, amax), two_norm)


def gemm_probabilistic(
    residuals: Sequence[Number], accumulation: Accumulation, addends: int, confidence: float
) -> ProbabilisticGemmBound:
    """Bound the same error for roundings and remainders that are independent with mean zero.

    With ``g = exp(lambda sqrt(d) u + d u^2 / (1 - u)) - 1`` for d roundings in place of gamma, and
    by Hoeffding ``lambda * residuals[-1]`` of the two-norm in place of the one-norm, each entry
    obeys the bound with probability at least
    ``1 - 2 (addends + 1) exp(-lambda^2 (1 - u)^2 / 2)``.

    For few roundings (``d < lambda^2``), or where fewer than ``lambda^2`` products have most of the
    magnitude, it is above ``gemm``, which always holds: take the smaller of the two.

    Parameters
    ----------
    residuals : sequence of number
        As in ``gemm``.
    accumulation : Accumulation
        Rounding to nearest: truncation is biased and the hypothesis false.
    addends : int
        Products per entry, of all terms.
    confidence : float
        lambda; positive.

    Raises
    ------
    ValueError
        If the accumulation truncates, or lambda is not positive.

    Notes
    -----
    Source: theorem gemm-probabilistic; Higham and Mary, SISC 41(5), 2019, theorems 2.4 and 3.1.

    Examples
    --------
    >>> from msdnum import bounds
    >>> sure = bounds.gemm([0], bounds.sequential(4096))
    >>> likely = bounds.gemm_probabilistic([0], bounds.sequential(4096), 4096, confidence=0.99)
    >>> round(float(sure.product / likely.product))
    65
    """
    if not accumulation.nearest:
        raise ValueError("accumulation must round to nearest, got one that truncates")
    lam = float(positive("confidence", confidence))
    *earlier, last = exact_residuals(residuals)
    carried = 2 * sum(earlier, Fraction(0)) + last
    accumulation.require_bounded()
    u, d = above(accumulation.unit_roundoff), accumulation.roundings
    shift = up(lam * math.sqrt(d) * u + d * u * u / (1 - u))
    growth = up(math.expm1(shift)) if shift < EXPONENTS else math.inf
    # The exponent towards 0, so that its roundings do not make the failure too small.
    exponent = min((lam * (1 - u)) ** 2 / 2, EXPONENTS) if lam < HUGE else EXPONENTS
    tail = math.exp(-exponent * (1 - 2.0**-48))
    failure = up(2 * (at_least_one("addends", addends) + 1) * tail)
    probability = max(0.0, math.nextafter(1 - failure, 0))
    return ProbabilisticGemmBound(
        growth, times(growth, above(carried)), times(lam, above(last)), probability
    )
