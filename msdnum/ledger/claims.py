"""Claims, and the rows that judge them: a convention, what is promised, what was found."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from fractions import Fraction
from typing import Any

from msdnum.display import html
from msdnum.ledger.findings import Finding, Verdict, Witness
from msdnum.ledger.layout import row_of, wrapped

__all__ = ["COLUMNS", "Claim", "Entry", "Row", "counted"]

TERMS = {
    "witness": "worst block in BF16 (eight digits: BINARY32), [its worst element]",
    "ratio": "worst found over promised",
    "proved": "by a theorem that Coq has checked, of a model that tests hold the code against",
    "stated": "by a theorem that was written or changed since Coq checked the proofs",
    "applied on paper": "Coq has checked the theorem, but not the step from it to the row",
    "proved on paper": "by a theorem that no machine has checked",
    "see": "the theorem that says what is true instead (--full)",
    "exhaustive": "every case",
    "mod 2^k": "all other pairs are these times a power of two; --deep runs them, too",
    "sampled": "some cases: drawn, spaced evenly, or measured; last digits are of libm and SIMD",
    "known case": "made, or found before",
    "closed form": "formulas, evaluated",
}


COLUMNS = ("convention", "promised", "worst found", "ratio", "verdict", "evidence")


@dataclass(frozen=True)
class Claim(html.Shown):
    """Something that is said to be so, whatever the convention.

    Parameters
    ----------
    id : str
        What a user types.
    statement : str
        The claim in one sentence.
    expected : Verdict
        What its rows are known to add up to.

    Examples
    --------
    >>> from msdnum.trials import find_trial
    >>> find_trial("msd").claims[1].id
    'C2'
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
    subject : tuple of str
        Names of what is judged, such as scheme, weight or cache and baseline: rows are selected by
        them, never by their prose.
    """

    claim: str
    convention: str
    promise: str
    judge: Callable[[], Finding]
    theorem: str | None = None
    expected: Verdict = Verdict.HOLDS
    on_paper: bool = False
    subject: tuple[str, ...] = ()


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
        """Whether the verdict is the one recorded, or there is none."""
        return self.finding.verdict in (self.entry.expected, Verdict.NOT_RUN)

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
        return [f"{row_of(self.columns, widths)}  {self.brief_evidence}".rstrip()]

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
        line = row_of(self.columns, widths).rstrip()
        return [line, *wrapped(below), *(f"      {row}" for row in table)]

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
            "subject": list(entry.subject),
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


def counted(number: int, noun: str) -> str:
    """Return a number and what it counts, in the plural where it is not 1."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _shortened(witness: Witness) -> str:
    """Show a long block by its worst element and the first few."""
    if len(witness.block) <= 8:
        return str(witness)
    first = " ".join(witness.hexadecimal[:4])
    worst = f"element {witness.element} = {witness.hexadecimal[witness.element]}"
    return f"{witness.format} {first} ... ({len(witness.block)} elements), {worst}"
