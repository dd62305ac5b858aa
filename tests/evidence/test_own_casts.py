"""Casts of the user's are loaded and called, or it is said why not."""

import shutil

import numpy as np
import pytest

from msdnum import encode
from msdnum.evidence.own_casts import CastError, CommandCast, LibraryCast, PythonCast, cast_of
from msdnum.formats.elements import E2M1
from msdnum.formats.modes import Overflow
from tests.support.own_casts import build_library, write_command, write_python

X = np.float32([0.25, -0.3, 5, -0.0, np.inf, 1.25])
CODES = encode(X, E2M1, overflow=Overflow.SATURATE)
UINT8, FLOAT32 = np.dtype(np.uint8), np.dtype(np.float32)
NEEDS_CC = pytest.mark.skipif(shutil.which("cc") is None, reason="there is no C compiler")


def test_a_python_callable(tmp_path):
    cast = cast_of(f"{write_python(tmp_path)}:even")
    assert isinstance(cast, PythonCast)
    assert np.array_equal(cast(X, UINT8), CODES)
    assert np.array_equal(cast_of("numpy:square")(X, FLOAT32), X * X)


@NEEDS_CC
def test_a_symbol_of_a_library(tmp_path):
    library = build_library(tmp_path)
    cast = cast_of(f"{library}:even")
    assert isinstance(cast, LibraryCast)
    assert np.array_equal(cast(X, UINT8), CODES)
    values = cast_of(f"{library}:values")(X, FLOAT32)
    assert np.array_equal(values, np.float32([0, -0.5, 4, -0.0, 6, 1]))
    with pytest.raises(CastError, match="has no symbol 'odd'"):
        cast_of(f"{library}:odd")


def test_a_command(tmp_path):
    cast = cast_of(write_command(tmp_path))
    assert isinstance(cast, CommandCast)
    assert np.array_equal(cast(X, UINT8), CODES)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("numpy", "cast must be FILE.py:NAME, .* got 'numpy'"),
        ("numpy:", "cast must be FILE.py:NAME"),
        ("numpy:nothing", "module 'numpy' has no callable 'nothing'"),
        ("numpy:pi", "module 'numpy' has no callable 'pi'"),
        ("no_such_module:f", "no_such_module cannot be imported: ModuleNotFoundError"),
        ("no/such/file.py:f", "cannot be imported: FileNotFoundError"),
        ("no/such/lib.so:f", "library no/such/lib.so cannot be loaded: OSError"),
        ("command:", "must name a program that can be run"),
        ("command:no-such-program -x", "must name a program that can be run"),
        ("command:'cat", "is no command: No closing quotation"),
    ],
)
def test_what_is_not_there_is_named(text, message):
    with pytest.raises(CastError, match=message):
        cast_of(text)


@pytest.mark.parametrize("text", ["1 / 0", "def f(:", "import sys; sys.exit(0)"])
def test_a_file_that_fails_is_named(tmp_path, text):
    path = tmp_path / "bad.py"
    path.write_text(text)
    with pytest.raises(CastError, match=r"bad\.py cannot be imported: \w+"):
        cast_of(f"{path}:f")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("broken", "fails: NameError: name 'undefined' is not defined"),
        ("ends", "fails: SystemExit: 0"),
        ("floats", "cast must return integers, the codes, got float64"),
        ("values", "cast must return integers, the codes, got float32"),
    ],
)
def test_a_cast_that_fails_is_no_difference(tmp_path, name, message):
    with pytest.raises(CastError, match=message):
        cast_of(f"{write_python(tmp_path)}:{name}")(X, UINT8)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("false",), "ends with status 1"),
        (("cat",), "must write 6 bytes for 6 numbers, got 24"),
    ],
)
def test_a_command_that_fails_is_no_difference(words, message):
    with pytest.raises(CastError, match=message):
        CommandCast(words)(X, UINT8)


def test_a_changed_cast_is_another_one(tmp_path):
    path = write_python(tmp_path)
    before = cast_of(f"{path}:even").fingerprint(), cast_of(write_command(tmp_path)).fingerprint()
    path.write_text(path.read_text() + "# changed\n")
    (tmp_path / "command.py").write_text("pass")
    after = PythonCast(str(path), "even"), cast_of(f"command:cat {tmp_path / 'command.py'}")
    assert not set(before) & {cast.fingerprint() for cast in after}
