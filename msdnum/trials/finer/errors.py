"""Mean squared errors of E2M1 elements with a scale a block, in closed form over all scale codes.

A block of K independent numbers has its amax in an interval (l, h] with the scale s that this
interval rounds to, and then an element errs by e_s(x). As amax <= h says that this element and
K - 1 others are,

    E[e_s(x)^2; l < amax <= h] = G_s(h) F(h)^(K-1) - G_s(l) F(l)^(K-1),
    G_s(a) = E[e_s(x)^2; |x| <= a],    F(a) = P(|x| <= a),

and G_s is a sum of partial moments over the intervals of |x| that round to one number of E2M1. The
mean squared error is the sum over all codes of scales: nothing is sampled.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from msdnum.formats.elements import E2M1, FloatFormat
from msdnum.trials.finer.distributions import Distribution

__all__ = ["BlockErrors", "block_errors", "last_anomaly", "scale_values"]

Floats = NDArray[np.float64]
MAX = E2M1.max_finite


def _values(fmt: FloatFormat) -> Floats:
    return np.array([fmt.value(code) for code in range(fmt.max_code + 1)])


ELEMENTS = _values(E2M1)
EDGES = np.array([0, *(ELEMENTS[1:] + ELEMENTS[:-1]) / 2, np.inf])
"""Between what rounds to one element and to the next: what lies on an edge has no probability."""
NEGLIGIBLE = 1e-20
"""Of sigma: two numbers that are both smaller have a probability below its square."""


def scale_values(fmt: FloatFormat) -> Floats:
    """Return the numbers of a format of scales from zero on."""
    return _values(fmt)


@dataclass(frozen=True)
class BlockErrors:
    """Mean squared error over the variance, by what the scale of the block is.

    Parameters
    ----------
    zero, subnormal, normal : float
        Of elements in blocks whose scale is zero, subnormal, or a normal number of its format.
    """

    zero: float
    subnormal: float
    normal: float

    @property
    def total(self) -> float:
        """The mean squared error over the variance."""
        return self.zero + self.subnormal + self.normal


def block_errors(
    of: Distribution, sigma: float, size: int, fmt: FloatFormat, *, nonzero: bool = False
) -> BlockErrors:
    """Return the error of numbers of this standard deviation in blocks of this size.

    Parameters
    ----------
    of : Distribution
        Of the numbers over sigma.
    sigma : float
        Standard deviation, in units of the tensor scale if there is one.
    size : int
        Elements of a block.
    fmt : FloatFormat
        Of scales; ``amax / 6`` is rounded to it, to nearest, saturating.
    nonzero : bool
        Whether the least positive scale is taken in place of zero.
    """
    scales = scale_values(fmt) / sigma
    edges = MAX * (scales[1:] + scales[:-1]) / 2
    low, high = np.array([0, *edges]), np.array([*edges, np.inf])
    if nonzero:
        scales = np.array([scales[1], *scales[1:]])
    # Beyond these no block has its amax, or less than 1e-40 of all of them.
    met = (of.tails(low)[0] > 0) & (high > NEGLIGIBLE)
    found = np.zeros_like(scales)
    found[met] = _upto(of, size, scales[met], high[met]) - _upto(of, size, scales[met], low[met])
    subnormals = 1 << fmt.fraction_bits if fmt.subnormals else 1
    parts = found[:1], found[1:subnormals], found[subnormals:]
    zero, subnormal, normal = (float(part.sum()) for part in parts)
    return BlockErrors(zero, subnormal, normal)


def _upto(of: Distribution, size: int, scales: Floats, amax: Floats) -> Floats:
    """Return ``G_s(a) F(a)^(K-1)`` for each scale and bound of amax."""
    top = np.minimum(amax, 1e150)
    total = np.zeros_like(top)
    for value, lower, upper in zip(ELEMENTS, EDGES[:-1], EDGES[1:], strict=True):
        start = np.where(scales > 0, np.minimum(lower * scales, top), 0 if lower == 0 else top)
        with np.errstate(invalid="ignore"):
            end = np.where(scales > 0, np.minimum(upper * scales, top), top)
        zero, one, two = of.within(start, end)
        total += two - 2 * value * scales * one + (value * scales) ** 2 * zero
    found: Floats = total * of.below(top) ** (size - 1)
    return found


def last_anomaly(
    of: Distribution,
    small: int,
    large: int,
    fmt: FloatFormat,
    *,
    nonzero: bool = False,
    binades: int = 14,
    steps: int = 8,
) -> float:
    """Return the largest sigma below 1 at which the smaller blocks err more; 0 if there is none.

    So many binades are looked at, in so many steps each; then the last step is bisected.
    """

    def worse(sigma: float) -> bool:
        fine, coarse = (
            block_errors(of, sigma, size, fmt, nonzero=nonzero).total for size in (small, large)
        )
        return fine > coarse * (1 + 1e-9)

    grid = 2.0 ** (np.arange(-binades * steps, 0) / steps)
    found = next((float(s) for s in grid[::-1] if worse(float(s))), 0.0)
    if not found:
        return found
    low, high = found, found * 2 ** (1 / steps)
    for _ in range(24):
        middle = (low + high) / 2
        low, high = (middle, high) if worse(middle) else (low, middle)
    return low
