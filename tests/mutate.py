"""Break a module on purpose, mutant by mutant, and see whether its tests notice: `make mutants`.

cosmic-ray makes the mutants and keeps the session. Each is tested in a fork of this process, which
has imported everything but msdnum: a second's work, where `cosmic-ray exec` starts an interpreter,
pytest and JAX for every one. At first the tests of the module run on NumPy alone, those most likely
to fail for their time before the others; what survives them meets the other test files of the
room, for a module may be tested through one that a user calls, and at last JAX.
"""

import argparse
import ast
import difflib
import importlib.util
import inspect
import os
import pickle
import random
import re
import resource
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from importlib.machinery import ModuleSpec, SourceFileLoader
from pathlib import Path
from typing import Any

import cosmic_ray.plugins
import pytest
from cosmic_ray.mutating import mutate_code
from cosmic_ray.work_db import WorkDB, use_db
from cosmic_ray.work_item import MutationSpec, TestOutcome, WorkerOutcome, WorkItem, WorkResult

from tests.support import agreement

JAX = r"\bjax\b|\bjnp\b"
IMPORTED_BEFORE = ["hypothesis.strategies", "jax.numpy", "ml_dtypes", "mpmath", "numpy"]
CACHE = {
    "JAX_COMPILATION_CACHE_DIR": "jax-cache",
    "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
    "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
}
"""A mutant compiles what it has changed; the rest is there."""
CPU_SECONDS = 300
"""Several times what any of the test files takes: a mutant that needs more does not end."""

STAGES = ("own", "room", "jax")

Place = tuple[int, int]


class Mutant(SourceFileLoader):
    """Finds and loads one module, given as ``room/file``, from other source than its file's."""

    def __init__(self, module: str, source: str) -> None:
        name = f"msdnum.{module.replace('/', '.')}"
        super().__init__(name, str(Path("msdnum", f"{module}.py").absolute()))
        self.source = source

    def find_spec(self, name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        found = name == self.name
        return (
            importlib.util.spec_from_file_location(name, self.path, loader=self) if found else None
        )

    def get_code(self, fullname: str):
        return compile(self.source, self.path, "exec")


class Stage:
    """A pytest plugin: which tests run, in which order, what they took, and which one failed.

    Without JAX, what agrees on all backends is computed by NumPy, and other tests of JAX are left
    out.
    """

    def __init__(self, *, jax: bool) -> None:
        self.jax = jax
        self.seconds: Counter[str] = Counter()
        self.kills: Counter[str] = Counter()
        self.killer = ""

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        if not self.jax:
            items[:] = [item for item in items if not re.search(JAX, inspect.getsource(item.obj))]
        items.sort(key=lambda item: self.seconds[item.nodeid] / (1 + self.kills[item.nodeid]))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.seconds[report.nodeid] += report.duration
        if report.failed:
            self.killer = report.nodeid


def on_numpy(function: Callable[..., Any], *arrays: Any) -> Any:
    """Stand in for agreement on all backends."""
    return function(*arrays)


def run_tests(mutant: Mutant, tests: list[str], stage: Stage) -> tuple[int, Stage]:
    """Return pytest's exit status, and the plugin as it was at the end, from a fork."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        _run_tests(mutant, tests, stage, write)
    os.close(write)
    with os.fdopen(read, "rb") as pipe:
        told = pipe.read()
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return status, pickle.loads(told) if told else Stage(jax=stage.jax)


def _run_tests(mutant: Mutant, tests: list[str], stage: Stage, write: int) -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in range(3):
        os.dup2(nothing, stream)
    sys.meta_path.insert(0, mutant)
    if not stage.jax:
        agreement.on_all_backends = agreement.on_numpy_and_jit = on_numpy
    options = ["-x", "-q", "--assert=plain", "-p", "no:cacheprovider"]
    status = int(pytest.main([*options, *tests], plugins=[stage]))
    os.write(write, pickle.dumps(stage))
    os._exit(status)


def annotations(source: str) -> list[tuple[Place, Place]]:
    """Return where annotations begin and end: they tell mypy something, but not the tests."""
    nodes = [
        annotation
        for node in ast.walk(ast.parse(source))
        for annotation in (getattr(node, "annotation", None), getattr(node, "returns", None))
        if annotation is not None
    ]
    return [((n.lineno, n.col_offset), (n.end_lineno, n.end_col_offset)) for n in nodes]


def population(db: WorkDB, source: str) -> list[WorkItem]:
    """Return the mutants that are left when filters and annotations are taken out, in order."""
    skipped = annotations(source)
    filtered = {job for job, result in db.results if result.worker_outcome is WorkerOutcome.SKIPPED}
    items = [
        item
        for item in db.work_items
        if item.job_id not in filtered
        and not any(a <= item.mutations[0].start_pos < b for a, b in skipped)
    ]
    return sorted(items, key=lambda i: (i.mutations[0].operator_name, i.mutations[0].occurrence))


def mutated(source: str, mutation: MutationSpec) -> str:
    operator = cosmic_ray.plugins.get_operator(mutation.operator_name)
    return mutate_code(source, operator(**mutation.operator_args), mutation.occurrence)


def change(before: str, after: str) -> str:
    """Return the lines that differ, old and new."""
    lines = list(difflib.unified_diff(before.splitlines(), after.splitlines(), n=0))[3:]
    old, new = (" ".join(x[1:].strip() for x in lines if x[0] == sign) for sign in "-+")
    return f"{old} => {new}"


class Judge:
    """Tests the mutants of one module, stage after stage until one kills it."""

    def __init__(self, module: str, *, stages: Sequence[str]) -> None:
        self.module = module
        self.source = Path("msdnum", f"{module}.py").read_text(encoding="utf-8")
        room, _, file = module.rpartition("/")
        own = Path("tests", room, f"test_{file}.py")
        others = sorted(path for path in own.parent.glob("test_*.py") if path != own)
        self.tests = {"own": [str(own)], "room": list(map(str, others)), "jax": [str(own)]}
        self.chosen = stages
        self.stages: dict[str, Stage] = {}
        os.environ.update(CACHE)
        for name in IMPORTED_BEFORE:
            importlib.import_module(name)

    def stage(self, name: str) -> Stage:
        """Return a stage; its tests have passed on the module as it is, and were timed."""
        if name not in self.stages:
            unchanged = Mutant(self.module, self.source)
            status, stage = run_tests(unchanged, self.tests[name], Stage(jax=name == "jax"))
            if status:
                sys.exit(f"the tests of {self.module} fail as they are: {stage.killer}")
            self.stages[name] = stage
        return self.stages[name]

    def result(self, mutation: MutationSpec) -> WorkResult:
        """Test one mutant, and remember who killed it."""
        after = mutated(self.source, mutation)
        what = f"{self.module}:{mutation.start_pos[0]}: {change(self.source, after)}"
        for name in self.chosen:
            stage = self.stage(name)
            status, end = run_tests(Mutant(self.module, after), self.tests[name], stage)
            stage.kills[end.killer] += 1
            if status:
                return WorkResult(WorkerOutcome.NORMAL, end.killer, TestOutcome.KILLED, what)
        return WorkResult(WorkerOutcome.NORMAL, "", TestOutcome.SURVIVED, what)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("module", help="by its path below msdnum/, such as emulator/blocks")
    parser.add_argument("session", type=Path, help="of cosmic-ray, filtered; taken up where it is")
    parser.add_argument("--sample", type=int, help="so many mutants drawn at random; else all")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--again", action="store_true", help="test those that survived once more")
    parser.add_argument(
        "--stages", nargs="+", choices=STAGES, default=STAGES, help="which, in turn"
    )
    arguments = parser.parse_args()
    judge = Judge(arguments.module, stages=arguments.stages)
    with use_db(arguments.session, WorkDB.Mode.open) as db:
        items = population(db, judge.source)
        total = len(items)
        random.Random(arguments.seed).shuffle(items)
        items = items[: arguments.sample]
        done = {job for job, r in db.results if r.is_killed or not arguments.again}
        for item in items:
            if item.job_id not in done:
                result = judge.result(item.mutations[0])
                db.set_result(item.job_id, result)
                if not result.is_killed:
                    print(result.diff, flush=True)
        results = dict(db.results)
    survived = sum(not results[item.job_id].is_killed for item in items)
    print(f"{arguments.module}: {survived} of {len(items)} survive, of {total} in all", flush=True)


if __name__ == "__main__":
    main()
