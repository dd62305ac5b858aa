"""Units of one's own: what published units vary as data, and beyond it a step in fractions."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum, unique
from fractions import Fraction
from typing import ClassVar

from msdnum.display import html
from msdnum.formats.elements import BINARY32, ElementFormat, FloatFormat, NonNumbers

__all__ = [
    "DesignedUnit", "Pairwise", "Sequential", "StepUnit", "SumRounding", "check_divides",
    "check_output", "check_range", "check_rounding",
]  # fmt: skip


@unique
class SumRounding(Enum):
    """How a sum, or an addend of it, is rounded. What is too large becomes Inf in each of them."""

    NEAREST_EVEN = "to nearest, ties to even"
    NEAREST_AWAY = "to nearest, ties away from zero"
    TOWARDS_ZERO = "truncated"
    DOWN = "towards minus infinity"
    UP = "towards infinity"
    TO_ODD = "to the neighbour whose last bit is 1, where it is not exact"


NEAREST = (SumRounding.NEAREST_EVEN, SumRounding.NEAREST_AWAY)


def check_range(name: str, n: int, low: int, high: int | None = None) -> None:
    """Raise unless ``n`` is an int within the bounds."""
    if not isinstance(n, int) or isinstance(n, bool):
        raise TypeError(f"{name} must be an int, got {n!r}")
    if n < low or (high is not None and n > high):
        expected = f"at least {low}" if high is None else f"in {low}..{high}"
        raise ValueError(f"{name} must be {expected}, got {n}")


def check_divides(name: str, n: int, group: int) -> None:
    """Raise unless ``n`` divides the group."""
    if group % n:
        raise ValueError(f"{name} must divide the group of {group}, got {n}")


def check_output(output: object) -> None:
    """Raise unless sums can be numbers of this format: one with Inf, within binary32."""
    if not isinstance(output, FloatFormat):
        raise TypeError(f"output must be a FloatFormat, got {output!r}")
    if output.specials is not NonNumbers.IEEE or not output.signed or output.emax > 127:
        raise ValueError(
            f"output must be a signed float format with Inf and NaN within binary32, "
            f"got {output.name}"
        )


def check_rounding(name: str, rounding: object) -> None:
    """Raise unless it is a way to round sums."""
    if not isinstance(rounding, SumRounding):
        raise TypeError(f"{name} must be a SumRounding, got {rounding!r}")


def _named(base: str, output: FloatFormat, rounding: SumRounding, fused: bool) -> str:
    words = [base if not fused else f"{base}_FMA"]
    words += [output.name] if output != BINARY32 else []
    words += [rounding.name] if rounding is not SumRounding.NEAREST_EVEN else []
    return "_".join(words)


@dataclass(frozen=True)
class Sequential(html.Shown):
    """``c = fl(c + fl(a_k b_k))`` for k = 0, 1, ...; RNE in binary32 if nothing else is said.

    Subnormal numbers are kept. Fused, ``c = fl(c + a_k b_k)``: a chain of FMA instructions.

    Parameters
    ----------
    output : FloatFormat
        Format of products and sums; one with Inf, within binary32.
    rounding : SumRounding
        Of products and of sums.
    fused : bool
        Whether products are not rounded.
    """

    output: FloatFormat = field(default=BINARY32, repr=False)
    rounding: SumRounding = field(default=SumRounding.NEAREST_EVEN, repr=False)
    fused: bool = field(default=False, repr=False)
    takes: ClassVar[tuple[ElementFormat, ...]] = ()

    def __post_init__(self) -> None:
        """Refuse other formats and roundings."""
        check_output(self.output)
        check_rounding("rounding", self.rounding)

    @property
    def name(self) -> str:
        """Name in tables."""
        return _named("SEQUENTIAL", self.output, self.rounding, self.fused)


@dataclass(frozen=True)
class Pairwise(html.Shown):
    """Neighbours ``fl(a_k b_k)`` are added, then their sums; an odd one moves up.

    RNE in binary32 if nothing else is said; subnormal numbers are kept.

    Parameters
    ----------
    output : FloatFormat
        Format of products and sums; one with Inf, within binary32.
    rounding : SumRounding
        Of products and of sums.
    """

    output: FloatFormat = field(default=BINARY32, repr=False)
    rounding: SumRounding = field(default=SumRounding.NEAREST_EVEN, repr=False)
    takes: ClassVar[tuple[ElementFormat, ...]] = ()

    def __post_init__(self) -> None:
        """Refuse other formats and roundings."""
        check_output(self.output)
        check_rounding("rounding", self.rounding)

    @property
    def name(self) -> str:
        """Name in tables."""
        return _named("PAIRWISE", self.output, self.rounding, False)


@dataclass(frozen=True)
class DesignedUnit(html.Shown):
    """Products aligned to a common exponent and summed exactly: what published units vary, as data.

    A step takes ``group`` products and c, the accumulator. The exponent of a product is the sum of
    its elements' (and E8M0 scales') exponents, its significand below 4; *normalized*, it is that of
    its value. A subnormal element has its format's emin, a subnormal c the output's, a zero c or
    product ``exponent_of_zero``.

    Early, c is an addend: with E the largest exponent, every addend is rounded (``alignment``) to
    a multiple of ``2**(E - fraction_bits)``, and the sum is exact. *Late*, products are first
    summed so in ``parts`` interleaved parts (part p: k = p, p + parts, ...), each below its own
    largest exponent (of products that are not zero); the sums of the parts are rounded to
    multiples below the largest of these exponents and added; then this sum and c are rounded to
    multiples of ``2**(E - fraction_bits)``, E the larger of that exponent and c's, and added. With
    a *sticky* bit half such a multiple is added where anything was lost. The sum is rounded once
    (``rounding``) to ``output``: the new c. A zero is +0; an overflow Inf.

    Parameters
    ----------
    name : str
        Name in tables.
    group : int
        Products in a step; below ``2**(37 - fraction_bits)``, of a late unit below
        ``2**(28 - fraction_bits)``.
    fraction_bits : int
        Kept below the largest exponent; 1 to 25.
    output : FloatFormat
        What c is after every step: a format with Inf, within binary32.
    rounding, alignment : SumRounding
        Of the sum, and of its addends.
    sticky : bool
        Whether one bit says that alignment has lost something.
    late : bool
        Whether c is added after the products.
    parts : int
        Interleaved parts of a late unit; they divide the group.
    normalized : bool
        Whether products are normalized before they are aligned.
    flushes_inputs, flushes_results : bool
        Whether subnormal elements count as zero, and subnormal results and c.
    bounded_products : bool
        Whether a product of 2**128 or more is an infinity.
    exponent_of_zero : int or None
        -300, below all products, to the output's emin; None: that.
    source : str
        Where the model comes from. ``replace`` keeps it: name another beside other numbers.
    takes : tuple of ElementFormat
        Formats of elements of its instruction; others are refused. Empty: any that it can hold.
    instruction : str
        The instruction that it is a model of.
    """

    name: str
    group: int
    fraction_bits: int = 25
    output: FloatFormat = field(default=BINARY32, repr=False)
    rounding: SumRounding = SumRounding.TOWARDS_ZERO
    alignment: SumRounding = SumRounding.TOWARDS_ZERO
    sticky: bool = False
    late: bool = False
    parts: int = 1
    normalized: bool = False
    flushes_inputs: bool = False
    flushes_results: bool = False
    bounded_products: bool = False
    exponent_of_zero: int | None = None
    source: str = ""
    takes: tuple[ElementFormat, ...] = field(default=(), repr=False)
    instruction: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        """Refuse what two limbs could not hold, and parts of what has none."""
        check_output(self.output)
        check_rounding("rounding", self.rounding)
        check_rounding("alignment", self.alignment)
        check_range("fraction_bits", self.fraction_bits, 1, 25)
        widest = 28 if self.late else 37
        check_range("group", self.group, 1, 2 ** (widest - self.fraction_bits) - 1)
        check_range("parts", self.parts, 1)
        check_divides("parts", self.parts, self.group)
        if self.parts > 1 and not self.late:
            raise ValueError(f"parts must be 1 unless late is True, got {self.parts}")
        check_range("exponent_of_zero", self.zero, -300, self.output.emin)

    @property
    def zero(self) -> int:
        """Exponent of a zero."""
        return self.output.emin if self.exponent_of_zero is None else self.exponent_of_zero


class StepUnit(ABC):
    """A unit that is given by its step in fractions: the protocol beyond the data of other classes.

    A subclass has ``name``, ``group``, the products of a step (the last may be shorter), and
    ``step``; it should be a frozen dataclass, so that equal units are equal. Products run in
    Python, entry by entry, on NumPy arrays, and through a callback on JAX's, jitted or not.
    """

    name: str
    group: int
    output: FloatFormat = BINARY32
    takes: tuple[ElementFormat, ...] = ()

    @abstractmethod
    def step(self, c: Fraction, a: Sequence[Fraction], b: Sequence[Fraction]) -> Fraction:
        """Return the next c, a number of ``output``, from c and the numbers of both sides.

        Parameters
        ----------
        c : Fraction
            What the accumulator holds.
        a, b : sequence of Fraction
            At most ``group`` numbers each, with their scales.
        """

    def error_of_step(self) -> Fraction | None:
        """Return a bound on the relative error of a step; None: no bound is known.

        It is relative to the magnitudes that are summed, where these are normal numbers.
        """
        return None
