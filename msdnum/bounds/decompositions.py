"""What is promised before any data is seen: one function per theorem of ``proofs/``.

Arguments are formats, ranges and sizes, never arrays. A bound that is rational is returned as an
exact Fraction; one with an exponential or a square root is a float, rounded up.
"""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal, localcontext
from fractions import Fraction
from functools import cache
from itertools import accumulate, pairwise

from msdnum.formats.elements import (
    BINARY32,
    E2M1,
    E4M3,
    E8M0,
    INT8_SYMMETRIC,
    BlockFormat,
    ElementFormat,
    FloatFormat,
    IntegerFormat,
)
from msdnum.formats.modes import Arithmetic, ScaleRule
from msdnum.formats.schemes import OWN_AMAX, Scheme

__all__ = [
    "EXACT",
    "U32",
    "Accumulation",
    "AttentionBound",
    "GemmBound",
    "ProbabilisticGemmBound",
    "RmsError",
    "RoundingBound",
    "ScaleRuleBound",
    "TermBound",
    "attention",
    "blocked",
    "element_rounding",
    "gamma",
    "gemm",
    "gemm_probabilistic",
    "int32",
    "int32_overflow",
    "int8_decomposition",
    "int8_decomposition_float32",
    "matrix_unit",
    "mixed_decomposition",
    "mxfp4_decomposition",
    "mxfp4_scale_rules",
    "mxfp8_decomposition",
    "pairwise_sum",
    "remainder",
    "rms_error",
    "sequential",
    "term_bounds",
]

Number = Fraction | float | int

U32 = Fraction(BINARY32.unit_roundoff)
MIN_SCALE = Fraction(1, 2**127)
INT32_MAX = 2**31 - 1


# Elements


@dataclass(frozen=True)
class RoundingBound:
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
    ValueError
        For a format without zero (E8M0), which has no absolute bound.

    Notes
    -----
    Source: theorem element-rounding.
    """
    half = Fraction(fmt.eta) / 2
    if isinstance(fmt, IntegerFormat):
        return RoundingBound(Fraction(1), half, half)
    if not fmt.subnormals:
        raise ValueError(f"fmt must have a zero and subnormals, got {fmt.name}")
    u = Fraction(fmt.unit_roundoff)
    return RoundingBound(u / (1 + u), half, _half_gap(fmt, Fraction(fmt.max_finite)))


def _half_gap(fmt: ElementFormat, reach: Fraction) -> Fraction:
    """Half the widest spacing of the numbers of ``fmt`` up to ``reach``."""
    if isinstance(fmt, IntegerFormat):
        return Fraction(fmt.eta) / 2
    exponent = max(_ceil_log2(reach) - 1, fmt.emin)
    return _pow2(exponent - fmt.precision)


def _pow2(exponent: int) -> Fraction:
    return Fraction(1 << max(exponent, 0), 1 << max(-exponent, 0))


def _ceil_log2(x: Fraction) -> int:
    exponent = x.numerator.bit_length() - x.denominator.bit_length()
    while _pow2(exponent) < x:
        exponent += 1
    return exponent


# Decompositions


@dataclass(frozen=True)
class TermBound:
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
        Any. In FLOAT32 arithmetic only ``int8_decomposition_float32`` is proved.
    alpha : number
        Range of the block: the covering power of two, under AMAX its amax M.
    binade : int
        Bound only the ``|x| <= alpha * 2**-binade`` of the block.

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
    """
    span = _positive("alpha", alpha)
    if binade < 0:
        raise ValueError(f"binade must be at least 0, got {binade}")
    if scheme.arithmetic is Arithmetic.FLOAT32:
        return _float32_terms(scheme, span)
    reach = span * _pow2(-binade)
    if scheme.formats[0].scale != E8M0:
        first = span / Fraction(scheme.formats[0].element.max_finite)
        return tuple(_with_scales(scheme, _scales_below(scheme, first), reach))
    if _pow2(_ceil_log2(span)) != span:
        raise ValueError(f"alpha must be a power of two with E8M0 scales, got {alpha}")
    if scheme.ratios is OWN_AMAX:
        return tuple(_by_own_amax(scheme, reach))
    cases = (
        _with_scales(scheme, _clamped_below(scheme, exponent), min(reach, amax))
        for exponent, amax in _first_exponents(scheme.formats[0], span)
    )
    return tuple(map(_worst, zip(*cases, strict=True)))


def _worst(choices: Iterable[TermBound]) -> TermBound:
    """Return the largest of everything that one term can be."""
    scales, reaches, left = zip(*((c.scale, c.carried, c.remainder) for c in choices), strict=True)
    return TermBound(max(scales), max(reaches), max(left))


def _limit(fmt: BlockFormat) -> tuple[Fraction, bool]:
    """Return the largest amax over its scale that a rule allows, and whether it is met."""
    element, top = fmt.element, _pow2(fmt.element.emax)
    match fmt.rule:
        case ScaleRule.CEIL:
            return top, True
        case ScaleRule.RCEIL:
            return Fraction(element.max_finite), True
        case ScaleRule.EVEN:
            return top * (2 - _pow2(-element.precision)), False
        case ScaleRule.FLOOR:
            return 2 * top, False
    raise ValueError(f"rule must give powers of two, got {fmt.rule.name}")


def _scale_exponent(amax: Fraction, fmt: BlockFormat) -> int:
    """Return the exponent of the least scale that the rule allows for this amax, not clamped."""
    limit, met = _limit(fmt)
    exponent = _ceil_log2(amax / limit)
    return exponent + (not met and amax == limit * _pow2(exponent))


def _first_exponents(fmt: BlockFormat, alpha: Fraction) -> Iterator[tuple[int, Fraction]]:
    """Yield the scale's exponents for an amax in ``(alpha / 2, alpha]``, and up to which amax."""
    exponent = _scale_exponent(alpha, fmt)
    yield exponent, alpha
    below = _limit(fmt)[0] * _pow2(exponent - 1)
    if below > alpha / 2:
        yield exponent - 1, below


def _clamped_below(scheme: Scheme, exponent: int) -> Iterator[Fraction]:
    """Yield the scales of all terms from the exponent of the first: clamped last, as E8M0 is."""
    return map(_e8m0, accumulate((-drop for drop in scheme.ratio_exponents), initial=exponent))


def _e8m0(exponent: int) -> Fraction:
    return _pow2(min(max(exponent, -127), 127))


def _scales_below(scheme: Scheme, first: Fraction) -> Iterator[Fraction]:
    return accumulate(scheme.ratios or (), lambda scale, ratio: scale / ratio, initial=first)


def _with_scales(
    scheme: Scheme, scales: Iterable[Fraction], reach: Fraction
) -> Iterator[TermBound]:
    """Yield the terms with these scales, of a block of numbers up to ``reach``."""
    for fmt, scale in zip(scheme.formats, scales, strict=True):
        left = scale * _left_of(reach / scale, fmt.element)
        yield TermBound(scale, reach, left)
        reach = left


def _by_own_amax(scheme: Scheme, reach: Fraction) -> Iterator[TermBound]:
    """Yield the terms where each scale follows from what is left, whose amax is up to ``reach``.

    A term leaves the most of an amax with the largest scale, or of the limit of the one below.
    """
    for fmt in scheme.formats:
        exponent = _scale_exponent(reach, fmt)
        scale, below = _e8m0(exponent), _e8m0(exponent - 1)
        left = scale * _left_of(reach / scale, fmt.element)
        if below < scale:
            left = max(left, below * _left_of(_limit(fmt)[0], fmt.element))
        yield TermBound(scale, reach, left)
        reach = left


def _left_of(t: Fraction, element: ElementFormat) -> Fraction:
    """Return the most that rounding to an element, saturating, leaves of any ``|x| <= t``."""
    largest = Fraction(element.max_finite)
    reached = min(t, largest)
    gap = _half_gap(element, reached)
    if isinstance(element, IntegerFormat) or reached <= _pow2(element.emin + 1):
        half = min(gap, reached)
    else:
        half = min(gap, max(reached - _pow2(_ceil_log2(reached) - 1), gap / 2))
    return max(t - largest, half)


def _float32_terms(scheme: Scheme, amax: Fraction) -> tuple[TermBound, ...]:
    """Return what theorem int8-decomposition-float32 has; Inf for any other digits and amaxes."""
    fixed = (Fraction(254),) * (scheme.terms - 1)
    proved = scheme.ratios == fixed and all(f.element == INT8_SYMMETRIC for f in scheme.formats)
    left = [_float32_remainder(amax, n) if proved else math.inf for n in range(scheme.terms + 1)]
    scales = _scales_below(scheme, amax / 127)
    return tuple(map(TermBound, scales, left, left[1:]))


def _float32_remainder(amax: Fraction, terms: int) -> Fraction | float:
    if not terms:
        return amax
    try:
        return int8_decomposition_float32(amax, terms)
    except ValueError:
        return math.inf


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
        If ``amax`` is not positive (a power of two under COVERING), there are no elements, or they
        are floats under AMAX.

    Notes
    -----
    Source: theorem mixed-decomposition.
    """
    span = _positive("amax", amax)
    if not elements:
        raise ValueError("elements must name at least one format, got none")
    if binade < 0:
        raise ValueError(f"binade must be at least 0, got {binade}")
    tops = [_top(element, rule) for element in elements]
    if rule is ScaleRule.COVERING and _pow2(_ceil_log2(span)) != span:
        raise ValueError(f"amax must be a power of two under COVERING, got {amax}")
    reach = span * _pow2(-binade)
    for element, top in zip(elements, tops, strict=True):
        reach = min(reach, span / top * _half_gap(element, reach / span * top))
        span = span / top * _half_gap(element, top)
    if rule is ScaleRule.AMAX:
        return reach
    return max(reach, *(MIN_SCALE * Fraction(element.eta) / 2 for element in elements))


def _top(element: ElementFormat, rule: ScaleRule) -> Fraction:
    """Element value that the range of a term is mapped to."""
    if rule not in (ScaleRule.COVERING, ScaleRule.AMAX):
        raise ValueError(f"rule must be COVERING or AMAX, got {rule.name}")
    if rule is ScaleRule.AMAX and isinstance(element, FloatFormat):
        raise ValueError(f"elements must be integers under AMAX, got {element.name}")
    if isinstance(element, FloatFormat) and not element.subnormals:
        raise ValueError(f"elements must have a zero and subnormals, got {element.name}")
    return _pow2(element.emax) if rule is ScaleRule.COVERING else Fraction(element.max_finite)


def _positive(name: str, x: Number) -> Fraction:
    if not (math.isfinite(x) and x > 0):
        raise ValueError(f"{name} must be positive and finite, got {x}")
    return Fraction(x)


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
    """
    ideal = int8_decomposition(1, terms)
    if terms > 3:
        raise ValueError(f"terms must be 1, 2 or 3 in binary32, got {terms}")
    span = _positive("amax", amax)
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
    """
    return mixed_decomposition(_repeated(E4M3, terms), alpha, binade=binade)


@dataclass(frozen=True)
class ScaleRuleBound:
    """The best constants of a scale rule, and where they are met.

    Parameters
    ----------
    alpha, amax : Fraction
        Supremum of ``|error|`` over the covering power of two alpha, and over the block's amax.
    attained : bool
        Whether both are maxima; if not, they are approached but not met.
    witness_alpha, witness_amax : tuple of Fraction
        ``(x, amax)`` in units of the first scale, at which each is met, or its limit point.
    """

    alpha: Fraction
    amax: Fraction
    attained: bool
    witness_alpha: tuple[Fraction, Fraction]
    witness_amax: tuple[Fraction, Fraction]


def mxfp4_scale_rules(rule: ScaleRule, terms: int = 2, *, own_amax: bool = False) -> ScaleRuleBound:
    """Tight constants of n-pass MXFP4 under a scale rule.

    Each next scale is the previous one over 8, or, with ``own_amax``, what the same rule makes of
    the remainder's own amax. Two terms, relative to alpha and to amax:

    ==========  =================  =================
    rule        scale / 8          own amax
    ==========  =================  =================
    CEIL        1/64 and 1/37      1/64 and 1/37
    RCEIL       1/32 and 1/20      1/64 and 1/37
    EVEN        1/32 and 1/20      1/64 and 1/37
    FLOOR       5/32 and 5/32 (*)  1/16 and 1/16 (*)
    ==========  =================  =================

    (*) approached as x = amax goes up to a power of two, not met. Hypothesis: no scale is below
    ``2**-127``. The constants 1/64 and 1/37 are optimal: whatever two power-of-two
    scales and whatever rounding, greedy or joint, no sum of two E2M1 terms is nearer than 1 to 37.

    Machine-checked for two terms, optimality included; proved by hand for any other number.

    Raises
    ------
    ValueError
        If ``terms`` is below 1 or the rule is AMAX.

    Notes
    -----
    Source: theorem mxfp4-scale-rules.
    """
    if terms < 1:
        raise ValueError(f"terms must be at least 1, got {terms}")
    if rule is ScaleRule.AMAX:
        raise ValueError("rule must give power-of-two scales, got AMAX")
    if rule is ScaleRule.FLOOR:
        left = Fraction(8, 4**terms) if own_amax else _saturated(2, terms)
        return _met_at(Fraction(8), left, attained=False)
    if rule is ScaleRule.CEIL or own_amax:
        return _covered(terms)
    return _met_at(Fraction(5), _saturated(1, terms), attained=True)


def _covered(terms: int) -> ScaleRuleBound:
    """Every pass leaves 1/8 of its alpha; the worst x is 2 + 2/8 + ... + 2.5/8**(n-1), alpha 4."""
    error = Fraction(4, 8**terms)
    x = Fraction(4 * 8**terms + 3, 14 * 8 ** (terms - 1))
    return ScaleRuleBound(error / 4, error / x, True, (x, Fraction(4)), (x, x))


def _saturated(left: int, terms: int) -> Fraction:
    """Return what n passes leave if the first leaves ``left`` and the next saturate at 6."""
    return left - 6 * sum((Fraction(1, 8**i) for i in range(1, terms)), Fraction(0))


def _met_at(x: Fraction, error: Fraction, *, attained: bool) -> ScaleRuleBound:
    """Both constants are met by the block's own amax, in first scales; alpha is 8 there."""
    return ScaleRuleBound(error / 8, error / x, attained, (x, x), (x, x))


# Accumulation


def gamma(roundings: int, unit_roundoff: Number = U32) -> Fraction:
    """``n u / (1 - n u)``: bound on the product of n factors ``(1 + delta)**(+-1)``, minus 1.

    Raises
    ------
    ValueError
        Unless ``n >= 0`` and ``0 <= n u < 1``.

    Notes
    -----
    Source: Higham, *Accuracy and Stability of Numerical Algorithms*, lemma 3.1.
    """
    nu = roundings * Fraction(unit_roundoff)
    if roundings < 0 or not 0 <= nu < 1:
        raise ValueError(
            f"roundings must be at least 0 and roundings * unit_roundoff in [0, 1), "
            f"got {roundings} * {float(unit_roundoff):.3g}"
        )
    return nu / (1 - nu)


@dataclass(frozen=True)
class Accumulation:
    """How often, and by how much at most, an addend is rounded on its way into the result.

    Parameters
    ----------
    roundings : int
        Roundings between an addend and the result: the depth of the summation tree.
    unit_roundoff : Fraction
        Relative error of each.
    nearest : bool
        Whether they round to nearest, so that errors of either sign are as likely.
    underflow : Fraction
        Absolute error of all results that are too small for a relative one.

    Raises
    ------
    ValueError
        If ``gamma`` does not exist.
    """

    roundings: int
    unit_roundoff: Fraction = U32
    nearest: bool = True
    underflow: Fraction = Fraction(0)

    def __post_init__(self) -> None:
        """Refuse what has no bound."""
        gamma(self.roundings, self.unit_roundoff)

    @property
    def gamma(self) -> Fraction:
        """Bound on the error relative to the sum of magnitudes."""
        return gamma(self.roundings, self.unit_roundoff)


EXACT = Accumulation(0)


def sequential(n: int) -> Accumulation:
    """Sum n addends in binary32 from first to last: ``n - 1`` roundings."""
    return Accumulation(_at_least_one("n", n) - 1)


def blocked(n: int, block_size: int) -> Accumulation:
    """Sum blocks one after the other, each sequentially, in binary32."""
    n, block_size = _at_least_one("n", n), _at_least_one("block_size", block_size)
    return Accumulation(min(n, block_size) - 1 + -(-n // block_size) - 1)


def pairwise_sum(n: int) -> Accumulation:
    """Sum neighbours, then their sums, in binary32: ``ceil(log2(n))`` roundings."""
    return Accumulation((_at_least_one("n", n) - 1).bit_length())


def matrix_unit(n: int, group: int, fraction_bits: int, result_bits: int = 23) -> Accumulation:
    """Add ``group`` products at a time to the accumulator as a truncating matrix unit does.

    Group and accumulator are aligned to the largest power of two among them, truncated after
    ``fraction_bits`` bits, summed exactly, and the sum is truncated to ``result_bits`` fraction
    bits. Each of the ``ceil(n / group)`` steps errs by at most
    ``(group + 1) * 2**-fraction_bits + 2**-result_bits`` of the magnitudes summed so far. Witnesses
    reach ``group - 1`` instead of ``group + 1``.

    Hypotheses: a product is at least the power of two that it is aligned to, so that one of a
    subnormal element counts with that power instead; and the magnitudes summed are at least
    ``2**-126``, which a subnormal accumulator is aligned to and a result truncated below. The power
    of a zero is no more than that, so it does not enter.

    Notes
    -----
    Source: ``matrix_unit_error`` in proofs/gemm, machine-checked.
    """
    n, group = _at_least_one("n", n), _at_least_one("group", group)
    step = Fraction(group + 1, 2**fraction_bits) + Fraction(1, 2**result_bits)
    return Accumulation(-(-n // group), step, nearest=False)


def int32(terms: int) -> Accumulation:
    """Sum each term exactly in int32, then convert, scale twice and add the terms in binary32.

    Three roundings (conversion, activation scale, weight scale) and ``terms - 1`` additions, for
    scales that are binary32 numbers; ``int32_overflow`` says up to which K the sums are exact.
    """
    return Accumulation(_at_least_one("terms", terms) + 2)


def _at_least_one(name: str, n: int) -> int:
    if n < 1:
        raise ValueError(f"{name} must be at least 1, got {n}")
    return n


def int32_overflow(max_a: int = 127, max_b: int = 127) -> int:
    """Largest K for which no sum of K products ``|a| <= max_a``, ``|b| <= max_b`` overflows int32.

    Attained: with all products ``max_a * max_b``, K + 1 overflow. 133,144 for 127 x 127.

    Notes
    -----
    Source: theorem int32-overflow.
    """
    return INT32_MAX // (_at_least_one("max_a", max_a) * _at_least_one("max_b", max_b))


# GEMM and attention


@dataclass(frozen=True)
class GemmBound:
    """Coefficients of a componentwise forward error bound.

    ``|C - AB|_ij <= product * (|A||B|)_ij + amax * sum_k a_ik |B_kj| + underflow``, with a_ik the
    range (alpha or M) of the block that holds A_ik.
    """

    product: Fraction
    amax: Fraction
    underflow: Fraction

    def at(self, product: Number, amax: Number) -> Fraction:
        """Bound of one entry, given ``(|A||B|)_ij`` and ``sum_k a_ik |B_kj|``."""
        sums = self.product * Fraction(product) + self.amax * Fraction(amax)
        return sums + self.underflow


def gemm(
    residuals: Sequence[Number], accumulation: Accumulation = EXACT, *, underflows: int = 0
) -> GemmBound:
    """Bound the error of a GEMM with a decomposed left factor and an exact right factor.

    Forward error, componentwise, against the product of A with the dequantized weights B. The
    decomposition contributes ``residuals[-1]`` of the ranges; the accumulation ``gamma`` of the
    magnitudes summed, and those are at most ``|A| + 2 r_1 + ... + 2 r_(n-1) + r_n``.

    Parameters
    ----------
    residuals : sequence of number
        Bound on the remainder after each term, relative to the range: ``[1/8, 1/64]`` for two-pass
        MXFP4, ``[1/254, 1/64516]`` for two-pass INT8.
    accumulation : Accumulation
        From ``sequential``, ``blocked``, ``pairwise_sum``, ``matrix_unit``, ``int32`` or ``EXACT``.
        Products of E2M1, E4M3 and INT8 values with power-of-two scales are exact in binary32, and
        the sum of a block of 32 MXFP4 products is too: there, count the blocks.
    underflows : int
        Multiplications per entry whose result may be subnormal; each adds ``2**-150``, provided
        that no scale above 1 follows. Additions do not underflow.

    Notes
    -----
    Source: theorem gemm.
    """
    *earlier, last = _residuals(residuals)
    carried = 2 * sum(earlier, Fraction(0)) + last
    growth = accumulation.gamma
    tiny = underflows * Fraction(BINARY32.eta) / 2 * (1 + growth)
    return GemmBound(growth, last + growth * carried, tiny)


def _residuals(residuals: Sequence[Number]) -> list[Fraction]:
    exact = [Fraction(residual) for residual in residuals]
    if not exact or min(exact) < 0:
        raise ValueError(f"residuals must be one or more numbers >= 0, got {list(residuals)}")
    return exact


@dataclass(frozen=True)
class ProbabilisticGemmBound:
    """Coefficients of a componentwise forward error bound that holds with a probability.

    ``product * (|A||B|)_ij + amax * sum_k a_ik |B_kj| + amax_two_norm * ||(a_ik B_kj)_k||_2``.
    """

    product: float
    amax: float
    amax_two_norm: float
    probability: float

    def at(self, product: float, amax: float, amax_two_norm: float) -> float:
        """Bound of one entry, given the three sums."""
        return self.product * product + self.amax * amax + self.amax_two_norm * amax_two_norm


def gemm_probabilistic(
    residuals: Sequence[Number], accumulation: Accumulation, addends: int, confidence: float
) -> ProbabilisticGemmBound:
    """Bound the same error for roundings and remainders that are independent with mean zero.

    With ``g = exp(lambda sqrt(d) u + d u^2 / (1 - u)) - 1`` for d roundings in place of gamma, and
    by Hoeffding ``lambda * residuals[-1]`` of the two-norm in place of the one-norm, each entry
    obeys the bound with probability at least
    ``1 - 2 (addends + 1) exp(-lambda^2 (1 - u)^2 / 2)``.

    For few roundings (``d < lambda^2``), or where fewer than ``lambda^2`` products have most of the
    magnitude, it is above ``gemm``, which always holds: take the smaller of the two.

    Parameters
    ----------
    residuals : sequence of number
        As in ``gemm``.
    accumulation : Accumulation
        Rounding to nearest: truncation is biased and the hypothesis false.
    addends : int
        Products per entry, of all terms.
    confidence : float
        lambda; positive.

    Raises
    ------
    ValueError
        If the accumulation truncates, or lambda is not positive.

    Notes
    -----
    Source: theorem gemm-probabilistic; Higham and Mary, SISC 41(5), 2019, theorems 2.4 and 3.1.
    """
    if not accumulation.nearest:
        raise ValueError("accumulation must round to nearest, got one that truncates")
    lam = float(_positive("confidence", confidence))
    *earlier, last = _residuals(residuals)
    carried = 2 * sum(earlier, Fraction(0)) + last
    u, d = float(accumulation.unit_roundoff), accumulation.roundings
    growth = _up(math.expm1(lam * math.sqrt(d) * u + d * u * u / (1 - u)))
    failure = 2 * (_at_least_one("addends", addends) + 1) * math.exp(-((lam * (1 - u)) ** 2) / 2)
    return ProbabilisticGemmBound(
        growth, _up(growth * float(carried)), _up(lam * float(last)), max(0.0, 1 - _up(failure))
    )


def _up(x: float) -> float:
    """Cover the few ulps by which a binary64 expression can be low."""
    return x * (1 + 2.0**-48)


@dataclass(frozen=True)
class AttentionBound:
    """Coefficients of a componentwise forward error bound on one output of attention.

    ``min(deviation * sum_k p_k |v_k - o|, spread * (max v - min v)) + weighted * sum_k p_k |v_k|
    + block * sum_k P_k |v_k| + values * sum_k p_k |dv_k|``: p is the exact softmax, P_k its largest
    entry in the block of p_k, v the quantized and dv the change of the values, o the exact output.
    """

    deviation: float
    spread: float
    weighted: float
    block: float
    values: float

    def at(
        self,
        deviation: float,
        spread: float,
        weighted: float = 0.0,
        block: float = 0.0,
        values: float = 0.0,
    ) -> float:
        """Bound of one output, given the five sums."""
        moved = min(self.deviation * deviation, self.spread * spread)
        return moved + self.weighted * weighted + self.block * block + self.values * values


def attention(
    score_error: float,
    residuals: Sequence[Number] = (0,),
    accumulation: Accumulation = EXACT,
    *,
    exp_error: float = 0.0,
    rescalings: int = 0,
) -> AttentionBound:
    """Bound the error of ``softmax(scores) @ V`` with decomposed weights and online softmax.

    Forward error, componentwise. Errors of at most e on the scores move the output by at most
    ``tanh(e / 2)`` of the spread of the values, which two groups of keys attain, and by
    ``(exp(2 e) - exp(e)) sum_k p_k |v_k - o|``, which is less where few keys have all the weight.
    Rescaling factors are common to numerator and denominator, so that errors of the exponential act
    as errors of the scores; roundings of products and sums act as ``gamma``.

    Parameters
    ----------
    score_error : float
        Bound on the error of every score of the row: ``gemm`` on Q, with the K scale folded in
        (one rounding more), times the softmax scale, plus the rounding of ``score - maximum``.
    residuals : sequence of number
        Remainders of the weights' decomposition relative to *amax* of the block, not alpha:
        ``[1/5, 1/37]`` for MXFP4, ``[1/254, 1/64516]`` for INT8, ``[0]`` for none.
    accumulation : Accumulation
        Of numerator and denominator, rescalings included.
    exp_error : float
        Relative error of the exponential, below 1.
    rescalings : int
        Rescalings of the running sums.

    Raises
    ------
    ValueError
        If ``score_error`` is negative or ``exp_error`` not in [0, 1).

    Notes
    -----
    Source: theorem attention; ``attention_bounds`` applies it with an error for each key.
    """
    if not (score_error >= 0 and 0 <= exp_error < 1):
        raise ValueError(
            f"score_error must be >= 0 and exp_error in [0, 1), got {score_error}, {exp_error}"
        )
    shift = score_error - (rescalings + 1) * math.log1p(-exp_error)
    part = gemm(residuals, accumulation)
    depth, u = accumulation.roundings, accumulation.unit_roundoff
    divided = 1 + float(gamma(depth + 1, u) if depth else 0)
    both = float(gamma(2 * depth + 1, u) if depth else 0)
    growth = math.exp(2 * shift)
    return AttentionBound(
        deviation=_up(math.exp(shift) * math.expm1(shift)),
        spread=_up(math.tanh(shift / 2)),
        weighted=_up(growth * both),
        block=_up(growth * float(part.amax) * divided),
        values=1.0,
    )


# Averages


@dataclass(frozen=True)
class RmsError:
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
    proportional to the number of cells: 64,516 for two-pass INT8, 254 times that for three.

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
    """
    mixed_decomposition(elements, 1, rule=rule, binade=binade)
    scales = _scales(elements, rule)
    low, high = Fraction(1, 2 ** (binade + 1)), Fraction(1, 2**binade)
    with localcontext() as context:
        context.prec = 50
        steps = (
            _primitive(v, b) - _primitive(v, a) for v, a, b in _cells(elements, scales, low, high)
        )
        relative = (1 + sum(steps, Decimal(0)) / Decimal(2).ln()).sqrt()
        cubes = sum(
            (b - v) ** 3 - (a - v) ** 3
            for v, a, b in _cells(elements, scales, Fraction(0), Fraction(1))
        )
        uniform = (_decimal(Fraction(cubes)) / 3).sqrt()
    return RmsError(float(relative), float(uniform))


def _scales(elements: Sequence[ElementFormat], rule: ScaleRule) -> list[Fraction]:
    """Return the scale of each term for the range 1."""
    scales, span = [], Fraction(1)
    for element in elements:
        scales.append(span / _top(element, rule))
        span = scales[-1] * _half_gap(element, _top(element, rule))
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
