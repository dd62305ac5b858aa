"""Bounds on the error of rounding one number to an element format."""

from dataclasses import dataclass
from fractions import Fraction

from msdnum.bounds.rationals import Number, ceil_log2, pow2
from msdnum.display import html
from msdnum.formats.elements import ElementFormat, IntegerFormat, spaced

__all__ = ["RoundingBound", "element_rounding", "half_gap"]


@dataclass(frozen=True)
class RoundingBound(html.Shown):
    """Rounding to nearest, for ``|x| <= max_finite``. All three constants are attained.

    Parameters
    ----------
    relative : Fraction
        ``|error| <= relative * |x|`` in the normal range: ``u / (1 + u)``; 1 for integers, whose
        only bound is absolute.
    absolute : Fraction
        ``|error| <= absolute`` below the normal range: half the spacing there, ``eta / 2``.
    largest : Fraction
        ``|error| <= largest`` everywhere.
    """

    relative: Fraction
    absolute: Fraction
    largest: Fraction

    def at(self, x: Number) -> Fraction:
        """Bound on the error of rounding ``x``, underflow included."""
        return min(max(self.relative * abs(Fraction(x)), self.absolute), self.largest)


def element_rounding(fmt: ElementFormat) -> RoundingBound:
    """Bound the error of rounding one number to an element format, to nearest.

    Forward error, relative above and absolute below ``min_normal``. The relative constant is the
    optimal ``u / (1 + u)``, attained half-way between 1 and its successor; hence also ``u`` times
    the *rounded* value.

    Raises
    ------
    TypeError
        For a table.
    ValueError
        For a format without zero (E8M0), which has no absolute bound.

    Notes
    -----
    Source: theorem element-rounding.

    Examples
    --------
    >>> from msdnum import bounds
    >>> from msdnum.formats import E2M1
    >>> bounds.element_rounding(E2M1)
    RoundingBound(relative=Fraction(1, 5), absolute=Fraction(1, 4), largest=Fraction(1, 1))
    """
    fmt = spaced(fmt, "fmt")
    half = Fraction(fmt.eta) / 2
    if isinstance(fmt, IntegerFormat):
        return RoundingBound(Fraction(1), half, half)
    if not fmt.subnormals:
        raise ValueError(f"fmt must have a zero and subnormals, got {fmt.name}")
    u = Fraction(fmt.unit_roundoff)
    return RoundingBound(u / (1 + u), half, half_gap(fmt, Fraction(fmt.max_finite)))


def half_gap(fmt: ElementFormat, reach: Fraction) -> Fraction:
    """Half the widest spacing of the numbers of ``fmt`` up to ``reach``."""
    fmt = spaced(fmt, "fmt")
    if isinstance(fmt, IntegerFormat):
        return Fraction(fmt.eta) / 2
    exponent = max(ceil_log2(reach) - 1, fmt.emin)
    return pow2(exponent - fmt.precision)
