"""The ledger: what is claimed, what was found, a witness, and whether that was expected."""

import platform
import textwrap
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from enum import Enum, unique
from fractions import Fraction
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from msdnum import __version__

__all__ = [
    "Claim", "Entry", "Evidence", "Finding", "Ledger", "Row", "Table", "Verdict", "Witness",
    "not_run", "versions",
]  # fmt: skip

SCHEMA = 1
WIDTH = 116
LEGEND = (
    "A witness is a block as bit patterns, [the worst element] in brackets.",
    "proved: by a theorem that Coq has checked; msdnum explain THEOREM prints it.",
    "mod 2^k: all other pairs are these times a power of two; --deep runs them, too.",
)
MEASURED_WITH = ("numpy", "jax", "jaxlib", "ml_dtypes", "mpmath", "python-flint")


@unique
class Verdict(Enum):
    """What became of a claim."""

    HOLDS = "holds"
    CONDITIONAL = "holds only under a named convention"
    MODEL = "follows from the model under these assumptions"
    FAILS = "fails"
    NOT_RUN = "not run"


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

    def __str__(self) -> str:
        """Write it in words."""
        drawn = "" if self.seed is None else f", seed {self.seed}"
        return f"{self.kind}: {self.count:,} {self.of}{drawn}"


@dataclass(frozen=True)
class Table:
    """Numbers too many for one line: a header and rows of equal length, all text."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def lines(self) -> list[str]:
        """Return the rows, aligned: the first column to the left, the others to the right."""
        cells = [self.header, *self.rows]
        widths = [max(len(row[i]) for row in cells) for i in range(len(self.header))]
        return [_aligned(row, widths) for row in cells]


def _aligned(row: Sequence[str], widths: Sequence[int]) -> str:
    first, *others = row
    columns = [f"{cell:>{width}}" for cell, width in zip(others, widths[1:], strict=True)]
    return "  ".join([f"{first:<{widths[0]}}", *columns])


@dataclass(frozen=True)
class Finding:
    """What judging an entry gave.

    Parameters
    ----------
    verdict : Verdict
        Any but CONDITIONAL, which is for claims with several rows.
    found : str
        The worst case, or the number, that was found.
    ratio : Fraction, float or None
        Found over promised; above 1 a bound is broken.
    evidence : Evidence or None
        What was looked at; None if nothing was run.
    witness : Witness or None
        Where.
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


def not_run(reason: object) -> Finding:
    """Return the finding of an entry that could not be judged here."""
    return Finding(Verdict.NOT_RUN, "", notes=(f"not run: {reason}",))


@dataclass(frozen=True)
class Claim:
    """Something that is said to be so, whatever the convention.

    Parameters
    ----------
    id : str
        What a user types.
    statement : str
        One sentence.
    expected : Verdict
        What its rows are known to add up to.
    """

    id: str
    statement: str
    expected: Verdict = Verdict.HOLDS


@dataclass(frozen=True)
class Entry:
    """A claim under one convention, and how to judge it.

    Parameters
    ----------
    claim : str
        Id of the claim.
    convention : str
        What the claim leaves open, decided.
    promise : str
        The bound or the number that is promised.
    judge : callable
        Gives the finding.
    theorem : str or None
        Id of the theorem that proves it, or proves that it fails.
    expected : Verdict
        What is known.
    """

    claim: str
    convention: str
    promise: str
    judge: Callable[[], Finding]
    theorem: str | None = None
    expected: Verdict = Verdict.HOLDS


@dataclass(frozen=True)
class Row:
    """An entry with its finding.

    Parameters
    ----------
    entry : Entry
        What was judged.
    finding : Finding
        What that gave.
    proof : str or None
        How the theorem is proved: ``proved`` by machine or ``proved on paper``.
    """

    entry: Entry
    finding: Finding
    proof: str | None = None

    @property
    def as_expected(self) -> bool:
        """Whether the verdict is the one recorded."""
        return self.finding.verdict is self.entry.expected

    @property
    def evidence(self) -> str:
        """Kinds of evidence, the strongest first."""
        proof = f"{self.proof}: {self.entry.theorem}" if self.proof else ""
        return "; ".join(filter(None, [proof, str(self.finding.evidence or "")]))

    def lines(self) -> list[str]:
        """Return the row as text: what, how much, and below it witness and evidence."""
        entry, finding = self.entry, self.finding
        mark = "" if self.as_expected else f"  != expected: {entry.expected.value}"
        first = (
            f"  {entry.convention:<42.42} {entry.promise:>20} {finding.found:>20} "
            f"{_ratio(finding.ratio):>9}  {finding.verdict.value}{mark}"
        )
        witness = _shortened(finding.witness) if finding.witness else ""
        below = ". ".join(filter(None, [witness, self.evidence, *finding.notes]))
        table = finding.table.lines() if finding.table else []
        return [first, *_wrapped(below), *(f"      {line}" for line in table)]

    def as_dict(self) -> dict[str, Any]:
        """Return the row as JSON has it: see ``Ledger.as_dict``."""
        entry, finding = self.entry, self.finding
        return {
            "claim": entry.claim,
            "convention": entry.convention,
            "theorem": entry.theorem,
            "promised": entry.promise,
            "found": finding.found,
            "ratio": None if finding.ratio is None else float(finding.ratio),
            "witness": finding.witness and {
                "format": finding.witness.format,
                "block": finding.witness.hexadecimal,
                "element": finding.witness.element,
            },
            "proof": self.proof,
            "evidence": finding.evidence and asdict(finding.evidence),
            "notes": list(finding.notes),
            "table": finding.table and asdict(finding.table),
            "data": finding.data and asdict(finding.data),
            "verdict": finding.verdict.value,
            "expected": entry.expected.value,
        }  # fmt: skip


def _ratio(ratio: Fraction | float | None) -> str:
    if ratio is None:
        return ""
    return str(ratio) if ratio in (0, 1) else f"{float(ratio):.6g}"


def _shortened(witness: Witness) -> str:
    """Show a long block by its worst element and the first few."""
    if len(witness.block) <= 8:
        return f"witness {witness}"
    first = " ".join(witness.hexadecimal[:4])
    worst = f"element {witness.element} = {witness.hexadecimal[witness.element]}"
    return f"witness {witness.format} {first} ... ({len(witness.block)} elements), {worst}"


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, WIDTH, initial_indent=" " * 6, subsequent_indent=" " * 6)


@dataclass(frozen=True)
class Ledger:
    """All rows with what made them.

    Parameters
    ----------
    claims : tuple of Claim
        Of the rows.
    rows : tuple of Row
        Judged entries.
    settings : dict
        What the user chose, and the seed.
    """

    claims: tuple[Claim, ...]
    rows: tuple[Row, ...]
    settings: dict[str, Any] = field(default_factory=dict)

    def verdict(self, claim: Claim) -> Verdict:
        """Return what the rows of a claim add up to."""
        verdicts = {row.finding.verdict for row in self.rows_of(claim)}
        if len(verdicts) == 1:
            return verdicts.pop()
        decisive = (v for v in (Verdict.NOT_RUN, Verdict.MODEL) if v in verdicts)
        return next(decisive, Verdict.CONDITIONAL)

    def rows_of(self, claim: Claim) -> list[Row]:
        """Return the rows of a claim."""
        return [row for row in self.rows if row.entry.claim == claim.id]

    @property
    def unexpected(self) -> list[str]:
        """Rows and claims whose verdict is not the one recorded."""
        rows = [f"{r.entry.claim}, {r.entry.convention}" for r in self.rows if not r.as_expected]
        return rows + [c.id for c in self.claims if self.verdict(c) is not c.expected]

    def lines(self) -> list[str]:
        """Return the whole ledger as text."""
        head = f"  {'convention':<42} {'promised':>20} {'worst found':>20} {'ratio':>9}  verdict"
        lines = [head]
        for claim in self.claims:
            lines += ["", f"{claim.id}  {claim.statement}: {self.verdict(claim).value}"]
            for row in self.rows_of(claim):
                lines += row.lines()
        return [*lines, "", *LEGEND, "", self.summary()]

    def summary(self) -> str:
        """Return the last line."""
        unexpected = self.unexpected
        if unexpected:
            return f"NOT AS EXPECTED: {'; '.join(unexpected)}"
        return f"all {len(self.rows)} rows of {len(self.claims)} claims as expected"

    def as_dict(self) -> dict[str, Any]:
        """Return the ledger as ``verify --json`` writes it.

        Returns
        -------
        dict
            ``schema`` (1), ``versions`` (name to version; also ``platform``), ``settings``
            (``deep``, ``seed``, ``only``, ``tensor``), ``as_expected``, ``claims`` (``id``,
            ``statement``, ``verdict``, ``expected``) and ``rows``: ``claim``, ``convention``,
            ``theorem``, ``promised``, ``found``, ``ratio`` (found over promised), ``witness``
            (``format``, ``block`` as hexadecimal patterns, ``element`` the index of the worst),
            ``proof``, ``evidence`` (``kind``, ``count``, ``of``, ``seed``: see ``Evidence``),
            ``notes``, ``table`` and ``data`` (``header``, ``rows``), ``verdict``, ``expected``.
        """
        claims = [
            {
                "id": claim.id,
                "statement": claim.statement,
                "verdict": self.verdict(claim).value,
                "expected": claim.expected.value,
            }
            for claim in self.claims
        ]
        return {
            "schema": SCHEMA,
            "versions": versions(MEASURED_WITH),
            "settings": self.settings,
            "as_expected": not self.unexpected,
            "claims": claims,
            "rows": [row.as_dict() for row in self.rows],
        }


def versions(distributions: Iterable[str]) -> dict[str, str | None]:
    """Return the versions of msdnum, Python, the platform and distributions; None if absent."""
    known: dict[str, str | None] = {
        "msdnum": __version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "machine": platform.machine(),
    }
    return known | {name: _version(name) for name in distributions}


def _version(distribution: str) -> str | None:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None
