"""Reports of ``msdnum conform`` for machines: JSON, and XML as JUnit writes it."""

import json
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from msdnum import __version__
from msdnum.conformance import suite
from msdnum.conformance.reports import Disagreement, Report
from msdnum.conformance.vectors import Standard

__all__ = ["as_json", "as_junit"]

SCHEMA = 1


def as_json(
    reports: Sequence[Report], failures: Mapping[str, str], no_longer: Sequence[str]
) -> str:
    """Return the reports, one line for each adapter that failed, and what differs no longer.

    ``adapters`` has for each ``name``, ``versions``, ``compared`` (a number), ``groups`` (vectors
    run, by group), ``not_run`` (reasons, by group) and ``disagreements``: ``id``, ``standard``
    (``decided`` or ``open``), ``known`` (accepted), ``differs`` (in bits), ``source``, ``note``.
    """
    document = {
        "schema": SCHEMA,
        "msdnum": __version__,
        "vectors": suite.VERSION,
        "adapters": list(map(_adapter, reports)),
        "failures": dict(failures),
        "no_longer_different": list(no_longer),
    }
    return json.dumps(document, indent=1) + "\n"


def _adapter(report: Report) -> dict[str, Any]:
    return {
        "name": report.adapter,
        "versions": report.versions,
        "compared": report.compared,
        "groups": report.counts,
        "not_run": report.not_run,
        "disagreements": [_disagreement(report, d) for d in report.disagreements],
    }


def _disagreement(report: Report, found: Disagreement) -> dict[str, Any]:
    return {
        "id": found.id,
        "standard": found.group.standard.value,
        "known": found.id in report.known,
        "differs": list(found.differences()),
        "source": found.group.source,
        "note": found.group.note,
    }


def as_junit(reports: Sequence[Report], failures: Mapping[str, str]) -> str:
    """Return a suite for each adapter and a case for each group of vectors, or for its failure.

    A group fails if it has a new disagreement on what its standard decides; any other is in
    ``system-out``.
    """
    root = Element("testsuites", name="msdnum conform")
    for report in reports:
        _suite(root, report.adapter, _cases(report))
    for name, message in failures.items():
        case = Element("testcase", classname=_printable(name), name="the adapter")
        SubElement(case, "error", message=_printable(message))
        _suite(root, name, [case])
    indent(root)
    return f'<?xml version="1.0" encoding="utf-8"?>\n{tostring(root, encoding="unicode")}\n'


def _suite(root: Element, name: str, members: Sequence[Element]) -> None:
    suite = SubElement(root, "testsuite", name=_printable(name), tests=str(len(members)))
    for count, tag in {"failures": "failure", "errors": "error", "skipped": "skipped"}.items():
        suite.set(count, str(sum(member.find(tag) is not None for member in members)))
    suite.extend(members)


def _cases(report: Report) -> list[Element]:
    differ: dict[str, list[Disagreement]] = defaultdict(list)
    for found in report.disagreements:
        differ[found.group.name].append(found)
    run = [_case(report, name, differ[name]) for name in report.counts]
    return [*run, *_skipped(report)]


def _case(report: Report, name: str, found: Sequence[Disagreement]) -> Element:
    case = _empty(report, name)
    wrong = [d for d in found if d.id not in report.known and d.group.standard is Standard.DECIDES]
    if wrong:
        message = f"{len(wrong)} of {report.counts[name]} vectors differ"
        SubElement(case, "failure", message=message).text = _listed(wrong)
    rest = [d for d in found if d not in wrong]
    if rest:
        SubElement(case, "system-out").text = f"known, or left open:\n{_listed(rest)}"
    return case


def _skipped(report: Report) -> Iterator[Element]:
    for name, reason in report.not_run.items():
        case = _empty(report, name)
        SubElement(case, "skipped", message=_printable(reason))
        yield case


def _empty(report: Report, name: str) -> Element:
    operation = name.partition("/")[0]
    return Element("testcase", classname=_printable(f"{report.adapter}.{operation}"), name=name)


def _listed(found: Sequence[Disagreement]) -> str:
    return _printable("\n".join(map(str, found)))


def _printable(text: str) -> str:
    """Replace what XML cannot hold: most control characters, and halves of surrogate pairs."""
    return re.sub("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "?", text)
