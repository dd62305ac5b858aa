"""The ledger: all rows, as text and as JSON."""

import platform
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

from msdnum._versions import versions_of
from msdnum.display import html
from msdnum.display.text import widths_of
from msdnum.ledger.claims import COLUMNS, TERMS, Claim, Row, counted
from msdnum.ledger.findings import Verdict
from msdnum.ledger.layout import row_of

__all__ = ["Ledger", "lines", "versions"]

SCHEMA = 1


LEGEND = (
    *(f"{term:<16}  {meaning}" for term, meaning in TERMS.items()),
    "",
    "--full adds theorems, notes and tables; msdnum explain NAME explains a claim or a theorem",
)


MEASURED_WITH = ("numpy", "jax", "jaxlib", "ml_dtypes", "mpmath", "python-flint")


def lines(rows: Sequence[Row], written: Callable[[Row, Sequence[int]], list[str]]) -> list[str]:
    """Return rows under the names of their columns, each ``written`` as brief or in full."""
    cells = [COLUMNS[:-1], *(row.columns for row in rows)]
    widths = widths_of(cells)
    head = f"{row_of(COLUMNS[:-1], widths)}  {COLUMNS[-1]}"
    return [head, *chain.from_iterable(written(row, widths) for row in rows)]


@dataclass(frozen=True)
class Ledger:
    """All rows with what made them.

    Parameters
    ----------
    claims : tuple of Claim
        Of the rows.
    rows : tuple of Row
        Entries with their findings, in the order of the ledger.
    settings : dict
        What the user chose, and the seed.
    """

    claims: tuple[Claim, ...]
    rows: tuple[Row, ...]
    settings: dict[str, Any] = field(default_factory=dict)

    def verdict(self, claim: Claim) -> Verdict:
        """Return what the rows of a claim add up to; measurements of others decide none."""
        verdicts = {row.finding.verdict for row in self.rows_of(claim)}
        if len(verdicts) > 1:
            verdicts.discard(Verdict.MEASURED)
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
        expected = {claim.id: (claim.expected, Verdict.NOT_RUN) for claim in self.claims}
        return rows + [c.id for c in self.claims if self.verdict(c) not in expected[c.id]]

    @property
    def not_run(self) -> list[Row]:
        """Rows that could not be judged here."""
        return [row for row in self.rows if row.finding.verdict is Verdict.NOT_RUN]

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
        """Return the last line: what is not as expected, and what was not run for want of what."""
        return "; ".join(filter(None, [self._judged(), self._not_run()]))

    def _judged(self) -> str:
        if self.unexpected:
            return f"NOT AS EXPECTED: {'; '.join(self.unexpected)}"
        claims = [r.entry.claim for r in self.rows if r.finding.verdict is not Verdict.NOT_RUN]
        if not claims:
            return "nothing was judged"
        rows, of = counted(len(claims), "row"), counted(len(set(claims)), "claim")
        return f"all {rows} of {of} as expected"

    def _not_run(self) -> str:
        if not self.not_run:
            return ""
        notes = dict.fromkeys(note for row in self.not_run for note in row.finding.notes)
        reasons = "; ".join(note.removeprefix("not run: ") for note in notes)
        return f"{counted(len(self.not_run), 'row')} not run: {reasons}"

    def as_dict(self) -> dict[str, Any]:
        """Return the ledger as ``verify --json`` writes it.

        Returns
        -------
        dict
            ``schema`` (1), ``versions`` (name to version; also ``platform``), ``settings``
            (``deep``, ``seed``, ``only``, ``tensor``), ``as_expected``, ``claims`` (``id``,
            ``statement``, ``verdict``, ``expected``) and ``rows``: ``claim``, ``convention``,
            ``subject`` (names by which rows are selected), ``theorem``, ``promised``,
            ``found``, ``ratio`` (found over promised), ``witness``
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
    machine = {"platform": platform.platform(), "machine": platform.machine()}
    return {**versions_of(["python"]), **machine, **versions_of(distributions)}
