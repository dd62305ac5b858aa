"""The command line: what it prints, its exit status, and one-line errors for every bad input."""

import os
import re
import subprocess
import sys

import pytest

from msdnum.__main__ import main
from msdnum.cli import judged_rows
from msdnum.trials import trials
from tests.support.commands import refused
from tests.support.paths import ROOT


def run(*arguments, **options):
    command = [sys.executable, "-m", "msdnum", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, **options)


@pytest.mark.parametrize("arguments", [(), ("nothing",), ("verify", "--nothing"), ("explain",)])
def test_wrong_use_is_one_line(arguments, capsys):
    assert re.match(r"msdnum.*: error: ", refused(capsys, *arguments))


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        ("verify --ony C2", "--only"),
        ("verify --tensr=x:y", "--tensor"),
        ("sweep E2M1 --roundng RTZ", "--rounding"),
        ("figures --lst", "--list"),
        ("verify --verison", "--version"),
        ("sweep E2M1 --cast x:y --rounding RTX", "RTZ"),
    ],
)
def test_an_option_that_is_misspelt_is_named(words, meant, capsys):
    assert refused(capsys, *words.split()).rstrip().endswith(f"; did you mean {meant!r}?")


@pytest.mark.parametrize("words", ["verify C2 more", "verify --zzzz", "sweep E2M1 --rounding Q"])
def test_nothing_is_guessed_from_what_is_like_nothing(words, capsys):
    assert "did you mean" not in refused(capsys, *words.split())


@pytest.mark.parametrize("command", ["verify", "explain"])
def test_help_names_what_can_be_named(command, capsys):
    with pytest.raises(SystemExit):
        main([command, "--help"])
    printed = " ".join(capsys.readouterr().out.split())
    for trial in trials().values():
        assert {claim.id for claim in trial.claims} <= set(re.findall(r"\w+", printed))
    assert ("gemm-probabilistic" in printed.replace("- ", "-")) == (command == "explain")


# The process


def test_the_module_and_its_help():
    done = run("--help")
    assert done.returncode == 0
    assert all(word in done.stdout for word in ("verify", "explain", "sweep", "bench"))
    assert "130 interrupted" in done.stdout
    lines = run("--version").stdout.splitlines()
    assert lines[0].startswith("msdnum 0.")
    assert {"python", "platform", "numpy", "jax"} <= {line.partition(" ")[0] for line in lines}


@pytest.mark.parametrize("name", ["sweep", "bench"])
def test_other_commands_are_wired(name):
    done = run(name, "--help")
    assert done.returncode == 0
    assert f"msdnum {name}" in done.stdout


def test_an_interrupt_is_not_a_traceback(monkeypatch, capsys):
    def interrupt(trials, study, only):
        raise KeyboardInterrupt

    monkeypatch.setattr(judged_rows, "entries", interrupt)
    assert main(["verify"]) == 130
    assert "Traceback" not in capsys.readouterr().err


def test_a_reader_that_leaves_is_not_a_traceback():
    read, write = os.pipe()
    os.close(read)
    command = [sys.executable, "-m", "msdnum", "explain", "rms-error"]
    done = subprocess.run(
        command, cwd=ROOT, stdout=write, stderr=subprocess.PIPE, text=True, check=False
    )
    os.close(write)
    assert done.returncode == 141
    assert done.stderr == ""
