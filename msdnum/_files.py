"""Files that are there as a whole or not at all, and errors that name them."""

import contextlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

__all__ = ["check_writable", "write_bytes", "write_text"]


def write_text(path: Path, text: str) -> None:
    """Write a text in UTF-8: see ``write_bytes``."""
    write_bytes(path, text.encode())


def write_bytes(path: Path, data: bytes) -> None:
    """Write a file beside its place and rename it, making the folder if need be.

    A full disk or Ctrl-C leaves what was there before. A device, and what a link leads to, can
    only be written in place.

    Raises
    ------
    OSError
        If it cannot be written; it names the file.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with _named(path):
        if path.is_symlink() or (path.exists() and not path.is_file()):
            path.write_bytes(data)
        else:
            _replace(path, data)


def _replace(path: Path, data: bytes) -> None:
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        with temporary.open("xb") as file:
            file.write(data)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def _named(path: Path) -> Iterator[None]:
    """Name the file in errors: that of a full disk has no name, others have the temporary one."""
    try:
        yield
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from None


def check_writable(path: Path | None, what: str) -> None:
    """Raise before the work, not after it, if a file cannot be written; None is no file.

    Raises
    ------
    ValueError
        With the file, after ``what`` it is.
    """
    if path is None:
        return
    existed = path.exists()
    try:
        path.open("ab").close()
    except OSError as error:
        raise ValueError(f"{what} {str(path)!r} cannot be written: {error.strerror}") from None
    if not existed:
        path.unlink()
