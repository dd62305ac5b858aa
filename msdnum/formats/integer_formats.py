"""Fixed-point formats, as frozen data."""

from dataclasses import dataclass, field

from msdnum._checks import check_integer, check_type
from msdnum.display import html
from msdnum.display.lines import Axis, NumberLine, number_line
from msdnum.display.text import one_line

__all__ = ["IntegerFormat"]


@dataclass(frozen=True)
class IntegerFormat:
    """A fixed-point element format: integer times ``2**-fraction_bits``.

    Integers are in two's complement, or unsigned where none is negative.

    Parameters
    ----------
    name : str
        Name in tables and messages.
    bits : int
        Width of a code, 2 to 16.
    min_integer : int
        Smallest integer in use: ``-2**(bits-1)``, or one more for a symmetric format; 0 for
        unsigned integers, up to ``2**bits - 1``.
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
        """Refuse what a code of this width cannot hold."""
        check_type("name", self.name, str, self.name)
        check_integer("bits", self.bits, self.name)
        check_integer("min_integer", self.min_integer, self.name)
        check_integer("fraction_bits", self.fraction_bits, self.name)
        check_type("source", self.source, str, self.name)
        if not 2 <= self.bits <= 16:
            raise ValueError(f"bits must be in 2..16, got {self.bits} for {self.name!r}")
        half = 1 << (self.bits - 1)
        if self.min_integer not in (-half, 1 - half, 0):
            raise ValueError(
                f"min_integer must be {-half}, {1 - half} or 0, "
                f"got {self.min_integer} for {self.name!r}"
            )
        if not 0 <= self.fraction_bits <= 100:
            raise ValueError(
                f"fraction_bits must be in 0..100, got {self.fraction_bits} for {self.name!r}"
            )

    __repr__ = one_line

    nan_code = inf_code = None
    """Integers are numbers, all of them."""

    @property
    def max_integer(self) -> int:
        """Largest integer."""
        return (1 << (self.bits - self.signed)) - 1

    @property
    def signed(self) -> bool:
        """Whether there are negative integers."""
        return self.min_integer < 0

    @property
    def precision(self) -> int:
        """Number of bits of the largest magnitude."""
        return self.bits - self.signed

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
        """Return the number that ``code`` stands for."""
        return (code - ((code > self.max_integer) << self.bits)) * self.eta

    def number_line(self, axis: Axis | None = None) -> NumberLine:
        """Draw every number of the format, of at most 8 bits; see ``display.number_line``."""
        return number_line(self, axis)

    def _repr_html_(self) -> str:
        return html.attributes(
            self, "bits", "min_integer", "max_integer", "fraction_bits", "eta", "emax",
            "max_finite", "source",
        )  # fmt: skip
