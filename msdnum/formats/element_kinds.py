"""Kinds of number formats: floats and integers, as frozen data."""

from dataclasses import dataclass, field
from enum import Enum, unique
from typing import cast

from msdnum._checks import check_integer, check_type
from msdnum.display import html
from msdnum.display.lines import Axis, NumberLine, number_line
from msdnum.display.text import one_line

__all__ = ["ElementFormat", "FloatFormat", "IntegerFormat", "NonNumbers"]

MAX_LISTED_BITS = 16


@unique
class NonNumbers(Enum):
    """Which codes are not numbers."""

    IEEE = "Inf and NaN fill the top exponent"
    NAN = "only the all-ones pattern, of either sign, is NaN; there is no Inf ('fn')"
    NEGATIVE_ZERO = "only the pattern of -0 is NaN; there is no Inf and no -0 ('fnuz')"
    NONE = "every code is a number"


@dataclass(frozen=True)
class FloatFormat:
    """A binary floating-point element format.

    A code is, from the top, an optional sign bit, ``exponent_bits`` and ``fraction_bits``.

    Parameters
    ----------
    name : str
        Name in tables and messages.
    exponent_bits, fraction_bits : int
        Widths of the two fields. The widest format is binary32: 8 and 23.
    bias : int
        Exponent bias; if it is left out, the usual one, ``2**(exponent_bits - 1) - 1``.
    specials : NonNumbers
        Which codes are not numbers.
    signed : bool
        Whether there is a sign bit.
    subnormals : bool
        Whether the exponent field 0 holds zero and the subnormals. Without them (E8M0) every
        code but NaN is a normal number and the format has no zero.
    source : str
        The standard that defines the format, and its section. It is no part of what the format is:
        formats that differ in it alone are equal.

    Raises
    ------
    TypeError
        If a field is not of its type; widths and bias are Python's int.
    ValueError
        If a value of the format is not a binary32 value, or the format has no numbers.

    Notes
    -----
    ``dataclasses.replace`` keeps the source, so name another where the numbers change.

    Examples
    --------
    A format of one's own is a line:

    >>> from msdnum import FloatFormat
    >>> e2m2 = FloatFormat("E2M2", exponent_bits=2, fraction_bits=2)
    >>> e2m2.bias, e2m2.max_finite, e2m2.min_subnormal
    (1, 7.0, 0.25)
    >>> e2m2.values[:8]
    (0.0, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 1.75)

    Half-precision numbers are such a format, too:

    >>> from fractions import Fraction
    >>> from msdnum.formats import FP16
    >>> FP16
    FloatFormat('FP16', exponent_bits=5, fraction_bits=10, bias=15, specials=IEEE)
    >>> Fraction(FP16.value(0x3555))
    Fraction(1365, 4096)
    """

    name: str
    exponent_bits: int
    fraction_bits: int
    bias: int = cast(int, None)  # Until __post_init__ puts in the usual one: it is always an int.
    specials: NonNumbers = NonNumbers.NONE
    signed: bool = True
    subnormals: bool = True
    source: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        """Put in the usual bias, and refuse a format that binary32 arrays cannot carry."""
        check_integer("exponent_bits", self.exponent_bits, self.name)
        check_integer("fraction_bits", self.fraction_bits, self.name)
        if self.bias is None:
            object.__setattr__(self, "bias", 2 ** max(self.exponent_bits - 1, 0) - 1)
        self._check_types()
        self._check_codes()
        if self.emin - self.fraction_bits < -149 or self.emax > 127:
            raise ValueError(
                f"bias must keep every value within binary32 (2**-149 to 2**128), "
                f"got {self.bias} for {self.name!r}"
            )

    def _check_types(self) -> None:
        check_type("name", self.name, str, self.name)
        check_integer("bias", self.bias, self.name)
        check_type("specials", self.specials, NonNumbers, self.name)
        check_type("signed", self.signed, bool, self.name)
        check_type("subnormals", self.subnormals, bool, self.name)
        check_type("source", self.source, str, self.name)

    def _check_codes(self) -> None:
        if not (1 <= self.exponent_bits <= 8 and 0 <= self.fraction_bits <= 23):
            raise ValueError(
                f"exponent_bits must be in 1..8 and fraction_bits in 0..23, "
                f"got {self.exponent_bits} and {self.fraction_bits} for {self.name!r}"
            )
        if self.specials is NonNumbers.IEEE and (self.exponent_bits < 2 or not self.fraction_bits):
            raise ValueError(
                f"exponent_bits must be at least 2 and fraction_bits at least 1 with IEEE "
                f"specials: {self.name!r}"
            )
        if self.signed and not self.subnormals:
            raise ValueError(f"subnormals must be True where there is a sign: {self.name!r}")
        if not self.signed and self.specials in (NonNumbers.NONE, NonNumbers.NEGATIVE_ZERO):
            raise ValueError(
                f"signed must be True where a negative number has no NaN to become: {self.name!r}"
            )
        if self.specials is NonNumbers.NAN and self.exponent_bits + self.fraction_bits < 2:
            raise ValueError(f"{self.name!r} has no number besides zero and NaN")

    __repr__ = one_line

    @property
    def bits(self) -> int:
        """Width of a code."""
        return self.signed + self.exponent_bits + self.fraction_bits

    @property
    def precision(self) -> int:
        """Number of significand bits p, the implicit bit included."""
        return self.fraction_bits + 1

    @property
    def unit_roundoff(self) -> float:
        """Largest relative error of rounding to nearest in the normal range, ``2**-p``."""
        return 2.0**-self.precision

    @property
    def emin(self) -> int:
        """Exponent of the smallest normal number."""
        return self.subnormals - self.bias

    @property
    def emax(self) -> int:
        """Exponent of ``max_finite``."""
        return (self.max_code >> self.fraction_bits) - self.bias

    @property
    def max_code(self) -> int:
        """Code of ``max_finite``."""
        top = (1 << (self.exponent_bits + self.fraction_bits)) - 1
        if self.specials is NonNumbers.NAN:
            return top - 1
        if self.specials is NonNumbers.IEEE:
            return top - (1 << self.fraction_bits)
        return top

    @property
    def max_finite(self) -> float:
        """Largest number."""
        return self.value(self.max_code)

    @property
    def min_normal(self) -> float:
        """Smallest positive normal number."""
        return 2.0**self.emin

    @property
    def min_subnormal(self) -> float | None:
        """Smallest positive subnormal number; None for a format without subnormals."""
        return self.eta if self.subnormals and self.fraction_bits else None

    @property
    def eta(self) -> float:
        """Underflow unit: the spacing of numbers below ``min_normal``.

        Rounding to nearest there has an absolute error of at most ``eta / 2``.
        """
        return 2.0 ** (self.emin - self.fraction_bits)

    @property
    def inf_code(self) -> int | None:
        """Code of +Inf, or None."""
        return self.max_code + 1 if self.specials is NonNumbers.IEEE else None

    @property
    def nan_code(self) -> int | None:
        """Code of the canonical NaN (quiet, sign bit clear where there are two), or None."""
        if self.specials is NonNumbers.NEGATIVE_ZERO:
            return 1 << (self.bits - 1)
        if self.specials is NonNumbers.NAN:
            return self.max_code + 1
        if self.specials is NonNumbers.IEEE:
            return self.max_code + 1 + (1 << max(self.fraction_bits - 1, 0))
        return None

    @property
    def codes(self) -> range:
        """All bit patterns."""
        return range(1 << self.bits)

    @property
    def values(self) -> tuple[float, ...]:
        """The value of every code, in the order of ``codes``; of a format of at most 16 bits."""
        if self.bits > MAX_LISTED_BITS:
            raise ValueError(f"{self.name} has 2**{self.bits} values: too many to list")
        return tuple(map(self.value, self.codes))

    def value(self, code: int) -> float:
        """Return the number that ``code`` stands for; NaN and Inf as floats."""
        if code == self.nan_code:
            return float("nan")
        magnitude = code & ((1 << (self.exponent_bits + self.fraction_bits)) - 1)
        sign = -1.0 if code != magnitude else 1.0
        if magnitude > self.max_code:
            return sign * (float("inf") if magnitude == self.inf_code else float("nan"))
        field, fraction = divmod(magnitude, 1 << self.fraction_bits)
        if field == 0 and self.subnormals:
            return sign * fraction * self.eta
        return sign * (1 + fraction * 2.0**-self.fraction_bits) * 2.0 ** (field - self.bias)

    def number_line(self, axis: Axis | None = None) -> NumberLine:
        """Draw every number of the format, of at most 8 bits; see ``display.number_line``."""
        return number_line(self, axis)

    def _repr_html_(self) -> str:
        return html.attributes(
            self, "bits", "exponent_bits", "fraction_bits", "bias", "precision", "unit_roundoff",
            "emin", "emax", "max_finite", "min_normal", "min_subnormal", "specials", "inf_code",
            "nan_code", "source",
        )  # fmt: skip


@dataclass(frozen=True)
class IntegerFormat:
    """A two's complement fixed-point element format: integer times ``2**-fraction_bits``.

    Parameters
    ----------
    name : str
        Name in tables and messages.
    bits : int
        Width of a code, 2 to 16.
    min_integer : int
        Smallest integer in use: ``-2**(bits-1)``, or one more for a symmetric format.
    fraction_bits : int
        Position of the binary point.
    source : str
        As for `FloatFormat`.

    Raises
    ------
    TypeError
        If a field is not of its type; numbers are Python's int.
    ValueError
        If the width or the smallest integer is none of these.

    Notes
    -----
    Source for MXINT8: OCP MX v1.0, section 5.3.4. It leaves open whether the code of -2 is used;
    ``MXINT8_ELEMENT`` uses it.

    Examples
    --------
    >>> from msdnum import IntegerFormat
    >>> q3 = IntegerFormat("Q1.3", 5, min_integer=-15, fraction_bits=3)
    >>> q3.max_finite, q3.eta, q3.value(0b11111)
    (1.875, 0.125, -0.125)
    """

    name: str
    bits: int
    min_integer: int
    fraction_bits: int = 0
    source: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        """Refuse what two's complement of this width cannot hold."""
        check_type("name", self.name, str, self.name)
        check_integer("bits", self.bits, self.name)
        check_integer("min_integer", self.min_integer, self.name)
        check_integer("fraction_bits", self.fraction_bits, self.name)
        check_type("source", self.source, str, self.name)
        if not 2 <= self.bits <= 16:
            raise ValueError(f"bits must be in 2..16, got {self.bits} for {self.name!r}")
        if self.min_integer not in (-self.max_integer - 1, -self.max_integer):
            raise ValueError(
                f"min_integer must be {-self.max_integer - 1} or {-self.max_integer}, "
                f"got {self.min_integer} for {self.name!r}"
            )
        if not 0 <= self.fraction_bits <= 100:
            raise ValueError(
                f"fraction_bits must be in 0..100, got {self.fraction_bits} for {self.name!r}"
            )

    __repr__ = one_line

    @property
    def max_integer(self) -> int:
        """Largest integer."""
        return (1 << (self.bits - 1)) - 1

    @property
    def precision(self) -> int:
        """Number of bits of the largest magnitude."""
        return self.bits - 1

    @property
    def emax(self) -> int:
        """Exponent of ``max_finite``."""
        return self.precision - 1 - self.fraction_bits

    @property
    def max_finite(self) -> float:
        """Largest number."""
        return self.max_integer * self.eta

    @property
    def eta(self) -> float:
        """Spacing of the numbers; rounding to nearest errs by at most half of it."""
        return 2.0**-self.fraction_bits

    @property
    def codes(self) -> range:
        """All bit patterns; a symmetric format never encodes to that of its missing integer."""
        return range(1 << self.bits)

    @property
    def values(self) -> tuple[float, ...]:
        """The value of every code, in the order of ``codes``."""
        return tuple(map(self.value, self.codes))

    def value(self, code: int) -> float:
        """Return the number that ``code``, a two's complement pattern, stands for."""
        return (code - ((code > self.max_integer) << self.bits)) * self.eta

    def number_line(self, axis: Axis | None = None) -> NumberLine:
        """Draw every number of the format, of at most 8 bits; see ``display.number_line``."""
        return number_line(self, axis)

    def _repr_html_(self) -> str:
        return html.attributes(
            self, "bits", "min_integer", "max_integer", "fraction_bits", "eta", "emax",
            "max_finite", "source",
        )  # fmt: skip


ElementFormat = FloatFormat | IntegerFormat
