"""Helpers of the tests of certificates."""

import shutil

import pytest

from msdnum.cli.main import main

needs_coq = pytest.mark.skipif(shutil.which("coqc") is None, reason="not installed: coqc")


def run(capsys, *arguments):
    """Return the exit status, the lines by their names, and what is on standard error."""
    try:
        status = main(["prove", *map(str, arguments)])
    except SystemExit as stop:
        status = stop.code
    out, err = capsys.readouterr()
    return status, {line[:12].strip(): line[12:] for line in out.splitlines()}, err


def refused(capsys, *arguments):
    status, lines, err = run(capsys, *arguments)
    assert (status, lines, err.count("\n")) == (2, {}, 1)
    return err
