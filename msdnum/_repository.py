"""Folders of proofs, certificates and tables: of the clone, or of the wheel, which carries them."""

from pathlib import Path

__all__ = ["CERTIFICATES", "FIGURES", "PROOFS"]

_PACKAGE = Path(__file__).parent


def _folder(name: str) -> Path:
    """Return a folder of the repository: beside the package in a clone, inside it in a wheel."""
    clone = _PACKAGE.parent
    in_clone = (clone / "pyproject.toml").is_file() and (clone / name).is_dir()
    return (clone if in_clone else _PACKAGE / "_data") / name


PROOFS = _folder("proofs")
CERTIFICATES = _folder("certificates")
FIGURES = _folder("figures")
