"""Hold an implementation against the test vectors: ``msdnum conform ADAPTER``."""

import argparse
import csv
import importlib
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib import metadata, util
from pathlib import Path
from types import ModuleType
from typing import Any, TypeAlias

import numpy as np

from msdnum import spec, vectors
from msdnum.adapters import READY
from msdnum.formats import BINARY32, ElementFormat
from msdnum.vector_groups import Case, Group, Patterns, Standard

__all__ = [
    "Disagreement", "Report", "add_arguments", "conform", "lines", "load", "run", "table",
]  # fmt: skip

ELEMENTWISE = ("encode", "decode")
UNSIGNED = {1: np.uint8, 2: np.uint16, 4: np.uint32}

Result: TypeAlias = dict[str, tuple[int, ...]] | str
"""Bit patterns by name, or what was raised."""


@dataclass(frozen=True)
class Disagreement:
    """A case whose result is another one.

    Parameters
    ----------
    group, case
        The vector.
    got : dict of str to tuple of int, or str
        The patterns that came back, or the exception.
    """

    group: Group
    case: Case
    got: Result

    @property
    def size(self) -> tuple[int, int, int]:
        """The smallest witness has the fewest wrong outputs, then inputs with the fewest bits."""
        given = [code for patterns in self.case.given.values() for code in patterns.codes]
        return len(list(self.differences())), sum(c.bit_count() for c in given), sum(given)

    def differences(self) -> Iterator[str]:
        """Yield every wrong output, in bits."""
        if isinstance(self.got, str) or self.case.expected is None:
            yield f"expected {_text(self.case.expected)}, got {_text(self.got)}"
            return
        for name, ours in self.case.expected.items():
            theirs = self.got.get(name, ())
            if len(theirs) != len(ours.codes):
                yield f"{name} expected {len(ours.codes)} patterns, got {len(theirs)}"
                continue
            for i, same in enumerate(ours.same(theirs)):
                if not same:
                    there = "" if len(theirs) == 1 else f"[{i}]"
                    expected, got = (_one(c[i], ours.fmt) for c in (ours.codes, theirs))
                    yield f"{name}{there} expected {expected}, got {got}"

    def __str__(self) -> str:
        """Return the id, the input if it is one number, and the first difference."""
        inputs = ", ".join(_short(name, p) for name, p in self.case.given.items())
        first, *rest = self.differences()
        more = f" and {len(rest)} more" if rest else ""
        return f"{self.group.name}/{self.case.name}: {inputs}: {first}{more}"


def _one(code: int, fmt: ElementFormat) -> str:
    digits = -(-fmt.bits // 4)
    if not 0 <= code < 1 << fmt.bits:
        return f"0x{code:X}"
    value = spec.decode(code, fmt)
    return (
        f"0x{code:0{digits}X} ({value.value if isinstance(value, spec.Special) else _nice(value)})"
    )


def _nice(value: Any) -> str:
    """Return a short number exactly, a long one rounded."""
    exact = str(value)
    return exact if len(exact) <= 12 else f"{float(value):.8g}"


def _text(result: Any) -> str:
    if result is None:
        return "refusal"
    if isinstance(result, str):
        return result
    patterns = {k: v.codes if isinstance(v, Patterns) else v for k, v in result.items()}
    return ", ".join(
        f"{k} {' '.join(f'0x{c:X}' for c in v[:4])}{'...' if len(v) > 4 else ''}"
        for k, v in patterns.items()
    )


def _short(name: str, patterns: Patterns) -> str:
    """Name the input; of a block the first element, which is its amax or beside it."""
    first = _one(patterns.codes[0], patterns.fmt)
    return f"{name} {first}" if len(patterns.codes) == 1 else f"{name}[0] {first}"


@dataclass(frozen=True)
class Report:
    """What an implementation did with every vector.

    Parameters
    ----------
    adapter : str
        Its name.
    versions : dict of str to str
        Of its packages.
    counts : dict of str to int
        Vectors run, by name of the group.
    disagreements : tuple of Disagreement
        The others agree.
    """

    adapter: str
    versions: dict[str, str]
    counts: dict[str, int]
    disagreements: tuple[Disagreement, ...]

    def of(self, standard: Standard) -> list[Disagreement]:
        """Return the disagreements on what a standard decides, or on what it leaves open."""
        return [d for d in self.disagreements if d.group.standard is standard]


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
    """Convert all inputs in one call, and one by one if that raises."""
    first = group.cases[0].given
    (name,) = first
    codes = tuple(case.given[name].codes[0] for case in group.cases)
    merged = {name: Patterns(first[name].fmt, codes)}
    result = _call(function, group, Case("", merged, group.cases[0].expected))
    if isinstance(result, str):
        return [_call(function, group, case) for case in group.cases]
    return [{name: (code,)} for name, codes in result.items() for code in codes]


def _call(function: Any, group: Group, case: Case) -> Result:
    arrays = [_array(patterns) for patterns in case.given.values()]
    try:
        with np.errstate(all="ignore"):
            result = function(*arrays, **group.parameters)
    except NotImplementedError:
        raise
    except Exception as error:
        return f"{type(error).__name__}: {error}".split("\n")[0][:80]
    if not isinstance(result, dict):
        names = list(case.expected or {"result"})
        result = {names[0]: result}
    return {name: _codes(array) for name, array in result.items()}


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


# ------------------------------------------------------------------------------------------------
# The report
# ------------------------------------------------------------------------------------------------

TITLES = {
    Standard.DECIDES: "Wrong by the standard",
    Standard.LEAVES_OPEN: "Different where the standard leaves it open",
}
MOST = 6
"""How many formats a line of the report names."""

Topic: TypeAlias = tuple[str, str]


def lines(report: Report) -> Iterator[str]:
    """Yield the report: disagreements by operation and topic, each with its smallest witness."""
    total = sum(report.counts.values())
    wrong = len(report.disagreements)
    yield f"## {report.adapter} ({_versions(report)})"
    yield ""
    not_run = len(vectors.groups()) - len(report.counts)
    yield f"{total - wrong} of {total} vectors agree; {not_run} groups are not run."
    for standard, title in TITLES.items():
        yield ""
        yield f"### {title}: {len(report.of(standard))}"
        yield ""
        yield from _grouped(report, standard)


def _versions(report: Report) -> str:
    return ", ".join(f"{name} {version}" for name, version in report.versions.items())


def _grouped(report: Report, standard: Standard) -> Iterator[str]:
    topics: dict[Topic, list[Disagreement]] = defaultdict(list)
    for d in report.of(standard):
        topics[d.group.operation, d.group.topic].append(d)
    if not topics:
        yield "None."
    for (operation, topic), found in topics.items():
        run = _count(report, (operation, topic), standard)
        smallest = min(found, key=lambda d: d.size)
        where = Counter(_where(d.group) for d in found)
        names = ", ".join(f"{name} {count}" for name, count in where.most_common(MOST))
        more = f" and {len(where) - MOST} more" if len(where) > MOST else ""
        yield f"- {operation}, {topic}: {len(found)} of {run} ({names}{more})"
        note = f" ({smallest.group.note})" if smallest.group.note else ""
        yield f"  - {smallest}"
        yield f"  - source: {smallest.group.source}{note}"


def _where(group: Group) -> str:
    return " ".join(group.parameters.values())


def _count(report: Report, key: Topic, standard: Standard) -> int:
    members = (g for g in vectors.groups() if (g.operation, g.topic) == key)
    return sum(report.counts.get(g.name, 0) for g in members if g.standard is standard)


def table(reports: Sequence[Report]) -> list[list[str]]:
    """Return one row for each group that anyone ran: how many of its vectors differ for whom."""
    differ = [Counter(d.group.name for d in report.disagreements) for report in reports]
    rows = [["group", "standard", "source", "vectors", *[r.adapter for r in reports]]]
    for group in vectors.groups():
        cells = [
            str(count[group.name]) if group.name in report.counts else ""
            for report, count in zip(reports, differ, strict=True)
        ]
        if any(cells):
            size = str(len(group.cases))
            rows.append([group.name, group.standard.value, group.source, size, *cells])
    return rows


def _overview(reports: Sequence[Report]) -> Iterator[str]:
    yield "| implementation | versions | vectors run | wrong by the standard | standard open |"
    yield "|---|---|---|---|---|"
    for r in reports:
        decided, open_ = (len(r.of(standard)) for standard in TITLES)
        run = sum(r.counts.values())
        yield f"| {r.adapter} | {_versions(r)} | {run} | {decided} | {open_} |"


def _matrix(reports: Sequence[Report]) -> Iterator[str]:
    """Yield what differs, by operation and topic, of how many."""
    yield f"| operation, topic | standard | {' | '.join(r.adapter for r in reports)} |"
    yield "|---|---|" + "---|" * len(reports)
    keys = {(g.operation, g.topic, g.standard): None for g in vectors.groups()}
    for operation, topic, standard in keys:
        cells = [_cell(r, (operation, topic), standard) for r in reports]
        if any(cells):
            yield f"| {operation}, {topic} | {standard.value} | {' | '.join(cells)} |"


def _cell(report: Report, key: Topic, standard: Standard) -> str:
    run = _count(report, key, standard)
    differ = sum((d.group.operation, d.group.topic) == key for d in report.of(standard))
    return f"{differ} of {run}" if differ else "agrees" if run else ""


def document(reports: Sequence[Report]) -> str:
    """Return all reports, and what they have in common, as Markdown."""
    parts = [
        "# Who agrees with the specification",
        "",
        "Written by `msdnum conform ... --out conformance`. A cell counts vectors that differ.",
        "A vector is *decided* if its source allows one answer only, given the named rule;",
        "where the standard is *open*, another answer is no error.",
        "",
        f"Vectors: version {vectors.VERSION}, {vectors.manifest()['count']} in all, "
        f"sha256 {vectors.digest()}.",
        "",
        *_overview(reports),
        "",
        *_matrix(reports),
    ]
    for report in reports:
        parts += ["", *lines(report)]
    return "\n".join(parts) + "\n"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``msdnum conform``."""
    ready = ", ".join(READY)
    parser.add_argument("adapters", nargs="+", metavar="ADAPTER", help=f"a file, all, or {ready}")
    parser.add_argument("--out", type=Path, metavar="DIR", help="write peers.md and peers.csv")


def run(args: argparse.Namespace) -> int:
    """Carry out ``msdnum conform``: 0 if nothing is wrong by the standard, else 1."""
    names = READY if args.adapters == ["all"] else args.adapters
    reports = [report for name in names if (report := _report(name)) is not None]
    for report in reports:
        print("\n".join(lines(report)), end="\n\n")
    if args.out:
        args.out.mkdir(parents=True, exist_ok=True)
        (args.out / "peers.md").write_text(document(reports), encoding="utf-8")
        with (args.out / "peers.csv").open("w", encoding="utf-8", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows(table(reports))
    wrong = any(report.of(Standard.DECIDES) for report in reports)
    return int(wrong or not reports)


def _report(name: str) -> Report | None:
    try:
        return conform(name)
    except ImportError as error:
        print(f"{name}: not run, {error}: pip install it", file=sys.stderr)
        return None
