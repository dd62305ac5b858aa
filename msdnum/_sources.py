"""A digest of the code, for what is kept beside it: kept work of other code is not taken up."""

import hashlib
from pathlib import Path

import msdnum

__all__ = ["digest"]


def digest() -> bytes:
    """Return the SHA-256 of every source file of the package, their places included."""
    root = Path(msdnum.__file__).parent
    found = hashlib.sha256()
    for path in sorted(root.rglob("*.py")):
        found.update(f"{path.relative_to(root).as_posix()}\n{path.stat().st_size}\n".encode())
        found.update(path.read_bytes())
    return found.digest()
