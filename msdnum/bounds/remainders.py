"""Remainders of any scheme: the range that each term is given and leaves."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import accumulate

from msdnum.bounds.casts import half_gap
from msdnum.bounds.decompositions import int8_decomposition_float32
from msdnum.bounds.rationals import Number, ceil_log2, positive, pow2
from msdnum.display import html
from msdnum.formats.blocks import BlockFormat
from msdnum.formats.elements import (
    E8M0,
    INT8_SYMMETRIC,
    FloatFormat,
    IntegerFormat,
    SpacedFormat,
    spaced,
)
from msdnum.formats.modes import Arithmetic, ScaleRule
from msdnum.formats.schemes import OWN_AMAX, Scheme

__all__ = ["TermBound", "amax_limit", "remainder", "term_bounds"]


@dataclass(frozen=True)
class TermBound(html.Shown):
    """What is known of a term before any data is seen.

    Parameters
    ----------
    scale : Fraction
        The largest that its scale can be.
    carried : Fraction
        Bound on what it is given to round.
    remainder : Fraction or float
        Bound on what it leaves of that; Inf where nothing is proved.
    """

    scale: Fraction
    carried: Fraction | float
    remainder: Fraction | float


def remainder(scheme: Scheme, alpha: Number = 1, *, binade: int = 0) -> Fraction | float:
    """Bound what a scheme leaves of every element of a block whose range is ``alpha``.

    A range a is carried from ``a = alpha``: of ``|x| <= a`` a term of scale s leaves at most
    ``s * E(a / s)``, where, for a format of precision p whose largest number is M::

        c = min(t, M),  k = max(ceil(log2(c)) - 1, emin)
        E(t) = max(t - M, min(2**(k - p), max(c - 2**k, 2**(k - p - 1))))

    the second maximum being c where k is emin: half the widest gap that c reaches into, or what
    saturation cuts off. Fixed-point elements are formats whose numbers are all below
    ``2**(emin + 1)``. It is the largest remainder of any real block, for any elements, ratios,
    scale rules and ties, with E8M0's clamp at both ends.

    Parameters
    ----------
    scheme : Scheme
        Any. In FLOAT32 arithmetic only ``int8_decomposition_float32`` is proved, and nothing of
        elements that flush subnormals.
    alpha : number
        Range of the block: the covering power of two, under AMAX its amax M.
    binade : int
        Bound only the ``|x| <= alpha * 2**-binade`` of the block. Where the bound has no less for
        them it is that of the block: by own amax, and in FLOAT32 arithmetic.

    Returns
    -------
    Fraction or float
        Forward error, absolute; Inf where nothing is proved.

    Raises
    ------
    ValueError
        If ``alpha`` is not positive, or with E8M0 scales not a power of two.

    Notes
    -----
    Source: theorem remainder.

    Examples
    --------
    >>> from msdnum import SCHEMES, bounds
    >>> bounds.remainder(SCHEMES["MXFP4_X2"])
    Fraction(1, 64)
    """
    return term_bounds(scheme, alpha, binade=binade)[-1].remainder


def term_bounds(scheme: Scheme, alpha: Number = 1, *, binade: int = 0) -> tuple[TermBound, ...]:
    """Return the bounds of ``remainder`` term by term, of a block whose range is ``alpha``.

    Parameters, errors and notes are those of ``remainder``.

    Examples
    --------
    >>> from msdnum import SCHEMES, bounds
    >>> for term in bounds.term_bounds(SCHEMES["MXFP4_X2"]):
    ...     print(term)
    TermBound(scale=Fraction(1, 4), carried=Fraction(1, 1), remainder=Fraction(1, 8))
    TermBound(scale=Fraction(1, 32), carried=Fraction(1, 8), remainder=Fraction(1, 64))
    """
    span = positive("alpha", alpha)
    if binade < 0:
        raise ValueError(f"binade must be at least 0, got {binade}")
    if scheme.arithmetic is Arithmetic.FLOAT32:
        return _float32_terms(scheme, span)
    found = _exact_terms(scheme, span, span * pow2(-binade))
    flushes = any(isinstance(e, FloatFormat) and not e.subnormals for e in scheme.elements)
    return tuple(_unproved(scheme, found)) if flushes else found


def _unproved(scheme: Scheme, terms: tuple[TermBound, ...]) -> Iterator[TermBound]:
    """Yield what is known of terms of which it is not proved what they leave: their scales."""
    carried: Fraction | float = terms[0].carried
    for term in terms:
        scale = terms[0].scale if scheme.ratios is OWN_AMAX else term.scale
        yield TermBound(scale, carried, math.inf)
        carried = math.inf


def _exact_terms(scheme: Scheme, span: Fraction, reach: Fraction) -> tuple[TermBound, ...]:
    """Return the bounds of terms in exact arithmetic, of a block of numbers up to ``reach``."""
    if scheme.formats[0].scale != E8M0:
        first = span / Fraction(scheme.formats[0].element.max_finite)
        return tuple(_with_scales(scheme, _scales_below(scheme, first), reach))
    if pow2(ceil_log2(span)) != span:
        raise ValueError(f"alpha must be a power of two with E8M0 scales, got {span}")
    if scheme.ratios is OWN_AMAX:
        # However small a number is, the scales are those of its block.
        return tuple(_by_own_amax(scheme, span))
    cases = (
        _with_scales(scheme, _clamped_below(scheme, exponent), min(reach, amax))
        for exponent, amax in _first_exponents(scheme.formats[0], span)
    )
    return tuple(map(_worst, zip(*cases, strict=True)))


def _worst(choices: Iterable[TermBound]) -> TermBound:
    """Return the largest of everything that one term can be."""
    scales, reaches, left = zip(*((c.scale, c.carried, c.remainder) for c in choices), strict=True)
    return TermBound(max(scales), max(reaches), max(left))


def amax_limit(fmt: BlockFormat) -> tuple[Fraction, bool]:
    """Return the largest amax over its scale that a rule allows, and whether it is met."""
    element, top = fmt.element, pow2(fmt.element.emax)
    match fmt.rule:
        case ScaleRule.CEIL:
            return top, True
        case ScaleRule.RCEIL:
            return Fraction(element.max_finite), True
        case ScaleRule.EVEN:
            return top * (2 - pow2(-element.precision)), False
        case ScaleRule.FLOOR:
            return 2 * top, False
    raise ValueError(f"rule must give powers of two, got {fmt.rule.name}")


def _scale_exponent(amax: Fraction, fmt: BlockFormat) -> int:
    """Return the exponent of the least scale that the rule allows for this amax, not clamped."""
    limit, met = amax_limit(fmt)
    exponent = ceil_log2(amax / limit)
    return exponent + (not met and amax == limit * pow2(exponent))


def _first_exponents(fmt: BlockFormat, alpha: Fraction) -> Iterator[tuple[int, Fraction]]:
    """Yield the scale's exponents for an amax in ``(alpha / 2, alpha]``, and up to which amax."""
    exponent = _scale_exponent(alpha, fmt)
    yield exponent, alpha
    below = amax_limit(fmt)[0] * pow2(exponent - 1)
    if below > alpha / 2:
        yield exponent - 1, below


def _clamped_below(scheme: Scheme, exponent: int) -> Iterator[Fraction]:
    """Yield the scales of all terms from the exponent of the first: clamped last, as E8M0 is."""
    return map(_e8m0, accumulate((-drop for drop in scheme.ratio_exponents), initial=exponent))


def _e8m0(exponent: int) -> Fraction:
    return pow2(min(max(exponent, -127), 127))


def _scales_below(scheme: Scheme, first: Fraction) -> Iterator[Fraction]:
    return accumulate(scheme.ratios or (), lambda scale, ratio: scale / ratio, initial=first)


def _with_scales(
    scheme: Scheme, scales: Iterable[Fraction], reach: Fraction
) -> Iterator[TermBound]:
    """Yield the terms with these scales, of a block of numbers up to ``reach``."""
    for fmt, scale in zip(scheme.formats, scales, strict=True):
        left = scale * _left_of(reach / scale, spaced(fmt.element, "elements"))
        yield TermBound(scale, reach, left)
        reach = left


def _by_own_amax(scheme: Scheme, reach: Fraction) -> Iterator[TermBound]:
    """Yield the terms where each scale follows from what is left, whose amax is up to ``reach``.

    A term leaves the most of an amax with the largest scale, or of the limit of the one below.
    """
    for fmt in scheme.formats:
        exponent = _scale_exponent(reach, fmt)
        scale, below = _e8m0(exponent), _e8m0(exponent - 1)
        left = scale * _left_of(reach / scale, spaced(fmt.element, "elements"))
        if below < scale:
            left = max(left, below * _left_of(amax_limit(fmt)[0], spaced(fmt.element, "elements")))
        yield TermBound(scale, reach, left)
        reach = left


def _left_of(t: Fraction, element: SpacedFormat) -> Fraction:
    """Return the most that rounding to an element, saturating, leaves of any ``|x| <= t``."""
    largest = Fraction(element.max_finite)
    reached = min(t, largest)
    gap = half_gap(element, reached)
    if isinstance(element, IntegerFormat) or reached <= pow2(element.emin + 1):
        half = min(gap, reached)
    else:
        half = min(gap, max(reached - pow2(ceil_log2(reached) - 1), gap / 2))
    return max(t - largest, half)


def _float32_terms(scheme: Scheme, amax: Fraction) -> tuple[TermBound, ...]:
    """Return what theorem int8-decomposition-float32 has; Inf for any other digits and amaxes."""
    fixed = (Fraction(254),) * (scheme.terms - 1)
    digits = all(f.element == INT8_SYMMETRIC for f in scheme.formats) and not scheme.requantizes
    proved = digits and scheme.ratios == fixed
    left = [_float32_remainder(amax, n) if proved else math.inf for n in range(scheme.terms + 1)]
    first = amax / Fraction(scheme.elements[0].max_finite)
    # Scales that follow from what is left are no larger than the first.
    scales = [first] * scheme.terms if scheme.ratios is OWN_AMAX else _scales_below(scheme, first)
    return tuple(map(TermBound, scales, left, left[1:]))


def _float32_remainder(amax: Fraction, terms: int) -> Fraction | float:
    if not terms:
        return amax
    try:
        return int8_decomposition_float32(amax, terms)
    except ValueError:
        return math.inf
