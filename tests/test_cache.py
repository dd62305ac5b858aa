"""What is kept for the next run: never taken from other code, and no error if it cannot be."""

from msdnum import _cache


def test_a_folder_that_cannot_be_written_is_no_error(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(_cache, "_folder", lambda: tmp_path / "file" / "folder")
    _cache.store("vectors", "text")
    assert _cache.load("vectors") is None


def test_old_versions_are_forgotten(tmp_path, monkeypatch):
    monkeypatch.setattr(_cache, "_folder", lambda: tmp_path)
    for version in range(6):
        monkeypatch.setattr(_cache._sources, "digest", lambda version=version: b"%d" % version)
        _cache.store("vectors", str(version))
    assert len(list(tmp_path.iterdir())) == _cache.KEPT
    assert _cache.load("vectors") == "5"
