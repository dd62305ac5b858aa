"""Bounds on products that hold with a probability, the whole error as one martingale."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from msdnum.bounds.products import exact_residuals
from msdnum.bounds.rationals import Number, above, at_least_one, times, up, weighted_sum
from msdnum.bounds.sums import Accumulation
from msdnum.display import html
from msdnum.display.text import one_line

__all__ = ["MartingaleGemmBound", "gemm_martingale", "stochastic_sum"]


@dataclass(frozen=True)
class MartingaleGemmBound(html.Shown):
    """Coefficients of a componentwise forward error bound that fails with a small probability.

    ``hypot(product * (|A||B|)_ij + amax * sum_k a_ik |B_kj|, amax_two_norm * ||(a_ik B_kj)_k||_2)``
    of what roundings add, and of what the decomposition leaves.
    """

    product: float
    amax: float
    amax_two_norm: float
    failure: float

    __repr__ = one_line

    def at(self, product: float, amax: float, amax_two_norm: float) -> float:
        """Bound of one entry, given the three sums."""
        roundings = weighted_sum((self.product, product), (self.amax, amax))
        return up(math.hypot(roundings, times(self.amax_two_norm, amax_two_norm)))


def stochastic_sum(n: int, precision: int = 24) -> Accumulation:
    """Sum n addends one after the other, each sum rounded stochastically.

    Each of the ``n - 1`` roundings goes to one of the two neighbours, so that it errs by at most
    ``2**(1 - precision)`` of what it rounds: twice as much as one to nearest.

    Parameters
    ----------
    n : int
        Number of addends.
    precision : int
        Bits of the significand: 24 for binary32, 8 for BF16.

    Examples
    --------
    >>> from msdnum import bounds
    >>> bounds.stochastic_sum(64, precision=8).unit_roundoff
    Fraction(1, 128)
    """
    u = Fraction(2, 2 ** at_least_one("precision", precision))
    return Accumulation(at_least_one("n", n) - 1, u)


def gemm_martingale(
    residuals: Sequence[Number], accumulation: Accumulation, failure: float
) -> MartingaleGemmBound:
    """Bound the error of a GEMM but for a probability, which does not grow with its length.

    Each entry obeys the bound but for a probability of at most ``failure``. With
    ``lambda = sqrt(2 log(2 / failure))`` and d roundings of u, it is lambda times the root of
    ``||residuals[-1] a B||_2**2 + d (u (1 + u)**d m)**2``, m the magnitudes that ``gemm`` sums.

    The error is a sum of remainders and of errors of roundings, each times a constant. So it is
    one martingale, and Azuma's inequality is used once, where ``gemm_probabilistic`` uses it for
    every addend. Where d is of the order of ``1 / u`` the latter's factor is smaller.

    Parameters
    ----------
    residuals : sequence of number
        As in ``gemm``.
    accumulation : Accumulation
        Rounding to nearest, or ``stochastic_sum``.
    failure : float
        Probability that an entry exceeds the bound; in (0, 1).

    Raises
    ------
    ValueError
        If the accumulation truncates, or ``failure`` is not in (0, 1).

    Notes
    -----
    Source: theorem gemm-martingale. Hypotheses: what rounds has an error of mean zero given all
    that was rounded before it, remainders included, and nothing underflows. Of stochastic rounding
    with exact probabilities the first is proved; of rounding to nearest, and of remainders, it is a
    model. The idea is that of Hallman and Ipsen, Numer. Math. 155, 2023.

    Examples
    --------
    >>> from msdnum import bounds
    >>> sure = bounds.gemm([1 / 8, 1 / 64], bounds.sequential(1024))
    >>> likely = bounds.gemm_martingale([1 / 8, 1 / 64], bounds.sequential(1024), failure=1e-3)
    >>> k = 512
    >>> round(float(sure.at(k, k)) / likely.at(k, k, k**0.5), 2)
    5.83
    """
    if not accumulation.nearest:
        raise ValueError(
            "accumulation must round to nearest or stochastically, got one that truncates"
        )
    if not 0 < failure < 1:
        raise ValueError(f"failure must be in (0, 1), got {failure}")
    *earlier, last = exact_residuals(residuals)
    carried = 2 * sum(earlier, Fraction(0)) + last
    lam = up(math.sqrt(2 * (math.log(2) - math.log(failure))))
    accumulation.require_bounded()
    u, d = above(accumulation.unit_roundoff), accumulation.roundings
    growth = times(lam * math.sqrt(d), u * math.exp(d * math.log1p(u)))
    amax, two_norm = times(growth, above(carried)), times(lam, above(last))
    return MartingaleGemmBound(growth, amax, two_norm, failure)
