"""Bounds on the schemes that the papers have, each in closed form."""

from collections.abc import Sequence
from fractions import Fraction

from msdnum.bounds.casts import half_gap
from msdnum.bounds.rationals import MAX_SCALE, MIN_SCALE, U32, Number, ceil_log2, positive, pow2
from msdnum.formats.elements import BINARY32, E2M1, E4M3, INT8_SYMMETRIC, ElementFormat, FloatFormat
from msdnum.formats.modes import ScaleRule

__all__ = [
    "int8_decomposition", "int8_decomposition_float32", "mixed_decomposition",
    "mxfp4_decomposition", "mxfp8_decomposition", "top_element",
]  # fmt: skip


def mixed_decomposition(
    elements: Sequence[ElementFormat],
    amax: Number = 1,
    *,
    rule: ScaleRule = ScaleRule.COVERING,
    binade: int = 0,
) -> Fraction:
    """Bound what a decomposition leaves of any ``|x| <= amax * 2**-binade``, in exact arithmetic.

    Term i with element format of precision p has the scale ``range_i / top`` and leaves at most
    ``theta * range_i``, which is the range of the next. Under COVERING ``amax`` is the covering
    power of two alpha, ``top = 2**emax`` and ``theta = 2**-(p + 1)`` (``2**-p`` for integers);
    under AMAX, of integers, ``top = max_integer`` and ``theta = 1 / (2 * max_integer)``. No term
    saturates. Forward error, absolute; attained
    in binade 0.

    Parameters
    ----------
    elements : sequence of ElementFormat
        Format of each term.
    amax : number
        Range of the block: alpha under COVERING, M under AMAX. The bound is proportional to it
        down to the underflow term, half of ``eta`` times the least E8M0 scale, ``2**-127``.
    rule : ScaleRule
        COVERING or AMAX.
    binade : int
        Bound only the ``|x| <= amax * 2**-binade`` of the block.

    Returns
    -------
    Fraction
        Bound on ``|x - sum of terms|``.

    Raises
    ------
    ValueError
        If ``amax`` is not positive (a power of two under COVERING, whose scales are at most the
        largest of E8M0, ``2**127``), there are no elements, or they are floats under AMAX.

    Notes
    -----
    Source: theorem mixed-decomposition. It has floats under COVERING and integers under AMAX, of
    the whole block. Integers under COVERING, mixtures and lower binades are theorem remainder's,
    whose numbers these are.

    Examples
    --------
    >>> from msdnum import bounds
    >>> from msdnum.formats import E2M1, E4M3
    >>> bounds.mixed_decomposition([E4M3, E2M1]), bounds.mixed_decomposition([E2M1, E4M3])
    (Fraction(1, 256), Fraction(1, 256))
    """
    span = positive("amax", amax)
    if not elements:
        raise ValueError("elements must name at least one format, got none")
    if binade < 0:
        raise ValueError(f"binade must be at least 0, got {binade}")
    tops = [top_element(element, rule) for element in elements]
    if rule is ScaleRule.COVERING and pow2(ceil_log2(span)) != span:
        raise ValueError(f"amax must be a power of two under COVERING, got {amax}")
    if rule is ScaleRule.COVERING and span / tops[0] > MAX_SCALE:
        raise ValueError(f"amax must have a scale of at most 2**127, got {float(amax):.3g}")
    reach = span * pow2(-binade)
    for element, top in zip(elements, tops, strict=True):
        reach = min(reach, span / top * half_gap(element, reach / span * top))
        span = span / top * half_gap(element, top)
    if rule is ScaleRule.AMAX:
        return reach
    return max(reach, *(MIN_SCALE * Fraction(element.eta) / 2 for element in elements))


def top_element(element: ElementFormat, rule: ScaleRule) -> Fraction:
    """Element value that the range of a term is mapped to."""
    if rule not in (ScaleRule.COVERING, ScaleRule.AMAX):
        raise ValueError(f"rule must be COVERING or AMAX, got {rule.name}")
    if rule is ScaleRule.AMAX and isinstance(element, FloatFormat):
        raise ValueError(f"elements must be integers under AMAX, got {element.name}")
    if isinstance(element, FloatFormat) and not element.subnormals:
        raise ValueError(f"elements must have a zero and subnormals, got {element.name}")
    return pow2(element.emax) if rule is ScaleRule.COVERING else Fraction(element.max_finite)


def _repeated(element: ElementFormat, terms: int) -> tuple[ElementFormat, ...]:
    if terms < 1:
        raise ValueError(f"terms must be at least 1, got {terms}")
    return (element,) * terms


def int8_decomposition(amax: Number = 1, terms: int = 2) -> Fraction:
    """``amax / (2 * 127 * 254**(terms - 1))``: n-pass INT8 in exact arithmetic.

    Forward error, absolute, for every ``|x| <= amax``; the digits never exceed 127. Attained at
    ``x = amax / (2 * 127 * 254**(terms - 1))``.

    Notes
    -----
    Source: paper, claim C1 (``M / 64516`` for two); theorem int8-decomposition.

    Examples
    --------
    >>> from msdnum import bounds
    >>> bounds.int8_decomposition()
    Fraction(1, 64516)
    """
    return mixed_decomposition(_repeated(INT8_SYMMETRIC, terms), amax, rule=ScaleRule.AMAX)


def int8_decomposition_float32(amax: Number = 1, terms: int = 2) -> Fraction:
    """Bound n-pass INT8 with every operation rounded to binary32, without FMA.

    With u = ``2**-24``, D = ``2 * 127 * 254**(terms - 1)``::

        amax * (1 + u)**terms * ((1 + 2**-17) / D + u * (1 + 1/254 + ... + 254**(2 - terms)))

    Forward error, absolute, of the exact sum of the terms, for binary32 ``|x| <= amax``. The first
    part is the ideal bound: scales are off by ``1 + u`` per rounding, digits by half a unit and
    ``2**-18`` for the rounded quotient. The second is the rounding of the products ``s * q``; the
    subtractions are exact. For two terms this is 1.003853 of the ideal. The worst BF16 pair reaches
    1.001348 of it, so that M/64516 itself is false here, and a binary32 pair 1.003790.

    Raises
    ------
    ValueError
        If ``terms`` is not 1, 2 or 3, for which it is proved; if a scale could be subnormal
        (``amax`` below about ``2**-126 * D / 2``, where the theorem is false); or if ``amax`` is
        above ``(1 - 2**-23) * 2**128``, where ``s * q`` can overflow.

    Notes
    -----
    Source: theorem int8-decomposition-float32.

    Examples
    --------
    >>> from msdnum import bounds
    >>> exact, vector_unit = bounds.int8_decomposition(), bounds.int8_decomposition_float32()
    >>> vector_unit > exact, round(float(vector_unit / exact), 4)
    (True, 1.0039)
    """
    ideal = int8_decomposition(1, terms)
    if terms > 3:
        raise ValueError(f"terms must be 1, 2 or 3 in binary32, got {terms}")
    span = positive("amax", amax)
    growth = (1 + U32) ** terms
    if not growth * Fraction(BINARY32.min_normal) <= 2 * ideal * span:
        raise ValueError(f"amax must keep every scale normal in binary32, got {amax}")
    if span > (1 - Fraction(1, 2**23)) * 2**128:
        raise ValueError(f"amax must be at most (1 - 2**-23) * 2**128, got {amax}")
    products = sum((Fraction(1, 254**i) for i in range(terms - 1)), Fraction(0))
    return span * growth * (ideal * (1 + Fraction(1, 2**17)) + U32 * products)


def mxfp4_decomposition(alpha: Number = 1, terms: int = 2, binade: int = 0) -> Fraction:
    """``alpha / 8**terms``, or ``2**-129`` if larger: n-pass MXFP4 with the covering alpha.

    Forward error, absolute, for every ``|x| <= alpha * 2**-binade``. No term saturates. Attained
    at ``x = 37/64 alpha`` for two terms. Binades 1 to 7 have half of it for two terms.

    Notes
    -----
    Source: paper, claim C2; theorem mxfp4-decomposition.

    Examples
    --------
    >>> from msdnum import bounds
    >>> bounds.mxfp4_decomposition(), bounds.mxfp4_decomposition(terms=3)
    (Fraction(1, 64), Fraction(1, 512))
    """
    return mixed_decomposition(_repeated(E2M1, terms), alpha, binade=binade)


def mxfp8_decomposition(alpha: Number = 1, terms: int = 1, binade: int = 0) -> Fraction:
    """``alpha / 32**terms``, or the underflow term: n-pass MXFP8 (E4M3) with the covering alpha.

    Forward error, absolute, for every ``|x| <= alpha * 2**-binade``; a single term is relative,
    ``alpha * 2**-binade / 32`` down to ``alpha * 2**-18``. So two-pass MXFP4 has half the worst
    case of one-pass MXFP8 in binades 0 and 1, the same in binade 2, and loses below alpha/8.

    Notes
    -----
    Source: theorem mxfp8-decomposition.

    Examples
    --------
    >>> from msdnum import bounds
    >>> bounds.mxfp8_decomposition(), bounds.mxfp8_decomposition(terms=2)
    (Fraction(1, 32), Fraction(1, 1024))
    """
    return mixed_decomposition(_repeated(E4M3, terms), alpha, binade=binade)
