"""Vectors that the executable twin computes, as ``vectors.json`` keeps them for the emulators."""

import re
from pathlib import Path

from audit import RefusedError

SOURCE = "Vectors.v"
NAME = "vectors.json"


def names(root: Path) -> list[str]:
    """Return the names of all vectors."""
    text = (root / SOURCE).read_text(encoding="utf-8")
    return re.findall(r"^Definition (\w+) : list row", text, re.MULTILINE)


def question(root: Path) -> str:
    """Return the commands that have Coq compute every vector."""
    lines = [
        "From Coq Require Import ZArith List.",
        "From Msdnum Require Import Vectors.",
        "Import ListNotations.",
        "Open Scope Z_scope.",
        "Set Printing Width 1000000.",
        "Set Printing Depth 1000000.",
        *(f"Eval vm_compute in {name}." for name in names(root)),
    ]
    return "\n".join(lines) + "\n"


def text(root: Path, answers: str) -> str:
    """Return the file to keep: under each name, rows of integers.

    Raises
    ------
    RefusedError
        If an answer is not a list of rows.
    """
    found = re.findall(r"^     = \[\[([-\d;\] \[]+)\]\]\n     : list row$", answers, re.MULTILINE)
    known = names(root)
    if len(found) != len(known) or answers.count("\n") != 2 * len(known):
        raise RefusedError(f"{len(found)} of {len(known)} vectors are lists of rows")
    parts = [
        f' "{name}": [\n  [' + rows.replace("; ", ", ").replace("], [", "],\n  [") + "]\n ]"
        for name, rows in zip(known, found, strict=True)
    ]
    return "{\n" + ",\n".join(parts) + "\n}\n"
