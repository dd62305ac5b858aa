"""Units that add products one after the other, each addition rounded: lanes, and chains from c."""

from dataclasses import dataclass, field
from typing import TypeAlias

from msdnum.display import html
from msdnum.formats.elements import BINARY32, ElementFormat, FloatFormat
from msdnum.formats.own_units import (
    DesignedUnit,
    StepUnit,
    SumRounding,
    check_divides,
    check_output,
    check_range,
    check_rounding,
)

__all__ = ["ChainUnit", "LanesUnit", "OwnUnit"]


@dataclass(frozen=True)
class LanesUnit(html.Shown):
    """Lanes that add products one after the other, then their sums, then c: each addition rounded.

    A step takes ``group`` products. Lane l adds those with ``k % lanes == l`` one by one to the
    first of them; the lanes' sums are added pairwise, and the last sum to c. As many lanes as
    products are a tree. Products are rounded to ``output`` first; *fused* they are not, and a lane
    is a chain of FMAs from +0.

    Parameters
    ----------
    name : str
        Name in tables.
    group : int
        Products in a step.
    lanes : int
        They divide the group.
    output : FloatFormat
        Format of products and sums; one with Inf, within binary32.
    rounding : SumRounding
        Of every product and addition.
    fused : bool
        Whether products are not rounded.
    flushes_inputs : bool
        Whether subnormal elements of floats count as zeros of their sign.
    flushes_results : bool
        Whether a subnormal c counts as a zero of its sign, and subnormal products and sums become
        one: those that are subnormal after rounding to the fraction bits of normal numbers.
    source : str
        Where the model comes from. ``replace`` keeps it: name another beside other numbers.
    takes : tuple of ElementFormat
        Formats of elements of its instruction; others are refused. Empty: any that it can hold.
    instruction : str
        The instruction that it is a model of.
    """

    name: str
    group: int
    lanes: int
    output: FloatFormat = field(default=BINARY32, repr=False)
    rounding: SumRounding = SumRounding.NEAREST_EVEN
    fused: bool = False
    flushes_inputs: bool = False
    flushes_results: bool = False
    source: str = ""
    takes: tuple[ElementFormat, ...] = field(default=(), repr=False)
    instruction: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        """Refuse lanes of different lengths."""
        check_output(self.output)
        check_rounding("rounding", self.rounding)
        check_range("group", self.group, 1)
        check_range("lanes", self.lanes, 1)
        check_divides("lanes", self.lanes, self.group)


@dataclass(frozen=True)
class ChainUnit(html.Shown):
    """A chain of FMAs from c: ``c = fl(c + a_k b_k)``, in an order of its own within groups of k.

    Parameters
    ----------
    name : str
        Name in tables.
    order : tuple of int
        Which product of a group comes when: 0 to one less than its length, each once. What is
        beyond the end of k is left out.
    output : FloatFormat
        Format of sums; one with Inf, within binary32.
    rounding : SumRounding
        Of every sum.
    flushes_inputs, flushes_results : bool
        As those of `LanesUnit`.
    source : str
        Where the model comes from. ``replace`` keeps it: name another beside other numbers.
    takes : tuple of ElementFormat
        Formats of elements of its instruction; others are refused. Empty: any that it can hold.
    instruction : str
        The instruction that it is a model of.
    """

    name: str
    order: tuple[int, ...] = (0,)
    output: FloatFormat = field(default=BINARY32, repr=False)
    rounding: SumRounding = SumRounding.NEAREST_EVEN
    flushes_inputs: bool = False
    flushes_results: bool = False
    source: str = ""
    takes: tuple[ElementFormat, ...] = field(default=(), repr=False)
    instruction: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        """Refuse what is no order."""
        check_output(self.output)
        check_rounding("rounding", self.rounding)
        if not self.order or sorted(self.order) != list(range(len(self.order))):
            raise ValueError(
                f"order must have each of 0, 1, ... once, such as (1, 0), got {self.order!r}"
            )

    @property
    def group(self) -> int:
        """Products in a step."""
        return len(self.order)


OwnUnit: TypeAlias = DesignedUnit | LanesUnit | ChainUnit | StepUnit
"""Units of one's own."""
