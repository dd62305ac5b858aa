"""Inputs on which a unit that truncates loses most: one product that all others vanish beside."""

from fractions import Fraction

import ml_dtypes
import numpy as np

from msdnum import bounds
from msdnum.formats.accumulators import AnyAccumulator, MatrixUnit
from msdnum.trials.deepseek_v3.sums import Fp8Sums, K

__all__ = ["ABOVE", "BELOW", "guarantee", "lost", "worst_sum"]

ABOVE = 16.0
"""An element whose square is the product that all are aligned to, 2**8."""
BELOW = (0.140625, 0.21875)
"""9/64 and 7/32, of E4M3: their product is 63/64 of 2**-5, the last bit that 13 fraction bits keep
of a product of exponent 8, and so it is truncated to nothing."""


def worst_sum(unit: AnyAccumulator, interval: int, k: int = K) -> Fp8Sums:
    """Return one sum of k products in which every ``interval``-th is large and the others vanish.

    All are positive, so that nothing cancels.
    """
    a, b = (np.full((1, k), x, np.float32) for x in BELOW)
    a[:, ::interval] = b[:, ::interval] = ABOVE
    left, right = (x.astype(ml_dtypes.float8_e4m3fn) for x in (a, b))
    return Fp8Sums(left, right.T.copy(), unit)


def lost(interval: int, k: int = K) -> Fraction:
    """Return the relative error of that sum, if all the small products vanish."""
    count = -(-k // interval)
    large = count * Fraction(ABOVE) ** 2
    small = (k - count) * Fraction(BELOW[0]) * Fraction(BELOW[1])
    return small / (large + small)


def guarantee(unit: MatrixUnit, interval: int | None = None, k: int = K) -> Fraction:
    """Return a bound on ``|error| / (|A||B|)``, promoted to binary32 after each interval or never.

    ``matrix_unit`` bounds what an interval errs by, ``sequential`` the sum of the intervals; an
    addend meets the one, then the other.
    """
    size = min(interval or k, k)
    inside = bounds.matrix_unit(size, unit.group, unit.fraction_bits, unit.result_bits).gamma
    across = bounds.sequential(-(-k // size)).gamma
    return (1 + inside) * (1 + across) - 1
