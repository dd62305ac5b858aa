"""Test vectors: given bits, the bits that must come back, and who says so."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum, unique
from typing import TypeAlias, TypeVar

from msdnum import spec
from msdnum.formats.elements import ElementFormat

__all__ = ["Arrays", "Case", "Group", "Patterns", "Standard", "chunks", "one"]

T = TypeVar("T")


@unique
class Standard(Enum):
    """Whether the source of a case, once its rule is named, allows one answer only."""

    DECIDES = "decided"
    LEAVES_OPEN = "open"


@dataclass(frozen=True)
class Patterns:
    """Bit patterns of one format; an array of more than one dimension is flat, in C order."""

    fmt: ElementFormat
    codes: tuple[int, ...]

    def __str__(self) -> str:
        """Return the patterns in hexadecimal, one blank between two."""
        digits = -(-self.fmt.bits // 4)
        return " ".join(f"{code:0{digits}X}" for code in self.codes)

    def same(self, codes: tuple[int, ...]) -> Iterator[bool]:
        """Yield for each pattern whether ``codes`` has it; one NaN is as good as another."""
        for ours, theirs in zip(self.codes, codes, strict=True):
            yield ours == theirs or (self._is_nan(ours) and self._is_nan(theirs))

    def _is_nan(self, code: int) -> bool:
        return 0 <= code < 1 << self.fmt.bits and spec.decode(code, self.fmt) is spec.Special.NAN


Arrays: TypeAlias = dict[str, Patterns]


def chunks(items: Sequence[T], size: int) -> list[tuple[T, ...]]:
    """Return ``items`` cut into tuples of ``size``, the last one of what is left."""
    return [tuple(items[i : i + size]) for i in range(0, len(items), size)]


def one(fmt: ElementFormat, *codes: int) -> Patterns:
    """Return the patterns ``codes``."""
    return Patterns(fmt, codes)


@dataclass(frozen=True)
class Case:
    """One vector.

    Parameters
    ----------
    name : str
        Unique in its group.
    given : dict of str to Patterns
        Arguments by name.
    expected : dict of str to Patterns, or None
        Results by name; None where the input is refused.
    """

    name: str
    given: Arrays
    expected: Arrays | None


@dataclass(frozen=True)
class Group:
    """Vectors of one function, with the same parameters, source and standing.

    Parameters
    ----------
    operation : str
        Name of the function of an adapter: see ``adapters``.
    parameters : dict of str to str
        Its arguments that are names: fmt, rounding, rule, ...
    topic : str
        What the vectors test.
    source : str
        The document and section that says what is expected.
    standard : Standard
        Whether it decides, given the parameters.
    note : str
        What is left open, and msdnum's choice; what the topic does not say.
    cases : tuple of Case
        At least one.
    """

    operation: str
    parameters: dict[str, str]
    topic: str
    source: str
    standard: Standard
    note: str
    cases: tuple[Case, ...]

    @property
    def name(self) -> str:
        """Unique; with a slash and the name of a case, the id of a vector."""
        return "/".join([self.operation, *self.parameters.values(), self.topic])
