"""``msdnum conform``: any implementation held against the test vectors."""

import argparse
import csv
import io
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import TypeAlias

from msdnum import _files
from msdnum.conformance import machine_reports, peers, selection, suite
from msdnum.conformance.adapter import AdapterError, load, own_groups
from msdnum.conformance.adapters import READY
from msdnum.conformance.reports import ConformanceReport
from msdnum.conformance.runner import AGREES, DIFFERS, NOTHING_SHOWN, conform
from msdnum.conformance.vectors import Group, Standard

__all__ = ["add_arguments", "run"]

Loaded: TypeAlias = tuple[ModuleType, tuple[Group, ...]]
"""An adapter, and the vectors of its own formats."""

LISTS = {
    "--only": "these vectors alone, such as quantize/MXFP4, 'encode/*/RTZ' or an id",
    "--require": "fail unless some of each were compared, such as quantize,encode",
}


FILES = {
    "--known": "ids of vectors whose difference is accepted, one a line",
    "--json": "write the results there, too",
    "--junit": "write them there as XML for a CI system, too",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``msdnum conform``."""
    ready = ", ".join(READY)
    parser.epilog = (
        "exit status: 0 if nothing is wrong by the standard, 1 if anything is, 2 if nothing was "
        "compared, an adapter itself fails, or something required was not compared"
    )
    parser.add_argument("adapters", nargs="+", metavar="ADAPTER", help=f"a file, all, or {ready}")
    parser.add_argument("--out", type=Path, metavar="DIR", help="write peers.md and peers.csv")
    for name, text in LISTS.items():
        parser.add_argument(name, action="append", default=[], metavar="PATTERN", help=text)
    for name, text in FILES.items():
        parser.add_argument(name, type=Path, metavar="FILE", help=text)


def run(args: argparse.Namespace) -> int:
    """Carry out ``msdnum conform``: see the exit status of ``add_arguments``."""
    for name in ("json", "junit"):
        _files.check_writable(getattr(args, name), f"{name} file")
    # Kept before an adapter runs, which might change what makes them.
    suite.keep()
    modules, failures = _loaded(args.adapters)
    vectors = {name: (*suite.groups(), *own) for name, (_, own) in modules.items()}
    every = _without_doubles([suite.groups(), *vectors.values()])
    required = selection.names(args.require)
    selection.chosen(selection.chosen(every, args.only), required)
    known = selection.known_ids(args.known, every) if args.known else frozenset()
    reports = []
    for name, (module, _) in modules.items():
        mine = selection.kept(vectors[name], args.only)
        try:
            reports.append(report := conform(module, mine, known=known))
        except AdapterError as error:
            failures[name] = str(error)
            continue
        _print(report)
        failures |= _shows_nothing(report, mine, required)
    return _ended(args, reports, failures, selection.no_longer(known, every, reports))


def _ended(
    args: argparse.Namespace,
    reports: Sequence[ConformanceReport],
    failures: Mapping[str, str],
    fixed: Sequence[str],
) -> int:
    """Say what is left to say, write the files and return the status."""
    if fixed:
        print("\n".join([f"No longer different, but named in {args.known}:", *fixed]))
    for name, message in failures.items():
        print(f"msdnum conform: {name}: {message}", file=sys.stderr)
    _write(args, reports, failures, fixed)
    wrong = any(report.new(Standard.DECIDES) for report in reports)
    return NOTHING_SHOWN if failures or not reports else DIFFERS if wrong else AGREES


def _loaded(names: Sequence[str]) -> tuple[dict[str, Loaded], dict[str, str]]:
    """Load adapters and make their vectors; of those that cannot be, return why in one line."""
    modules, failures = {}, {}
    every = names == ["all"]
    for name in READY if every else names:
        try:
            module = load(name)
            modules[name] = module, own_groups(module)
        except AdapterError as error:
            failures[name] = str(error)
        except ImportError as error:
            message = f"not run, {error}: pip install it"
            if every:
                print(f"{name}: {message}", file=sys.stderr)
            else:
                failures[name] = message
    return modules, failures


def _without_doubles(vectors: Iterable[Iterable[Group]]) -> tuple[Group, ...]:
    return tuple({group.name: group for groups in vectors for group in groups}.values())


def _print(report: ConformanceReport) -> None:
    if report.compared:
        print("\n".join([*peers.lines(report), "", *peers.not_run(report)]), end="\n\n")


def _shows_nothing(
    report: ConformanceReport, groups: tuple[Group, ...], required: Sequence[str]
) -> dict[str, str]:
    """Return why a report shows nothing, or less than it has to, by its adapter."""
    absent = selection.missing(report, groups, required)
    if not report.compared:
        reasons = ", ".join(dict.fromkeys(report.not_run.values())) or selection.NO_VECTOR
        return {report.adapter: f"nothing was compared: {reasons}"}
    return {report.adapter: f"not compared, but required: {', '.join(absent)}"} if absent else {}


def _write(
    args: argparse.Namespace,
    reports: Sequence[ConformanceReport],
    failures: Mapping[str, str],
    fixed: Sequence[str],
) -> None:
    """Write the files that were asked for."""
    if args.out:
        rows = io.StringIO()
        csv.writer(rows, lineterminator="\n").writerows(peers.table(reports))
        _files.write_text(args.out / "peers.md", peers.document(reports))
        _files.write_text(args.out / "peers.csv", rows.getvalue())
    if args.json:
        _files.write_text(args.json, machine_reports.as_json(reports, failures, fixed))
    if args.junit:
        _files.write_text(args.junit, machine_reports.as_junit(reports, failures))
