"""The table of peers: reports of several implementations side by side, as Markdown and rows."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from typing import TypeAlias

from msdnum.conformance import suite
from msdnum.conformance.reports import ConformanceReport, Disagreement
from msdnum.conformance.vectors import Group, Standard

__all__ = ["document", "lines", "not_run", "table"]

TITLES = {
    Standard.DECIDES: "Wrong by the standard",
    Standard.LEAVES_OPEN: "Different where the standard leaves it open",
}
MOST = 6
"""How many formats a line of the report names."""

Topic: TypeAlias = tuple[str, str]


def lines(report: ConformanceReport) -> Iterator[str]:
    """Yield the report: disagreements by operation and topic, each with its smallest witness."""
    total = report.compared
    wrong = len(report.disagreements)
    yield f"## {report.adapter} ({_versions(report)})"
    yield ""
    yield f"{total - wrong} of {total} vectors agree; {len(report.not_run)} groups are not run."
    for standard, title in TITLES.items():
        new, known = report.new(standard), len(report.of(standard)) - len(report.new(standard))
        yield ""
        yield f"### {title}: {len(new)}" + (f", and {known} known" if known else "")
        yield ""
        yield from _grouped(report, standard)


def not_run(report: ConformanceReport) -> Iterator[str]:
    """Yield why groups were not run, by operation; nothing if all were."""
    if report.not_run:
        yield f"### Not run: {len(report.not_run)} groups"
        yield ""
    # The name of a group begins with its operation.
    reasons = Counter((name.partition("/")[0], why) for name, why in report.not_run.items())
    for (operation, reason), count in reasons.items():
        yield f"- {operation}, {count} groups: {reason}"


def _versions(report: ConformanceReport) -> str:
    return ", ".join(f"{name} {version}" for name, version in report.versions.items())


def _grouped(report: ConformanceReport, standard: Standard) -> Iterator[str]:
    topics: dict[Topic, list[Disagreement]] = defaultdict(list)
    for d in report.new(standard):
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


def _count(report: ConformanceReport, key: Topic, standard: Standard) -> int:
    members = (g for g in report.groups if (g.operation, g.topic) == key)
    return sum(report.counts.get(g.name, 0) for g in members if g.standard is standard)


def table(reports: Sequence[ConformanceReport]) -> list[list[str]]:
    """Return one row for each group that anyone ran: how many of its vectors differ for whom."""
    differ = [Counter(d.group.name for d in report.disagreements) for report in reports]
    rows = [["group", "standard", "source", "vectors", *[r.adapter for r in reports]]]
    for group in _run_by_any(reports):
        cells = [
            str(count[group.name]) if group.name in report.counts else ""
            for report, count in zip(reports, differ, strict=True)
        ]
        if any(cells):
            size = str(len(group.cases))
            rows.append([group.name, group.standard.value, group.source, size, *cells])
    return rows


def _run_by_any(reports: Sequence[ConformanceReport]) -> list[Group]:
    """Return the groups that anyone ran, in the order of the vectors, those of own formats last."""
    there = {group.name: group for report in reports for group in report.groups}
    listed = [there.pop(group.name) for group in suite.groups() if group.name in there]
    return [*listed, *there.values()]


def _overview(reports: Sequence[ConformanceReport]) -> Iterator[str]:
    yield "| implementation | versions | vectors run | wrong by the standard | standard open |"
    yield "|---|---|---|---|---|"
    for r in reports:
        decided, open_ = (len(r.of(standard)) for standard in TITLES)
        yield f"| {r.adapter} | {_versions(r)} | {r.compared} | {decided} | {open_} |"


def _matrix(reports: Sequence[ConformanceReport]) -> Iterator[str]:
    """Yield what differs, by operation and topic, of how many."""
    yield f"| operation, topic | standard | {' | '.join(r.adapter for r in reports)} |"
    yield "|---|---|" + "---|" * len(reports)
    keys = {(g.operation, g.topic, g.standard): None for g in _run_by_any(reports)}
    for operation, topic, standard in keys:
        cells = [_cell(r, (operation, topic), standard) for r in reports]
        if any(cells):
            yield f"| {operation}, {topic} | {standard.value} | {' | '.join(cells)} |"


def _cell(report: ConformanceReport, key: Topic, standard: Standard) -> str:
    run = _count(report, key, standard)
    differ = sum((d.group.operation, d.group.topic) == key for d in report.of(standard))
    return f"{differ} of {run}" if differ else "agrees" if run else ""


def document(reports: Sequence[ConformanceReport]) -> str:
    """Return all reports, and what they have in common, as Markdown."""
    parts = [
        "# Who agrees with the specification",
        "",
        "Written by `msdnum conform ... --out conformance`. A cell counts vectors that differ.",
        "A vector is *decided* if its source allows one answer only, given the named rule;",
        "where the standard is *open*, another answer is no error.",
        "",
        f"Vectors: version {suite.VERSION}, {suite.manifest()['count']} in all, "
        f"sha256 {suite.digest()}.",
        "",
        *_overview(reports),
        "",
        *_matrix(reports),
    ]
    for report in reports:
        parts += ["", *lines(report)]
    return "\n".join(parts) + "\n"
