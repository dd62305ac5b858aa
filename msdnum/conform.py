"""Hold an implementation against the test vectors: ``msdnum conform ADAPTER``."""

import argparse
import csv
import importlib
import sys
from collections.abc import Iterable
from importlib import metadata, util
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from msdnum import peers, vectors
from msdnum.adapters import READY
from msdnum.disagreements import Disagreement, Report, Result
from msdnum.formats import BINARY32
from msdnum.vector_groups import Case, Group, Patterns, Standard

__all__ = ["add_arguments", "conform", "load", "run"]

ELEMENTWISE = ("encode", "decode")
UNSIGNED = {1: np.uint8, 2: np.uint16, 4: np.uint32}


def load(name: str) -> ModuleType:
    """Return a ready adapter by name, or any by the path of its file.

    Raises
    ------
    ValueError
        If there is no such adapter.
    ImportError
        If a package that it needs is not installed.
    """
    if name in READY:
        return importlib.import_module(f"msdnum.adapters.{name}")
    location = util.spec_from_file_location(Path(name).stem, name)
    if not Path(name).is_file() or location is None or location.loader is None:
        raise ValueError(f"adapter must be a Python file or one of {', '.join(READY)}, got {name}")
    module = util.module_from_spec(location)
    location.loader.exec_module(module)
    if not hasattr(module, "PACKAGES"):
        raise ValueError(f"adapter must have PACKAGES, the names of what it runs, got {name}")
    return module


def conform(name: str, groups: Iterable[Group] | None = None) -> Report:
    """Run an adapter against the vectors.

    Parameters
    ----------
    name : str
        See ``load``.
    groups : iterable of Group, optional
        In place of all of them.
    """
    module = load(name)
    counts: dict[str, int] = {}
    found = []
    for group in vectors.groups() if groups is None else groups:
        results = _results(module, group)
        if results is not None:
            counts[group.name] = len(group.cases)
            pairs = zip(group.cases, results, strict=True)
            found += [Disagreement(group, c, got) for c, got in pairs if not _agrees(c, got)]
    versions = {package: _version(package) for package in module.PACKAGES}
    return Report(Path(name).stem, versions, counts, tuple(found))


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return str(importlib.import_module(package).__version__)


def _results(module: ModuleType, group: Group) -> list[Result] | None:
    """Return a result for each case, or None if the adapter does not do this."""
    function = getattr(module, group.operation, None)
    if function is None:
        return None
    try:
        if group.operation in ELEMENTWISE:
            return _together(function, group)
        return [_call(function, group, case) for case in group.cases]
    except NotImplementedError:
        return None


def _together(function: Any, group: Group) -> list[Result]:
    """Convert all inputs in one call, and one by one if that raises or gives another number."""
    first = group.cases[0].given
    (name,) = first
    codes = tuple(case.given[name].codes[0] for case in group.cases)
    merged = {name: Patterns(first[name].fmt, codes)}
    result = _call(function, group, Case("", merged, group.cases[0].expected))
    if isinstance(result, str) or [len(c) for c in result.values()] != [len(codes)]:
        return [_call(function, group, case) for case in group.cases]
    return [{name: (code,)} for name, codes in result.items() for code in codes]


def _call(function: Any, group: Group, case: Case) -> Result:
    arrays = [_array(patterns) for patterns in case.given.values()]
    try:
        with np.errstate(all="ignore"):
            result = function(*arrays, **group.parameters)
        if not isinstance(result, dict):
            names = list(case.expected or {"result"})
            result = {names[0]: result}
        return {name: _codes(array) for name, array in result.items()}
    except NotImplementedError:
        raise
    except Exception as error:
        return f"{type(error).__name__}: {error}".split("\n")[0][:80]


def _array(patterns: Patterns) -> Any:
    size = 1 if patterns.fmt.bits <= 8 else patterns.fmt.bits // 8
    codes = np.array(patterns.codes, UNSIGNED[size])
    return codes.view(np.float32) if patterns.fmt == BINARY32 else codes


def _codes(array: Any) -> tuple[int, ...]:
    array = np.asarray(array).reshape(-1)
    if array.dtype == np.float32:
        array = array.view(np.uint32)
    return tuple(int(code) for code in array)


def _agrees(case: Case, got: Result) -> bool:
    if isinstance(got, str) or case.expected is None:
        return isinstance(got, str) and case.expected is None
    return all(_same(ours, got.get(name)) for name, ours in case.expected.items())


def _same(ours: Patterns, theirs: tuple[int, ...] | None) -> bool:
    return theirs is not None and len(theirs) == len(ours.codes) and all(ours.same(theirs))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``msdnum conform``."""
    ready = ", ".join(READY)
    parser.epilog = "exit status: 1 if anything is wrong by the standard, 2 wrong use, else 0"
    parser.add_argument("adapters", nargs="+", metavar="ADAPTER", help=f"a file, all, or {ready}")
    parser.add_argument("--out", type=Path, metavar="DIR", help="write peers.md and peers.csv")


def run(args: argparse.Namespace) -> int:
    """Carry out ``msdnum conform``: 0 if nothing is wrong by the standard, else 1."""
    names = READY if args.adapters == ["all"] else args.adapters
    reports = [report for name in names if (report := _report(name)) is not None]
    for report in reports:
        print("\n".join(peers.lines(report)), end="\n\n")
    if args.out:
        args.out.mkdir(parents=True, exist_ok=True)
        (args.out / "peers.md").write_text(peers.document(reports), encoding="utf-8")
        with (args.out / "peers.csv").open("w", encoding="utf-8", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows(peers.table(reports))
    wrong = any(report.of(Standard.DECIDES) for report in reports)
    return int(wrong or not reports)


def _report(name: str) -> Report | None:
    try:
        return conform(name)
    except ImportError as error:
        print(f"{name}: not run, {error}: pip install it", file=sys.stderr)
        return None
