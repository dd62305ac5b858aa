"""Distributions of unit variance whose partial moments have closed forms."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import erfc, pi, sqrt

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

__all__ = ["DISTRIBUTIONS", "Distribution", "truncated"]

Floats = NDArray[np.float64]
Tails = tuple[Floats, Floats, Floats]
_erfc = np.vectorize(erfc, otypes=[np.float64])


@dataclass(frozen=True)
class Distribution:
    """A symmetric distribution of unit variance.

    Parameters
    ----------
    name : str
        Name in tables.
    tails : callable
        From u >= 0 the expectations of 1, |x| and x^2 where |x| > u: each accurate relative to
        itself, so that differences of far tails mean something.
    draw : callable
        So many numbers from a generator.
    """

    name: str
    tails: Callable[[Floats], Tails]
    draw: Callable[[Generator, int], Floats]

    def within(self, low: Floats, high: Floats) -> Tails:
        """Return the expectations of 1, |x| and x^2 where low < |x| <= high."""
        zero, one, two = (a - b for a, b in zip(self.tails(low), self.tails(high), strict=True))
        return zero, one, two

    def below(self, u: Floats) -> Floats:
        """Return the probability of |x| <= u."""
        found: Floats = 1 - self.tails(u)[0]
        return found


def _uniform(u: Floats) -> Tails:
    top = sqrt(3)
    v = np.minimum(u, top)
    return (top - v) / top, (3 - v * v) / (2 * top), (3 * top - v**3) / (3 * top)


def _normal(u: Floats) -> Tails:
    density = sqrt(2 / pi) * np.exp(-u * u / 2)
    above = _erfc(u / sqrt(2))
    return above, density, above + np.where(u < 40, u, 0) * density


def _laplace(u: Floats) -> Tails:
    b = 1 / sqrt(2)
    v = np.minimum(u, 600)
    power = np.exp(-v / b)
    return power, (v + b) * power, (v * v + 2 * b * v + 2 * b * b) * power


def _student(u: Floats) -> Tails:
    """Return those of 3 degrees of freedom over sqrt(3): density 4 / (pi (1 + u^2)^2) of |x|."""
    w = 1 / np.maximum(u, 1e-300)
    small = np.minimum(w, 0.05)
    series = sum((-1) ** (n + 1) * 2 * n / (2 * n + 1) * small ** (2 * n + 1) for n in range(1, 7))
    angle, part = np.arctan2(1, u), u / (1 + u * u)
    zero = np.where(w < 0.05, series, angle - part)
    return 2 / pi * zero, 2 / pi / (1 + u * u), 2 / pi * (angle + part)


def truncated(of: Distribution, top: float) -> Distribution:
    """Return that of the numbers whose magnitude is at most ``top``: of less than unit variance."""
    beyond = of.tails(np.array([top]))
    inside = 1 - beyond[0][0]

    def tails(u: Floats) -> Tails:
        zero, one, two = (
            (tail - end[0]) / inside
            for tail, end in zip(of.tails(np.minimum(u, top)), beyond, strict=True)
        )
        return zero, one, two

    return Distribution(f"{of.name} to {top:.4g}", tails, of.draw)


DISTRIBUTIONS: Mapping[str, Distribution] = {
    each.name: each
    for each in (
        Distribution("uniform", _uniform, lambda rng, n: rng.uniform(-sqrt(3), sqrt(3), n)),
        Distribution("normal", _normal, lambda rng, n: rng.standard_normal(n)),
        Distribution("Laplace", _laplace, lambda rng, n: rng.laplace(0, 1 / sqrt(2), n)),
        Distribution("Student t, 3", _student, lambda rng, n: rng.standard_t(3, n) / sqrt(3)),
    )
}
"""From no tails to heavy ones."""
