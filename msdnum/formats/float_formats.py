"""Binary floating-point formats, as frozen data."""

from dataclasses import dataclass, field
from typing import cast

from msdnum._checks import check_integer, check_type
from msdnum.display import html
from msdnum.display.lines import Axis, NumberLine, number_line
from msdnum.display.text import one_line
from msdnum.formats.non_numbers import NaNCodes, NonNumbers

__all__ = ["FloatFormat"]

MAX_LISTED_BITS = 16


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
        Whether the exponent field 0 holds zero and the subnormals. Without them it holds zeros
        alone where there is a sign: what is rounded to less than the smallest normal number, as if
        exponents had no lower end, is flushed to a zero of its sign, whatever the rounding. Without
        a sign (E8M0) every code but NaN is a normal number and the format has no zero.
    ties_by_code : bool
        Every significand of one bit is odd. Halfway between two of them RNE goes to the larger
        magnitude (IEEE 754-2019, 4.3.1) or, if this is True, to the even code (IEEE P3109).
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

    One that flushes:

    >>> import numpy as np
    >>> from msdnum import Overflow, round_to
    >>> from msdnum.formats import NonNumbers
    >>> flushed = FloatFormat("BF16_FTZ", 8, 7, specials=NonNumbers.IEEE, subnormals=False)
    >>> round_to(np.float32([2.0**-126, -(2.0**-127)]), flushed, overflow=Overflow.OVERFLOW)
    array([ 1.1754944e-38, -0.0000000e+00], dtype=float32)
    """

    name: str
    exponent_bits: int
    fraction_bits: int
    bias: int = cast(int, None)  # Until __post_init__ puts in the usual one: it is always an int.
    specials: NonNumbers = NonNumbers.NONE
    signed: bool = True
    subnormals: bool = True
    ties_by_code: bool = False
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
        check_type("ties_by_code", self.ties_by_code, bool, self.name)
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
        if not self.signed and self.specials in (NonNumbers.NONE, NonNumbers.NEGATIVE_ZERO):
            raise ValueError(
                f"signed must be True where a negative number has no NaN to become: {self.name!r}"
            )
        if self.max_code < 1:
            raise ValueError(f"{self.name!r} has no number besides zero and what is no number")
        if self.ties_by_code and (self.fraction_bits or not self.subnormals):
            raise ValueError(
                f"ties_by_code must be False where a significand has more than one bit or there is "
                f"no zero: {self.name!r}"
            )

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
    def has_zero(self) -> bool:
        """Whether there is a zero: the exponent field 0 is of no normal number."""
        return self.signed or self.subnormals

    @property
    def emin(self) -> int:
        """Exponent of the smallest normal number."""
        return self.has_zero - self.bias

    @property
    def emax(self) -> int:
        """Exponent of ``max_finite``."""
        return (self.max_code >> self.fraction_bits) - self.bias

    @property
    def max_code(self) -> int:
        """Code of ``max_finite``."""
        top = (1 << (self.exponent_bits + self.fraction_bits)) - 1
        return top - self.specials.count(self.fraction_bits, signed=self.signed)

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
        return self.max_code + 1 if self.specials.inf else None

    @property
    def nan_code(self) -> int | None:
        """Code of the canonical NaN (quiet, sign bit clear where there are two), or None."""
        return self.specials.nan_code(self.bits, self.fraction_bits, signed=self.signed)

    @property
    def has_negative_zero(self) -> bool:
        """Whether there is a -0."""
        return self.signed and self.specials.nans is not NaNCodes.NEGATIVE_ZERO

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
        if field == 0 and self.has_zero:
            return sign * fraction * self.eta if self.subnormals else sign * 0.0
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
