"""Crest factors: what a scheme loses of a block as a function of its largest number over its RMS.

Of n independent numbers the largest magnitude M has a known distribution; given M, the others are
independent and have the distribution cut off at M. So the expected error of a block is an integral
over one number, for each M, and the expected crest factor one over M: nothing is sampled.
"""

import math
from dataclasses import dataclass
from functools import partial

import numpy as np

from msdnum.display import html
from msdnum.emulator.decompositions import decompose_terms
from msdnum.evidence import quadrature
from msdnum.evidence.quadrature import Density
from msdnum.evidence.scheme_quadrature import scheme_cells
from msdnum.formats.modes import Arithmetic
from msdnum.formats.schemes import Scheme

__all__ = ["BlockExpectation", "expected_crest", "given_largest", "largest_square"]


LARGEST_SIZE = 2**40
"""Numbers in a block: of more, the last bits of a distribution in binary64 decide."""


@dataclass(frozen=True)
class BlockExpectation(html.Shown):
    """Expectations of a block of n numbers, summed over it.

    Parameters
    ----------
    size : int
        n.
    largest_square : float
        Of the square of the largest magnitude.
    signal, square : float
        Of the squares of all numbers, and of what is lost of them.
    largest_lost : float
        Of the square of what is lost of the largest alone.
    """

    size: int
    largest_square: float
    signal: float
    square: float
    largest_lost: float

    @property
    def crest(self) -> float:
        """The largest magnitude over the RMS of the block."""
        return math.sqrt(self.largest_square * self.size / self.signal)

    @property
    def relative_l2(self) -> float:
        """The root of what is lost over the root of what was there."""
        return math.sqrt(self.square / self.signal)


def given_largest(
    scheme: Scheme, distribution: Density, size: int, largest: float
) -> BlockExpectation:
    """Return what is lost of a block whose largest number is known.

    Parameters
    ----------
    scheme : Scheme
        In exact arithmetic, with fixed ratios of scales.
    distribution : Density
        Of the other numbers, which is cut off at the largest.
    size : int
        Numbers of the block, at least 2.
    largest : float
        The largest magnitude, a positive number of binary32.

    Raises
    ------
    ValueError
        If the scheme rounds every step, or its scales follow from each remainder, a block has no
        other numbers, the largest is no such number, or the distribution has nothing below it.

    Examples
    --------
    Beside an outlier of 1024 two passes of MXFP4 keep nothing of normal numbers, MXFP8 does:

    >>> from scipy.stats import norm
    >>> from msdnum import SCHEMES
    >>> from msdnum.evidence import given_largest
    >>> two, one = (given_largest(SCHEMES[s], norm(), 32, 1024.0) for s in ("MXFP4_X2", "MXFP8_X1"))
    >>> round(two.crest, 2), round(two.relative_l2 / one.relative_l2, 1)
    (5.66, 37.7)
    """
    if scheme.arithmetic is not Arithmetic.EXACT or scheme.ratios is None:
        raise ValueError(f"scheme must be exact, its ratios given, got {scheme.name}")
    if size < 2:
        raise ValueError(f"size must be at least 2, got {size}")
    if not 0 < largest < math.inf or float(np.float32(largest)) != largest:
        raise ValueError(f"largest must be a positive number of binary32, got {largest}")
    inside = float(distribution.cdf(largest) - distribution.cdf(-largest))
    if not inside > 0:
        raise ValueError(f"distribution must have numbers below the largest, {largest}, got none")
    weight = partial(quadrature.by_threshold, largest, largest, 0.0, 1 / inside)
    scale, own = _alone(scheme, largest)
    kinks = (-largest, largest)
    found = quadrature.integral(scheme_cells(scheme), scale, distribution, weight, kinks)
    each = quadrature.expectations(distribution, found, weight, kinks)
    return BlockExpectation(
        size,
        largest**2,
        largest**2 + (size - 1) * each.signal,
        own**2 + (size - 1) * each.square,
        own**2,
    )


def _alone(scheme: Scheme, largest: float) -> tuple[float, float]:
    """Return the scale of the first term, and what is left of the largest itself."""
    terms = decompose_terms(np.full((1, 1), largest, np.float32), scheme)
    kept = sum(float(np.asarray(term.dequantize(), np.float64)[0, 0]) for term in terms)
    return float(np.asarray(terms[0].scales(), np.float64).ravel()[0]), largest - kept


def largest_square(distribution: Density, size: int) -> float:
    """Return the expected square of the largest magnitude of ``size`` independent numbers.

    Raises
    ------
    ValueError
        If there is none, or so many that the last bits of the distribution decide, above 2**40.

    Examples
    --------
    Of n uniform numbers it is n / (n + 2):

    >>> from scipy.stats import uniform
    >>> from msdnum.evidence import largest_square
    >>> round(largest_square(uniform(-1, 2), 6), 12)
    0.75
    """
    if not 1 <= size <= LARGEST_SIZE:
        raise ValueError(f"size must be in 1..2**40, got {size}")
    r, dr = quadrature.magnitude_nodes(distribution)
    density = distribution.pdf(r) + distribution.pdf(-r)
    inside = distribution.cdf(r) - distribution.cdf(-r)
    return float((size * density * inside ** (size - 1) * r * r * dr).sum())


def expected_crest(distribution: Density, size: int) -> float:
    """Return the root of the expected largest square over the RMS of the distribution.

    Examples
    --------
    >>> from scipy.stats import norm
    >>> from msdnum.evidence import expected_crest
    >>> [round(expected_crest(norm(), size), 2) for size in (1, 32, 1024)]
    [1.0, 2.39, 3.46]
    """
    return math.sqrt(largest_square(distribution, size) / largest_square(distribution, 1))
