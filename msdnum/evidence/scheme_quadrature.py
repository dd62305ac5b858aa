"""Expected errors of decompositions, by integration over the cells of all terms together.

A number becomes the sum of its terms. Over the scale of the first term that sum is the same
wherever a number is in a cell, and the cells of a term divide those of the term before it. With
scales that are powers of two, each scale is weighed with its probability, as for one format; with
scales that follow from the largest number M of a block, errors are M times those of a block whose
largest is 1, and what is left is an integral over M.
"""

from functools import cache
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from msdnum.evidence import quadrature
from msdnum.evidence.quadrature import Cells, Density, ExpectedErrors
from msdnum.formats.elements import E8M0
from msdnum.formats.modes import Arithmetic
from msdnum.formats.schemes import Scheme

__all__ = ["expected_decomposition", "scheme_cells"]

Floats: TypeAlias = NDArray[np.float64]

NODES, WEIGHTS = np.polynomial.legendre.leggauss(3)
"""In a cell, of which there are tens of thousands."""
NEAR_ZERO = np.exp2(-np.arange(0.0, 60.0, 0.25))
"""Further edges where M is far above most numbers, whose density is then narrow."""
HALVINGS = 70
"""Steps of the search for quantiles of the largest."""
QUANTILES = np.concatenate(
    [[0, 1e-3, 1e-2], np.linspace(0.1, 0.9, 5), 1 - 10.0 ** -np.arange(2.0, 14.0), [1]]
)
"""Between which the largest is integrated over: large ones count more, for their errors do."""


def expected_decomposition(
    scheme: Scheme, distribution: Density, size: int | None = None
) -> ExpectedErrors:
    """Return the expected errors of the sum of a scheme's terms, of independent numbers.

    Parameters
    ----------
    scheme : Scheme
        In exact arithmetic, with fixed ratios of scales.
    distribution : Density
        Any frozen continuous distribution of ``scipy.stats`` with a second moment.
    size : int, optional
        Numbers that share a scale, where the scheme does not say.

    Raises
    ------
    ValueError
        If the scheme rounds every step, or its scales follow from each remainder, or no block size
        is known.

    Examples
    --------
    >>> from scipy.stats import norm, uniform
    >>> from msdnum import SCHEMES
    >>> from msdnum.evidence.scheme_quadrature import expected_decomposition
    >>> round(expected_decomposition(SCHEMES["MXFP4_X2"], norm()).bits["relative_l2"], 3)
    5.853
    >>> int8 = expected_decomposition(SCHEMES["INT8_X2"], uniform(-1, 2), 128)
    >>> round(int8.bits["relative_l2"], 3)
    15.994
    """
    if scheme.arithmetic is not Arithmetic.EXACT or scheme.ratios is None:
        raise ValueError(f"scheme must be exact, its ratios given, got {scheme.name}")
    fmt = scheme.formats[0]
    number = size or fmt.block_size
    if number is None:
        raise ValueError(f"size must be given for {scheme.name}, whose blocks are whole rows")
    if fmt.scale == E8M0:
        total = np.zeros(4)
        for scale, weight, kinks in quadrature.scale_cases(fmt, number, distribution):
            total += quadrature.integral(scheme_cells(scheme), scale, distribution, weight, kinks)
    else:
        total = _over_largest(scheme, distribution, number)
    return quadrature.expectations(distribution, total)


@cache
def scheme_cells(scheme: Scheme) -> Cells:
    """Return what numbers over the first scale become, and where that changes, ascending."""
    cells, divisor = quadrature.element_cells(scheme.formats[0].element), 1.0
    assert scheme.ratios is not None
    for fmt, ratio in zip(scheme.formats[1:], scheme.ratios, strict=True):
        divisor *= float(ratio)
        finer = quadrature.element_cells(fmt.element)
        cells = _divided(cells, finer.values / divisor, finer.middles / divisor)
    return cells


def _divided(cells: Cells, values: Floats, middles: Floats) -> Cells:
    """Divide every cell by those of the next term, around the value of the cell."""
    low, high = np.append(-np.inf, cells.middles), np.append(cells.middles, np.inf)
    left = cells.values[:, None] + np.append(-np.inf, middles)
    right = cells.values[:, None] + np.append(middles, np.inf)
    inside = (left < high[:, None]) & (right > low[:, None])
    sums = (cells.values[:, None] + values)[inside]
    edges = np.minimum(right, high[:, None])[inside]
    return Cells(sums, edges[:-1])


def _over_largest(scheme: Scheme, distribution: Density, size: int) -> Floats:
    """Integrate over the largest of the others; where x itself is the largest it has no error."""
    top = scheme.formats[0].element.max_finite
    cells = scheme_cells(scheme)
    changes = np.concatenate([cells.middles, cells.values]) / top
    edges = np.unique(np.concatenate([changes, NEAR_ZERO, -NEAR_ZERO]))
    edges = np.append(edges[(edges > -1) & (edges < 1)], 1.0)
    half = np.diff(np.append(-1.0, edges))[:, None] / 2
    t = (edges[:, None] - half + half * NODES).ravel()
    dt = (half * WEIGHTS).ravel()
    error = np.abs(t - cells.values[np.searchsorted(cells.middles, t * top)] / top)
    ratio = error / np.abs(t)
    total = np.zeros(4)
    for largest, chance in zip(*_largest_of_others(distribution, size), strict=True):
        density = distribution.pdf(largest * t) * dt * (largest * chance)
        total += [
            (density * error**2).sum() * largest**2, (density * error).sum() * largest,
            (density * ratio**2).sum(), (density * ratio).sum(),
        ]  # fmt: skip
    return total


def _largest_of_others(distribution: Density, size: int) -> tuple[Floats, Floats]:
    """Return the largest magnitude of ``size - 1`` numbers at nodes of its quantiles, weighted."""
    nodes, weights = np.polynomial.legendre.leggauss(5)
    half = np.diff(QUANTILES)[:, None] / 2
    quantiles = (QUANTILES[:-1, None] + half + half * nodes).ravel()
    wanted = quantiles ** (1 / (size - 1))
    reach = float(np.abs(distribution.ppf([1e-17, 1 - 1e-16])).max())
    low, high = np.zeros_like(wanted), np.full_like(wanted, reach)
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        below = distribution.cdf(middle) - distribution.cdf(-middle) < wanted
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    return (low + high) / 2, (half * weights).ravel()
