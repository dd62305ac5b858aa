"""What a test vector is: its digest, and what agrees with it."""

from dataclasses import replace

from msdnum.conformance import suite
from msdnum.conformance.vectors import Patterns, chunks, one
from msdnum.formats.elements import BINARY32, ELEMENT_FORMATS
from tests.support.vectors import GROUPS


def test_digest_is_of_every_bit():
    before = suite.digest()
    first = GROUPS[0]
    other = replace(first.cases[0], expected={"codes": one(ELEMENT_FORMATS["INT4"], 3)})
    changed = (replace(first, cases=(other, *first.cases[1:])), *GROUPS[1:])
    assert suite.manifest(changed)["digest"] != before


def test_any_nan_is_as_good():
    e4m3 = ELEMENT_FORMATS["E4M3"]
    assert list(one(e4m3, 0x7F, 0x7F, 0x7E).same((0xFF, 0x7E, 0x7E))) == [True, False, True]
    assert str(Patterns(BINARY32, (1, 0x7FC00000))) == "00000001 7FC00000"


def test_chunks():
    assert chunks("abcde", 2) == [("a", "b"), ("c", "d"), ("e",)]
