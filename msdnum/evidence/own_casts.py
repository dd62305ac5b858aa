"""Casts of the user's: a Python callable, a symbol of a shared library, or a command.

Each takes binary32 numbers and gives codes, or the values that they stand for. A cast is data, so
that processes can be told which; each loads it by itself.
"""

import ctypes
import hashlib
import importlib
import shlex
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import util
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["CastError", "CommandCast", "LibraryCast", "OwnCast", "PythonCast", "cast_of", "loaded"]

COMMAND = "command:"
LIBRARIES = (".so", ".dylib", ".dll")
KINDS = "FILE.py:NAME, MODULE:NAME, LIBRARY.so:SYMBOL or 'command:PROGRAM ARGUMENTS'"


class CastError(ValueError):
    """A cast that cannot be loaded, fails, or gives no codes: nothing is said of its rounding."""


@dataclass(frozen=True)
class PythonCast:
    """A Python callable of one float32 array.

    Parameters
    ----------
    place : str
        A Python file, or the dotted name of a module.
    name : str
        The callable in it.
    """

    place: str
    name: str

    def __call__(self, x: NDArray[np.float32], output: np.dtype[Any]) -> NDArray[Any]:
        """Return what the callable gives, as an array of ``output``."""
        try:
            with np.errstate(all="ignore"):
                return _as(np.asarray(_python(self.place, self.name)(x)), output)
        except CastError:
            raise
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            raise CastError(f"cast {self} fails: {_said(error)}") from None

    def fingerprint(self) -> str:
        """Return the SHA-256 of its file; what that imports does not count."""
        return _sha256_of(Path(str(_module(self.place).__file__)))

    def __str__(self) -> str:
        """Return the cast as on the command line."""
        return f"{self.place}:{self.name}"


@dataclass(frozen=True)
class LibraryCast:
    """A C function ``void symbol(const float *x, T *result, size_t n)`` of a shared library.

    T is ``float`` for values, ``uint8_t`` for codes up to 8 bits, and ``uint16_t`` for others.

    Parameters
    ----------
    path : str
        File of the library.
    symbol : str
        The function in it.
    """

    path: str
    symbol: str

    def __call__(self, x: NDArray[np.float32], output: np.dtype[Any]) -> NDArray[Any]:
        """Call the function on a copy of ``x``."""
        given, result = np.array(x), np.zeros(x.size, output)
        _symbol(self.path, self.symbol)(given.ctypes.data, result.ctypes.data, x.size)
        return result

    def fingerprint(self) -> str:
        """Return the SHA-256 of the library."""
        return _sha256_of(Path(self.path))

    def __str__(self) -> str:
        """Return the cast as on the command line."""
        return f"{self.path}:{self.symbol}"


@dataclass(frozen=True)
class CommandCast:
    """A command that reads binary32 numbers from its input and writes results, little-endian.

    Parameters
    ----------
    words : tuple of str
        Program and arguments. It is run once for every few million numbers.
    """

    words: tuple[str, ...]

    def __call__(self, x: NDArray[np.float32], output: np.dtype[Any]) -> NDArray[Any]:
        """Run the command on the bytes of ``x``."""
        little = output.newbyteorder("<")
        try:
            ended = subprocess.run(self.words, input=x.astype("<f4").tobytes(), capture_output=True)
        except OSError as error:
            raise CastError(f"cast {self} cannot be run: {error.strerror}") from None
        if ended.returncode:
            last = ended.stderr.decode(errors="replace").strip().splitlines()[-1:]
            raise CastError(f"cast {self} ends with status {ended.returncode}: {''.join(last)}")
        if len(ended.stdout) != x.size * output.itemsize:
            raise CastError(
                f"cast {self} must write {x.size * output.itemsize} bytes for {x.size} numbers, "
                f"got {len(ended.stdout)}"
            )
        return np.frombuffer(ended.stdout, little).astype(output)

    def fingerprint(self) -> str:
        """Return the SHA-256 of the program, and of arguments that are files."""
        program = shutil.which(self.words[0]) or self.words[0]
        files = [Path(word) for word in (program, *self.words[1:]) if Path(word).is_file()]
        return hashlib.sha256(" ".join(map(_sha256_of, files)).encode()).hexdigest()

    def __str__(self) -> str:
        """Return the cast as on the command line."""
        return f"{COMMAND}{shlex.join(self.words)}"


OwnCast: TypeAlias = PythonCast | LibraryCast | CommandCast


def cast_of(text: str) -> OwnCast:
    """Return the cast that a text names, loaded once to see that it is there.

    Parameters
    ----------
    text : str
        ``FILE.py:NAME``, ``MODULE:NAME``, ``LIBRARY.so:SYMBOL`` or ``command:PROGRAM ARGUMENTS``.

    Raises
    ------
    CastError
        If it is none of them, or there is no such thing.

    Examples
    --------
    >>> from msdnum.evidence.own_casts import cast_of
    >>> cast_of("numpy:square")
    PythonCast(place='numpy', name='square')
    >>> cast_of("numpy:squrae")
    Traceback (most recent call last):
        ...
    msdnum.evidence.own_casts.CastError: cast numpy:squrae is not there: module 'numpy' has no \
callable 'squrae'
    """
    if text.startswith(COMMAND):
        return _command(text)
    place, _, name = text.rpartition(":")
    if not place or not name:
        raise CastError(f"cast must be {KINDS}, got {text!r}")
    if Path(place).suffix in LIBRARIES or ".so." in Path(place).name:
        _symbol(place, name)
        return LibraryCast(place, name)
    _python(place, name)
    return PythonCast(place, name)


def _command(text: str) -> CommandCast:
    try:
        words = tuple(shlex.split(text.removeprefix(COMMAND)))
    except ValueError as error:
        raise CastError(f"cast {text!r} is no command: {error}") from None
    if not words or shutil.which(words[0]) is None:
        raise CastError(f"cast {text!r} must name a program that can be run")
    return CommandCast(words)


def loaded(place: str, name: str) -> Any:
    """Return what has a name in a Python file or module.

    Raises
    ------
    CastError
        If it is not there, or the file fails.
    """
    module = _module(place)
    if not hasattr(module, name):
        raise CastError(f"{place}:{name} is not there: {place} has no {name!r}")
    return getattr(module, name)


@cache
def _python(place: str, name: str) -> Callable[[Any], Any]:
    found = getattr(_module(place), name, None)
    if not callable(found):
        what = "file" if place.endswith(".py") else "module"
        raise CastError(
            f"cast {place}:{name} is not there: {what} {place!r} has no callable {name!r}"
        )
    return found  # type: ignore[no-any-return]


@cache
def _module(place: str) -> Any:
    try:
        if not place.endswith(".py"):
            return importlib.import_module(place)
        location = util.spec_from_file_location(f"msdnum_cast_{Path(place).stem}", place)
        assert location is not None
        assert location.loader is not None
        module = util.module_from_spec(location)
        location.loader.exec_module(module)
        return module
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise CastError(f"{place} cannot be imported: {_said(error)}") from None


@cache
def _symbol(path: str, symbol: str) -> Any:
    try:
        found = getattr(ctypes.CDLL(str(Path(path).resolve())), symbol)
    except OSError as error:
        raise CastError(f"library {path} cannot be loaded: {_said(error)}") from None
    except AttributeError:
        raise CastError(f"library {path} has no symbol {symbol!r}") from None
    found.argtypes, found.restype = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t], None
    return found


def _as(result: NDArray[Any], output: np.dtype[Any]) -> NDArray[Any]:
    """Return codes of any width as those wanted, and floats as float32; nothing else is one."""
    codes = output.kind == "u"
    fits = result.dtype.kind in ("u", "i") if codes else result.dtype == output
    if not fits:
        wanted = "integers, the codes" if codes else "float32, the values"
        raise CastError(f"cast must return {wanted}, got {result.dtype}")
    if codes and result.dtype.kind == "i":
        # Signed codes are of two's complement; the steps tell whether their width is right.
        return result.astype(np.int64)
    return result


def _said(error: BaseException) -> str:
    text = str(error).splitlines()[:1]
    return f"{type(error).__name__}: {''.join(text)}"[:200]


def _sha256_of(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
