"""The stamp of a green run: what was checked, by what, and what each statement rests on.

``msdnum`` calls proved only what ``stamp.json`` covers and what has not changed since.
"""

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Protocol

from audit import MACHINE_INTEGERS

NAME = "stamp.json"
Stamp = dict[str, Any]


class Statement(Protocol):
    """A closed statement and its axioms."""

    theorem: str
    goal: str
    axioms: frozenset[str]


def digest(file: Path) -> str:
    """Return the SHA-256 of a text, whatever ends its lines."""
    return hashlib.sha256(file.read_text(encoding="utf-8").encode()).hexdigest()


def sources(root: Path) -> dict[str, str]:
    """Return the digest of everything that Gappa and Coq are given, by its path."""
    files = sorted(path for kind in ("*.v", "*/*.v", "*/*.gappa") for path in root.glob(kind))
    return {path.relative_to(root).as_posix(): digest(path) for path in files}


def named(axioms: frozenset[str]) -> list[str]:
    """Return axioms by name, those of the machine integers under one."""
    others = sorted(axioms - MACHINE_INTEGERS)
    return others if axioms.isdisjoint(MACHINE_INTEGERS) else [*others, "machine integers"]


def stamp(root: Path, tools: dict[str, str], statements: Iterable[Statement]) -> Stamp:
    """Return the stamp of a run that accepted everything."""
    found: dict[str, dict[str, list[str]]] = {}
    for statement in statements:
        found.setdefault(statement.theorem, {})[statement.goal] = named(statement.axioms)
    return {"tools": tools, "sources": sources(root), "statements": found}


def text(made: Stamp) -> str:
    """Return a stamp as it is kept."""
    return json.dumps(made, indent=1) + "\n"


def read(root: Path) -> Stamp:
    """Return the stamp that is kept."""
    kept: Stamp = json.loads((root / NAME).read_text(encoding="utf-8"))
    return kept


def without_tools(path: Path, kept: str) -> str:
    """Return the text of a file; of a stamp, what does not depend on the versions of the tools."""
    return text({**json.loads(kept), "tools": {}}) if path.name == NAME and kept else kept
