"""``msdnum recorded``: recorded results of matrix units beside the models of these units."""

import argparse
import json
import subprocess
from dataclasses import asdict
from pathlib import Path

from msdnum import _files
from msdnum._versions import versions_of
from msdnum.evidence.recorded import Reproduction, digests, judged, recordings, summary

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``msdnum recorded``."""
    parser.add_argument("folder", type=Path, metavar="DIR", help="where the recorded results lie")
    parser.add_argument(
        "--out", type=Path, metavar="FILE", default=Path("certificates/recorded.json"),
        help="certificate to write (%(default)s)",
    )  # fmt: skip


def run(args: argparse.Namespace) -> int:
    """Carry out ``msdnum recorded``: 0 if every result is reproduced, otherwise 1."""
    _files.check_writable(args.out, "certificate")
    rows = []
    for recording in recordings(args.folder):
        rows.append(judged(recording))
        print(_line(rows[-1]), flush=True)
    lines = summary(rows)
    _files.write_text(args.out, _certificate(rows, lines, args.folder))
    print(f"certificate: {args.out}")
    print("\n".join(lines))
    return int(any(row.reproduced < row.results for row in rows))


def _line(row: Reproduction) -> str:
    first = "" if row.first is None else f", the first that is not: row {row.first}"
    return (
        f"{row.gpu:5}{row.format:5}{row.output:9}{row.unit:25}"
        f"{row.reproduced:,} of {row.results:,}{first}"
    )


def _certificate(rows: list[Reproduction], lines: list[str], folder: Path) -> str:
    """Return a JSON text: the same for the same recordings, code and versions."""
    document = {
        "recorded": "results of single instructions of NVIDIA matrix units, one dot product each",
        "source": "north-numerical-computing/MATLAB-tensor-core, doi 10.1145/3830409",
        "source_commit": _source_commit(folder),
        "sha256": digests(folder),
        "versions": versions_of(["numpy", "ml_dtypes"]),
        "summary": lines,
        "rows": [asdict(row) for row in rows],
    }
    return json.dumps(document, indent=2) + "\n"


def _source_commit(folder: Path) -> str:
    """Return the commit that a README beside the recordings names, or that of a clone."""
    for readme in sorted(folder.glob("README*")):
        words = readme.read_text(encoding="utf-8").replace(",", " ").split()
        places = [i for i, word in enumerate(words[:-1]) if word == "commit"]
        if places:
            return words[places[0] + 1]
    command = ["git", "-C", str(folder), "rev-parse", "HEAD"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
