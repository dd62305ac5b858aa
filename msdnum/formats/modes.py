"""The choices a user names: each an enum, none of them a string or a flag."""

from enum import Enum, unique

__all__ = ["Arithmetic", "Criterion", "InfAndNan", "Overflow", "Rounding", "ScaleRule"]


@unique
class Rounding(Enum):
    """Direction in which a value between two neighbours of a format goes (IEEE 754-2019, 4.3)."""

    RNE = "to nearest, ties to even"
    RNA = "to nearest, ties away from zero"
    RTZ = "toward zero"
    RTP = "toward positive"
    RTN = "toward negative"
    STOCHASTIC = "up with probability equal to the fraction of the gap, from explicit random bits"


@unique
class Overflow(Enum):
    """What becomes of a rounded magnitude above ``max_finite``, and of Inf (OCP OFP8 v1.0, 5.2)."""

    SATURATE = "the largest finite value of the same sign"
    OVERFLOW = "Inf where the format has it, otherwise NaN"


@unique
class Criterion(Enum):
    """What a search of scales makes least (Cook et al., arXiv:2512.02010)."""

    SQUARED = "the sum of squared errors of a block"
    ABSOLUTE = "the sum of absolute errors of a block"
    LARGEST = "the largest absolute error of a block"


@unique
class InfAndNan(Enum):
    """What decides about Inf and NaN in a sum of products."""

    OF_THE_SUM = "IEEE 754 for the sum of all products, whatever the accumulator; NaN is 0x7fc00000"
    OF_EACH_STEP = "IEEE 754 for each step of the unit, where an overflow counts; NaN is the unit's"


class ScaleRule(Enum):
    """How the shared scale of a block follows from its ``amax``.

    All but ``AMAX`` give powers of two, with ``emax`` and ``max_finite`` those of the element
    format. The names are torchao's. ``COVERING``, the paper's ``alpha = 2**ceil(log2(amax))`` with
    scale ``alpha / 2**emax``, is the same rule as ``CEIL``, and so the same member.

    Examples
    --------
    >>> from msdnum import ScaleRule
    >>> ScaleRule.COVERING is ScaleRule.CEIL
    True
    >>> [rule.name for rule in ScaleRule.powers_of_two()]
    ['FLOOR', 'CEIL', 'RCEIL', 'EVEN']
    """

    FLOOR = "2**(floor(log2(amax)) - emax), OCP MX v1.0, 6.3"
    CEIL = "2**(ceil(log2(amax)) - emax), the paper's covering alpha"
    RCEIL = "2**ceil(log2(amax / max_finite))"
    EVEN = "2**(floor(log2(amax rounded to the element's precision)) - emax)"
    AMAX = "amax / max_finite, rounded to the scale format"
    COVERING = CEIL

    @classmethod
    def powers_of_two(cls) -> tuple["ScaleRule", ...]:
        """Return the rules that give powers of two."""
        return tuple(rule for rule in cls if rule is not cls.AMAX)


@unique
class Arithmetic(Enum):
    """How a decomposition whose scale is not a power of two is carried out."""

    EXACT = "over the rationals, as the paper writes it"
    FLOAT32 = "every operation rounded to binary32 (RNE), without fused multiply-add"
