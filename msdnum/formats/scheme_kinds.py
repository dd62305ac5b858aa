"""Scheme: how an array is split into low-bit terms, as frozen data.

A term is also called a pass, a slice or a word. Each rounds what the terms before it have left; its
scale is the scale of the one before over a fixed ratio, or follows from the remainder's own amax.
"""

from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import accumulate
from operator import le, mul

from msdnum._checks import check_type
from msdnum.display import html
from msdnum.display.text import one_line
from msdnum.formats.blocks import BlockFormat
from msdnum.formats.elements import (
    BINARY32,
    E8M0,
    ElementFormat,
    FloatFormat,
    IntegerFormat,
    SpacedFormat,
    spaced,
)
from msdnum.formats.modes import Arithmetic, ScaleRule

__all__ = ["OWN_AMAX", "Scheme", "natural_ratio"]

OWN_AMAX = None
"""In place of a scheme's ratios: every scale follows from the amax of what is left."""

MAX_INTEGER_TERMS = 3


@dataclass(frozen=True)
class Scheme:
    """How an array is decomposed.

    Parameters
    ----------
    name : str
        Name in tables and messages.
    formats : tuple of BlockFormat
        One for each term. They differ in the element only; under FLOAT32 with OWN_AMAX in anything,
        the block size too, and with ratios in the element and the rule of the first scale.
    ratios : tuple of Fraction, or OWN_AMAX
        ``ratios[i]`` is the scale of term i over that of term i + 1. Under FLOAT32 any positive
        binary32 number: the quotient is rounded to binary32 and then to the scale format.
    arithmetic : Arithmetic
        EXACT, or FLOAT32 as a vector unit computes it. With power-of-two scales and given ratios
        every step is exact and only EXACT is allowed.

    Raises
    ------
    TypeError
        If a field is not of its type.
    ValueError
        If the terms do not belong together, or a remainder could not be held exactly.

    Notes
    -----
    ``covering_scheme`` and ``amax_scheme`` build the schemes of the paper.

    Examples
    --------
    >>> from dataclasses import replace
    >>> from fractions import Fraction
    >>> from msdnum import SCHEMES, bounds
    >>> mxfp4 = SCHEMES["MXFP4_X2"]
    >>> mxfp4
    Scheme('MXFP4_X2', formats=(MX-E2M1, MX-E2M1), ratios=(8,), arithmetic=EXACT)
    >>> bounds.remainder(mxfp4)
    Fraction(1, 64)

    With scales further apart the second term saturates, and more is left:

    >>> bounds.remainder(replace(mxfp4, name="far", ratios=(Fraction(32),)))
    Fraction(5, 64)
    """

    name: str
    formats: tuple[BlockFormat, ...]
    ratios: tuple[Fraction, ...] | None
    arithmetic: Arithmetic

    def __post_init__(self) -> None:
        """Refuse what cannot be carried out exactly."""
        self._check_types()
        if not self.formats:
            raise ValueError(f"formats must name at least one term in scheme {self.name!r}")
        if self.requantizes:
            self._check_requantized()
            return
        first = self.formats[0]
        if any(replace(f, element=first.element, name=first.name) != first for f in self.formats):
            raise ValueError(f"formats must differ in the element only in scheme {self.name!r}")
        if first.rows != 1:
            raise ValueError(f"formats must have blocks of one row in scheme {self.name!r}")
        if first.search is not None:
            raise ValueError(f"formats must not search their scales in scheme {self.name!r}")
        if first.tensor_scale:
            raise ValueError(f"formats must not have a tensor scale in scheme {self.name!r}")
        if self.ratios is not None and len(self.ratios) != self.terms - 1:
            raise ValueError(
                f"ratios must be {self.terms - 1} for {self.terms} terms, got {len(self.ratios)}"
            )
        if first.scale == E8M0:
            self._check_powers_of_two()
        else:
            self._check_integers()

    def _check_types(self) -> None:
        check_type("name", self.name, str, self.name)
        check_type("formats", self.formats, tuple, self.name)
        for fmt in self.formats:
            check_type("formats", fmt, BlockFormat, self.name)
            spaced(fmt.element, f"formats of scheme {self.name!r}")
        if self.ratios is not OWN_AMAX:
            check_type("ratios", self.ratios, tuple, self.name)
            for ratio in self.ratios:
                check_type("ratios", ratio, Fraction | int, self.name)
        check_type("arithmetic", self.arithmetic, Arithmetic, self.name)

    __repr__ = one_line

    @property
    def requantizes(self) -> bool:
        """Whether each term is what `quantize` makes of what binary32 has left of the array.

        So it is under FLOAT32 but for integers of at most 8 bits that share binary32 scales.
        """
        first = self.formats[0]
        alike = (replace(f, element=first.element, name=first.name) for f in self.formats)
        same = all(fmt == first for fmt in alike)
        digits = all(
            isinstance(f.element, IntegerFormat) and f.element.bits <= 8 for f in self.formats
        )
        usual = first.scale == BINARY32 and not (first.tensor_scale or first.search)
        usual = usual and first.rows == 1 and self.terms <= MAX_INTEGER_TERMS
        return self.arithmetic is Arithmetic.FLOAT32 and not (same and digits and usual)

    def _check_requantized(self) -> None:
        """Refuse terms between which a ratio of scales means nothing."""
        first = self.formats[0]
        if any(fmt.rows != 1 for fmt in self.formats):
            raise ValueError(f"formats must have blocks of one row in scheme {self.name!r}")
        if self.ratios is OWN_AMAX:
            return
        if len(self.ratios) != self.terms - 1:
            raise ValueError(
                f"ratios must be {self.terms - 1} for {self.terms} terms, got {len(self.ratios)}"
            )
        if first.scale == E8M0:
            raise ValueError(f"arithmetic must be EXACT with E8M0 scales in scheme {self.name!r}")
        shared = (first.scale, first.block_size, first.tensor_scale)
        if any((f.scale, f.block_size, f.tensor_scale) != shared for f in self.formats):
            raise ValueError(
                f"formats must have scales and blocks in common beside ratios in {self.name!r}"
            )
        for ratio in self.ratios:
            if ratio <= 0 or not _is_binary32(Fraction(ratio)):
                raise ValueError(
                    f"ratios must be positive binary32 numbers, got {ratio} in scheme {self.name!r}"
                )

    def _check_powers_of_two(self) -> None:
        if self.arithmetic is not Arithmetic.EXACT:
            raise ValueError(f"arithmetic must be EXACT with E8M0 scales in scheme {self.name!r}")
        for ratio in self.ratios or ():
            if not _is_power_of_two(ratio):
                raise ValueError(
                    f"ratios must be powers of two with E8M0 scales, got {ratio} in {self.name!r}"
                )
        if any(fmt.element.emax < 0 for fmt in self.formats):
            raise ValueError(
                f"formats must hold 1, or E8M0's largest scale is too small for binary32, "
                f"in scheme {self.name!r}"
            )
        if not (self._covers() or self._saturates_exactly()):
            raise ValueError(
                f"ratios must be smaller: a saturated term of scheme {self.name!r} could leave "
                f"more than binary32 holds, got {', '.join(map(str, self.ratios or ()))}"
            )

    def _covers(self) -> bool:
        """Return whether no term can saturate."""
        elements = [fmt.element for fmt in self.formats]
        enough = map(natural_ratio, elements, elements[1:])
        rule = self.formats[0].rule
        return self.ratios is OWN_AMAX or (
            rule is ScaleRule.COVERING and all(map(le, self.ratios, enough))
        )

    def _saturates_exactly(self) -> bool:
        """Return whether every saturated value is a multiple of the ulp of what it is taken from.

        That is below ``2**(emax + 1)`` of the first scale under every rule.
        """
        first, *others = (fmt.element for fmt in self.formats)
        drops = accumulate(self.ratio_exponents)
        return all(
            drop + first.emax - element.emax <= 23 - element.precision
            for drop, element in zip(drops, others, strict=True)
        )

    def _check_integers(self) -> None:
        if self.formats[0].scale != BINARY32:
            raise ValueError(f"formats must have E8M0 or BINARY32 scales in scheme {self.name!r}")
        if not all(isinstance(f.element, IntegerFormat) for f in self.formats):
            raise ValueError(f"formats must be integers with BINARY32 scales in {self.name!r}")
        if any(e.fraction_bits or e.bits > 8 for e in self.elements):
            raise ValueError(
                f"formats must be integers of at most 8 bits, no fractions, in scheme {self.name!r}"
            )
        if self.terms > MAX_INTEGER_TERMS:
            raise ValueError(
                f"formats must be at most {MAX_INTEGER_TERMS} terms with BINARY32 scales, "
                f"got {self.terms} in scheme {self.name!r}"
            )
        if self.ratios is OWN_AMAX:
            if self.arithmetic is Arithmetic.EXACT:
                raise ValueError(f"ratios must be given in exact arithmetic: scheme {self.name!r}")
            return
        for ratio, fmt in zip(self.ratios, self.formats[1:], strict=True):
            largest = 2 * int(fmt.element.max_finite)
            if ratio.denominator != 1 or not 1 <= ratio <= largest:
                raise ValueError(
                    f"ratios must be integers in 1..{largest} before {fmt.element.name}, which "
                    f"has to cover what is left, got {ratio} in scheme {self.name!r}"
                )

    @property
    def terms(self) -> int:
        """Number of terms."""
        return len(self.formats)

    @property
    def ratio_exponents(self) -> tuple[int, ...]:
        """``log2`` of the ratios, which are powers of two with E8M0 scales."""
        return tuple(map(_log2, self.ratios or ()))

    @property
    def divisors(self) -> tuple[int, ...]:
        """What the number of each term's scale codes is divided by: see ``QuantizedArray``."""
        if self.arithmetic is Arithmetic.FLOAT32 or self.formats[0].scale == E8M0:
            return (1,) * self.terms
        first = int(self.formats[0].element.max_finite)
        ratios = [int(ratio) for ratio in self.ratios or ()]
        return tuple(accumulate(ratios, mul, initial=first))

    @property
    def largest_remainder(self) -> Fraction | None:
        """Bound on what the last term leaves, over its scale; None where a term may saturate."""
        first, last = self.formats[0], self.formats[-1]
        covers = first.rule is ScaleRule.COVERING and first.element.emax > 0 and self._covers()
        if self.arithmetic is Arithmetic.FLOAT32 or (first.scale == E8M0 and not covers):
            return None
        return Fraction(2) ** (last.element.emax - _gain(last.element))

    @property
    def elements(self) -> tuple[SpacedFormat, ...]:
        """Formats of the elements, one for each term."""
        return tuple(spaced(fmt.element, "formats") for fmt in self.formats)

    def with_rule(self, rule: ScaleRule, *, own_amax: bool = False) -> "Scheme":
        """Return this scheme under another scale rule.

        Parameters
        ----------
        rule : ScaleRule
            Of every term.
        own_amax : bool
            Whether each scale follows from what is left, in place of the ratios.
        """
        formats = tuple(replace(fmt, rule=rule) for fmt in self.formats)
        return replace(self, formats=formats, ratios=OWN_AMAX if own_amax else self.ratios)

    def _repr_html_(self) -> str:
        return html.attributes(self, "formats", "ratios", "arithmetic", "largest_remainder")


def _is_power_of_two(ratio: Fraction) -> bool:
    return ratio > 0 and ratio.numerator.bit_count() == 1 == ratio.denominator.bit_count()


def _is_binary32(x: Fraction) -> bool:
    bits = x.numerator.bit_length()
    return bits <= 24 and x.denominator.bit_count() == 1 and -100 <= _log2(x) <= 100


def _log2(power: Fraction) -> int:
    return power.numerator.bit_length() - power.denominator.bit_length()


def natural_ratio(element: ElementFormat, following: ElementFormat) -> Fraction:
    """Return the largest ratio of scales at which the next term covers what this one leaves."""
    return Fraction(2) ** (_gain(element) + following.emax - element.emax)


def _gain(element: ElementFormat) -> int:
    """Return g such that rounding ``|x| <= 2**emax`` leaves at most ``2**(emax - g)``.

    A bit less where the numbers below ``2**emax`` are spaced evenly: in a fixed-point format, and
    in one whose only normal binade is that of ``2**emax``.
    """
    narrows = isinstance(element, FloatFormat) and element.emin < element.emax
    return element.precision + narrows
