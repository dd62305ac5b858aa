"""The pytest plugin: vectors as tests, no green for nothing, and no cost where it is not asked."""

import os
import subprocess
import sys
from importlib.metadata import entry_points

import pytest

from tests.support.conform import E2M1_ONLY, RIGHT, TIES, WRONG_TIE
from tests.support.paths import ROOT

INSTALLED = bool(entry_points(group="pytest11", name="msdnum"))
NAMED = [] if INSTALLED else ["-p", "_msdnum_pytest"]


@pytest.fixture
def run(tmp_path):
    def command(text, *words, name="mine.py"):
        (tmp_path / name).write_text(text)
        arguments = [sys.executable, "-m", "pytest", *NAMED, "-q", "-rsx", "-p", "no:cacheprovider"]
        environment = os.environ | {"PYTHONPATH": str(ROOT)}
        found = subprocess.run(
            [*arguments, *words], cwd=tmp_path, env=environment, capture_output=True, text=True
        )
        return found.returncode, found.stdout + found.stderr

    return command


MINE = ("--msdnum-adapter", "mine.py", "--msdnum-only", TIES)


def test_a_right_adapter_is_green(run):
    status, out = run(RIGHT, *MINE)
    assert status == 0, out
    assert "1 passed" in out


def test_a_wrong_vector_is_a_failure_with_its_bits_and_source(run):
    status, out = run(WRONG_TIE, *MINE)
    assert status == 1
    assert f"{TIES}/3FA00000: x 0x3FA00000 (5/4): codes expected 0x2 (1), got 0x3 (3/2)" in out
    assert "source: OCP MX v1.0, 5.3.3" in out


def test_a_test_can_be_one_vector_and_be_chosen_and_counted(run, tmp_path):
    junit = f"--junitxml={tmp_path / 'out.xml'}"
    status, out = run(WRONG_TIE, *MINE, "--msdnum-each=vector", "-k", "3FA00000 or 3F400000", junit)
    assert status == 1
    assert "1 failed, 1 passed" in out
    assert f'name="{TIES}/3FA00000"' in (tmp_path / "out.xml").read_text()


def test_known_differences_are_expected(run, tmp_path):
    (tmp_path / "known.txt").write_text(f"{TIES}/3FA00000\n{TIES}/BFA00000\n")
    status, out = run(WRONG_TIE, *MINE, "--msdnum-known", "known.txt")
    assert status == 0, out
    assert "1 xfailed" in out
    assert "2 differ, known" in out


def test_what_the_standard_leaves_open_is_no_failure(run):
    text = E2M1_ONLY + "    return codes * (codes != 8)\n"
    status, out = run(text, "--msdnum-adapter", "mine.py", "--msdnum-only", "encode/E2M1/RNE")
    assert status == 0, out
    assert "the standard is open" in out


def test_nothing_compared_is_not_green(run):
    text = E2M1_ONLY.replace("!= ('E2M1', 'RNE')", "") + "    return codes\n"
    status, out = run(text, *MINE)
    assert status == 5
    assert "1 skipped" in out
    assert "only E2M1" in out
    assert "msdnum: nothing was compared" in out


@pytest.mark.parametrize(
    ("text", "words", "status", "message"),
    [
        (RIGHT.replace("encode(x,", "encoed(x,", 1), MINE, 2, "nobody calls encoed"),
        ("def f(:", MINE, 2, "the adapter itself fails: SyntaxError"),
        (RIGHT, ("--msdnum-adapter", "my.py"), 4, "must be a file or a ready adapter: my.py"),
        (RIGHT, ("--msdnum-adapter", "emulatr"), 4, "must be a file or a ready adapter: emulatr"),
        (RIGHT, ("--msdnum-only", "encode"), 4, "--msdnum-only needs --msdnum-adapter"),
        (RIGHT, (*MINE[:3], "encod"), 2, "no vector matches 'encod'; did you mean 'encode'?"),
    ],
)
def test_wrong_use_is_said(run, text, words, status, message):
    found, out = run(text, *words)
    assert (found, message in out) == (status, True), out


def test_other_tests_run_beside_it_where_they_are_named(run, tmp_path):
    (tmp_path / "test_mine.py").write_text("def test_mine(): pass\n")
    assert "1 passed" in run(RIGHT, *MINE)[1]
    assert "2 passed" in run(RIGHT, *MINE, "test_mine.py")[1]


def test_it_loads_nothing_where_it_is_not_asked_for():
    code = "import sys, _msdnum_pytest; print(*sys.modules)"
    command = [sys.executable, "-c", code]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert not {"msdnum", "numpy", "hypothesis"} & set(found.stdout.split())
