"""The command line on a bad day: full disk, Ctrl-C, wrong names, wrong files, missing packages."""

import re

import pytest

from msdnum.cli import figures
from msdnum.conformance import suite
from tests.support.manners import COMMITTED, full, refused


def test_a_command_on_a_full_disk_is_one_line(tmp_path, monkeypatch, capsys):
    path = tmp_path / "vectors"
    monkeypatch.setattr(suite, "documents", lambda _: iter([("encode.json", "{}")]))
    full(monkeypatch)
    assert "No space left on device: '" in refused(capsys, "vectors", "--out", str(path))
    assert list(path.iterdir()) == []


# Tables that are none


@pytest.fixture
def table(tmp_path, monkeypatch):
    monkeypatch.setattr(figures, "OUT", tmp_path)
    (tmp_path / "msd" / "tables").mkdir(parents=True)

    def write(text):
        (tmp_path / "msd" / "tables" / "cost_traffic.csv").write_text(text)

    return write


def test_numbers_that_are_none_are_one_line(table, capsys):
    header, names, *rows = (COMMITTED / "cost_traffic.csv").read_text().splitlines()
    table("\n".join([header, names, *(re.sub(r"\d", "x", row) for row in rows)]))
    assert "cannot be drawn as cost_traffic, " in refused(
        capsys, "figures", "--redraw", "cost_traffic"
    )


# Names


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["figurse"], "COMMAND must be one of verify, .*, got 'figurse'; did you mean 'figures'?"),
        (["--", "VERIFY"], "got 'VERIFY'; did you mean 'verify'?"),
        (["xyz"], "got 'xyz'$"),
        (["verify", "--only", "c2"], "got 'c2'; did you mean 'C2'?"),
        (["explain", "mxfp4-decompositon"], "; did you mean 'mxfp4-decomposition'?"),
        (["figures", "pases"], "; did you mean 'passes'?"),
        (["figures", "Binade", "--redraw"], "; did you mean 'binade'?"),
        (["sweep", "e2m1"], "; did you mean 'E2M1'?"),
    ],
)
def test_a_near_name_is_said(arguments, message, capsys):
    pattern = message if message.endswith("$") else re.escape(message).replace(r"\.\*", ".*")
    assert re.search(pattern, refused(capsys, *arguments).rstrip())
