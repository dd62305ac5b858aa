"""Examples in docstrings: they run, they say what is so, and what a user meets has one.

They are found by reading the sources, so that no decorator hides one, and each stands alone: it
knows NumPy as ``np`` and what it imports itself.
"""

import ast
import doctest
from pathlib import Path

import numpy as np
import pytest

import msdnum
from msdnum import bounds, emulator, errors, evidence, exact, formats, spec
from msdnum.emulator import attention, gemm

PACKAGE = Path(msdnum.__file__).parent
PARSER = doctest.DocTestParser()
FLAGS = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS


def documented(path):
    """Yield the name and docstring of a file and of everything in it, methods too."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    place = path.relative_to(PACKAGE).as_posix()
    yield place, ast.get_docstring(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            yield f"{place}:{node.lineno}:{node.name}", ast.get_docstring(node)


def examples():
    found = (pair for path in sorted(PACKAGE.rglob("*.py")) for pair in documented(path))
    return {name: text for name, text in found if text and ">>>" in text}


EXAMPLES = examples()


def failures(name, text):
    """Return what is printed of examples that do not give what they say."""
    lines = []
    test = PARSER.get_doctest(text, {"np": np}, name, name, 0)
    doctest.DocTestRunner(optionflags=FLAGS, verbose=False).run(test, out=lines.append)
    return "".join(lines)


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_gives_what_it_says(name):
    assert not failures(name, EXAMPLES[name])


def test_a_wrong_example_is_seen():
    assert "Expected:\n    3\nGot:\n    2" in failures("x", ">>> 1 + 1\n3")
    assert "NameError" in failures("x", ">>> quantize")
    assert not failures("x", ">>> 1 + 1\n2")


# Left out: types and constants, which show themselves, and what only names a choice.
WITHOUT = {
    "Array", "ElementFormat", "Number", "Operand", "Value", "Accumulator", "AnyAccumulator",
}  # fmt: skip


def has_example(thing):
    return ">>>" in (thing.__doc__ or "")


@pytest.mark.parametrize("name", [n for n in msdnum.__all__ if n not in WITHOUT])
def test_what_a_user_meets_first_has_an_example(name):
    thing = getattr(msdnum, name)
    if callable(thing) and not isinstance(thing, type(formats.Rounding)):
        assert has_example(thing), f"{name} has no example"


def test_most_of_what_the_rooms_of_numbers_export_has_an_example():
    rooms = (attention, bounds, emulator, errors, evidence, exact, formats, gemm, spec)
    things = {getattr(room, name) for room in rooms for name in room.__all__
              if callable(getattr(room, name)) and name not in WITHOUT}  # fmt: skip
    shown = [thing for thing in things if has_example(thing)]
    assert len(shown) >= 90
    assert len(EXAMPLES) >= 110
