"""The best constants of two-pass MXFP4 under each scale rule."""

from dataclasses import dataclass
from fractions import Fraction

from msdnum.display import html
from msdnum.formats.modes import ScaleRule

__all__ = ["ScaleRuleBound", "mxfp4_scale_rules"]


@dataclass(frozen=True)
class ScaleRuleBound(html.Shown):
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

    Examples
    --------
    >>> from msdnum import ScaleRule, bounds
    >>> for rule in ScaleRule.powers_of_two():
    ...     print(rule.name, bounds.mxfp4_scale_rules(rule).amax)
    FLOOR 5/32
    CEIL 1/37
    RCEIL 1/20
    EVEN 1/20
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
