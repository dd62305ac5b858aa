"""The vectors are the same bytes each time, come from the specification, and can be followed."""

import hashlib
import json
from collections import Counter

import pytest

from msdnum import _cache
from msdnum.conformance import suite
from tests.support.vectors import GROUPS

NAMES = [group.name for group in GROUPS]


def test_names_are_ids():
    ids = Counter(f"{group.name}/{case.name}" for group in GROUPS for case in group.cases)
    assert max(ids.values()) == 1
    assert len(set(NAMES)) == len(NAMES)


def test_written_vectors_are_the_vectors(tmp_path):
    suite.write(tmp_path)
    assert suite.read(tmp_path) == GROUPS


@pytest.mark.slow
def test_the_same_bytes_each_time():
    assert dict(suite.documents()) == _made_again()


def _made_again():
    again = suite.made()
    assert again is not GROUPS
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(suite, "groups", lambda: again)
        return dict(suite.documents())


def test_the_manifest_counts_and_names_a_source(tmp_path):
    suite.write(tmp_path)
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    assert manifest["count"] == sum(len(group.cases) for group in GROUPS)
    assert list(manifest["groups"]) == NAMES
    for name, sha in manifest["files"].items():
        assert hashlib.sha256((tmp_path / name).read_bytes()).hexdigest() == sha
    for entry in manifest["groups"].values():
        assert entry["source"]
        assert entry["standard"] in {"decided", "open"}
        assert entry["standard"] == "decided" or entry["note"]


def test_an_unknown_id_names_near_ones():
    with pytest.raises(ValueError, match=r"quantize/MXFP4/FLOOR/ties/ties-0"):
        suite.find("quantize/MXFP4/FLOOR/ties")
    with pytest.raises(ValueError, match=r"near: \['quantize/NVFP4/AMAX/exact/exact-2\^-60'"):
        suite.find("quantize/NVFP4/FLOOR/ties")


# Kept vectors


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    folder = tmp_path_factory.mktemp("stored")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_cache, "_folder", lambda: folder)
        suite.keep.__wrapped__()
    return next(folder.iterdir()).read_bytes()


@pytest.fixture
def kept(tmp_path, monkeypatch, stored):
    monkeypatch.setattr(_cache, "_folder", lambda: tmp_path)
    path = _cache._path(suite.KEPT_AS)
    path.write_bytes(stored)
    return path


@pytest.fixture
def again(monkeypatch):
    """Read the vectors as another process does, and count how often they are made."""
    made, groups = [], suite.groups()

    def count():
        made.append(1)
        return groups

    monkeypatch.setattr(suite, "made", count)
    return lambda: (suite.groups.__wrapped__() == groups, len(made))


def test_kept_vectors_are_the_vectors_and_are_not_made_again(kept, again):
    assert again() == (True, 0)


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: b"",
        lambda data: data[:-1],
        lambda data: data.replace(b'"3FA00000"', b'"3FA00001"', 1),
        lambda data: data[:64].replace(data[:1], b"x") + data[64:],
        lambda data: b"\xff" + data[1:],
        lambda data: b"\0" * len(data),
    ],
)
def test_damaged_vectors_are_made_again(kept, again, damage):
    data = kept.read_bytes()
    assert damage(data) != data
    kept.write_bytes(damage(data))
    assert again() == (True, 1)


def test_vectors_of_other_code_are_not_taken(kept, again, monkeypatch):
    monkeypatch.setattr(_cache._sources, "digest", lambda: b"other")
    assert again() == (True, 1)
