"""Claims, entries, findings, witnesses and theorems: what a judgement is; no arrays."""

from msdnum.ledger.claims import Claim, Entry, Row
from msdnum.ledger.findings import Evidence, Finding, Table, Verdict, Witness, not_run
from msdnum.ledger.ledger import Ledger
from msdnum.ledger.theorems import Theorem, theorem, theorem_ids
from msdnum.ledger.trial import (
    Paper,
    Progress,
    Study,
    StudyFunction,
    Trial,
    as_ledger,
    entries,
    judge,
    no_progress,
)

__all__ = [
    "Claim", "Entry", "Evidence", "Finding", "Ledger", "Paper", "Progress", "Row", "Study",
    "StudyFunction", "Table", "Theorem", "Trial", "Verdict", "Witness", "as_ledger", "entries",
    "judge", "no_progress", "not_run", "theorem", "theorem_ids",
]  # fmt: skip
