"""Which versions there are, and which of them a machine takes."""

import os
import re
import stat
import subprocess
import tomllib

import pytest

from tests.support.paths import ROOT

FINDER = ROOT / ".ci" / "python"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def pins(name):
    """Return lines of a file of constraints as (name, version, marker)."""
    lines = re.findall(
        r"^([\w.-]+)==([\w.]+)(?:; (.+))?$", (ROOT / name).read_text(), flags=re.MULTILINE
    )
    return [(package.lower(), version, marker) for package, version, marker in lines]


def parts(version):
    """Return the numbers of a version, without zeros at the end."""
    numbers = [int(part) for part in version.split(".")]
    while numbers and not numbers[-1]:
        numbers.pop()
    return numbers


OF_OLD_PACKAGES = {"pyparsing"}
"""What has to be old beside old packages: matplotlib 3.9 calls what pyparsing 3.2 warns of."""


def test_the_lowest_constraints_are_the_bounds_of_the_project():
    extras = PROJECT["project"]["optional-dependencies"].values()
    needed = [*PROJECT["project"]["dependencies"], *PROJECT["build-system"]["requires"]]
    needed += [requirement for extra in extras for requirement in extra]
    bounds = dict(r.lower().split(">=") for r in needed if not r.startswith("msdnum["))
    lowest = {name: version for name, version, _ in pins("constraints-lowest.txt")}
    assert lowest.keys() - OF_OLD_PACKAGES == bounds.keys()
    for name, bound in bounds.items():
        assert parts(lowest[name]) == parts(bound), name


def test_only_what_python_311_cannot_have_is_pinned_twice():
    marked = {name: [] for name, _, marker in pins("constraints.txt") if marker}
    assert set(marked) == {"jax", "jaxlib", "numpy"}
    for name, version, marker in pins("constraints.txt"):
        if marker:
            marked[name].append((marker, parts(version)))
    for old, new in marked.values():
        assert old[0] == 'python_version < "3.12"'
        assert new[0] == 'python_version >= "3.12"'
        assert old[1] < new[1]


def test_all_extras_are_in_all():
    extras = PROJECT["project"]["optional-dependencies"]
    assert extras["all"] == [f"msdnum[{','.join(sorted(set(extras) - {'all'}))}]"]


def test_every_version_that_is_announced_is_looked_for():
    named = re.findall(r"Python :: (3\.\d+)", "\n".join(PROJECT["project"]["classifiers"]))
    looked_for = re.search(r"\$\{1:-(.*)\}; do", FINDER.read_text()).group(1)
    assert set(named) <= set(looked_for.split())


@pytest.fixture
def machine(tmp_path):
    """Make interpreters that run or only print an error, and say which one is found."""
    (tmp_path / "bin").mkdir()

    def find(*wanted, runs=(), fails=()):
        for path, status in [*((p, 0) for p in runs), *((p, 127) for p in fails)]:
            file = tmp_path / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(f"#!/bin/sh\nexit {status}\n")
            file.chmod(file.stat().st_mode | stat.S_IXUSR)
        found = subprocess.run(
            ["/bin/sh", FINDER, *wanted],
            env={"PATH": str(tmp_path / "bin"), "HOME": str(tmp_path)},
            capture_output=True,
            text=True,
            check=False,
        )
        return found.returncode, found.stdout.strip().removeprefix(f"{tmp_path}{os.sep}")

    return find


PYENV = ".pyenv/versions/3.13.0/bin/python"


def test_a_shim_that_only_prints_an_error_is_passed_over(machine):
    runs = ["bin/python3.11", "bin/python3.12"]
    assert machine(runs=runs, fails=["bin/python3.14"]) == (0, "bin/python3.12")


def test_an_interpreter_of_pyenv_off_the_path_is_found(machine):
    found = machine(runs=["bin/python3.11", PYENV], fails=["bin/python3.13"])
    assert found == (0, PYENV)


def test_a_version_that_is_named_is_found(machine):
    assert machine("3.11", runs=["bin/python3.11", PYENV]) == (0, "bin/python3.11")


def test_no_interpreter_is_an_error(machine):
    assert machine("3.12", runs=["bin/python3.11"]) == (1, "")
