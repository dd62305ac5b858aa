"""The pages of docs/ do what they say: their code is run, and prints what they print."""

import contextlib
import io
import os
import re
import shlex
import shutil
import subprocess
import sys

import pytest

from msdnum import testing
from msdnum.__main__ import main
from tests.support.paths import ROOT

PAGE = (ROOT / "docs" / "test-your-quantizer.md").read_text(encoding="utf-8")
WORKFLOW = (ROOT / "docs" / "workflow.yml").read_text(encoding="utf-8")


def sections(page):
    """Yield headings and their text."""
    parts = re.split(r"^## (.*)$", page, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def blocks(text, language):
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


PRINTING = ("index", "large-arrays", "own-figure", "own-format", "own-scheme", "own-unit")
"""Pages whose code is run from top to bottom; each block prints what stands below it."""


@pytest.mark.parametrize("name", PRINTING)
def test_a_page_prints_what_it_says(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    page = (ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8")
    names, printed = {}, ""
    for language, code in re.findall(r"```(python|text)\n(.*?)```", page, re.DOTALL):
        if language == "text":
            assert code == printed
            continue
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            exec(code, names)
        printed = out.getvalue()


@pytest.fixture(scope="module")
def numpy_section():
    """Run the section on NumPy, of which the first block fails; return what it has defined."""
    text = sections(PAGE)["One call: NumPy"]
    wrong, *right = blocks(text, "python")
    names = {}
    with pytest.raises(AssertionError) as caught:
        exec(wrong, names)
    (printed,) = blocks(text, "text")
    assert f"AssertionError: {caught.value}\n" == printed
    for block in right:
        exec(block, names)
    return names


def test_the_section_on_numpy(numpy_section):
    assert numpy_section["assert_conforms"] is testing.assert_conforms


@pytest.mark.parametrize(("title", "needs"), [("JAX", "jax"), ("PyTorch", "torch")])
def test_the_sections_on_arrays_of_others(title, needs, numpy_section):
    pytest.importorskip(needs)
    for block in blocks(sections(PAGE)[title], "python"):
        exec(block, dict(numpy_section))


@pytest.mark.skipif(shutil.which("c++") is None, reason="there is no C++ compiler")
def test_the_section_on_ctypes(tmp_path, monkeypatch, numpy_section):
    text = sections(PAGE)["C and C++, by ctypes"]
    monkeypatch.chdir(tmp_path)
    (source,), (build,), (check,) = (blocks(text, kind) for kind in ("cpp", "bash", "python"))
    (tmp_path / "cast.cpp").write_text(source)
    subprocess.run(shlex.split(build), check=True)
    exec(check, dict(numpy_section))


@pytest.fixture
def adapter(tmp_path, monkeypatch):
    (text,) = blocks(sections(PAGE)["The vectors, in CI"], "python")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "adapter.py").write_text(text)


@pytest.mark.slow
def test_the_commands_of_the_section_on_ci(adapter, capsys):
    conform, pytest_ = blocks(sections(PAGE)["The vectors, in CI"], "bash")[0].splitlines()
    assert main(shlex.split(conform)[1:]) == 0
    assert re.search(r"\d+ of \d+ vectors agree", capsys.readouterr().out)
    words = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *plugin(), "-q"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    only = ["--msdnum-only", "encode/E2M1/RNE"]
    subprocess.run([*words, *shlex.split(pytest_)[1:], *only], env=environment, check=True)


def plugin():
    from importlib.metadata import entry_points

    return [] if entry_points(group="pytest11", name="msdnum") else ["-p", "_msdnum_pytest"]


def test_the_sweeps_are_commands():
    """They take minutes: here their words are read."""
    from argparse import ArgumentParser

    from msdnum.cli import sweep

    parser = ArgumentParser()
    sweep.add_arguments(parser)
    for line in blocks(sections(PAGE)["All 2^32 inputs"], "bash")[0].splitlines():
        program, command, *words = shlex.split(line)
        assert (program, command) == ("msdnum", "sweep")
        assert parser.parse_args(words).cast


def test_the_workflow_runs_commands_that_are_there(adapter, tmp_path):
    runs = re.findall(r"- run: (.*)", WORKFLOW)
    (conform,) = [line for line in runs if line.startswith("msdnum conform")]
    assert main(shlex.split(conform)[1:]) == 0
    assert {path.name for path in tmp_path.glob("vectors.*")} == {"vectors.xml", "vectors.json"}
    assert any(line == "pytest --msdnum-adapter adapter.py" for line in runs)
    assert not re.search("\t", WORKFLOW)
