"""Root mean square errors of decompositions in closed form."""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal, localcontext
from fractions import Fraction
from functools import cache
from itertools import pairwise

from msdnum.bounds.casts import half_gap
from msdnum.bounds.decompositions import mixed_decomposition, top_element
from msdnum.display import html
from msdnum.formats.elements import ElementFormat, IntegerFormat
from msdnum.formats.modes import ScaleRule

__all__ = ["RmsError", "cells_summed", "rms_error"]


@dataclass(frozen=True)
class RmsError(html.Shown):
    """Root mean square errors of a decomposition, over the reals.

    Parameters
    ----------
    relative : float
        Of ``error / x``, with x log-uniform in one binade of the range.
    uniform : float
        Of ``error / range``, with x uniform in the whole range.
    """

    relative: float
    uniform: float

    @property
    def bits(self) -> float:
        """``-log2`` of the relative error."""
        return -math.log2(self.relative)

    @property
    def uniform_bits(self) -> float:
        """Width of the uniform quantizer of the whole range with the same RMS error."""
        return -math.log2(math.sqrt(3) * self.uniform)


def rms_error(
    elements: Sequence[ElementFormat],
    *,
    rule: ScaleRule = ScaleRule.COVERING,
    binade: int = 0,
) -> RmsError:
    """RMS errors of a decomposition in closed form.

    x is rounded to v on a cell [a, b]; the cells of all terms together tile the range, so that,
    with the range 1 and x log-uniform in ``(2**-(binade + 1), 2**-binade]``::

        mean((error / x)**2) = 1 + sum([2 v / x - v**2 / (2 x**2)] from a to b) / log(2)

    and with x uniform, ``mean(error**2) = sum((b - v)**3 - (a - v)**3) / 3``. Both sums are
    rational; they are evaluated with 50 digits. In binade 0 the bits are 6.598 for two-pass MXFP4
    and 5.238 for MXFP8 (the paper's 6.6 and 5.24), and 16.213 for two-pass INT8. Time is
    proportional to the number of cells, but for integers under AMAX, whose cells are all alike:
    the sum over the 16 million of three-pass INT8 is a difference of two values of the digamma
    function.

    Parameters
    ----------
    elements : sequence of ElementFormat
        Format of each term.
    rule : ScaleRule
        COVERING or AMAX, as in ``mixed_decomposition``.
    binade : int
        Binade of the log-uniform input, 0 for the top one.

    Notes
    -----
    Source: theorem rms-error.

    Examples
    --------
    >>> from msdnum import bounds
    >>> from msdnum.formats import E2M1
    >>> one, two = (bounds.rms_error([E2M1] * terms) for terms in (1, 2))
    >>> one
    RmsError(relative=0.10355385330002083, uniform=0.057054433073454806)
    >>> one.relative > 8 * two.relative
    True
    """
    mixed_decomposition(elements, 1, rule=rule, binade=binade)
    scales = _scales(elements, rule)
    low, high = Fraction(1, 2 ** (binade + 1)), Fraction(1, 2**binade)
    with localcontext() as context:
        context.prec = 50
        step = _even_step(elements, scales, rule)
        if step is not None and low / step > MANY:
            total, cubes = _even_steps(low / step, high / step), step**2 / 4
        else:
            total = _sum_of_steps(_cells(elements, scales, low, high))
            cubes = _cubes(tuple(elements), rule)
        relative = (1 + total / Decimal(2).ln()).sqrt()
        uniform = (_decimal(cubes) / 3).sqrt()
    return RmsError(float(relative), float(uniform))


MANY = 1000
"""Beyond so many cells from zero five terms give the digamma function to 30 digits."""
DIGAMMA = (
    Fraction(1, 24), Fraction(-7, 960), Fraction(31, 8064), Fraction(-127, 30720),
    Fraction(511, 67584),
)  # fmt: skip
"""Of ``psi(n + 1/2) - log(n)``, at ``n**-2``, ``n**-4`` and so on."""


def cells_summed(elements: Sequence[ElementFormat], rule: ScaleRule) -> int:
    """Return how many cells `rms_error` may sum one by one, which decide its time.

    None in the top binade where integers under AMAX have too many: they are all alike.

    Raises
    ------
    ValueError
        If there is no closed form, as `rms_error`.

    Examples
    --------
    >>> from msdnum.bounds.averages import cells_summed
    >>> from msdnum.formats import E4M3, INT8_SYMMETRIC
    >>> from msdnum import ScaleRule
    >>> cells_summed([E4M3] * 3, ScaleRule.COVERING)
    2097152
    >>> cells_summed([INT8_SYMMETRIC] * 3, ScaleRule.AMAX)
    0
    """
    mixed_decomposition(elements, 1, rule=rule)
    step = _even_step(elements, _scales(elements, rule), rule)
    if step is not None and Fraction(1, 2) / step > MANY:
        return 0
    return math.prod(1 << element.bits - 1 for element in elements)


def _even_step(
    elements: Sequence[ElementFormat], scales: Sequence[Fraction], rule: ScaleRule
) -> Fraction | None:
    """Return the last scale where all terms together are a grid of it; None where they are not."""
    whole = all(isinstance(e, IntegerFormat) and not e.fraction_bits for e in elements)
    tops = [top_element(element, rule) for element in elements]
    fits = all(a == 2 * top * b for (a, b), top in zip(pairwise(scales), tops[1:], strict=True))
    return scales[-1] if whole and fits else None


def _even_steps(low: Fraction, high: Fraction) -> Decimal:
    """Sum ``_primitive`` over the cells of the integers between two numbers.

    Of a whole cell it is ``-n / (n**2 - 1/4)``, half the sum of ``-1 / (n - 1/2)`` and
    ``-1 / (n + 1/2)``, and an eighth of the difference of their squares.
    """
    half = Fraction(1, 2)
    first, last = math.floor(low + half), math.ceil(high - half)
    ends = (Fraction(first), low, first + half), (Fraction(last), last - half, high)
    a, b = first + half, last - half
    whole = (1 / a**2 - 1 / b**2) / 8 - (1 / a + 1 / b) / 2
    between = _digamma(last - 1) - _digamma(first + 1)
    return _sum_of_steps(ends) + _decimal(whole) - between


def _digamma(n: int) -> Decimal:
    """Evaluate ``psi(n + 1/2)``, a sum of ``1 / (k + 1/2)`` for k below n but for a constant."""
    rest = sum((c / Fraction(n) ** (2 * i) for i, c in enumerate(DIGAMMA, 1)), Fraction(0))
    return Decimal(n).ln() + _decimal(rest)


def _sum_of_steps(cells: Iterable[tuple[Fraction, Fraction, Fraction]]) -> Decimal:
    steps = (_primitive(v, b) - _primitive(v, a) for v, a, b in cells)
    return sum(steps, Decimal(0))


@cache
def _cubes(elements: tuple[ElementFormat, ...], rule: ScaleRule) -> Fraction:
    """Return the sum over the cells of the whole range, which no binade changes."""
    cells = _cells(elements, _scales(elements, rule), Fraction(0), Fraction(1))
    return sum(((b - v) ** 3 - (a - v) ** 3 for v, a, b in cells), Fraction(0))


def _scales(elements: Sequence[ElementFormat], rule: ScaleRule) -> list[Fraction]:
    """Return the scale of each term for the range 1."""
    scales, span = [], Fraction(1)
    for element in elements:
        scales.append(span / top_element(element, rule))
        span = scales[-1] * half_gap(element, top_element(element, rule))
    return scales


def _decimal(x: Fraction) -> Decimal:
    return Decimal(x.numerator) / Decimal(x.denominator)


def _primitive(v: Fraction, x: Fraction) -> Decimal:
    """Evaluate an integral of ``(x - v)**2 / x**3``, less its logarithm."""
    ratio = _decimal(v / x)
    return 2 * ratio - ratio * ratio / 2


def _cells(
    elements: Sequence[ElementFormat], scales: Sequence[Fraction], low: Fraction, high: Fraction
) -> Iterator[tuple[Fraction, Fraction, Fraction]]:
    """Tile [low, high] by (v, a, b): all x in [a, b] become v."""
    if not elements:
        yield Fraction(0), low, high
        return
    scale, values = scales[0], _values(elements[0])
    edges = [scale * (a + b) / 2 for a, b in pairwise(values)]
    first, last = bisect_right(edges, low), bisect_left(edges, high)
    borders = [low, *edges[first:last], high]
    for value, (a, b) in zip(values[first : last + 1], pairwise(borders), strict=True):
        v = scale * value
        for rest, c, d in _cells(elements[1:], scales[1:], a - v, b - v):
            yield v + rest, v + c, v + d


@cache
def _values(element: ElementFormat) -> tuple[Fraction, ...]:
    """Return all numbers of an element format, in order."""
    return tuple(sorted({Fraction(x) for x in element.values if math.isfinite(x)}))
