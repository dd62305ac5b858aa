"""Folders of proofs, certificates and tables: of the clone, or of the wheel, which carries them."""

from pathlib import Path

__all__ = ["CERTIFICATES", "FIGURES", "PROOFS", "NeedsCloneError", "as_typed", "present"]

_PACKAGE = Path(__file__).parent


class NeedsCloneError(FileNotFoundError):
    """A file of the repository that neither a clone nor the wheel has put here."""


def _clone() -> Path | None:
    """Return the clone that the package lies in, if it does."""
    folder = _PACKAGE.parent
    return folder if (folder / "pyproject.toml").is_file() else None


def _folder(name: str) -> Path:
    """Return a folder of the repository: beside the package in a clone, inside it in a wheel."""
    clone = _clone()
    in_clone = clone is not None and (clone / name).is_dir()
    return clone / name if clone and in_clone else _PACKAGE / "_data" / name


PROOFS = _folder("proofs")
CERTIFICATES = _folder("certificates")
FIGURES = _folder("figures")


def present(path: Path) -> Path:
    """Return the path of a file or folder of the repository that is there.

    Raises
    ------
    NeedsCloneError
        If it is not.
    """
    if not path.exists():
        raise NeedsCloneError(f"needs a clone: there is no {as_typed(path)}")
    return path


def as_typed(path: Path) -> str:
    """Return a path as one types it: from the root of the clone, or in full in an installation."""
    clone = _clone()
    inside = clone is not None and path.is_relative_to(clone)
    return path.relative_to(clone).as_posix() if clone and inside else str(path)
