"""Pages: what a report says, as frozen data, and as what other programs take."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass
from enum import Enum
from fractions import Fraction
from typing import Any

import numpy as np

from msdnum import errors
from msdnum.display import html
from msdnum.ledger.findings import Evidence, Witness

__all__ = [
    "Cost",
    "Expected",
    "Guarantee",
    "Integrated",
    "Measured",
    "Range",
    "Storage",
    "Sum",
    "Worst",
]

Record = dict[str, str | float | None]


def bits_of(error: Fraction | float) -> float:
    """Return ``-log2(error)``: infinite without error, minus infinity without a bound."""
    if not error:
        return math.inf
    if isinstance(error, Fraction):
        # A quotient of integers of any length, as binary64 could not hold it.
        return math.log2(error.denominator) - math.log2(error.numerator)
    return -math.log2(error)


def share(error: Fraction | float, unit: str) -> str:
    """Write an error as a share of what it is relative to."""
    if not isinstance(error, Fraction):
        return f"{error:.4g} {unit}"
    if not error:
        return "0"
    if error.numerator == 1:
        return unit if error == 1 else f"{unit}/{error.denominator}"
    short = error.denominator < 10**5
    return f"{error} {unit}" if short else f"{unit}/{float(1 / error):.7g}"


@dataclass(frozen=True)
class Worst(html.Shown):
    """The largest error that was found.

    Parameters
    ----------
    error : Fraction or float
        Relative to ``unit``; exact but for sampled sums.
    unit : str
        ``alpha``, ``amax``, ``|x|``, ``max`` or ``|a||b|``, the sum of the magnitudes of products.
    witness : Witness or None
        Bits of the block; None of a sum.
    evidence : Evidence
        What was looked at.
    """

    error: Fraction | float
    unit: str
    witness: Witness | None
    evidence: Evidence

    @property
    def bits(self) -> float:
        """``-log2`` of the error."""
        return bits_of(self.error)

    @property
    def values(self) -> tuple[float, ...]:
        """The numbers of the witness, its block in order."""
        if self.witness is None:
            return ()
        shift, kind = {"BF16": (16, "f4"), "BINARY32": (0, "f4"), "BINARY64": (0, "f8")}[
            self.witness.format
        ]
        whole = np.array(self.witness.block, f"u{kind[1]}") << np.array(shift, f"u{kind[1]}")
        return tuple(whole.view(kind).tolist())

    def __str__(self) -> str:
        """Write error, bits and witness in a line."""
        where = "" if self.witness is None else f" at {self.witness}"
        return f"{share(self.error, self.unit)}, {self.bits:.2f} bits{where}"


@dataclass(frozen=True)
class Guarantee(html.Shown):
    """The bound on that error.

    Parameters
    ----------
    bound : Fraction or float
        Relative to ``unit``; Inf where nothing is proved.
    unit : str
        As of the worst case.
    theorem : str or None
        Id of the theorem; None with no bound.
    proof : str
        How it is proved.
    """

    bound: Fraction | float
    unit: str
    theorem: str | None
    proof: str

    def __post_init__(self) -> None:
        """Refuse a bound from nowhere."""
        if math.isfinite(self.bound) and self.theorem is None:
            raise ValueError(f"theorem must be named for the bound {self.bound}, got None")

    @property
    def bits(self) -> float:
        """``-log2`` of the bound; minus infinity where nothing is proved."""
        return bits_of(self.bound)

    def __str__(self) -> str:
        """Write it in a line."""
        if math.isinf(self.bound):
            return "none proved (inf)"
        return f"{share(self.bound, self.unit)}, {self.bits:.2f} bits"


@dataclass(frozen=True)
class Expected(html.Shown):
    """Bits in closed form, over the reals: of RMS error, by two definitions.

    Parameters
    ----------
    relative_bits : float
        Of ``error / x``, x log-uniform in the top binade of the range.
    uniform_bits : float
        Width of the uniform quantizer of the whole range with this RMS error, x uniform in it.
    theorem, proof : str
        As of a bound.
    """

    relative_bits: float
    uniform_bits: float
    theorem: str
    proof: str


@dataclass(frozen=True)
class Measured(html.Shown):
    """Bits on one input.

    Parameters
    ----------
    input : str
        Name of the family, the distribution, or ``x``.
    description : str
        What holds for it.
    size : int
        How many numbers were looked at.
    seed : int or None
        Of the sample; None of what was given.
    effective_bits : dict
        By definition, as in ``errors.EFFECTIVE_BITS``.
    """

    input: str
    description: str
    size: int
    seed: int | None
    effective_bits: dict[str, float]

    @property
    def snr_db(self) -> float:
        """Signal-to-noise ratio, ``20 log10(||x|| / ||error||)``."""
        return self.effective_bits["snr"] * errors.DB_PER_BIT


@dataclass(frozen=True)
class Integrated(html.Shown):
    """Expected bits, integrated over the cells of a format: nothing is drawn.

    Parameters
    ----------
    input : str
        Name of the distribution.
    effective_bits : dict
        By definition; those that follow a worst case, a median or a mean of logarithms have no such
        limit and are not here.
    """

    input: str
    effective_bits: dict[str, float]

    @property
    def snr_db(self) -> float:
        """Signal-to-noise ratio, from the expectations of both."""
        return self.effective_bits["snr"] * errors.DB_PER_BIT


@dataclass(frozen=True)
class Storage(html.Shown):
    """Bits of an element with its share of the scales.

    Parameters
    ----------
    bits_per_element : Fraction
        All terms; what a whole row or tensor shares counts as none.
    formula : str
        How it adds up.
    """

    bits_per_element: Fraction
    formula: str


@dataclass(frozen=True)
class Range(html.Shown):
    """Largest number, smallest normal and smallest subnormal; None for one that there is not."""

    name: str
    largest: Fraction
    smallest_normal: Fraction | None
    smallest_subnormal: Fraction | None


@dataclass(frozen=True)
class Cost(html.Shown):
    """What it takes on a machine, by the closed form of ``msdnum.cost``.

    Parameters
    ----------
    machine : str
        Name of the machine.
    unit : str
        Matrix units that take the elements as they are, or exactly converted; empty if none does.
    matrix_time : Fraction or None
        Of all passes, one BF16 pass being 1.
    seconds : dict
        By workload, pipelined at peak rates.
    over_bf16 : dict
        These over the seconds of BF16 by BF16.
    """

    machine: str
    unit: str
    matrix_time: Fraction | None
    seconds: dict[str, Fraction]
    over_bf16: dict[str, Fraction]


@dataclass(frozen=True)
class Sum(html.Shown):
    """How often a product is rounded on its way into a sum of ``k``.

    Parameters
    ----------
    k : int
        Number of products in the sum.
    roundings : int or None
        Roundings, each of relative error ``unit_roundoff``; None where the bound ends.
    unit_roundoff : Fraction or None
        Largest relative error of one; None where the bound ends.
    bound : Fraction or float
        On the error over the sum of magnitudes; Inf where roundings times roundoff reach 1.
    """

    k: int
    roundings: int | None
    unit_roundoff: Fraction | None
    bound: Fraction | float

    @property
    def bits(self) -> float:
        """``-log2`` of the bound."""
        return bits_of(self.bound)


def plain(value: Any) -> Any:
    """Return a value as JSON has it: exact fractions, infinities and NaN as text."""
    match value:
        case Witness():
            return {"format": value.format, "block": value.hexadecimal, "element": value.element}
        case Enum():
            return value.name
        case Fraction():
            return str(value)
        case float():
            return value if math.isfinite(value) else str(value)
        case dict():
            return {str(key): plain(item) for key, item in value.items()}
        case tuple() | list():
            return [plain(item) for item in value]
        case _ if is_dataclass(value):
            return {name: plain(getattr(value, name)) for name in _names(value)}
    return value


def _names(value: Any) -> list[str]:
    """Return fields, and of the parts of a page what follows from them."""
    names = [field.name for field in fields(value)]
    if type(value).__module__ == __name__:
        names += [name for name, kind in vars(type(value)).items() if isinstance(kind, property)]
    return names


def records(section: str, value: Any) -> Iterator[Record]:
    """Yield the numbers of a part of a page, one a record, as floats and as exact text."""
    parts = value if isinstance(value, tuple) else (value,)
    for part in parts:
        of = next((str(getattr(part, n)) for n in ("input", "machine", "name", "k")
                   if hasattr(part, n)), "")  # fmt: skip
        for name in _names(part):
            yield from _numbers(section, of, name, getattr(part, name))


def _numbers(section: str, of: str, name: str, value: Any) -> Iterator[Record]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _numbers(section, of, key if name == "effective_bits" else f"{name}, {key}",
                                item)  # fmt: skip
    elif isinstance(value, int | float | Fraction) and not isinstance(value, bool):
        exact = str(value) if isinstance(value, int | Fraction) else ""
        yield {"section": section, "of": of, "quantity": name, "value": float(value),
               "exact": exact}  # fmt: skip
