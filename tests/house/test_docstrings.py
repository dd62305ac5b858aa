"""Docstrings: a module's begins with its noun, and a parameter's description says something."""

import re
from pathlib import Path

import pytest

import msdnum

PACKAGE = Path(msdnum.__file__).parent
FILES = sorted(PACKAGE.rglob("*.py"))
QUESTION = re.compile(r'"""(What|How|Where|Whether|Which|When|Why)\b')
FRAGMENT = re.compile(r"^ +[\w, ]+ : .*\n +((?:[A-Z][\w'-]*)(?: [\w'-]+)?\.)$", re.MULTILINE)

EACH_FILE = pytest.mark.parametrize(
    "path", FILES, ids=lambda path: path.relative_to(PACKAGE).as_posix()
)


@EACH_FILE
def test_a_module_begins_with_its_noun(path):
    assert not QUESTION.match(path.read_text(encoding="utf-8"))


@EACH_FILE
def test_a_parameter_is_described_in_more_than_two_words(path):
    found = FRAGMENT.findall(path.read_text(encoding="utf-8"))
    assert not [text for text in found if text != "Name in tables."]


def test_the_checks_of_wording_see():
    assert QUESTION.match('"""What a test vector is."""')
    assert FRAGMENT.findall("    fmt : ElementFormat\n        The target.\n") == ["The target."]
    assert not FRAGMENT.findall("    fmt : ElementFormat\n        Format of the codes.\n")
