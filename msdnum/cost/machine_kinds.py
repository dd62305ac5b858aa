"""Kinds of a machine's numbers: units, routes, and rates with their sources.

Rates are dense (without structured sparsity) and a multiply-add counts as two matrix operations, as
in data sheets. A vector operation is one instruction on one binary32 lane, a fused multiply-add
included, so a data sheet's FP32 rate is twice the number here. None is not known; 0 is not there.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, unique
from fractions import Fraction
from types import MappingProxyType

from msdnum.display import html
from msdnum.formats.elements import (
    BF16,
    E2M1,
    E2M3,
    E3M2,
    E4M3,
    E5M2,
    FP16,
    INT4,
    INT8,
    INT8_SYMMETRIC,
    MXINT8_ELEMENT,
    ElementFormat,
)

__all__ = ["PEAKS", "UNITS", "Machine", "Quantity", "Route", "Unit", "unit_of"]


@unique
class Unit(Enum):
    """What a matrix unit multiplies; the name of its rate in ``Machine``."""

    INT4 = "int4"
    INT8 = "int8"
    FP4 = "fp4"
    FP6 = "fp6"
    FP8 = "fp8"
    BF16 = "bf16"


@unique
class Route(Enum):
    """How what one unit has computed reaches another."""

    HBM = "written to HBM and read back"
    CACHE = "written to a cache between HBM and the units, and read back, in pieces that fit"
    ON_CHIP = "kept in on-chip memory, or in a cache that holds all of it"


UNITS: Mapping[ElementFormat, Unit] = MappingProxyType({
    INT4: Unit.INT4,
    INT8: Unit.INT8, INT8_SYMMETRIC: Unit.INT8, MXINT8_ELEMENT: Unit.INT8,
    E2M1: Unit.FP4,
    E2M3: Unit.FP6, E3M2: Unit.FP6,
    E4M3: Unit.FP8, E5M2: Unit.FP8,
    BF16: Unit.BF16, FP16: Unit.BF16,
})  # fmt: skip


def unit_of(fmt: ElementFormat) -> Unit:
    """Return the matrix unit that takes an element format.

    Raises
    ------
    ValueError
        If none does.

    Examples
    --------
    >>> from msdnum.cost import unit_of
    >>> from msdnum.formats import E2M1, E4M3
    >>> unit_of(E2M1).name, unit_of(E4M3).name
    ('FP4', 'FP8')
    """
    if fmt not in UNITS:
        known = ", ".join(f.name for f in UNITS)
        raise ValueError(f"fmt must be one that matrix units take ({known}), got {fmt.name!r}")
    return UNITS[fmt]


@dataclass(frozen=True)
class Quantity:
    """A number and where it is from.

    Parameters
    ----------
    value : Fraction
        In operations per second, bytes per second or bytes; 0: the machine does not have it.
    source : str
        Document, and how the number follows if it is not written there.
    """

    value: Fraction
    source: str

    def __post_init__(self) -> None:
        """Refuse a negative number and one without a source."""
        if self.value < 0:
            raise ValueError(f"value must not be negative, got {self.value}")
        if not self.source.strip():
            raise ValueError(f"source must say where {self.value} is from, got nothing")

    def cells(self, name: str) -> tuple[str, object, object]:
        """Return the number as notebooks show it, in units of 10**12."""
        return name, float(self.value / 10**12) or "none", html.paragraph(self.source)


@dataclass(frozen=True)
class Machine:
    """Peak rates of an accelerator.

    Parameters
    ----------
    name : str
        In tables and messages.
    route : Route
        How the vector unit hands data to the matrix unit.
    route_source : str
        Where that is from.
    bandwidth : Quantity or None
        Bytes per second to and from HBM, both directions together.
    vector : Quantity or None
        Vector operations per second on binary32 lanes.
    bf16, fp8, fp6, fp4, int8, int4 : Quantity or None
        Matrix operations per second, two for each multiply-add.
    cache : Quantity or None
        Bytes per second to and from the cache between HBM and the units, both directions together.
    cache_size : Quantity or None
        Bytes that it holds.

    Examples
    --------
    >>> from msdnum.cost import H100, Unit
    >>> H100.has(Unit.FP8), H100.has(Unit.FP4)
    (True, False)
    """

    name: str
    route: Route
    route_source: str
    bandwidth: Quantity | None
    vector: Quantity | None
    bf16: Quantity | None
    fp8: Quantity | None
    fp6: Quantity | None
    fp4: Quantity | None
    int8: Quantity | None
    int4: Quantity | None
    cache: Quantity | None = None
    cache_size: Quantity | None = None

    def __repr__(self) -> str:
        """Name it in a line; its numbers have sources, which a notebook shows."""
        known = [unit.value for unit in Unit if self.has(unit)]
        return f"<Machine {self.name}: {', '.join(known)}>"

    def peak(self, name: str) -> Fraction:
        """Return a rate by its field.

        Raises
        ------
        ValueError
            If it is not known, or the machine has no such unit; the message names both.
        """
        if name not in PEAKS:
            raise ValueError(f"name must be one of {', '.join(PEAKS)}, got {name!r}")
        quantity: Quantity | None = getattr(self, name)
        if quantity is None:
            raise ValueError(f"{name} of {self.name} must be known here, but it is not")
        if quantity.value == 0:
            raise ValueError(f"{self.name} has no {name} unit: {quantity.source}")
        return quantity.value

    def has(self, unit: Unit) -> bool:
        """Return whether it is known to have a matrix unit."""
        quantity: Quantity | None = getattr(self, unit.value)
        return quantity is not None and quantity.value > 0

    def rate(self, *units: Unit) -> Fraction:
        """Return the rate at which operands of these kinds multiply: that of the slowest.

        Raises
        ------
        ValueError
            If a rate is not known or a unit is missing.
        """
        return min(self.peak(unit.value) for unit in units)

    def _repr_html_(self) -> str:
        known = ((name, getattr(self, name)) for name in PEAKS)
        rows = [(name, "not known", "") if q is None else q.cells(name) for name, q in known]
        rows.append(("route", self.route.name, html.paragraph(self.route_source)))
        return html.table(("", "tera per second", "source"), rows, self.name)


PEAKS = ("bandwidth", "vector", *(unit.value for unit in Unit), "cache")
