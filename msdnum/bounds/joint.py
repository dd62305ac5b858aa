"""Bounds on terms whose digits are chosen together, and not one after the other."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import accumulate, pairwise

from msdnum.bounds.rationals import Number, positive
from msdnum.display import html
from msdnum.formats.elements import E2M1, ElementFormat, FloatFormat

__all__ = ["JointRounding", "joint_rounding"]


@dataclass(frozen=True)
class JointRounding(html.Shown):
    """What sums of terms come near to, in units of the first term's scale.

    Parameters
    ----------
    reach : Fraction
        Every magnitude up to it is within ``error`` of a sum of terms.
    error : Fraction
        Largest error there; attained.
    """

    reach: Fraction
    error: Fraction

    @property
    def share(self) -> Fraction:
        """The error over the reach."""
        return self.error / self.reach


def joint_rounding(
    ratio: Number = 8, elements: Sequence[ElementFormat] = (E2M1, E2M1), error: Number | None = None
) -> JointRounding:
    """Bound what two terms leave whose digits are chosen together.

    Of all sums of terms the nearest one is taken. Rounded one after the other, two E2M1 terms with
    ratio 8 reach 4 at an error of 1/16, which is alpha/64; together they reach 73/16, 1/73 of it,
    and no other error has a smaller share. Ratio 13, which is no power of two, has 1/113.

    Parameters
    ----------
    ratio : number
        Scale of a term over that of the next one.
    elements : sequence of ElementFormat
        Format of each term.
    error : number, optional
        Largest error that is allowed; without it, the error whose share of the reach is the least.

    Returns
    -------
    JointRounding
        Reach and error, by enumeration of all sums: nothing is rounded.

    Raises
    ------
    ValueError
        If ``ratio`` or ``error`` is not positive, or there are no elements or one without zero.

    Notes
    -----
    Source: theorem joint-rounding; its proof is of E2M1 and the ratios 8 and 13, other cases are
    enumerated here.

    Examples
    --------
    >>> from msdnum import bounds
    >>> bounds.joint_rounding().share, bounds.joint_rounding(13).share
    (Fraction(1, 73), Fraction(1, 113))
    >>> bounds.joint_rounding(error=1 / 16).reach
    Fraction(73, 16)
    """
    sums = _sums(positive("ratio", ratio), elements)
    gaps = [(high - low, low) for low, high in pairwise(sums)]
    # Up to the first gap wider than twice the error, and as much as the error into it.
    widest = accumulate((gap for gap, _ in gaps), max)
    if error is not None:
        return _reach(positive("error", error), gaps, sums[-1])
    candidates = {gap / 2 for gap in widest}
    found = (_reach(each, gaps, sums[-1]) for each in candidates)
    return min(found, key=lambda each: (each.share, -each.reach))


def _sums(ratio: Fraction, elements: Sequence[ElementFormat]) -> list[Fraction]:
    """Return all sums of terms that are not negative, in order."""
    if not elements:
        raise ValueError("elements must name at least one format, got none")
    sums = {Fraction(0)}
    for i, element in enumerate(elements):
        if isinstance(element, FloatFormat) and not element.subnormals:
            raise ValueError(f"elements must have a zero and subnormals, got {element.name}")
        values = {Fraction(v) for v in element.values if abs(v) <= element.max_finite}
        sums = {s + v / ratio**i for s in sums for v in values}
    return sorted(s for s in sums if s >= 0)


def _reach(error: Fraction, gaps: list[tuple[Fraction, Fraction]], top: Fraction) -> JointRounding:
    left = next((low for gap, low in gaps if gap > 2 * error), top)
    return JointRounding(left + error, error)
