"""Draws of numbers from the words of a generator, which are the same in every version of NumPy."""

import numpy as np
from numpy.typing import NDArray

from msdnum.device.layouts import Codes, Layout

__all__ = ["Draw", "exponents_of", "magnitudes"]


class Draw:
    """Integers and patterns of numbers, one draw after another.

    Parameters
    ----------
    seed : int
        One or more of them; each combination has words of its own.
    """

    def __init__(self, *seed: int) -> None:
        """Start the generator."""
        self._words = np.random.PCG64(np.random.SeedSequence(seed))

    def bits(self, shape: tuple[int, ...], count: int) -> Codes:
        """Return integers of so many bits; of 64 bits, signed ones."""
        words: NDArray[np.uint64] = self._words.random_raw(int(np.prod(shape))).reshape(shape)
        return (words >> np.uint64(64 - count)).astype(np.int64)

    def between(self, shape: tuple[int, ...], low: int, high: int) -> Codes:
        """Return integers from ``low`` to ``high``."""
        return low + self.bits(shape, 32) % (high - low + 1)

    def one_in(self, shape: tuple[int, ...], count: int) -> NDArray[np.bool_]:
        """Return what is true once in ``count``."""
        found: NDArray[np.bool_] = self.between(shape, 1, count) == 1
        return found

    def floats(self, fmt: Layout, exponent: Codes) -> Codes:
        """Return patterns with these exponents, any sign, any fraction."""
        fraction = self.bits(exponent.shape, fmt.fraction_bits)
        return self.signed(fmt, magnitudes(fmt, exponent, fraction))

    def signed(self, fmt: Layout, magnitude: Codes) -> Codes:
        """Return patterns of any sign."""
        return magnitude | self.bits(magnitude.shape, 1) << (fmt.bits - 1)

    def within(self, fmt: Layout, shape: tuple[int, ...], low: int, high: int) -> Codes:
        """Return patterns with exponents from ``low`` to ``high``."""
        return self.floats(fmt, self.between(shape, low, high))

    def uniform(self, fmt: Layout, shape: tuple[int, ...], top: int = 0) -> Codes:
        """Return patterns of numbers that are spread evenly up to a power of two."""
        words = self.bits(shape, 62) | 1 << 61
        return self.floats(fmt, top - exponents_of((words & -words).astype(np.float64)))


def magnitudes(fmt: Layout, exponent: Codes, fraction: Codes) -> Codes:
    """Return patterns; below the format's exponents they are subnormal, above it the largest."""
    biased = np.maximum(exponent + fmt.bias, 0)
    short = np.maximum(-(exponent + fmt.bias), 0)
    fraction = fraction >> np.minimum(short, fmt.fraction_bits)
    capped = np.minimum(biased, 1 << fmt.exponent_bits)
    found: Codes = np.minimum(capped << fmt.fraction_bits | fraction, fmt.largest)
    return found


def exponents_of(x: NDArray[np.float64]) -> Codes:
    """Return exponents; 0 for what has none."""
    exponents: Codes = np.frexp(np.where(np.isfinite(x) & (x != 0), x, 1))[1].astype(np.int64) - 1
    return exponents
