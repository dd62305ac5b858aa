"""The README prints what its example and the ledger print."""

import contextlib
import io
import re

from msdnum.ledger import trial
from msdnum.ledger.trial import Study
from msdnum.trials import judged
from tests.support.paths import ROOT

README = (ROOT / "README.md").read_text()


def test_the_example_prints_what_it_says():
    source, printed = re.search(
        r"```python\n(.*?)```\n\n```text\n(.*?)```", README, re.DOTALL
    ).groups()
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(source, {})
    assert out.getvalue() == printed


def words(line):
    return " ".join(line.split())


def test_its_rows_are_those_of_the_ledger():
    """Judge the rows that it shows; columns are as wide as all rows of a claim need."""
    (block,) = re.findall(r"## What it finds\n.*?```text\n(.*?)```", README, re.DOTALL)
    shown = [line for line in block.splitlines() if not line.startswith("  convention ")]
    headings = [f"{c.id}  {c.statement}: {c.expected.value}" for t in judged() for c in t.claims]
    rows = [line for line in shown if line.startswith("  ")]
    assert [line for line in shown if line not in rows] == headings[:3]
    entries = [e for e in trial.entries(judged(), Study()) if e.claim in ("C1", "C2", "C3")]
    chosen = [(row, e) for row in rows for e in entries if row.startswith(f"  {e.convention}  ")]
    assert len(rows) == len(chosen) == 5
    for row, entry in chosen:
        row_judged = trial.judge(entry)
        assert row_judged.as_expected
        assert words(row) == words("  ".join([*row_judged.columns, row_judged.brief_evidence]))
