"""The ledger: what is claimed, what was found, a witness, and whether that was expected."""

import platform
import textwrap
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from fractions import Fraction
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from msdnum import __version__, display
from msdnum.finding import Finding, Verdict, Witness

__all__ = ["Claim", "Entry", "Ledger", "Row", "versions"]

SCHEMA = 1
WIDTH = 116
LEGEND = (
    "A witness is a block as bit patterns, [the worst element] in brackets.",
    "proved: by a theorem that Coq has checked; msdnum explain THEOREM prints it.",
    "mod 2^k: all other pairs are these times a power of two; --deep runs them, too.",
)
COLUMNS = ("convention", "promised", "worst found", "ratio", "verdict", "evidence")
MEASURED_WITH = ("numpy", "jax", "jaxlib", "ml_dtypes", "mpmath", "python-flint")


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
        Of what holds, how its theorem is proved: ``proved`` by machine or ``proved on paper``.
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
        proof = f"{self.proof or 'see'}: {self.entry.theorem}" if self.entry.theorem else ""
        return "; ".join(filter(None, [proof, str(self.finding.evidence or "")]))

    def lines(self) -> list[str]:
        """Return the row as text: what, how much, and below it witness and evidence."""
        entry, finding = self.entry, self.finding
        verdict = finding.verdict.short
        mark = "" if self.as_expected else f"  != expected: {entry.expected.value}"
        first = (
            f"  {entry.convention:<42.42} {entry.promise:>20} {finding.found:>20} "
            f"{_ratio(finding.ratio):>9}  {verdict}{mark}"
        )
        witness = _shortened(finding.witness) if finding.witness else ""
        below = ". ".join(filter(None, [witness, self.evidence, *finding.notes]))
        table = finding.table.lines() if finding.table else []
        return [first, *_wrapped(below), *(f"      {line}" for line in table)]

    def _repr_html_(self) -> str:
        title = display.Markup(f"{self.entry.claim} {display.small(self.entry.convention)}")
        return display.table(COLUMNS, [self.cells()], title)

    def cells(self) -> tuple[object, ...]:
        """Return the row as notebooks show it: see ``COLUMNS``."""
        entry, finding = self.entry, self.finding
        mark = "" if self.as_expected else display.small(f"expected: {entry.expected.value}")
        verdict = display.Markup(f"{finding.verdict.markup} {mark}")
        witness = _shortened(finding.witness) if finding.witness else ""
        below = ". ".join(filter(None, [self.evidence, witness, *finding.notes]))
        text = display.paragraph(display.small(below))
        return (
            entry.convention, entry.promise, finding.found, _ratio(finding.ratio), verdict, text,
        )  # fmt: skip

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

    def _repr_html_(self) -> str:
        return "".join(map(self._claim, self.claims)) + display.small(self.summary())

    def _claim(self, claim: Claim) -> str:
        title = f"{claim.id} {claim.statement}: {self.verdict(claim).value}"
        return display.table(COLUMNS, [row.cells() for row in self.rows_of(claim)], title)

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
