"""A cache in the user's folder of texts that take seconds to make and are the same every time.

A kept text that is damaged, or of other code, is as good as none, and a folder that cannot be
written to is no error.
"""

import contextlib
import hashlib
import os
from importlib.metadata import version
from pathlib import Path

from msdnum import _files, _sources

__all__ = ["folder", "load", "store"]

KEPT = 3
"""How many texts of a name are kept: those of other versions of the code are old by then."""


def load(name: str) -> str | None:
    """Return the text that was stored by the same code, or None."""
    try:
        checksum, _, text = _path(name).read_text(encoding="utf-8").partition("\n")
    except (OSError, ValueError):
        return None
    return text if checksum == _checksum(text) else None


def store(name: str, text: str) -> None:
    """Keep a text for ``load``."""
    with contextlib.suppress(OSError):
        path = _path(name)
        _files.write_text(path, f"{_checksum(text)}\n{text}")
        kept = sorted(path.parent.glob(f"{name}-*"), key=lambda old: old.stat().st_mtime)
        for old in kept[:-KEPT]:
            old.unlink(missing_ok=True)


def folder(name: str) -> Path:
    """Return the place of what another program keeps, under keys of its own."""
    return _folder() / name


def _checksum(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _path(name: str) -> Path:
    versions = " ".join(version(package) for package in ("numpy", "ml_dtypes"))
    code = hashlib.sha256(_sources.digest() + versions.encode()).hexdigest()
    return _folder() / f"{name}-{code[:32]}"


def _folder() -> Path:
    home = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return Path(home) / "msdnum"
