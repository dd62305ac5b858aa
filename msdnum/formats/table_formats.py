"""Formats that are given by a table of numbers, one for each code, as frozen data."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from typing import NamedTuple

from msdnum._checks import check_type
from msdnum.display import html
from msdnum.display.lines import Axis, NumberLine, number_line
from msdnum.display.text import one_line

__all__ = ["TableFormat", "TableNumber"]

LARGEST = 2.0**100
"""Numbers of a table are 0, or between its reciprocal and it in magnitude."""


class TableNumber(NamedTuple):
    """A number of a table and the code that it is encoded to."""

    value: Fraction
    code: int


@dataclass(frozen=True, eq=False)
class TableFormat:
    """An element format whose numbers are listed: a codebook, or a tapered format.

    Parameters
    ----------
    name : str
        Name in tables and messages.
    numbers : tuple of float
        The number of every code, in the order of the codes: 4 to 65536 of them, a power of two.
        NaN, Inf and -0 may be among them. A number that several codes have is encoded to the first.
    beyond : float, optional
        In a format with Inf or NaN: the magnitude at which the number after the largest would be.
        What rounds to it overflows.
    source : str
        As for `FloatFormat`.

    Raises
    ------
    TypeError
        If a field is not of its type.
    ValueError
        If the numbers are not of such a count, a number is no binary32 number or is out of range,
        there are fewer than two, or ``beyond`` is missing, unused or not above the largest.

    Notes
    -----
    Rounding goes to the neighbour that is nearest by value. Halfway between two, RNE takes the one
    with the even code, or, if both are even or both odd, the larger magnitude, and of two equal
    magnitudes the positive one. Between two neighbours of different sign RNA and RTZ, too, are to
    nearest, and what is beyond the outermost numbers saturates to them. STOCHASTIC is refused.

    Examples
    --------
    >>> from msdnum import Overflow, TableFormat, encode
    >>> ternary = TableFormat("ternary", (0.0, 1.0, -1.0, -1.0))
    >>> encode(np.float32([0.7, -9, 0.5]), ternary, overflow=Overflow.SATURATE)
    array([1, 2, 0], dtype=uint8)
    """

    name: str
    numbers: tuple[float, ...]
    beyond: float | None = None
    source: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        """Make floats of all numbers, and refuse what is no format."""
        check_type("name", self.name, str, self.name)
        check_type("numbers", self.numbers, tuple, self.name)
        for number in self.numbers:
            check_type("numbers", number, float | int, self.name)
        check_type("source", self.source, str, self.name)
        object.__setattr__(self, "numbers", tuple(map(float, self.numbers)))
        self._check_numbers()
        self._check_beyond()

    def _check_numbers(self) -> None:
        count = len(self.numbers)
        if not 4 <= count <= 1 << 16 or count.bit_count() != 1:
            raise ValueError(
                f"numbers must be a power of two of them, 4 to 65536, got {count} for {self.name!r}"
            )
        for x in filter(math.isfinite, self.numbers):
            if x and not 1 / LARGEST <= abs(x) <= LARGEST:
                raise ValueError(
                    f"numbers must be 0 or 2**-100 to 2**100 in magnitude, got {x} for "
                    f"{self.name!r}"
                )
            if _significand_bits(x) > 24:
                raise ValueError(
                    f"numbers must be binary32 numbers, as float(np.float32(x)) is, got {x!r} for "
                    f"{self.name!r}"
                )
        if len(self.ordered) < 2:
            raise ValueError(f"numbers must be at least two different ones for {self.name!r}")

    def _check_beyond(self) -> None:
        overflows = self.nan_code is not None or self.inf_code is not None
        if self.beyond is None:
            if overflows:
                raise ValueError(
                    f"beyond must be given for {self.name!r}, which has an Inf or a NaN: "
                    f"where the number after {self.max_finite} would be"
                )
            return
        check_type("beyond", self.beyond, float | int, self.name)
        if not overflows:
            raise ValueError(f"beyond must be None for {self.name!r}, which has no Inf and no NaN")
        low, high = self.ordered[0].value, self.ordered[-1].value
        if not high < self.beyond < 2 * LARGEST or not (low >= 0 or low == -high):
            raise ValueError(
                f"beyond must be above the largest number, and the smallest that number negated, "
                f"got {self.beyond} after {float(low)} to {float(high)} for {self.name!r}"
            )

    __repr__ = one_line

    @cached_property
    def _identity(self) -> tuple[str | float | None, ...]:
        """What two equal tables have in common: 0 and -0 are two numbers, NaN and NaN one."""
        return self.name, self.beyond, *(x.hex() for x in self.numbers)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, TableFormat):
            return NotImplemented
        return self._identity == other._identity

    def __hash__(self) -> int:
        return hash(self._identity)

    @property
    def bits(self) -> int:
        """Width of a code."""
        return len(self.numbers).bit_length() - 1

    @property
    def codes(self) -> range:
        """All bit patterns."""
        return range(len(self.numbers))

    @property
    def values(self) -> tuple[float, ...]:
        """The value of every code, in the order of ``codes``."""
        return self.numbers

    def value(self, code: int) -> float:
        """Return the number that ``code`` stands for; NaN and Inf as floats."""
        return self.numbers[code]

    @cached_property
    def ordered(self) -> tuple[TableNumber, ...]:
        """The different numbers, ascending, each with its first code; of zeros, +0."""
        first: dict[Fraction, int] = {}
        for code in sorted(self.codes, key=lambda code: math.copysign(1, self.numbers[code]) < 0):
            if math.isfinite(self.numbers[code]):
                first.setdefault(Fraction(self.numbers[code]), code)
        return tuple(TableNumber(*item) for item in sorted(first.items()))

    @property
    def signed(self) -> bool:
        """Whether there are negative numbers."""
        return self.ordered[0].value < 0

    @property
    def has_zero(self) -> bool:
        """Whether zero is among the numbers."""
        return 0.0 in self.numbers

    @property
    def max_finite(self) -> float:
        """Largest magnitude."""
        return max(map(abs, filter(math.isfinite, self.numbers)))

    @property
    def emax(self) -> int:
        """Exponent of ``max_finite``."""
        return math.frexp(self.max_finite)[1] - 1

    @property
    def min_normal(self) -> float:
        """Smallest positive magnitude: a table has no subnormal numbers."""
        return min(abs(x) for x in self.numbers if math.isfinite(x) and x)

    @property
    def eta(self) -> float:
        """Largest power of two that every number is a multiple of."""
        return min(_unit(x) for x in self.numbers if math.isfinite(x) and x)

    @property
    def precision(self) -> int:
        """Most significand bits that a number has."""
        return max(map(_significand_bits, filter(math.isfinite, self.numbers)))

    @property
    def nan_code(self) -> int | None:
        """Code of the canonical NaN, the first, or None."""
        return _first(math.isnan(x) for x in self.numbers)

    @property
    def inf_code(self) -> int | None:
        """Code of +Inf, or None."""
        return _first(x == math.inf for x in self.numbers)

    @property
    def negative_inf_code(self) -> int | None:
        """Code of -Inf, or None."""
        return _first(x == -math.inf for x in self.numbers)

    @property
    def negative_zero_code(self) -> int | None:
        """Code of -0, or None."""
        return _first(x == 0 and math.copysign(1, x) < 0 for x in self.numbers)

    def number_line(self, axis: Axis | None = None) -> NumberLine:
        """Draw every number of the format, of at most 8 bits; see ``display.number_line``."""
        return number_line(self, axis)

    def _repr_html_(self) -> str:
        return html.attributes(
            self, "bits", "max_finite", "min_normal", "eta", "precision", "beyond", "inf_code",
            "nan_code", "source",
        )  # fmt: skip


def _significand_bits(x: float) -> int:
    odd = abs(Fraction(x).numerator)
    return (odd // (odd & -odd or 1)).bit_length()


def _unit(x: float) -> float:
    """Return the largest power of two that ``x``, not zero, is a multiple of."""
    fraction = Fraction(x)
    return float(Fraction(fraction.numerator & -fraction.numerator, fraction.denominator))


def _first(found: Iterable[bool]) -> int | None:
    return next((code for code, this in enumerate(found) if this), None)
