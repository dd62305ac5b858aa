"""Promises of what a decomposition leaves: bounds as data, with scheme, theorem and range."""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from math import frexp

import numpy as np
from numpy.typing import NDArray

from msdnum.display import html
from msdnum.formats.modes import ScaleRule
from msdnum.formats.schemes import Scheme

__all__ = [
    "EVERY_AMAX", "INT8_NORMAL", "INT8_SUBNORMAL", "MXFP4_NORMAL", "MXFP4_UNDERFLOW",
    "PROMISED_RULES", "SECOND_SCALE", "Bound", "Promise", "covering", "coverings",
]  # fmt: skip

Number = Fraction | float


Floats = NDArray[np.float64]


def covering(amax: Number) -> Fraction:
    """Return alpha, the least power of two that is not below a float32 ``amax``.

    Examples
    --------
    >>> from fractions import Fraction
    >>> from msdnum.evidence import covering
    >>> covering(Fraction(5))
    Fraction(8, 1)
    """
    significand, exponent = frexp(amax)
    return Fraction(2) ** (exponent - (significand == 0.5))


def coverings(amax: Floats) -> Floats:
    """Return alpha for many; 0 for 0."""
    significand, exponent = np.frexp(amax)
    return np.where(amax == 0, 0, np.ldexp(1.0, exponent - (significand == 0.5)))


def whole(amax: Number) -> Fraction:
    """Return M, which is amax itself."""
    return Fraction(amax)


UNITS: dict[str, Callable[[Number], Fraction]] = {"alpha": covering, "M": whole, "amax": whole}


@dataclass(frozen=True)
class Bound(html.Shown):
    """A promised bound on the error of every element of a block.

    Parameters
    ----------
    text : str
        Formula of the bound, as text.
    unit : str
        The range it is proportional to: alpha, M or amax.
    of : callable
        From that range of a block to the bound, exact.
    """

    text: str
    unit: str
    of: Callable[[Fraction], Fraction | float]

    def __post_init__(self) -> None:
        """Refuse a range that is not defined."""
        if self.unit not in UNITS:
            raise ValueError(f"unit must be one of {', '.join(UNITS)}, got {self.unit!r}")

    def range(self, amax: Number) -> Fraction:
        """Return the range of a block."""
        return UNITS[self.unit](amax)

    def at(self, amax: Number) -> Fraction | float:
        """Return the bound for a block with this amax."""
        return self.of(self.range(amax))

    def at_each(self, amax: Floats) -> Floats:
        """Return the bounds for many blocks in float64, each rounded once; 0 for a zero block."""
        spans = coverings(amax) if self.unit == "alpha" else amax
        different, place = np.unique(spans, return_inverse=True)
        each = np.array([float(self.of(Fraction(r))) if r else 0.0 for r in different.tolist()])
        return each[place]

    def found(self, error: Fraction, amax: Number) -> str:
        """Write an error as the fraction of the range that it is."""
        if not error:
            return "0"
        divisor = self.range(amax) / error
        if divisor.denominator == 1:
            return self.unit if divisor == 1 else f"{self.unit}/{divisor}"
        return f"{self.unit}/{float(divisor):.7g}"


@dataclass(frozen=True)
class Promise(html.Shown):
    """A bound on what a scheme leaves.

    Parameters
    ----------
    convention : str
        Scheme, arithmetic and scale rule in words.
    scheme : Scheme
        How to decompose.
    bound : Bound
        What is promised.
    theorem : str or None
        Id of the theorem that decides it.
    amaxes : range
        BF16 patterns of the amax for which it is promised.
    """

    convention: str
    scheme: Scheme
    bound: Bound
    theorem: str | None
    amaxes: range


EVERY_AMAX = range(1, 0x7F80)
"""All positive finite numbers."""


INT8_NORMAL = range(0x0800, 0x7F80)
"""From 2**-111: no scale of two INT8 terms is subnormal in binary32."""


INT8_SUBNORMAL = range(1, 0x0800)
"""Below 2**-111."""


MXFP4_NORMAL = range(0x0280, 0x7F80)
"""From 2**-122: no scale of two MXFP4 terms is below E8M0's 2**-127."""


MXFP4_UNDERFLOW = range(1, 0x0280)
"""Below 2**-122."""


PROMISED_RULES = (ScaleRule.COVERING, ScaleRule.RCEIL, ScaleRule.EVEN, ScaleRule.FLOOR)


SECOND_SCALE = {False: "s2 = s1/8", True: "s2 by own amax"}
