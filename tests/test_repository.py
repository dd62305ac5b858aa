"""Folders of the clone: found beside the package, else inside it, as a wheel carries them."""

from msdnum import _repository
from tests.support.paths import ROOT


def test_in_a_clone_folders_are_those_of_the_clone():
    assert ROOT / "proofs" == _repository.PROOFS
    assert ROOT / "figures" == _repository.FIGURES
    assert ROOT / "certificates" == _repository.CERTIFICATES


def test_in_a_wheel_folders_are_inside_the_package(tmp_path, monkeypatch):
    monkeypatch.setattr(_repository, "_PACKAGE", tmp_path / "msdnum")
    (tmp_path / "proofs").mkdir()
    assert _repository._folder("proofs") == tmp_path / "msdnum" / "_data" / "proofs"
    (tmp_path / "pyproject.toml").touch()
    assert _repository._folder("proofs") == tmp_path / "proofs"
    assert _repository._folder("figures") == tmp_path / "msdnum" / "_data" / "figures"
