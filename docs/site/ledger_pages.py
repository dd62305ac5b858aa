"""The ledger of each trial: every claim, its rows, its evidence and its verdict."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from text import cell, table

from msdnum import _sources
from msdnum.trials import trials

HEADER = ("convention", "promised", "worst found", "ratio", "verdict", "witness, evidence")


def pages(root: Path) -> Iterator[tuple[str, str]]:
    """Yield one page a trial, judged anew if the code has changed since."""
    for name, trial in trials().items():
        if trial.claims:
            yield f"ledger/{name}.md", "\n".join(_page(name, trial, judged(root, name)))


def judged(root: Path, trial: str) -> dict[str, Any]:
    """Return what ``msdnum verify TRIAL --json`` writes; it is kept for this state of the code."""
    kept = root / "build" / "docs" / "ledgers" / f"{trial}-{_sources.digest().hex()[:16]}.json"
    if not kept.is_file():
        print(f"docs: judging {trial}", flush=True)
        kept.parent.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "msdnum", "verify", trial, "--json", str(kept)]
        subprocess.run(command, cwd=root, check=True, stdout=subprocess.DEVNULL)
    return json.loads(kept.read_text(encoding="utf-8"))


def _page(name: str, trial: Any, ledger: dict[str, Any]) -> Iterator[str]:
    paper = trial.paper
    yield f"# {paper.title if paper else 'The toolkit itself'}\n"
    if paper:
        yield f"Claims of {_source(paper.source)}, judged. "
    versions = ", ".join(f"{k} {v}" for k, v in ledger["versions"].items() if v)
    yield (
        f"This is `msdnum verify {name} --full` of {versions}, seed {ledger['settings']['seed']}. "
        f"`msdnum explain` says more of a claim or a theorem.\n"
    )
    yield table(
        ("claim", "", "verdict"),
        (
            (f"[{c['id']}](#{c['id'].lower()})", cell(c["statement"]), cell(c["verdict"]))
            for c in ledger["claims"]
        ),
    )
    for claim in ledger["claims"]:
        yield f"## {claim['id']}\n\n{cell(claim['statement'])}: **{claim['verdict']}**\n"
        rows = [row for row in ledger["rows"] if row["claim"] == claim["id"]]
        yield table(HEADER, map(_cells, rows))
        yield from _below(rows)


def _source(source: str) -> str:
    kind, _, number = source.partition(":")
    return f"[{source}](https://arxiv.org/abs/{number})" if kind == "arXiv" else source


def _cells(row: dict[str, Any]) -> list[str]:
    shown = [row["convention"], row["promised"], row["found"]]
    ratio = "" if row["ratio"] is None else f"{float(row['ratio']):.6g}"
    return [*map(cell, shown), ratio, row["verdict"], "; ".join(_evidence(row))]


def _evidence(row: dict[str, Any]) -> Iterator[str]:
    witness, evidence = row["witness"], row["evidence"]
    if witness:
        block = [f"[{p}]" if i == witness["element"] else p for i, p in enumerate(witness["block"])]
        worst = block[witness["element"]]
        shown = block if len(block) <= 4 else [f"{worst} of {len(block)}"]
        yield f"{witness['format']} `{' '.join(shown)}`"
    if row["theorem"]:
        proof = f" ({row['proof']})" if row["proof"] else ""
        yield f"theorem [{row['theorem']}](../proofs/{row['theorem']}/README.md){proof}"
    if evidence:
        seed = "" if evidence["seed"] is None else f", seed {evidence['seed']}"
        yield cell(f"{evidence['kind']}: {evidence['count']:,} {evidence['of']}{seed}")


def _below(rows: list[dict[str, Any]]) -> Iterator[str]:
    for row in rows:
        if row["notes"] or row["table"]:
            yield f"*{cell(row['convention'])}*\n"
            yield "\n".join(f"- {cell(note)}" for note in row["notes"]) + "\n"
        if row["table"]:
            header, lines = row["table"]["header"], row["table"]["rows"]
            yield table([*map(cell, header)], [[*map(cell, line)] for line in lines])
