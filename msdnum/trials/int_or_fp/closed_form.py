"""The paper's signal-to-noise ratios in closed form, equations 13 and 14, and where they cross.

A number is normal with deviation 1, amax of its block is kappa, the scale is rho times the least
one that keeps amax in range. Below the normal range of a float the error is that of its spacing;
above it, a relative one.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

from msdnum.formats.elements import E2M1, E2M3, E4M3, INT4, INT8_SYMMETRIC, FloatFormat
from msdnum.formats.elements import IntegerFormat as Integers
from msdnum.formats.other_elements import INT6

__all__ = ["RIVALRIES", "Rivals", "bisect", "crossover", "qsnr_fp", "qsnr_int", "ratios"]


@dataclass(frozen=True)
class Rivals:
    """An integer and a float format of as many bits.

    Parameters
    ----------
    name : str
        Of the two block formats.
    integers : IntegerFormat
        Elements of the one.
    floats : FloatFormat
        Elements of the other.
    reported, decibels : float
        Crest factor at which the two are said to cross, and ratio there (section 4.2, figure 3).
    rho : float
        With which the closed form crosses there.
    block : int
        Elements of a block.
    exact_maximum : bool
        Whether the largest element is free of error, as with scales that are no powers of two.
    """

    name: str
    integers: Integers
    floats: FloatFormat
    reported: float
    decibels: float
    rho: float
    block: int
    exact_maximum: bool = False


RIVALRIES = (
    Rivals("MXINT8, MXFP8", INT8_SYMMETRIC, E4M3, 7.55, 31.86, 1.5, 32),
    Rivals("MXINT6, MXFP6", INT6, E2M3, 1.96, 31.54, 1.5, 32),
    Rivals("MXINT4, MXFP4", INT4, E2M1, 2.04, 19.14, 1.5, 32),
    Rivals("NVINT4, NVFP4", INT4, E2M1, 2.39, 21.14, 1.05, 16, exact_maximum=True),
)


def qsnr_int(bits: int, rho: float, kappa: float) -> float:
    """Return ``4.78 + 6.02 b - 20 log10(rho kappa)``, the constants as in the paper."""
    return 4.78 + 6.02 * bits - 20 * math.log10(rho * kappa)


def qsnr_fp(fmt: FloatFormat, rho: float, kappa: float, spared: float = 0.0) -> float:
    """Return ``-10 log10(w_norm / (24 4**M) + beta (rho kappa)**2 p_sub)``.

    ``w_norm`` is the share of the signal in the normal range, less ``spared``; ``p_sub`` the
    probability of lying below it; ``beta = eta**2 / (12 max_finite**2)``.
    """
    step = rho * kappa / fmt.max_finite
    t = step * fmt.min_normal
    tail = math.erfc(t / math.sqrt(2))
    w_norm = tail + 2 * t * math.exp(-t * t / 2) / math.sqrt(2 * math.pi)
    normal = (w_norm - spared) / (24 * 4.0**fmt.fraction_bits)
    below = (step * fmt.eta) ** 2 / 12 * (1 - tail)
    return -10 * math.log10(normal + below)


def ratios(pair: Rivals, rho: float, kappa: float) -> tuple[float, float]:
    """Return the ratios of integers and of floats in dB.

    Where the largest element is exact, it is taken out of the errors: a share ``kappa**2 / block``
    of the signal of floats, and one of the ``block`` errors of integers.
    """
    spared = kappa**2 / pair.block if pair.exact_maximum else 0.0
    more = 10 * math.log10(pair.block / (pair.block - 1)) if pair.exact_maximum else 0.0
    integers = qsnr_int(pair.integers.bits, rho, kappa) + more
    return integers, qsnr_fp(pair.floats, rho, kappa, spared)


def crossover(pair: Rivals, rho: float, low: float = 1.2, high: float = 15.0) -> float:
    """Return the kappa at which both formats of a pair have the same ratio."""

    def gain(kappa: float) -> float:
        integers, floats = ratios(pair, rho, kappa)
        return integers - floats

    return bisect(gain, low, min(high, math.sqrt(pair.block) * 0.9 if pair.exact_maximum else high))


def bisect(gain: Callable[[float], float], low: float, high: float, steps: int = 40) -> float:
    """Return where a falling function is zero; the end that is nearer to it, if it nowhere is."""
    for _ in range(steps):
        middle = (low + high) / 2
        low, high = (middle, high) if gain(middle) > 0 else (low, middle)
    return (low + high) / 2
