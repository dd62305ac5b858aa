"""Expected errors of rounding: integrals over the cells of a format, without sampling.

Numbers are independent, of one distribution, in blocks of one size. A number of magnitude r has the
scale s if the largest of its block lies where the rule gives s; with the other n - 1 numbers
independent of it, the probability of that is known, and the expectation over a whole block is an
integral over one number, for each scale.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from msdnum import errors
from msdnum.bounds.remainders import amax_limit
from msdnum.display import html
from msdnum.formats.blocks import BlockFormat
from msdnum.formats.elements import E8M0, ElementFormat, FloatFormat, IntegerFormat, TableFormat

__all__ = [
    "Cells", "Density", "ExpectedErrors", "by_threshold", "element_cells", "expectations",
    "expected_errors", "expected_rounding", "integral", "magnitude_nodes", "scale_cases",
]  # fmt: skip

Floats = NDArray[np.float64]
NODES, WEIGHTS = np.polynomial.legendre.leggauss(16)
TAIL = 1e-13
"""Of the probability of a scale: below it a scale is left out."""


class Density(Protocol):
    """A distribution with a density, as the frozen ones of ``scipy.stats``."""

    def pdf(self, x: Any) -> Any:
        """Return the density."""

    def cdf(self, x: Any) -> Any:
        """Return the probability of no more than ``x``."""

    def ppf(self, q: Any) -> Any:
        """Return the quantiles."""


@dataclass(frozen=True)
class ExpectedErrors(html.Shown):
    """Expectations of one number x and what it becomes.

    Parameters
    ----------
    signal, square : float
        Of ``x**2`` and of ``error**2``.
    magnitude, absolute : float
        Of ``abs(x)`` and of ``abs(error)``.
    relative, relative_square : float
        Of ``abs(error / x)`` and its square.
    mean : float
        Of ``x``.

    Notes
    -----
    Ratios are those of expectations: what a sample's tend to as it grows. Bits that follow a worst
    case or a median have no such limit here, and the mean of logarithms is not among these.
    """

    signal: float
    square: float
    magnitude: float
    absolute: float
    relative: float
    relative_square: float
    mean: float

    @property
    def rms(self) -> float:
        """The root of the mean square error."""
        return math.sqrt(self.square)

    @property
    def snr(self) -> float:
        """The ratio of signal to error in dB."""
        return 10 * math.log10(self.signal / self.square) if self.square else math.inf

    @property
    def bits(self) -> dict[str, float]:
        """Effective bits by the names of ``errors.EFFECTIVE_BITS``."""
        half = (math.log2(self.signal) - math.log2(self.square)) / 2
        variance = self.signal - self.mean**2
        return {
            "relative_l2": half,
            "relative_l1": math.log2(self.magnitude / self.absolute),
            "rms_relative": -math.log2(self.relative_square) / 2,
            "mean_relative": -math.log2(self.relative),
            "snr": self.snr / errors.DB_PER_BIT,
            "sine_enob": (self.snr - errors.SINE_DB) / errors.DB_PER_BIT,
            "rate_distortion": math.log2(variance / self.square) / 2,
        }


class Cells(NamedTuple):
    """What numbers become, over their scale.

    Parameters
    ----------
    values : ndarray of float64, (n,)
        What they become, in the order of the cells.
    middles : ndarray of float64, (n - 1,)
        Where one cell ends and the next begins, ascending.
    """

    values: Floats
    middles: Floats


Weight = Callable[[Floats], Floats]
"""Of magnitudes: the probability that such a number has the scale."""


def expected_errors(
    fmt: BlockFormat, distribution: Density, *, tensor_scale: float = 1.0
) -> ExpectedErrors:
    """Return the expected errors of `quantize` on independent numbers of a distribution.

    Parameters
    ----------
    fmt : BlockFormat
        With a block size; its scales are powers of two, floats of at most 8 bits, or wider floats,
        whose own rounding is then left out.
    distribution : Density
        Any frozen continuous distribution of ``scipy.stats`` with a second moment.
    tensor_scale : float
        Given scale of the tensor, where the format has one.

    Returns
    -------
    ExpectedErrors
        By Gauss-Legendre quadrature between all kinks of the integrand.

    Raises
    ------
    ValueError
        If blocks have no size, so that nothing is known of their largest number, or their scales
        are searched, so that all numbers of a block decide.

    Examples
    --------
    >>> from scipy.stats import norm
    >>> from msdnum.evidence.quadrature import expected_errors
    >>> from msdnum.formats import MXFP4, MXINT8
    >>> [round(expected_errors(fmt, norm()).snr, 2) for fmt in (MXFP4, MXINT8)]
    [18.79, 41.67]
    """
    if fmt.block_size is None:
        raise ValueError(f"fmt must have a block size, got None for {fmt.name}")
    if fmt.search is not None:
        raise ValueError(f"fmt must not search its scales, or sample instead, got {fmt.name}")
    total, cells = np.zeros(4), element_cells(fmt.element)
    size = fmt.block_size * fmt.rows
    for scale, weight, kinks in scale_cases(fmt, size, distribution, tensor_scale):
        total += integral(cells, scale, distribution, weight, kinks)
    return expectations(distribution, total)


def expected_rounding(
    element: ElementFormat, scale: float, distribution: Density, limit: float = math.inf
) -> ExpectedErrors:
    """Return the expected errors of rounding with one given scale, saturating.

    Parameters
    ----------
    element : ElementFormat
        What numbers over the scale are rounded to, to nearest.
    scale : float
        What numbers are divided by, a positive number.
    distribution : Density
        Of the numbers.
    limit : float
        The numbers are those of the distribution that are no larger in magnitude.
    """
    inside = 1 / float(distribution.cdf(limit) - distribution.cdf(-limit))
    weight = partial(by_threshold, limit, limit, 0.0, inside)

    kinks = (-limit, limit)
    found = integral(element_cells(element), scale, distribution, weight, kinks)
    return expectations(distribution, found, weight, kinks)


def expectations(
    distribution: Density,
    found: Floats,
    weight: Weight = np.ones_like,
    kinks: tuple[float, ...] = (),
) -> ExpectedErrors:
    """Return integrals of errors, as ``integral`` gives them, with those of the numbers."""
    x, dx = _nodes(_breakpoints(distribution, (0.0, *kinks)))
    density = distribution.pdf(x) * weight(np.abs(x)) * dx
    signal, magnitude, mean = (float((density * g).sum()) for g in (x * x, np.abs(x), x))
    square, absolute, relative_square, relative = map(float, found)
    return ExpectedErrors(signal, square, magnitude, absolute, relative, relative_square, mean)


# Cases: the scales that a block may have


def scale_cases(
    fmt: BlockFormat, size: int, distribution: Density, tensor: float = 1.0
) -> Iterator[tuple[float, Weight, tuple[float, ...]]]:
    """Yield scales, the probability of each for a number by magnitude, and where it has kinks."""

    def below(r: Any) -> Any:
        """Return the probability that all others of a block are smaller in magnitude."""
        return (distribution.cdf(r) - distribution.cdf(-r)) ** (size - 1)

    if fmt.scale.bits > 8:
        yield from _exact_amax(fmt, size, distribution)
        return
    for scale, low, high in _intervals(fmt, distribution, tensor):
        under, over = float(below(low)), float(below(high))
        if over > TAIL**2:
            yield scale, partial(by_threshold, low, high, under, over), (-high, -low, low, high)


def _intervals(
    fmt: BlockFormat, distribution: Density, tensor: float
) -> Iterator[tuple[float, float, float]]:
    """Yield each scale with the interval of amax that gives it."""
    largest = float(np.max(np.abs(distribution.ppf([1e-30, 1 - 1e-16]))))
    if fmt.scale == E8M0:
        top = float(amax_limit(fmt)[0])
        last = min(127, math.ceil(math.log2(largest / top)) + 8)
        for k in range(max(-127, last - 80), last + 1):
            yield 2.0**k, top * 2.0 ** (k - 1), top * 2.0**k
        return
    codes = range(fmt.scale.max_code + 1)
    numbers = [fmt.scale.value(code) * tensor for code in codes]
    middles = [0.0, *((a + b) / 2 * fmt.element.max_finite for a, b in pairwise(numbers)), math.inf]
    for number, (low, high) in zip(numbers, pairwise(middles), strict=True):
        yield number, low, high


def _exact_amax(
    fmt: BlockFormat, size: int, distribution: Density
) -> Iterator[tuple[float, Weight, tuple[float, ...]]]:
    """Yield ``m / max_finite`` at the nodes of amax m; the largest number itself has no error."""
    m, dm = magnitude_nodes(distribution)
    inside = distribution.cdf(m) - distribution.cdf(-m)
    density = (distribution.pdf(m) + distribution.pdf(-m)) * dm
    chances = (size - 1) * density * inside ** max(size - 2, 0)
    for each, chance in zip(m, chances, strict=True):
        if chance > TAIL:
            limit = float(each)
            weight = partial(by_threshold, limit, limit, 0.0, float(chance))
            yield limit / fmt.element.max_finite, weight, (-limit, limit)


def by_threshold(low: float, high: float, under: float, over: float, r: Floats) -> Floats:
    """Return the probability that the largest lies in [low, high), for magnitudes r.

    The others of the block are all below low with probability ``under``, below high with ``over``.
    """
    return np.where(r < low, over - under, np.where(r < high, over, 0.0))


# Integrals


def integral(
    cells: Cells,
    scale: float,
    distribution: Density,
    weight: Weight,
    kinks: tuple[float, ...],
) -> Floats:
    """Return the integrals of ``error**2``, ``abs(error)``, and both relative to x."""
    values, middles = cells.values * scale, cells.middles * scale
    edges = _breakpoints(distribution, (0.0, *kinks, *middles, *values))
    # What all have weight 0 beyond the largest kink need not be looked at.
    centres = (edges[1:] + edges[:-1]) / 2
    kept = (weight(np.abs(centres)) > 0) & (distribution.cdf(edges[1:]) > 0)
    x, dx = _panels(edges[:-1][kept], edges[1:][kept])
    error = np.abs(x - values[np.searchsorted(middles, x)])
    density = distribution.pdf(x) * weight(np.abs(x)) * dx
    ratio = error / np.abs(x)
    return np.array([(density * g).sum() for g in (error**2, error, ratio**2, ratio)])


def element_cells(element: ElementFormat) -> Cells:
    """Return the cells of rounding to nearest, saturating."""
    values = _numbers(element)
    return Cells(values, (values[1:] + values[:-1]) / 2)


def _numbers(element: ElementFormat) -> Floats:
    """Return the finite numbers of a format, ascending."""
    if isinstance(element, TableFormat):
        return np.array([float(number.value) for number in element.ordered])
    assert isinstance(element, FloatFormat | IntegerFormat)
    return np.unique([v for v in element.values if math.isfinite(v)])


def _breakpoints(distribution: Density, kinks: tuple[float, ...]) -> Floats:
    """Return kinks, quantiles, and beyond these a geometric sequence, inside the support."""
    q = np.concatenate([10.0 ** np.arange(-16, -2), np.linspace(0.01, 0.99, 50)])
    quantiles = distribution.ppf(np.concatenate([[0, 1], q, 1 - q[:14]]))
    low, high = float(quantiles[0]), float(quantiles[1])
    inner = quantiles[2:][np.isfinite(quantiles[2:])]
    reach = float(np.max(np.abs(inner)))
    tails = reach * 2.0 ** np.arange(-60, 40, 0.5)
    points = np.concatenate([inner, kinks, tails, -tails, [low, high]])
    return np.unique(points[np.isfinite(points) & (points >= low) & (points <= high)])


def magnitude_nodes(distribution: Density) -> tuple[Floats, Floats]:
    """Return nodes and weights over all magnitudes of a distribution."""
    return _nodes(np.unique(np.abs(_breakpoints(distribution, (0.0,)))))


def _nodes(edges: Floats) -> tuple[Floats, Floats]:
    return _panels(edges[:-1], edges[1:])


def _panels(low: Floats, high: Floats) -> tuple[Floats, Floats]:
    """Return Gauss-Legendre nodes and weights of panels, flat."""
    half = (high - low)[:, None] / 2
    x = (high + low)[:, None] / 2 + half * NODES
    return x.ravel(), (half * WEIGHTS).ravel()
