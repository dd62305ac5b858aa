"""Slices that a product of binary64 matrices by the Ozaki scheme needs, for these matrices."""

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from msdnum.bounds.rationals import Number, pow2
from msdnum.display import html
from msdnum.emulator.gemm.ozaki import check_matrix, slice_width

__all__ = ["SliceCount", "ozaki_count", "ozaki_error", "slices_needed"]

Floats = NDArray[np.float64]


UNIT_ROUNDOFF = pow2(-53)
MOST = 50
"""Slices that ``emulator.gemm.ozaki`` cuts at most."""


def ozaki_error(count: int, width: int, ratio: Number) -> Fraction:
    """Bound the error of an entry over ``(|A||B|)_ij``, for the triangle of ``count`` slices.

    Parameters
    ----------
    count : int
        Slices of each side.
    width : int
        Bits of a slice.
    ratio : number
        At least 1: a bound on ``l * alpha_i * beta_j / (|A||B|)_ij``, with alpha and beta the
        powers of two that cover row i and column j, and l the products that are not zero. Where
        the nonzero magnitudes of a row span ``2**s`` and those of a column ``2**t``,
        ``2**(s + t + 2)`` is one.

    Raises
    ------
    ValueError
        If an argument is below 1.

    Notes
    -----
    Slice i is at most ``alpha * 2**(-width * i)``, and what ``count`` of them leave ``alpha *
    2**(-width * count)``; the remainders and the pairs outside the triangle are counted by that.
    The additions in binary64, from the least significant pair, err by their partial sums, which are
    below both the sum of those magnitudes and ``c**2 * |A||B|``: for the slices of a number, the
    first of which is rounded from at least half of it, add up to ``c = 2 + 1 / (1 - 2**-width)``
    times the number at most. Hypothesis: nothing underflows.

    Source: on paper; theorem gemm has the accumulation part.

    Examples
    --------
    >>> from msdnum.evidence import ozaki_error
    >>> float(ozaki_error(8, 7, 16)) < 1e-14
    True
    """
    if count < 1 or width < 1 or ratio < 1:
        raise ValueError(f"arguments must be at least 1, got {count}, {width} and {ratio}")
    size, step = Fraction(ratio), pow2(-width)
    remainders = 2 * step**count + step ** (2 * count)
    left_out = sum((2 * count - 1 - t) * step**t for t in range(count, 2 * count - 1))
    largest = (2 + 1 / (1 - step)) ** 2
    partial, kept = Fraction(0), Fraction(0)
    for t in reversed(range(count)):
        kept += (t + 1) * step**t
        partial += (t + 1) * min(largest, size * kept)
    additions = UNIT_ROUNDOFF / (1 - Fraction(count * (count + 1), 2) * UNIT_ROUNDOFF)
    return size * (remainders + left_out) + additions * partial


def ozaki_count(width: int, ratio: Number, target: Number) -> int:
    """Return the fewest slices of each side whose error is bounded by ``target * |A||B|``.

    Parameters
    ----------
    width, ratio
        As for ``ozaki_error``; ``emulator.gemm.ozaki.slice_width`` gives the width for a k.
    target : number
        Relative to ``|A||B|``, entry by entry.

    Raises
    ------
    ValueError
        If no count has that bound: the additions in binary64 err by more. The message says the
        least that there is.

    Examples
    --------
    Rows that span ``2**80`` need more slices than rows whose numbers are near each other:

    >>> from msdnum.evidence import ozaki_count
    >>> ozaki_count(7, 2**6, 1e-14), ozaki_count(7, 2**82, 1e-12)
    (8, 19)
    """
    errors = []
    for count in range(1, MOST + 1):
        errors.append(ozaki_error(count, width, ratio))
        if errors[-1] <= Fraction(target):
            return count
    best = min(errors)
    raise ValueError(
        f"target must be at least {float(best):.3g}, what {errors.index(best) + 1} slices of "
        f"{width} bits are bounded by at this ratio, got {float(target):.3g}"
    )


@dataclass(frozen=True)
class SliceCount(html.Shown):
    """Slices of each side, and what they are bounded by.

    Parameters
    ----------
    count : int
        The fewest whose bound is within the target.
    width : int
        Bits of a slice.
    ratio : Fraction
        The largest of ``l * alpha_i * beta_j / (|A||B|)_ij``: what the spread of exponents costs.
    bound : Fraction
        On the error of every entry, over ``(|A||B|)_ij``.
    """

    count: int
    width: int
    ratio: Fraction
    bound: Fraction


def slices_needed(a: Floats, b: Floats, target: float) -> SliceCount:
    """Return how many slices keep every entry of ``a @ b`` within ``target * (|a| @ |b|)``.

    Parameters
    ----------
    a, b : ndarray of float64
        Shapes (m, k) and (k, n), as for ``emulator.gemm.ozaki.matmul``.
    target : float
        Relative to the product of magnitudes, entry by entry.

    Raises
    ------
    TypeError
        If a matrix is not of float64.
    ValueError
        If the shapes do not match, a matrix is out of range, or no count has that bound.

    Examples
    --------
    >>> from msdnum.evidence import slices_needed
    >>> rng = np.random.default_rng(0)
    >>> a, b = rng.normal(size=(8, 64)), rng.normal(size=(64, 8))
    >>> slices_needed(a, b, 1e-14).count
    8

    Columns of a times powers of two, and rows of b over them, have the same product, but every
    slice is cut where the largest of a row is:

    >>> powers = 2.0 ** np.arange(-32, 32)
    >>> slices_needed(a * powers, b / powers[:, None], 1e-12).count
    16
    """
    check_matrix(a, "a")
    check_matrix(b, "b")
    if a.shape[1] != b.shape[0]:
        raise ValueError(f"a and b must be matrices that match, got {a.shape} and {b.shape}")
    ratio, width = _ratio(a, b.T), slice_width(a.shape[1])
    count = ozaki_count(width, ratio, target)
    return SliceCount(count, width, ratio, ozaki_error(count, width, ratio))


def _ratio(a: Floats, b: Floats) -> Fraction:
    """Return the largest ratio, rounded up, of rows of a and rows of b."""
    left, right = (np.abs(_scaled(x)) for x in (a, b))
    products = (left != 0).astype(np.float64) @ (right != 0).T.astype(np.float64)
    sums = left @ right.T
    if not products.any():
        return Fraction(1)
    least = sums[products > 0] / products[products > 0]
    if not least.min():
        raise ValueError("a and b must not span more than binary64 does, row by row")
    # k rounded products and additions, in any order.
    slack = 1 + Fraction(2 * a.shape[1] + 4, 2**53)
    return max(Fraction(1), slack / Fraction(float(least.min())))


def _scaled(x: Floats) -> Floats:
    """Return x over the powers of two that cover its rows."""
    amax = np.abs(x).max(axis=1)
    exponents = np.where(amax > 0, np.frexp(amax)[1], 0)
    found: Floats = np.ldexp(x, -exponents[:, None])
    return found
