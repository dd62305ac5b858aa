"""Helpers of the tests of the manners of commands."""

import errno
import os
from pathlib import Path

from msdnum.__main__ import main
from tests.support.paths import ROOT

COMMITTED = ROOT / "figures" / "msd" / "tables"


def refused(capsys, *arguments):
    """Return the one line on standard error of a command that was refused."""
    try:
        status = main(arguments)
    except SystemExit as stop:
        status = stop.code
    printed = capsys.readouterr()
    assert (status, printed.out) == (2, "")
    assert printed.err.count("\n") == 1
    return printed.err


# Files


def full(monkeypatch):
    """Have every disk be full when half of a file is written."""
    opened = Path.open

    def open_half(path, mode="r", *arguments, **options):
        file = opened(path, mode, *arguments, **options)
        if "x" in mode:
            right = file.write

            def write(data):
                right(data[: len(data) // 2])
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

            file = _Half(file, write)
        return file

    monkeypatch.setattr(Path, "open", open_half)


class _Half:
    def __init__(self, file, write):
        self.file, self.write = file, write

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.file.close()
