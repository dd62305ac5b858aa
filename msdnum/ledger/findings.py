"""Findings of judging a claim: a verdict, a witness, the evidence, and the numbers behind it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, unique
from fractions import Fraction

from msdnum.display import html
from msdnum.display.html import Markup
from msdnum.display.text import aligned, widths_of

__all__ = ["Evidence", "Finding", "Table", "Verdict", "Witness", "not_run"]


@unique
class Verdict(Enum):
    """What became of a claim.

    Examples
    --------
    >>> from msdnum.ledger import Verdict
    >>> [verdict.name for verdict in Verdict]
    ['HOLDS', 'CONDITIONAL', 'MODEL', 'MEASURED', 'FAILS', 'NOT_RUN']
    """

    HOLDS = "holds"
    CONDITIONAL = "holds only under a named convention"
    MODEL = "follows from the model under these assumptions"
    MEASURED = "measured elsewhere"
    FAILS = "fails"
    NOT_RUN = "not run"

    @property
    def short(self) -> str:
        """The verdict without its reservation, for a row that names its convention."""
        return self.value.partition(" under")[0]

    @property
    def markup(self) -> Markup:
        """The verdict as notebooks show it, in short."""
        colours = {Verdict.HOLDS: html.GOOD, Verdict.FAILS: html.BAD}
        return html.coloured(self.short, colours.get(self, "inherit"))


@dataclass(frozen=True)
class Witness:
    """A block at which the worst case was met.

    Parameters
    ----------
    format : str
        Format of the patterns, BF16 or BINARY32.
    block : tuple of int
        Bit patterns of the elements, in order.
    element : int
        Index of the element with the worst error.

    Examples
    --------
    >>> from msdnum import SCHEMES
    >>> from msdnum.evidence import among_pairs
    >>> print(among_pairs(SCHEMES["MXFP4_X2"]).witness)
    BF16 3f94 [3f94]
    """

    format: str
    block: tuple[int, ...]
    element: int

    def __post_init__(self) -> None:
        """Refuse an element outside the block."""
        if not 0 <= self.element < len(self.block):
            raise ValueError(f"element must be in 0..{len(self.block) - 1}, got {self.element}")

    @property
    def hexadecimal(self) -> list[str]:
        """The patterns in hexadecimal."""
        digits = 4 if self.format == "BF16" else 8
        return [f"{pattern:0{digits}x}" for pattern in self.block]

    @property
    def brief(self) -> str:
        """The block without its format; of a long one, the worst element alone."""
        if len(self.block) > 4:
            return f"[{self.hexadecimal[self.element]}] of {len(self.block)}"
        return str(self).partition(" ")[2]

    def __str__(self) -> str:
        """Show the block with brackets around the worst element."""
        shown = self.hexadecimal
        shown[self.element] = f"[{shown[self.element]}]"
        return f"{self.format} {' '.join(shown)}"


@dataclass(frozen=True)
class Evidence:
    """What was looked at.

    Parameters
    ----------
    kind : str
        ``exhaustive``, ``sampled``, ``known case`` or ``closed form``.
    count : int
        How many cases.
    of : str
        What they are.
    seed : int or None
        Of a sample that was drawn.
    """

    kind: str
    count: int
    of: str
    seed: int | None = None

    @property
    def brief(self) -> str:
        """Kind, count and seed, without what was counted."""
        return f"{self.kind} {self.count:,}{self._drawn}"

    @property
    def _drawn(self) -> str:
        return "" if self.seed is None else f", seed {self.seed}"

    def __str__(self) -> str:
        """Write it in words."""
        return f"{self.kind}: {self.count:,} {self.of}{self._drawn}"


@dataclass(frozen=True)
class Table:
    """Numbers too many for one line: a header and rows of equal length, all text."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    @classmethod
    def of(cls, records: Sequence[Mapping[str, object]]) -> "Table":
        """Return records as a table.

        Raises
        ------
        ValueError
            If there are none, or two have different names.
        """
        if not records or any(list(r) != list(records[0]) for r in records):
            raise ValueError(f"records must be one or more with the same names, got {len(records)}")
        rows = (tuple(map(_written, record.values())) for record in records)
        return cls(tuple(records[0]), tuple(rows))

    def lines(self) -> list[str]:
        """Return the rows, aligned: the first column to the left, the others to the right."""
        cells = [self.header, *self.rows]
        return [aligned(row, widths_of(cells)) for row in cells]

    def _repr_html_(self) -> str:
        return html.table(self.header, self.rows)


def _written(value: object) -> str:
    return f"{value:.5g}" if isinstance(value, float) else str(value)


@dataclass(frozen=True)
class Finding:
    """What judging an entry gave.

    Parameters
    ----------
    verdict : Verdict
        Any but CONDITIONAL, which is for claims with several rows. MEASURED is that of what others
        have measured: it decides about an assumption, and not about the claim.
    found : str
        The worst case, or the number, that was found.
    ratio : Fraction, float or None
        Found over promised; above 1 a bound is broken.
    evidence : Evidence or None
        What was looked at; None if nothing was run.
    witness : Witness or None
        A block at which the worst case is met.
    notes : tuple of str
        What else there is to say.
    table : Table or None
        Numbers behind it.
    data : Table or None
        Numbers too many to be printed.
    """

    verdict: Verdict
    found: str
    ratio: Fraction | float | None = None
    evidence: Evidence | None = None
    witness: Witness | None = None
    notes: tuple[str, ...] = ()
    table: Table | None = None
    data: Table | None = None

    def _repr_html_(self) -> str:
        shown: dict[str, object] = {
            "found": self.found,
            "ratio": self.ratio,
            "evidence": self.evidence,
            "witness": self.witness,
            "notes": self.notes,
        }
        shown = {name: value for name, value in shown.items() if value not in (None, "", ())}
        below = self.table._repr_html_() if self.table else ""
        return html.record(self.verdict.markup, shown) + below


def not_run(reason: object) -> Finding:
    """Return the finding of an entry that could not be judged here.

    Examples
    --------
    >>> from msdnum.ledger import not_run
    >>> not_run("jax is missing").verdict.name
    'NOT_RUN'
    """
    return Finding(Verdict.NOT_RUN, "", notes=(f"not run: {reason}",))
