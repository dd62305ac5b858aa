"""Selection of vectors: by patterns, by what is required, and by a file of known differences."""

from collections.abc import Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path

from msdnum._names import did_you_mean
from msdnum.conformance.reports import ConformanceReport
from msdnum.conformance.vectors import Case, Group

__all__ = ["NO_VECTOR", "chosen", "kept", "known_ids", "missing", "names", "no_longer"]

Groups = tuple[Group, ...]

NO_VECTOR = "there is no such vector for this adapter"


def names(texts: Sequence[str]) -> list[str]:
    """Return the names of lists with commas."""
    return [name.strip() for text in texts for name in text.split(",") if name.strip()]


def chosen(groups: Groups, patterns: Sequence[str]) -> Groups:
    """Return the vectors whose ids match a shell pattern, or begin with it up to a slash.

    Raises
    ------
    ValueError
        If a pattern matches no vector.
    """
    for pattern in patterns:
        if not any(_members(group, [pattern]) for group in groups):
            raise ValueError(f"no vector matches {pattern!r}{did_you_mean(pattern, _all(groups))}")
    return kept(groups, patterns)


def kept(groups: Groups, patterns: Sequence[str]) -> Groups:
    """Return the vectors that match, perhaps none; all of them if there is no pattern."""
    if not patterns:
        return groups
    found = ((group, _members(group, patterns)) for group in groups)
    return tuple(replace(group, cases=cases) for group, cases in found if cases)


def _members(group: Group, patterns: Sequence[str]) -> tuple[Case, ...]:
    if any(_matches(group.name, pattern) for pattern in patterns):
        return group.cases
    ids = {f"{group.name}/{case.name}": case for case in group.cases}
    return tuple(c for i, c in ids.items() if any(fnmatchcase(i, p) for p in patterns))


def _matches(name: str, pattern: str) -> bool:
    return fnmatchcase(name, pattern) or fnmatchcase(name, f"{pattern}/*")


def _all(groups: Groups) -> list[str]:
    """Return what one can mean short of a vector: operations, formats of them, ..., groups."""
    parts = [group.name.split("/") for group in groups]
    return list({"/".join(part[:n]): None for part in parts for n in range(1, len(part) + 1)})


def missing(report: ConformanceReport, groups: Groups, required: Sequence[str]) -> list[str]:
    """Return the patterns of which no vector was compared, each with the reason."""
    wanted = {pattern: [g.name for g in kept(groups, [pattern])] for pattern in required}
    return [
        f"{pattern} ({'; '.join(dict.fromkeys(report.not_run[n] for n in names)) or NO_VECTOR})"
        for pattern, names in wanted.items()
        if not any(name in report.counts for name in names)
    ]


def known_ids(path: Path, groups: Groups) -> frozenset[str]:
    """Return the ids in a file: one a line, and ``#`` begins a comment.

    Raises
    ------
    ValueError
        If the file is no text, or there is no vector of an id.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError:
        raise ValueError(f"known differences {str(path)!r} must be text in UTF-8") from None
    ids = [id_ for line in lines if (id_ := line.partition("#")[0].strip())]
    there = {f"{group.name}/{case.name}" for group in groups for case in group.cases}
    for id_ in ids:
        if id_ not in there:
            near = did_you_mean(id_, _siblings(id_, groups) or _all(groups))
            raise ValueError(f"{str(path)!r} must name vectors, got {id_!r}{near}")
    return frozenset(ids)


def _siblings(id_: str, groups: Groups) -> list[str]:
    """Return the ids of the group that an id names, if there is one."""
    stem = id_.rpartition("/")[0]
    return [f"{stem}/{case.name}" for group in groups if group.name == stem for case in group.cases]


def no_longer(
    known: frozenset[str], groups: Groups, reports: Sequence[ConformanceReport]
) -> list[str]:
    """Return the known differences that were looked for and that nobody has any more."""
    differ = {d.id for report in reports for d in report.disagreements}
    run = {name for report in reports for name in report.counts}
    compared = {f"{g.name}/{c.name}" for g in groups if g.name in run for c in g.cases}
    return sorted(known & compared - differ)
