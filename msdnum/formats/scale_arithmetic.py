"""How a library computes scales and elements, step by step in binary32, as frozen data."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum, unique

from msdnum._checks import check_type
from msdnum.formats.blocks import BlockFormat
from msdnum.formats.elements import FloatFormat
from msdnum.formats.modes import Rounding

__all__ = ["Operation", "ScaleArithmetic", "Step"]


@unique
class Operation(Enum):
    """What a step does; every result is a binary32 number."""

    MULTIPLY = "the product, rounded to binary32 (RNE)"
    DIVIDE = "the quotient, rounded to binary32 (RNE); as IEEE 754 has it where a divisor is 0"
    MINIMUM = "the smaller of two that are not negative; NaN is above Inf"
    MAXIMUM = "the larger of two that are not negative; NaN is above Inf"
    IF_ZERO = "the first, or where it is 0 the second"
    ROUND = "the number of a format, saturating"


Operand = str | float


@dataclass(frozen=True)
class Step:
    """One assignment.

    Parameters
    ----------
    name : str
        What later steps call the result.
    operation : Operation
        What is done.
    operands : tuple of str and float
        Names of results before it, or binary32 numbers; one for ROUND, else two.
    fmt : FloatFormat, optional
        What ROUND rounds to.
    rounding : Rounding
        How ROUND rounds.
    """

    name: str
    operation: Operation
    operands: tuple[Operand, ...]
    fmt: FloatFormat | None = None
    rounding: Rounding = Rounding.RNE

    def __post_init__(self) -> None:
        """Refuse operands that do not suit the operation."""
        check_type("operation", self.operation, Operation, self.name)
        rounds = self.operation is Operation.ROUND
        if len(self.operands) != (1 if rounds else 2) or rounds != (self.fmt is not None):
            raise ValueError(
                f"operands must be one with a format for ROUND, else two without, got "
                f"{self.operands} for {self.operation.name} in step {self.name!r}"
            )


@dataclass(frozen=True)
class ScaleArithmetic:
    """The arithmetic by which a library quantizes blocks.

    Parameters
    ----------
    name : str
        The library, and what distinguishes this arithmetic from its others.
    format : BlockFormat
        Format of what comes out.
    tensor : tuple of Step
        From ``tensor_amax``, the largest magnitude of the tensor; in a format with a tensor scale
        one of them is called ``tensor_scale``, which is stored.
    block : tuple of Step
        From ``amax`` of the block and all of those; one is called ``scale``, which is stored.
    element : tuple of Step
        From ``x`` and all of those; the last is rounded to the element format, saturating.
    rounding : Rounding
        Of the elements.
    source : str
        Where it was read, and the version.

    Raises
    ------
    ValueError
        If a step names what is not there before it, or a result is missing.

    Examples
    --------
    Divide by the scale before it is rounded, as many kernels do:

    >>> from msdnum import BLOCK_FORMATS
    >>> from msdnum.formats.scale_arithmetic import Operation, ScaleArithmetic, Step
    >>> unrounded = ScaleArithmetic(
    ...     "unrounded", BLOCK_FORMATS["INT8_ROW"], (),
    ...     (Step("scale", Operation.DIVIDE, ("amax", 127.0)),),
    ...     (Step("inverse", Operation.DIVIDE, (1.0, "scale")),
    ...      Step("quotient", Operation.MULTIPLY, ("x", "inverse"))),
    ... )
    >>> unrounded
    ScaleArithmetic('unrounded', format=INT8_ROW)
    """

    name: str
    format: BlockFormat
    tensor: tuple[Step, ...] = field(repr=False)
    block: tuple[Step, ...] = field(repr=False)
    element: tuple[Step, ...] = field(repr=False)
    rounding: Rounding = Rounding.RNE
    source: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        """Refuse steps that are not carried out one after the other."""
        known: set[str] = set()
        parts = {"tensor_amax": self.tensor, "amax": self.block, "x": self.element}
        for given, steps in parts.items():
            known.add(given)
            _check_names(steps, known, self.name)
        wanted = ["scale"] + ["tensor_scale"] * self.format.tensor_scale
        for result in wanted:
            if result not in known:
                raise ValueError(f"steps must make {result!r} in {self.name!r}")
        if not self.element:
            raise ValueError(f"element must have a step in {self.name!r}")

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r}, format={self.format.name})"


def _check_names(steps: Iterable[Step], known: set[str], where: str) -> None:
    """Raise if an operand is not known; add results to what is."""
    for step in steps:
        unknown = [x for x in step.operands if isinstance(x, str) and x not in known]
        if unknown:
            raise ValueError(
                f"operands must be results of steps before, got {unknown[0]!r} in step "
                f"{step.name!r} of {where!r}"
            )
        known.add(step.name)
