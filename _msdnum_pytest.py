"""A pytest plugin: the test vectors as tests of an adapter, ``pytest --msdnum-adapter mine.py``.

It is no part of the package, so that pytest loads it without NumPy where nobody asks for it.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from msdnum.conformance import Group

OPTIONS = {
    "--msdnum-adapter": "hold this adapter, a file or the name of a ready one, against the vectors",
    "--msdnum-only": "these vectors alone, such as quantize/MXFP4; can be repeated",
    "--msdnum-known": "a file of ids of vectors whose difference is accepted, one a line",
}

COMPARED, NOTHING = "msdnum compared", "msdnum: nothing was compared"


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("msdnum", "test vectors of low-bit formats")
    for name, text in OPTIONS.items():
        many: dict[str, Any] = {"action": "append", "default": []} if name.endswith("only") else {}
        group.addoption(name, metavar="TEXT", help=text, **many)
    group.addoption(
        "--msdnum-each", choices=["group", "vector"], default="group", help="what a test is (group)"
    )


def pytest_configure(config: pytest.Config) -> None:
    adapter = config.getoption("--msdnum-adapter")
    if adapter is None:
        for name in ("only", "known"):
            if config.getoption(f"--msdnum-{name}"):
                raise pytest.UsageError(f"--msdnum-{name} needs --msdnum-adapter")
        return
    file = _file_of(adapter)
    if not file.is_file():
        raise pytest.UsageError(f"--msdnum-adapter must be a file or a ready adapter: {adapter}")
    config.pluginmanager.register(Plugin(config, file.resolve(), adapter), "msdnum-vectors")
    # Of the tests beside it only those that are named on the command line.
    if config.args_source is not pytest.Config.ArgsSource.ARGS:
        config.args[:] = []
    if str(file) not in config.args:
        config.args.append(str(file))


def _file_of(adapter: str) -> Path:
    if adapter.endswith(".py") or "/" in adapter:
        return Path(adapter)
    package = importlib.util.find_spec("msdnum.conformance.adapters")
    places = list(package.submodule_search_locations or []) if package else []
    return Path(places[0], f"{adapter}.py") if places else Path(adapter)


class Plugin:
    """Collects the adapter and sees to it that no run is green that has compared nothing."""

    def __init__(self, config: pytest.Config, file: Path, name: str) -> None:
        self.config, self.file, self.name = config, file, name
        self.seen = self.compared = 0

    @pytest.hookimpl(tryfirst=True)
    def pytest_pycollect_makemodule(self, module_path: Path, parent: pytest.Collector) -> Any:
        """Collect the adapter in place of a module of tests."""
        if module_path.resolve() != self.file:
            return None
        found = AdapterFile.from_parent(parent, path=module_path)
        found.adapter = self.name
        return found

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        values = dict(report.user_properties)
        if report.when == "call" and COMPARED in values:
            self.seen += 1
            self.compared += int(str(values[COMPARED]))

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        if exitstatus == pytest.ExitCode.OK and self.seen and not self.compared:
            session.exitstatus = pytest.ExitCode.NO_TESTS_COLLECTED

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        if self.seen and not self.compared:
            terminalreporter.write_line(f"{NOTHING}: see the reasons of what was skipped (-rs)")


class AdapterFile(pytest.File):
    """An adapter, whose tests are vectors."""

    adapter = ""

    def collect(self) -> Iterator[pytest.Item]:
        from msdnum.conformance import AdapterError, groups, load, selection, suite
        from msdnum.conformance.adapter import own_groups

        # Kept before the adapter runs, which might change what makes them.
        suite.keep()
        try:
            module = load(self.adapter)
            every = (*groups(), *own_groups(module))
            chosen = selection.chosen(every, self.config.getoption("--msdnum-only"))
            file = self.config.getoption("--msdnum-known")
            known = selection.known_ids(Path(file), every) if file else frozenset()
        except (AdapterError, ImportError, OSError, ValueError) as error:
            raise self.CollectError(str(error)) from None
        each = self.config.getoption("--msdnum-each") == "vector"
        for group in chosen:
            for name, part in _parts(group) if each else [(group.name, group)]:
                item = Vectors.from_parent(self, name=name)
                item.module, item.group, item.known = module, part, known
                yield item


def _parts(group: Group) -> Iterator[tuple[str, Group]]:
    from dataclasses import replace

    for case in group.cases:
        yield f"{group.name}/{case.name}", replace(group, cases=(case,))


class Vectors(pytest.Item):
    """The vectors of a group, or one of them."""

    module: Any
    group: Group
    known: frozenset[str]

    def runtest(self) -> None:
        from msdnum.conformance import Standard
        from msdnum.conformance.runner import conform

        report = conform(self.module, [self.group], known=self.known)
        self.user_properties.append((COMPARED, report.compared))
        if report.not_run:
            pytest.skip(next(iter(report.not_run.values())))
        new = report.new(Standard.DECIDES)
        if new:
            raise DiffersError("\n".join(map(str, new)))
        if report.disagreements:
            first = str(report.disagreements[0])
            reason = "known" if first.partition(":")[0] in self.known else "the standard is open"
            pytest.xfail(f"{len(report.disagreements)} differ, {reason}: {first}")

    def repr_failure(self, excinfo: Any, style: Any = None) -> Any:
        from msdnum.conformance import AdapterError

        if excinfo.errisinstance(DiffersError):
            note = f" ({self.group.note})" if self.group.note else ""
            return f"{excinfo.value}\nsource: {self.group.source}{note}"
        if excinfo.errisinstance(AdapterError):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        return self.path, None, self.name


class DiffersError(AssertionError):
    """Vectors that the source decides come back as something else."""
