"""The ledger: what is claimed, what was found, a witness, and whether that was expected."""

import platform
import textwrap
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from fractions import Fraction
from importlib.metadata import PackageNotFoundError, version
from itertools import chain
from typing import Any

from msdnum import __version__
from msdnum.display import html
from msdnum.ledger.findings import Finding, Verdict, Witness

__all__ = ["Claim", "Entry", "Ledger", "Row", "lines", "versions"]

SCHEMA = 1
WIDTH = 116
TERMS = {
    "witness": "worst block in BF16 (eight digits: BINARY32), [its worst element]",
    "ratio": "worst found over promised",
    "proved": "by a theorem that Coq has checked",
    "stated": "by a theorem that was written or changed since Coq checked the proofs",
    "applied on paper": "Coq has checked the theorem, but not the step from it to the row",
    "proved on paper": "by a theorem that no machine has checked",
    "see": "the theorem that says what is true instead (--full)",
    "exhaustive": "every case",
    "mod 2^k": "all other pairs are these times a power of two; --deep runs them, too",
    "sampled": "some cases: drawn, evenly spaced, or from tables of measurements",
    "known case": "made, or found before",
    "closed form": "formulas, evaluated",
}
LEGEND = (
    *(f"{term:<16}  {meaning}" for term, meaning in TERMS.items()),
    "",
    "--full adds theorems, notes and tables; msdnum explain NAME explains a claim or a theorem",
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
    on_paper : bool
        Whether a step from the theorem to this row is on paper only.
    """

    claim: str
    convention: str
    promise: str
    judge: Callable[[], Finding]
    theorem: str | None = None
    expected: Verdict = Verdict.HOLDS
    on_paper: bool = False


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
        Of what holds, ``proved`` by machine, ``stated`` without that, or ``proved on paper``.
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
        entry = self.entry
        proof = f"{self.proof or 'see'}: {entry.theorem}{self._applied}" if entry.theorem else ""
        return "; ".join(filter(None, [proof, str(self.finding.evidence or "")]))

    @property
    def _applied(self) -> str:
        return ", applied on paper" if self.proof and self.entry.on_paper else ""

    @property
    def columns(self) -> tuple[str, ...]:
        """All of ``COLUMNS`` but the last, as text."""
        entry, finding = self.entry, self.finding
        mark = "" if self.as_expected else f"  != expected: {entry.expected.value}"
        verdict = f"{finding.verdict.short}{mark}"
        return entry.convention, entry.promise, finding.found, _ratio(finding.ratio), verdict

    def brief(self, widths: Sequence[int]) -> list[str]:
        """Return the row as one line, however long."""
        return [f"{_aligned(self.columns, widths)}  {self.brief_evidence}".rstrip()]

    @property
    def brief_evidence(self) -> str:
        """What was looked at, without the theorem's name; why, if nothing was."""
        finding = self.finding
        if finding.evidence is None:
            return ". ".join(finding.notes)
        witness = finding.witness.brief if finding.witness else ""
        proof = f"{self.proof}{self._applied}" if self.proof else ""
        return "; ".join(filter(None, [witness, proof, finding.evidence.brief]))

    def full(self, widths: Sequence[int]) -> list[str]:
        """Return the row's line and below it witness, evidence, theorem, notes and table."""
        finding = self.finding
        witness = f"witness {_shortened(finding.witness)}" if finding.witness else ""
        below = ". ".join(filter(None, [witness, self.evidence, *finding.notes]))
        table = finding.table.lines() if finding.table else []
        line = _aligned(self.columns, widths).rstrip()
        return [line, *_wrapped(below), *(f"      {row}" for row in table)]

    def _repr_html_(self) -> str:
        title = html.Markup(f"{self.entry.claim} {html.small(self.entry.convention)}")
        return html.table(COLUMNS, [self.cells()], title)

    def cells(self) -> tuple[object, ...]:
        """Return the row as notebooks show it: see ``COLUMNS``."""
        entry, finding = self.entry, self.finding
        mark = "" if self.as_expected else html.small(f"expected: {entry.expected.value}")
        verdict = html.Markup(f"{finding.verdict.markup} {mark}")
        witness = f"witness {_shortened(finding.witness)}" if finding.witness else ""
        below = ". ".join(filter(None, [self.evidence, witness, *finding.notes]))
        text = html.paragraph(html.small(below))
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
            "on_paper": entry.on_paper,
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


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _shortened(witness: Witness) -> str:
    """Show a long block by its worst element and the first few."""
    if len(witness.block) <= 8:
        return str(witness)
    first = " ".join(witness.hexadecimal[:4])
    worst = f"element {witness.element} = {witness.hexadecimal[witness.element]}"
    return f"{witness.format} {first} ... ({len(witness.block)} elements), {worst}"


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, WIDTH, initial_indent=" " * 6, subsequent_indent=" " * 6)


def _aligned(cells: Sequence[str], widths: Sequence[int]) -> str:
    """Set cells in columns as wide as their longest: nothing is cut."""
    numbers = (f"{cell:>{width}}" for cell, width in zip(cells[1:-1], widths[1:-1], strict=True))
    return "  ".join(["", cells[0].ljust(widths[0]), *numbers, cells[-1].ljust(widths[-1])])


def lines(rows: Sequence[Row], written: Callable[[Row, Sequence[int]], list[str]]) -> list[str]:
    """Return rows under the names of their columns, each ``written`` as brief or in full."""
    cells = [COLUMNS[:-1], *(row.columns for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    head = f"{_aligned(COLUMNS[:-1], widths)}  {COLUMNS[-1]}"
    return [head, *chain.from_iterable(written(row, widths) for row in rows)]


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

    def brief(self) -> list[str]:
        """Return every row with its verdict, witness and evidence, as briefly as can be."""
        return [*self._claims(Row.brief), *LEGEND, "", self.summary()]

    def full(self) -> list[str]:
        """Return all that was found, with theorems, notes and tables."""
        return [*self._claims(Row.full), *LEGEND, "", self.summary()]

    def _claims(self, written: Callable[[Row, Sequence[int]], list[str]]) -> Iterator[str]:
        for claim in self.claims:
            yield f"{claim.id}  {claim.statement}: {self.verdict(claim).value}"
            yield from lines(self.rows_of(claim), written)
            yield ""

    def _repr_html_(self) -> str:
        return "".join(map(self._claim, self.claims)) + html.small(self.summary())

    def _claim(self, claim: Claim) -> str:
        title = f"{claim.id} {claim.statement}: {self.verdict(claim).value}"
        return html.table(COLUMNS, [row.cells() for row in self.rows_of(claim)], title)

    def summary(self) -> str:
        """Return the last line."""
        unexpected = self.unexpected
        if unexpected:
            return f"NOT AS EXPECTED: {'; '.join(unexpected)}"
        rows, of = _counted(len(self.rows), "row"), _counted(len(self.claims), "claim")
        return f"all {rows} of {of} as expected"

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
            ``proof``, ``on_paper`` (whether it is applied on paper), ``evidence`` (``kind``,
            ``count``, ``of``, ``seed``: see ``Evidence``), ``notes``, ``table`` and ``data``
            (``header``, ``rows``), ``verdict``, ``expected``.
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
