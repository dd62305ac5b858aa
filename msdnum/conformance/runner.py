"""Runs of an implementation against the test vectors."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, TypeAlias

import numpy as np

from msdnum._extras import progress
from msdnum.conformance import suite
from msdnum.conformance.adapter import (
    SLIPS,
    AdapterError,
    failing,
    load,
    own_groups,
    said,
    versions,
)
from msdnum.conformance.reports import ConformanceReport, Disagreement, Result, agrees
from msdnum.conformance.vectors import Case, Group, Patterns
from msdnum.formats.elements import BINARY32

__all__ = ["conform"]

AGREES, DIFFERS, NOTHING_SHOWN = 0, 1, 2


ELEMENTWISE = ("encode", "decode")


MOST = 80
"""How much of what an adapter raises is kept, in characters."""


UNSIGNED = {8: np.uint8, 16: np.uint16, 32: np.uint32}
"""What holds a code, by the bits that it may have."""


Answer: TypeAlias = Result | NotImplementedError


class _NotRunError(Exception):
    """The adapter does not do this: the message says why."""


def conform(
    adapter: str | ModuleType,
    groups: Iterable[Group] | None = None,
    *,
    known: frozenset[str] = frozenset(),
) -> ConformanceReport:
    """Run an adapter against the vectors.

    Parameters
    ----------
    adapter : str or module
        A name, or what ``load`` made of it.
    groups : iterable of Group, optional
        In place of all of them, those of the adapter's own formats included.
    known : frozenset of str
        Ids of vectors whose disagreement is accepted.

    Raises
    ------
    AdapterError
        If the adapter cannot be loaded, or itself fails on a vector.
    ImportError
        If a package that a ready adapter needs is not installed.
    """
    module = load(adapter) if isinstance(adapter, str) else adapter
    name = Path(str(module.__file__)).stem
    installed = versions(module)
    counts: dict[str, int] = {}
    not_run: dict[str, str] = {}
    found = []
    every = (*suite.groups(), *own_groups(module)) if groups is None else groups
    members = tuple(every)
    for group in progress(members, desc=name, unit=" groups", leave=False):
        try:
            results = _results(module, group)
        except _NotRunError as error:
            not_run[group.name] = str(error)
            continue
        counts[group.name] = len(group.cases)
        pairs = zip(group.cases, results, strict=True)
        found += [Disagreement(group, c, got) for c, got in pairs if not agrees(c, got)]
    run = tuple(group for group in members if group.name in counts)
    return ConformanceReport(name, installed, counts, tuple(found), not_run, known, run)


def _results(module: ModuleType, group: Group) -> list[Result]:
    """Return a result for each case."""
    if getattr(module, group.operation, None) is None:
        raise _NotRunError(f"there is no function {group.operation}")
    answers: Sequence[Answer] | None = None
    if group.operation in ELEMENTWISE:
        answers = _together(module, group)
    if answers is None:
        answers = [_one(module, group, case) for case in group.cases]
    refused = [answer for answer in answers if isinstance(answer, NotImplementedError)]
    if len(refused) == len(answers):
        raise _NotRunError(said(refused[0]))
    # Who does this for some inputs has refused the others.
    return [said(a)[:MOST] if isinstance(a, NotImplementedError) else a for a in answers]


def _together(module: ModuleType, group: Group) -> list[Result] | None:
    """Convert all inputs in one call, or return None if that fails or gives another number."""
    first = group.cases[0].given
    (name,) = first
    codes = tuple(case.given[name].codes[0] for case in group.cases)
    merged = {name: Patterns(first[name].fmt, codes)}
    try:
        with failing(str(module.__file__)):
            result = _call(module, group, Case("", merged, group.cases[0].expected))
    except AdapterError:
        return None
    if [len(c) for c in result.values()] != [len(codes)]:
        return None
    return [{name: (code,)} for name, codes in result.items() for code in codes]


def _one(module: ModuleType, group: Group, case: Case) -> Answer:
    """Return what comes back of one case, or what is raised on purpose."""
    with failing(str(module.__file__), f" on {group.name}/{case.name}"):
        try:
            return _call(module, group, case)
        except NotImplementedError as error:
            return error
        except SLIPS:
            raise
        except Exception as error:
            return said(error)[:MOST]


def _call(module: ModuleType, group: Group, case: Case) -> dict[str, tuple[int, ...]]:
    arrays = [_array(patterns) for patterns in case.given.values()]
    with np.errstate(all="ignore"):
        result = getattr(module, group.operation)(*arrays, **group.parameters)
    if not isinstance(result, dict):
        names = list(case.expected or ["result"])
        result = {names[0]: result}
    return {name: _codes(array) for name, array in result.items()}


def _array(patterns: Patterns) -> Any:
    unsigned = next(kind for bits, kind in UNSIGNED.items() if patterns.fmt.bits <= bits)
    codes = np.array(patterns.codes, unsigned)
    return codes.view(np.float32) if patterns.fmt == BINARY32 else codes


def _codes(result: Any) -> tuple[int, ...]:
    """Return the bit patterns of a result; what has none is no refusal but a slip."""
    try:
        array = np.asarray(result).reshape(-1)
    except Exception as error:
        raise TypeError(f"a result must be an array, {said(error)}") from error
    if array.dtype == np.float32:
        array = array.view(np.uint32)
    if array.dtype.kind not in "iu":
        raise TypeError(f"a result must be unsigned codes or float32, got {array.dtype}")
    return tuple(map(int, array))
