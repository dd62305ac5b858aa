"""The design space of decompositions: effective bits against the time of the matrix unit."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import product
from math import log2

from msdnum import bounds, errors
from msdnum.cost.machines import MACHINES, Machine, Unit, unit_of
from msdnum.evidence.effective_bits import EffectiveBits, approximation
from msdnum.evidence.worst_cases import Extreme, among_ties
from msdnum.experiments.experiment import Experiment
from msdnum.experiments.tables import Record
from msdnum.formats.elements import ELEMENT_FORMATS, ElementFormat, IntegerFormat
from msdnum.formats.modes import ScaleRule
from msdnum.formats.schemes import Scheme, amax_scheme, covering_scheme
from msdnum.inputs.families import family

__all__ = ["DESIGN_EXPERIMENTS", "Design", "cost", "designs", "front"]


POINTS = {
    (ScaleRule.COVERING, ("E2M1", "E2M1"), 0): "MXFP4 x2",
    (ScaleRule.COVERING, ("E4M3",), 0): "MXFP8 x1",
    (ScaleRule.AMAX, ("INT8_SYMMETRIC", "INT8_SYMMETRIC"), 0): "INT8 x2",
}
"""The decompositions that the paper has."""

COUNTED = ("worst", "rms", "normal")
"""Ways to count bits; each has its Pareto front."""


@dataclass(frozen=True)
class Design:
    """Elements of the terms, a rule for the scale, and how far apart the scales are.

    Parameters
    ----------
    elements : tuple of ElementFormat
        One for each term.
    rule : ScaleRule
        COVERING, powers of two; or AMAX, integers with a scale from amax.
    slack : int
        Each ratio of scales is ``2**-slack`` of the largest at which the next term still covers
        what is left; -1: twice that, so that the next term may saturate.

    Raises
    ------
    ValueError
        For another rule, and under AMAX for elements that are no integers or a slack.
    """

    elements: tuple[ElementFormat, ...]
    rule: ScaleRule
    slack: int = 0

    def __post_init__(self) -> None:
        """Refuse what is no scheme."""
        if self.rule not in (ScaleRule.COVERING, ScaleRule.AMAX):
            raise ValueError(f"rule must be COVERING or AMAX, got {self.rule.name}")
        if self.rule is ScaleRule.AMAX and (self.slack or len(self._integers) < len(self.elements)):
            raise ValueError(
                f"elements must be integers, and slack 0, under AMAX, "
                f"got {', '.join(self.names)} and {self.slack}"
            )

    @property
    def _integers(self) -> list[IntegerFormat]:
        return [e for e in self.elements if isinstance(e, IntegerFormat)]

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the elements."""
        return tuple(element.name for element in self.elements)

    @property
    def scheme(self) -> Scheme:
        """The scheme."""
        name = " + ".join(self.names)
        if self.rule is ScaleRule.AMAX:
            return amax_scheme(name, *self._integers)
        covering = covering_scheme(name, *self.elements)
        ratios = tuple(r * Fraction(2) ** -self.slack for r in covering.ratios or ())
        return replace(covering, ratios=ratios)

    @property
    def bound(self) -> Fraction | None:
        """Worst error over the range by theorem mixed-decomposition; None if terms saturate.

        With slack each term is given less than the range that its scale is for: it is bounded as
        the lower binades of that range are.
        """
        if self.slack < 0:
            return None
        first, *others = self.elements
        left = bounds.mixed_decomposition([first], rule=self.rule)
        for element in others:
            span = left * 2**self.slack
            left = bounds.mixed_decomposition([element], span, rule=self.rule, binade=self.slack)
        return left


def designs(names: Sequence[str], terms: int, slacks: Sequence[int]) -> Iterator[Design]:
    """Yield every design of up to so many terms; of other slack than 0 only pairs."""
    elements = [ELEMENT_FORMATS[name] for name in names]
    integers = [e for e in elements if isinstance(e, IntegerFormat)]
    for count in range(1, terms + 1):
        for chosen in product(elements, repeat=count):
            for slack in slacks if count == 2 else (0,):
                yield Design(chosen, ScaleRule.COVERING, slack)
        for whole in product(integers, repeat=count):
            yield Design(whole, ScaleRule.AMAX)


def cost(design: Design, machine: Machine) -> Fraction | None:
    """Return matrix-unit time of all passes over that of one BF16 pass; None if it has no unit.

    A pass takes the rate of its element's unit, for weights that this unit takes as they are or
    exactly converted, as E2M1 is by doubling to INT8. INT4 takes the unit of INT8 where it has none
    of its own. Decomposing and adding are not counted.
    """
    units = [_unit(element, machine) for element in design.elements]
    if not all(machine.has(unit) for unit in units):
        return None
    base = machine.rate(Unit.BF16)
    return sum((base / machine.rate(unit) for unit in units), Fraction(0))


def _unit(element: ElementFormat, machine: Machine) -> Unit:
    unit = unit_of(element)
    return Unit.INT8 if unit is Unit.INT4 and not machine.has(unit) else unit


def front(points: Sequence[tuple[Fraction, float]]) -> list[bool]:
    """Return which (cost, bits) no other beats: none costs less with as many bits, or has more.

    Equals do not beat each other: of several equal points all are on the front.
    """
    return [
        not any(c <= price and b >= bits and (c, b) != (price, bits) for c, b in points)
        for price, bits in points
    ]


@dataclass(frozen=True)
class Measured:
    """What a design leaves.

    Parameters
    ----------
    design : Design
        Design whose cost is asked for.
    extreme : Extreme
        Worst error that was found; its bound counts only if the design has one.
    rms_bits : float
        Of RMS relative error, x log-uniform in the top binade, as in the paper's 6.6 and 5.24.
    normal_bits : float
        Of the relative L2 error on normal numbers; a scale for 32 of them under CEIL, for a row
        of 128 under AMAX.
    """

    design: Design
    extreme: Extreme
    rms_bits: float
    normal_bits: float

    @property
    def worst_bits(self) -> float:
        """By theorem, or as found where terms may saturate."""
        return -log2(self.design.bound or self.extreme.error)

    def record(self) -> Record:
        """Return the cells that no machine enters."""
        design, bound = self.design, self.design.bound
        key = design.rule, design.names, design.slack
        return {
            "design": " + ".join(design.names),
            "terms": len(design.elements),
            "rule": design.rule.name,
            "slack": design.slack,
            "point": POINTS.get(key, ""),
            "error": float(self.extreme.error),
            "bound": "" if bound is None else float(bound),
            "worst_bits": self.worst_bits,
            "rms_bits": self.rms_bits,
            "normal_bits": self.normal_bits,
            "witness": str(self.extreme.witness),
            "evidence": str(self.extreme.evidence),
        }


def measured(design: Design, sample: EffectiveBits, multiples: int) -> Measured:
    """Find worst and RMS errors; a design that may saturate is run where one without slack is."""
    scheme = design.scheme
    bound = design.bound or replace(design, slack=0).bound
    extreme = among_ties(scheme, multiples, sample.seed, bound)
    one_binade, normal = (sample.sample(family(name)) for name in ("log_uniform", "normal"))
    return Measured(
        design,
        extreme,
        errors.bits_rms_relative(one_binade, approximation(one_binade, scheme)),
        errors.bits_relative_l2(normal, approximation(normal, scheme)),
    )


@dataclass(frozen=True)
class DesignSpace:
    """Which designs, on which machines.

    Parameters
    ----------
    machines, elements : tuple of str
        The names of machines, and of element formats.
    terms : int
        Most terms of a design.
    slacks : tuple of int
        Of designs with two terms, as in ``Design``.
    ties : int
        How many multiples of a tie are tried for the worst error.
    rows : int
        How many rows are drawn for each RMS error.
    """

    machines: tuple[str, ...]
    elements: tuple[str, ...]
    terms: int
    slacks: tuple[int, ...]
    ties: int
    rows: int


def design_space(parameters: DesignSpace, seed: int) -> Iterator[Record]:
    """Set bits beside cost for every design, machine by machine, and mark the Pareto front."""
    sample = EffectiveBits(seed, parameters.rows)
    chosen = designs(parameters.elements, parameters.terms, parameters.slacks)
    found = [measured(design, sample, parameters.ties) for design in chosen]
    for machine in MACHINES.values():
        if machine.name in parameters.machines:
            yield from _on_machine(machine, found)


def _on_machine(machine: Machine, found: Sequence[Measured]) -> Iterator[Record]:
    """Yield the designs that run there, with one front for each way to count bits."""
    costs = [(item, cost(item.design, machine)) for item in found]
    there = [(item, price) for item, price in costs if price is not None]
    fronts = [front([(c, getattr(item, f"{name}_bits")) for item, c in there]) for name in COUNTED]
    for (item, price), *best in zip(there, *fronts, strict=True):
        yield {
            "machine": machine.name,
            **item.record(),
            "cost": float(price),
            **dict(zip((f"pareto_{name}" for name in COUNTED), best, strict=True)),
        }


DESIGN_EXPERIMENTS = (
    Experiment(
        "design_space",
        "bits of every decomposition beside its matrix-unit time, one BF16 pass being 1; bits are "
        "relative to the range, alpha under CEIL and M under AMAX",
        DesignSpace(
            ("B200", "B300", "MI355X", "Ascend 910B2", "Ascend 950PR"),
            ("E2M1", "E2M3", "E3M2", "E4M3", "E5M2", "INT4", "INT8_SYMMETRIC"),
            3,
            (-1, 0, 1, 2),
            1 << 14,
            256,
        ),
        design_space,
        DesignSpace(("B200",), ("E2M1", "INT4"), 2, (-1, 0), 256, 8),
    ),
)
"""In the order in which they run."""
