"""Reports on what an implementation did with the vectors, and where it differs, in bits."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from msdnum import spec
from msdnum.conformance.vectors import Case, Group, Patterns, Standard
from msdnum.formats.elements import ElementFormat

__all__ = ["Disagreement", "ConformanceReport", "Result", "agrees"]

Result: TypeAlias = dict[str, tuple[int, ...]] | str
"""Bit patterns by name, or what was raised."""


def agrees(case: Case, got: Result) -> bool:
    """Return whether what came back of a vector is what is expected, one NaN as good as another."""
    if isinstance(got, str) or case.expected is None:
        return isinstance(got, str) and case.expected is None
    return all(_same(ours, got.get(name)) for name, ours in case.expected.items())


def _same(ours: Patterns, theirs: tuple[int, ...] | None) -> bool:
    return theirs is not None and len(theirs) == len(ours.codes) and all(ours.same(theirs))


@dataclass(frozen=True)
class Disagreement:
    """A case whose result is another one.

    Parameters
    ----------
    group, case
        Vector that did not come back as it should.
    got : dict of str to tuple of int, or str
        The patterns that came back, or the exception.
    """

    group: Group
    case: Case
    got: Result

    @property
    def id(self) -> str:
        """The id of the vector."""
        return f"{self.group.name}/{self.case.name}"

    @property
    def size(self) -> tuple[int, int, int]:
        """The smallest witness has the fewest wrong outputs, then inputs with the fewest bits."""
        given = [code for patterns in self.case.given.values() for code in patterns.codes]
        return len(list(self.differences())), sum(c.bit_count() for c in given), sum(given)

    def differences(self) -> Iterator[str]:
        """Yield every wrong output, in bits."""
        if isinstance(self.got, str) or self.case.expected is None:
            yield f"expected {_text(self.case.expected)}, got {_text(self.got)}"
            return
        for name, ours in self.case.expected.items():
            theirs = self.got.get(name, ())
            if len(theirs) != len(ours.codes):
                yield f"{name} expected {len(ours.codes)} patterns, got {len(theirs)}"
                continue
            for i, same in enumerate(ours.same(theirs)):
                if not same:
                    there = "" if len(theirs) == 1 else f"[{i}]"
                    expected, got = (_one(c[i], ours.fmt) for c in (ours.codes, theirs))
                    yield f"{name}{there} expected {expected}, got {got}"

    def __str__(self) -> str:
        """Return the id, the input if it is one number, and the first difference."""
        given = ", ".join(_short(name, p) for name, p in self.case.given.items())
        first, *rest = self.differences()
        more = f" and {len(rest)} more" if rest else ""
        return f"{self.id}: {given}: {first}{more}"


def _one(code: int, fmt: ElementFormat) -> str:
    digits = -(-fmt.bits // 4)
    if not 0 <= code < 1 << fmt.bits:
        return f"0x{code:X}"
    value = spec.decode(code, fmt)
    return (
        f"0x{code:0{digits}X} ({value.value if isinstance(value, spec.Special) else _nice(value)})"
    )


def _nice(value: Any) -> str:
    """Return a short number exactly, a long one rounded."""
    exact = str(value)
    return exact if len(exact) <= 12 else f"{float(value):.8g}"


def _text(result: Any) -> str:
    if result is None:
        return "refusal"
    if isinstance(result, str):
        return result
    patterns = {k: v.codes if isinstance(v, Patterns) else v for k, v in result.items()}
    return ", ".join(
        f"{k} {' '.join(f'0x{c:X}' for c in v[:4])}{'...' if len(v) > 4 else ''}"
        for k, v in patterns.items()
    )


def _short(name: str, patterns: Patterns) -> str:
    """Name the input; of a block the first element, which is its amax or beside it."""
    first = _one(patterns.codes[0], patterns.fmt)
    return f"{name} {first}" if len(patterns.codes) == 1 else f"{name}[0] {first}"


@dataclass(frozen=True)
class ConformanceReport:
    """What an implementation did with every vector.

    Parameters
    ----------
    adapter : str
        Name of the adapter, or its file.
    versions : dict of str to str
        Versions of the packages that the adapter names.
    counts : dict of str to int
        Vectors run, by name of the group.
    disagreements : tuple of Disagreement
        The others agree.
    not_run : dict of str to str
        Why groups were not run, by name of the group.
    known : frozenset of str
        Ids of vectors whose disagreement has been accepted.
    groups : tuple of Group
        Those of which vectors were run.
    """

    adapter: str
    versions: dict[str, str]
    counts: dict[str, int]
    disagreements: tuple[Disagreement, ...]
    not_run: dict[str, str] = field(default_factory=dict)
    known: frozenset[str] = frozenset()
    groups: tuple[Group, ...] = ()

    @property
    def compared(self) -> int:
        """Number of vectors run."""
        return sum(self.counts.values())

    def of(self, standard: Standard) -> list[Disagreement]:
        """Return the disagreements on what a standard decides, or on what it leaves open."""
        return [d for d in self.disagreements if d.group.standard is standard]

    def new(self, standard: Standard) -> list[Disagreement]:
        """Return those of them that have not been accepted."""
        return [d for d in self.of(standard) if d.id not in self.known]
