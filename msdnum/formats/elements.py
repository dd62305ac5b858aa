"""Number formats as frozen data: adding one is adding a line."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, unique

from msdnum.display import html
from msdnum.display.number_line import Axis, NumberLine, number_line

__all__ = [
    "BF16", "BINARY32", "E2M1", "E2M3", "E3M2", "E4M3", "E4M3FNUZ", "E5M2", "E5M2FNUZ", "E8M0",
    "ELEMENT_FORMATS", "FP16", "INT4", "INT8", "INT8_SYMMETRIC", "MXINT8_ELEMENT", "TF32",
    "UNIT_FORMATS", "ElementFormat", "FloatFormat", "IntegerFormat", "NonNumbers",
]  # fmt: skip


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
        Exponent bias.
    specials : NonNumbers
        Which codes are not numbers.
    signed : bool
        Whether there is a sign bit.
    subnormals : bool
        Whether the exponent field 0 holds zero and the subnormals. Without them (E8M0) every
        code but NaN is a normal number and the format has no zero.

    Raises
    ------
    ValueError
        If a value of the format is not a binary32 value, or the format has no numbers.

    Notes
    -----
    Source: OCP MX v1.0, section 5.3; OCP OFP8 v1.0, section 5; IEEE 754-2019, section 3.3.
    """

    name: str
    exponent_bits: int
    fraction_bits: int
    bias: int
    specials: NonNumbers = NonNumbers.NONE
    signed: bool = True
    subnormals: bool = True

    def __post_init__(self) -> None:
        """Refuse a format that binary32 arrays cannot carry."""
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
        if self.emin - self.fraction_bits < -149 or self.emax > 127:
            raise ValueError(
                f"bias must keep every value within binary32 (2**-149 to 2**128), "
                f"got {self.bias} for {self.name!r}"
            )

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
    def values(self) -> Iterator[float]:
        """The value of every code, in the order of ``codes``."""
        return map(self.value, self.codes)

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
        """Draw every number of the format, of at most 8 bits; see ``msdnum.number_line``."""
        return number_line(self, axis)

    def _repr_html_(self) -> str:
        return html.attributes(
            self, "bits", "exponent_bits", "fraction_bits", "bias", "precision", "unit_roundoff",
            "emin", "emax", "max_finite", "min_normal", "min_subnormal", "specials", "inf_code",
            "nan_code",
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

    Raises
    ------
    ValueError
        If the width or the smallest integer is none of these.

    Notes
    -----
    Source for MXINT8: OCP MX v1.0, section 5.3.4. It leaves open whether the code of -2 is used;
    ``MXINT8_ELEMENT`` uses it.
    """

    name: str
    bits: int
    min_integer: int
    fraction_bits: int = 0

    def __post_init__(self) -> None:
        """Refuse what two's complement of this width cannot hold."""
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
    def values(self) -> Iterator[float]:
        """The value of every code, in the order of ``codes``."""
        return map(self.value, self.codes)

    def value(self, code: int) -> float:
        """Return the number that ``code``, a two's complement pattern, stands for."""
        return (code - ((code > self.max_integer) << self.bits)) * self.eta

    def number_line(self, axis: Axis | None = None) -> NumberLine:
        """Draw every number of the format, of at most 8 bits; see ``msdnum.number_line``."""
        return number_line(self, axis)

    def _repr_html_(self) -> str:
        return html.attributes(
            self, "bits", "min_integer", "max_integer", "fraction_bits", "eta", "emax", "max_finite"
        )


ElementFormat = FloatFormat | IntegerFormat


INT4 = IntegerFormat("INT4", 4, -8)


INT8 = IntegerFormat("INT8", 8, -128)


INT8_SYMMETRIC = IntegerFormat("INT8_SYMMETRIC", 8, -127)


MXINT8_ELEMENT = IntegerFormat("MXINT8_ELEMENT", 8, -128, fraction_bits=6)


E2M1 = FloatFormat("E2M1", 2, 1, 1)


E2M3 = FloatFormat("E2M3", 2, 3, 1)


E3M2 = FloatFormat("E3M2", 3, 2, 3)


E4M3 = FloatFormat("E4M3", 4, 3, 7, NonNumbers.NAN)


E5M2 = FloatFormat("E5M2", 5, 2, 15, NonNumbers.IEEE)


E4M3FNUZ = FloatFormat("E4M3FNUZ", 4, 3, 8, NonNumbers.NEGATIVE_ZERO)
"""The FP8 of AMD's MI300; not the E4M3 of OCP."""


E5M2FNUZ = FloatFormat("E5M2FNUZ", 5, 2, 16, NonNumbers.NEGATIVE_ZERO)
"""The BF8 of AMD's MI300; not the E5M2 of OCP."""


E8M0 = FloatFormat("E8M0", 8, 0, 127, NonNumbers.NAN, signed=False, subnormals=False)


BF16 = FloatFormat("BF16", 8, 7, 127, NonNumbers.IEEE)


FP16 = FloatFormat("FP16", 5, 10, 15, NonNumbers.IEEE)


TF32 = FloatFormat("TF32", 8, 10, 127, NonNumbers.IEEE)
"""What NVIDIA's matrix units make of binary32 numbers; no arrays have this type."""


BINARY32 = FloatFormat("BINARY32", 8, 23, 127, NonNumbers.IEEE)


ELEMENT_FORMATS: dict[str, ElementFormat] = {
    fmt.name: fmt
    for fmt in (
        INT4, INT8, INT8_SYMMETRIC, MXINT8_ELEMENT, E2M1, E2M3, E3M2, E4M3, E5M2, E8M0,
        BF16, FP16, BINARY32,
    )
}  # fmt: skip


UNIT_FORMATS: dict[str, ElementFormat] = {fmt.name: fmt for fmt in (TF32, E4M3FNUZ, E5M2FNUZ)}
"""Formats that some matrix units take, beside ``ELEMENT_FORMATS``, whose vectors are committed."""
