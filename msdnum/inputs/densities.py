"""Densities of the named families whose numbers are independent: for integrals, without SciPy."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["DENSITIES", "SymmetricDensity"]

Floats = NDArray[np.float64]
Function = Callable[[Floats], Floats]

_erfc = np.vectorize(math.erfc, otypes=[np.float64])
_normal_quantile = np.vectorize(NormalDist().inv_cdf, otypes=[np.float64])
BISECTIONS = 90


@dataclass(frozen=True)
class SymmetricDensity:
    """A distribution that is symmetric about zero, with the methods that integrals need.

    Parameters
    ----------
    name : str
        Of the family in ``FAMILIES``.
    variance : float
        Of its numbers.
    density : callable
        The density at each magnitude.
    above : callable
        The probability of a larger magnitude, accurate relative to itself.
    magnitude : callable
        From such a probability, above 0 and at most 1, to the magnitude.
    largest : float
        Beyond it there is nothing.

    Examples
    --------
    >>> from msdnum.evidence.quadrature import expected_errors
    >>> from msdnum.formats import MXFP4
    >>> from msdnum.inputs import DENSITIES
    >>> round(expected_errors(MXFP4, DENSITIES["normal"]).snr, 2)
    18.79
    """

    name: str
    variance: float
    density: Function
    above: Function
    magnitude: Function
    largest: float = math.inf

    def pdf(self, x: Any) -> Any:
        """Return the density at x."""
        return self.density(np.abs(np.asarray(x, np.float64)))

    def cdf(self, x: Any) -> Any:
        """Return the probability of no more than x."""
        x = np.asarray(x, np.float64)
        half = self.above(np.minimum(np.abs(x), self.largest)) / 2
        return np.where(x < 0, half, 1 - half)

    def ppf(self, q: Any) -> Any:
        """Return the quantiles."""
        q = np.asarray(q, np.float64)
        tail = 2 * np.minimum(q, 1 - q)
        size = np.where(tail > 0, self.magnitude(np.where(tail > 0, tail, 1)), self.largest)
        return np.where(q < 0.5, -size, size)

    def var(self) -> float:
        """Return the variance."""
        return self.variance


def _student_above(u: Floats) -> Floats:
    """Return that of 3 degrees of freedom: ``2/pi (arccot t - t / (1 + t^2))``, t = u / sqrt 3.

    Far out the difference cancels, and its series in 1/t is taken.
    """
    t = np.minimum(u, 1e150) / math.sqrt(3)
    w = 1 / np.maximum(t, 1e-300)
    small = np.minimum(w, 0.05)
    series = sum((-1) ** (n + 1) * 2 * n / (2 * n + 1) * small ** (2 * n + 1) for n in range(1, 7))
    near = np.arctan2(1, t) - t / (1 + t * t)
    found: Floats = 2 / math.pi * np.where(w < 0.05, series, near)
    return found


def _student_magnitude(p: Floats) -> Floats:
    """Return where the probability above is p, by bisection in the logarithm.

    Of the least binary64 number that is near ``2**359``.
    """
    low, high = np.full_like(p, -70.0), np.full_like(p, 370.0)
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        beyond = _student_above(np.exp2(middle)) > p
        low, high = np.where(beyond, middle, low), np.where(beyond, high, middle)
    found: Floats = np.exp2((low + high) / 2)
    return found


DENSITIES: Mapping[str, SymmetricDensity] = {
    each.name: each
    for each in (
        SymmetricDensity(
            "uniform", 1 / 3, lambda u: np.where(u <= 1, 0.5, 0.0), lambda u: 1 - u,
            lambda p: 1 - p, 1.0,
        ),
        SymmetricDensity(
            "normal", 1.0, lambda u: np.exp(-u * u / 2) / math.sqrt(2 * math.pi),
            lambda u: _erfc(u / math.sqrt(2)), lambda p: -_normal_quantile(p / 2),
        ),
        SymmetricDensity(
            "laplace", 2.0, lambda u: np.exp(-u) / 2, lambda u: np.exp(-u), lambda p: -np.log(p),
        ),
        SymmetricDensity(
            "student_t", 3.0, lambda u: 2 / (math.pi * math.sqrt(3)) / (1 + u * u / 3) ** 2,
            _student_above, _student_magnitude,
        ),
    )
}  # fmt: skip
"""By the names of their families in ``FAMILIES``."""
