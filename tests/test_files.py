"""Files that are written: whole or not at all, through links, and a full disk is named."""

import os
import re
from pathlib import Path

import pytest

from msdnum import _files
from tests.support.manners import full
from tests.support.paths import ROOT


@pytest.mark.parametrize("before", [None, b"before"])
def test_a_full_disk_leaves_what_was_there_and_is_named(tmp_path, monkeypatch, before):
    path = tmp_path / "file.json"
    if before is not None:
        path.write_bytes(before)
    full(monkeypatch)
    with pytest.raises(OSError, match=r"No space left on device: '.*file\.json'"):
        _files.write_text(path, "a text of some length")
    assert [p.read_bytes() for p in tmp_path.iterdir()] == ([] if before is None else [before])


def test_an_interrupt_leaves_what_was_there(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("before")

    def interrupt(*paths):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", interrupt)
    with pytest.raises(KeyboardInterrupt):
        _files.write_text(tmp_path / "file", "after")
    assert [p.read_text() for p in tmp_path.iterdir()] == ["before"]


def test_a_file_is_written_with_its_folder_and_the_usual_rights(tmp_path):
    (tmp_path / "usual").write_text("")
    path = tmp_path / "some" / "folder" / "file"
    _files.write_text(path, "\u03b1\r\n")
    assert path.read_bytes() == "\u03b1\r\n".encode()
    assert path.stat().st_mode == (tmp_path / "usual").stat().st_mode
    _files.write_bytes(path, b"2")
    assert path.read_bytes() == b"2"
    assert len(list(path.parent.iterdir())) == 1


def test_links_and_devices_are_written_through(tmp_path):
    target = tmp_path / "target"
    target.write_text("a longer text")
    link = tmp_path / "link"
    link.symlink_to(target)
    _files.write_text(link, "new")
    assert link.is_symlink()
    assert target.read_text() == "new"
    _files.write_text(Path(os.devnull), "nothing")
    assert not Path(os.devnull).is_file()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_device_that_is_full_is_named():
    with pytest.raises(OSError, match=r"No space left on device: '/dev/full'"):
        _files.write_text(Path("/dev/full"), "text")


def test_nothing_is_written_in_place():
    """All that commands write goes through ``_files``."""
    direct = re.compile(r"\.write_text\(|\.write_bytes\(|open\([^)]*[\"'][wax]|savefig\((?!file)")
    allowed = re.compile(r"_files\.write_|def write_|^    >>> |^    \.\.\. ")
    for path in (ROOT / "msdnum").rglob("*.py"):
        if path.name == "_files.py":
            continue
        for line in path.read_text().splitlines():
            assert allowed.search(line) or not direct.search(line), f"{path.name}: {line}"
