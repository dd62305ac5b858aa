"""Schemes: how an array is split into low-bit terms, as frozen data.

A term is also called a pass, a slice or a word. Each rounds what the terms before it have left; its
scale is the scale of the one before over a fixed ratio, or follows from the remainder's own amax.
"""

from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import accumulate, pairwise
from operator import le, mul

from msdnum._checks import check_type
from msdnum._registry import Registry
from msdnum.display import html
from msdnum.display.text import one_line
from msdnum.formats.blocks import BlockFormat
from msdnum.formats.elements import (
    BINARY32,
    E2M1,
    E4M3,
    E8M0,
    INT8_SYMMETRIC,
    ElementFormat,
    FloatFormat,
    IntegerFormat,
)
from msdnum.formats.modes import Arithmetic, ScaleRule

__all__ = [
    "INT8_X1", "INT8_X1_FLOAT32", "INT8_X2", "INT8_X2_FLOAT32", "INT8_X3", "INT8_X3_FLOAT32",
    "MXFP4_X1", "MXFP4_X2", "MXFP4_X3", "MXFP8_X1", "MXFP8_X2", "MXFP8_X3", "OWN_AMAX", "SCHEMES",
    "Scheme", "amax_scheme", "covering_scheme",
]  # fmt: skip

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
        One for each term. They differ in the element only.
    ratios : tuple of Fraction, or OWN_AMAX
        ``ratios[i]`` is the scale of term i over that of term i + 1.
    arithmetic : Arithmetic
        EXACT, or FLOAT32 as a vector unit computes it. With power-of-two scales every step is
        exact and only EXACT is allowed.

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
        first = self.formats[0]
        if any(replace(f, element=first.element, name=first.name) != first for f in self.formats):
            raise ValueError(f"formats must differ in the element only in scheme {self.name!r}")
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
        if self.ratios is not OWN_AMAX:
            check_type("ratios", self.ratios, tuple, self.name)
            for ratio in self.ratios:
                check_type("ratios", ratio, Fraction | int, self.name)
        check_type("arithmetic", self.arithmetic, Arithmetic, self.name)

    __repr__ = one_line

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
        enough = map(_natural_ratio, elements, elements[1:])
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
        if any(fmt.element.fraction_bits or fmt.element.bits > 8 for fmt in self.formats):
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


def _log2(power: Fraction) -> int:
    return power.numerator.bit_length() - power.denominator.bit_length()


def covering_scheme(
    name: str,
    *elements: ElementFormat,
    block_size: int | None = 32,
    rule: ScaleRule = ScaleRule.COVERING,
) -> Scheme:
    """Return the scheme with power-of-two scales whose every term covers what is left.

    With alpha the range of a term, its scale is ``alpha / 2**emax``; a floating-point element of
    precision p leaves at most ``alpha / 2**(p + 1)``, which is the range of the next term.
    So MXFP4 x2 has the scales ``alpha / 4`` and ``alpha / 32``.

    Parameters
    ----------
    name : str
        Name in tables and messages.
    *elements : ElementFormat
        One for each term.
    block_size : int or None
        Elements that share a scale; None: a row.
    rule : ScaleRule
        How alpha follows from amax; another rule than COVERING keeps the ratios.

    Raises
    ------
    TypeError
        If an element is no ElementFormat.
    ValueError
        As `Scheme`.

    Notes
    -----
    Source: paper, claim C2; theorems mxfp4-decomposition and mixed-decomposition.

    Examples
    --------
    >>> from msdnum import bounds, covering_scheme
    >>> from msdnum.formats import E2M1, E4M3
    >>> mixed = covering_scheme("E4M3 + E2M1", E4M3, E2M1)
    >>> mixed.ratios, bounds.remainder(mixed)
    ((Fraction(1, 2),), Fraction(1, 256))
    """
    for element in elements:
        check_type("elements", element, ElementFormat, name)
    formats = tuple(BlockFormat(f"MX-{e.name}", e, E8M0, block_size, rule) for e in elements)
    ratios = tuple(_natural_ratio(a, b) for a, b in pairwise(elements))
    return Scheme(name, formats, ratios, Arithmetic.EXACT)


def _natural_ratio(element: ElementFormat, following: ElementFormat) -> Fraction:
    """Return the largest ratio of scales at which the next term covers what this one leaves."""
    return Fraction(2) ** (_gain(element) + following.emax - element.emax)


def _gain(element: ElementFormat) -> int:
    """Return g such that rounding ``|x| <= 2**emax`` leaves at most ``2**(emax - g)``.

    A bit less where the numbers below ``2**emax`` are spaced evenly: in a fixed-point format, and
    in one whose only normal binade is that of ``2**emax``.
    """
    narrows = isinstance(element, FloatFormat) and element.emin < element.emax
    return element.precision + narrows


def amax_scheme(
    name: str,
    *elements: IntegerFormat,
    arithmetic: Arithmetic = Arithmetic.EXACT,
    block_size: int | None = None,
) -> Scheme:
    """Return the scheme with scales ``amax / max_integer`` whose every term covers what is left.

    An integer term leaves at most half its scale, which is the range of the next term: INT8
    digits have the scales ``amax / 127``, then each ``/ 254``.

    Parameters
    ----------
    name : str
        Name in tables and messages.
    *elements : IntegerFormat
        One for each term.
    arithmetic : Arithmetic
        EXACT, the paper's, or FLOAT32.
    block_size : int or None
        Elements that share a scale; None: a row.

    Raises
    ------
    TypeError
        If an element is no IntegerFormat.
    ValueError
        As `Scheme`.

    Notes
    -----
    Source: paper, claim C1; theorems int8-decomposition, int8-decomposition-float32.

    Examples
    --------
    >>> from msdnum import amax_scheme
    >>> from msdnum.formats import INT4, INT8_SYMMETRIC
    >>> amax_scheme("INT8 + INT4", INT8_SYMMETRIC, INT4).ratios
    (Fraction(14, 1),)
    """
    for element in elements:
        check_type("elements", element, IntegerFormat, name)
    formats = tuple(
        BlockFormat(f"{e.name}-AMAX", e, BINARY32, block_size, ScaleRule.AMAX) for e in elements
    )
    ratios = tuple(Fraction(2 * e.max_integer) for e in elements[1:])
    return Scheme(name, formats, ratios, arithmetic)


INT8_X1, INT8_X2, INT8_X3 = (amax_scheme(f"INT8_X{n}", *[INT8_SYMMETRIC] * n) for n in (1, 2, 3))
INT8_X1_FLOAT32, INT8_X2_FLOAT32, INT8_X3_FLOAT32 = (
    amax_scheme(f"INT8_X{n}_FLOAT32", *[INT8_SYMMETRIC] * n, arithmetic=Arithmetic.FLOAT32)
    for n in (1, 2, 3)
)
MXFP4_X1, MXFP4_X2, MXFP4_X3 = (covering_scheme(f"MXFP4_X{n}", *[E2M1] * n) for n in (1, 2, 3))
MXFP8_X1, MXFP8_X2, MXFP8_X3 = (covering_scheme(f"MXFP8_X{n}", *[E4M3] * n) for n in (1, 2, 3))

SCHEMES: Registry[Scheme] = Registry.of(
    "SCHEMES",
    (
        INT8_X1, INT8_X2, INT8_X3, INT8_X1_FLOAT32, INT8_X2_FLOAT32, INT8_X3_FLOAT32,
        MXFP4_X1, MXFP4_X2, MXFP4_X3, MXFP8_X1, MXFP8_X2, MXFP8_X3,
    ),
)  # fmt: skip
"""The schemes of the package, by name."""
