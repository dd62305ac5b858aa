"""The digest of the code: of every file, wherever it is."""

from msdnum.evidence import sweeps
from tests.support.sweep_state import NUMBERS


def test_other_code_anywhere_in_the_package_has_a_state_of_its_own(tmp_path, monkeypatch):
    directory = sweeps.state_directory(NUMBERS, tmp_path)
    monkeypatch.setattr(sweeps._sources, "digest", lambda: b"other")
    assert sweeps.state_directory(NUMBERS, tmp_path) != directory


def test_sources_are_those_of_all_folders(tmp_path, monkeypatch):
    package = tmp_path / "package"
    (package / "room").mkdir(parents=True)
    (package / "__init__.py").write_text("")
    monkeypatch.setattr(sweeps._sources.msdnum, "__file__", str(package / "__init__.py"))
    seen = {sweeps._sources.digest()}
    for change in (("room/a.py", ""), ("room/a.py", "1"), ("b.py", "1"), ("note.txt", "")):
        (package / change[0]).write_text(change[1])
        seen.add(sweeps._sources.digest())
    assert len(seen) == 4
