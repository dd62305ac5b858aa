"""Roundings between an addend and a sum, by the order of addition."""

from dataclasses import dataclass
from fractions import Fraction

from msdnum.bounds.rationals import U32, Number, at_least_one
from msdnum.display import html
from msdnum.formats.elements import BINARY32

__all__ = [
    "EXACT", "Accumulation", "NoGammaError", "blocked", "gamma", "int32", "int32_overflow",
    "matrix_unit", "pairwise_sum", "sequential",
]  # fmt: skip

INT32_MAX = 2**31 - 1


class NoGammaError(ValueError):
    """So many roundings of that size that no bound relative to the magnitudes exists."""


def gamma(roundings: int, unit_roundoff: Number = U32) -> Fraction:
    """``n u / (1 - n u)``: bound on the product of n factors ``(1 + delta)**(+-1)``, minus 1.

    Raises
    ------
    NoGammaError
        Unless ``n >= 0`` and ``0 <= n u < 1``; it is a ValueError.

    Notes
    -----
    Source: Higham, *Accuracy and Stability of Numerical Algorithms*, lemma 3.1.

    Examples
    --------
    >>> from msdnum import bounds
    >>> bounds.gamma(1), float(bounds.gamma(1000))
    (Fraction(1, 16777215), 5.9608197700840286e-05)
    """
    nu = roundings * Fraction(unit_roundoff)
    if roundings < 0 or not 0 <= nu < 1:
        raise NoGammaError(
            f"roundings must be at least 0 and roundings * unit_roundoff in [0, 1), "
            f"got {roundings} * {float(unit_roundoff):.3g}"
        )
    return nu / (1 - nu)


@dataclass(frozen=True)
class Accumulation(html.Shown):
    """How often, and by how much at most, an addend is rounded on its way into the result.

    Parameters
    ----------
    roundings : int
        Roundings between an addend and the result: the depth of the summation tree.
    unit_roundoff : Fraction
        Relative error of each.
    nearest : bool
        Whether they round to nearest, or stochastically: errors of either sign are as likely.
    underflow : Fraction
        Absolute error of all results that are too small for a relative one.
    flushes : bool
        Whether subnormal inputs count as zero.
    flushes_elements : bool
        Whether those of formats of few bits do, too, whatever their scale.
    largest : Fraction
        Largest number that sums can be on their way, before any scale: what is above it overflows.
    bounded : bool
        Whether the roundings are all there is. Otherwise nothing is known: there is no ``gamma``.

    Raises
    ------
    NoGammaError
        If ``gamma`` does not exist.
    """

    roundings: int
    unit_roundoff: Fraction = U32
    nearest: bool = True
    underflow: Fraction = Fraction(0)
    flushes: bool = False
    flushes_elements: bool = False
    largest: Fraction = Fraction(BINARY32.max_finite)
    bounded: bool = True

    def __post_init__(self) -> None:
        """Refuse what has no bound."""
        gamma(self.roundings, self.unit_roundoff)

    @property
    def gamma(self) -> Fraction:
        """Bound on the error relative to the sum of magnitudes.

        Raises
        ------
        NoGammaError
            If there is none.
        """
        self.require_bounded()
        return gamma(self.roundings, self.unit_roundoff)

    def require_bounded(self) -> None:
        """Raise unless its roundings are all there is."""
        if not self.bounded:
            raise NoGammaError(
                "accumulation must be bounded, got one of a unit whose steps have no known error, "
                "or so many roundings of that size that nothing bounds them"
            )


EXACT = Accumulation(0)


def sequential(n: int) -> Accumulation:
    """Sum n addends in binary32 from first to last: ``n - 1`` roundings.

    Examples
    --------
    >>> from msdnum import bounds
    >>> bounds.sequential(1024).roundings, bounds.pairwise_sum(1024).roundings
    (1023, 10)
    """
    return Accumulation(at_least_one("n", n) - 1)


def blocked(n: int, block_size: int) -> Accumulation:
    """Sum blocks one after the other, each sequentially, in binary32.

    Examples
    --------
    >>> from msdnum import bounds
    >>> bounds.blocked(1024, 32).roundings
    62
    """
    n, block_size = at_least_one("n", n), at_least_one("block_size", block_size)
    return Accumulation(min(n, block_size) - 1 + -(-n // block_size) - 1)


def pairwise_sum(n: int) -> Accumulation:
    """Sum neighbours, then their sums, in binary32: ``ceil(log2(n))`` roundings.

    Examples
    --------
    >>> from msdnum import bounds
    >>> bounds.pairwise_sum(1000).roundings
    10
    """
    return Accumulation((at_least_one("n", n) - 1).bit_length())


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
    Source: ``matrix_unit_error`` in proofs/gemm, machine-checked. It is block FMA that truncates;
    one to nearest is that of Blanchard, Higham, Lopez, Mary and Pranesh, SISC 42(3), 2020.

    Examples
    --------
    >>> from msdnum import bounds
    >>> float(bounds.matrix_unit(128, group=16, fraction_bits=25).unit_roundoff)
    6.258487701416016e-07
    """
    n, group = at_least_one("n", n), at_least_one("group", group)
    step = Fraction(group + 1, 2**fraction_bits) + Fraction(1, 2**result_bits)
    return Accumulation(-(-n // group), step, nearest=False)


def int32(terms: int) -> Accumulation:
    """Sum each term exactly in int32, then convert, scale twice and add the terms in binary32.

    Three roundings (conversion, activation scale, weight scale) and ``terms - 1`` additions, for
    scales that are binary32 numbers; ``int32_overflow`` says up to which K the sums are exact.
    """
    return Accumulation(at_least_one("terms", terms) + 2)


def int32_overflow(max_a: int = 127, max_b: int = 127) -> int:
    """Largest K for which no sum of K products ``|a| <= max_a``, ``|b| <= max_b`` overflows int32.

    Attained: with all products ``max_a * max_b``, K + 1 overflow. 133,144 for 127 x 127.

    Notes
    -----
    Source: theorem int32-overflow.

    Examples
    --------
    >>> from msdnum import bounds
    >>> bounds.int32_overflow(), bounds.int32_overflow(128, 128)
    (133144, 131071)
    """
    return INT32_MAX // (at_least_one("max_a", max_a) * at_least_one("max_b", max_b))
