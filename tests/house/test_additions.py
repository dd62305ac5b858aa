"""Additions: what belongs to a registry is derived from it, so that few files name each member."""

import os
import shutil
import subprocess
import sys

import pytest

from msdnum.conformance import suite
from msdnum.formats import ALL_ACCUMULATORS
from tests.support.paths import ROOT

SAME_WITHOUT_OVERFLOW = {"INT32_SATURATE", "INT32_WRAP"}
"""They give what INT32_REFUSE gives: no vector has a sum near 2**31."""

EDITS = {
    "formats/elements.py": [
        (
            'BF16 = FloatFormat(\n    "BF16"',
            'E3M4 = FloatFormat("E3M4", 3, 4, specials=NonNumbers.IEEE, source="somebody")\n',
        ),
        ("        BF16, FP16, BINARY32,\n    ),\n", "        E3M4,\n"),
    ],
    "emulator/codes.py": [
        ('    E8M0: "float8_e8m0fnu"', '    ELEMENT_FORMATS["E3M4"]: "float8_e3m4",\n'),
        ("    ElementFormat,\n    IntegerFormat,\n", "    ELEMENT_FORMATS,\n"),
    ],
}
"""What adding an element format takes: its line and its place in one file, its type in another."""

PRESET = {
    "formats/accumulators.py": [
        (
            "ACCUMULATORS: Registry[Accumulator]",
            'MINE = MatrixUnit("MINE", 8, 9, source="me", takes=(FP16,))\n',
        ),
        ("        CDNA3, CDNA3_FP8,\n    ),\n", "        MINE,\n"),
    ],
}
"""What adding a preset accumulator takes: its line, with the elements that it is for."""

JUDGED = """
from msdnum.conformance import runner, suite

of_it = [group for group in suite.groups() if group.parameters.get("accumulator") == "MINE"]
assert {group.source for group in of_it} == {"me"}
found = runner.conform("emulator", of_it)
assert not found.disagreements and found.compared
print("judged")
"""

KNOWN = """
import numpy as np
from msdnum import ELEMENT_FORMATS, Overflow
from msdnum.conformance import runner, suite
from msdnum.evidence.cast_sweeps import CASTS, judge_cast
from msdnum.trials.toolkit import agreement

assert ELEMENT_FORMATS["E3M4"].max_finite == 15.5
of_it = [group for group in suite.groups() if group.parameters.get("fmt") == "E3M4"]
assert {group.operation for group in of_it} == {"encode", "decode"}
assert {group.source for group in of_it if group.operation == "decode"} == {"somebody"}
found = runner.conform("emulator", of_it)
assert not found.disagreements and found.compared
patterns = np.arange(0, 1 << 32, 1 << 16, dtype=np.int64)
outcome = judge_cast(CASTS["E3M4"], Overflow.OVERFLOW, patterns)
assert not any(differs.any() for differs in outcome.mismatches.values())
assert f"{len(ELEMENT_FORMATS)} formats" in agreement.codes_specified(997).evidence.of
print("known")
"""


def inserted(text, before, line):
    assert text.count(before) == 1, before
    return text.replace(before, line + before)


@pytest.fixture(scope="module")
def copied(tmp_path_factory):
    folder = tmp_path_factory.mktemp("clone")
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "msdnum", folder / "msdnum", ignore=ignored)
    return folder


def run(folder, code):
    environment = os.environ | {"PYTHONPATH": str(folder)}
    line = [sys.executable, "-c", code]
    return subprocess.run(line, cwd=folder, env=environment, capture_output=True, text=True)


def added(copied, edits):
    for name, lines in edits.items():
        path = copied / "msdnum" / name
        text = path.read_text(encoding="utf-8")
        for before, line in lines:
            text = inserted(text, before, line)
        path.write_text(text, encoding="utf-8")


@pytest.mark.slow
def test_an_element_format_is_added_in_two_files(copied):
    assert run(copied, KNOWN).stderr.splitlines()[-1].startswith("KeyError")
    added(copied, EDITS)
    found = run(copied, KNOWN)
    assert found.stdout == "known\n", found.stderr
    assert len(EDITS) <= 2


@pytest.mark.slow
def test_a_preset_accumulator_is_added_in_one_file(copied):
    assert run(copied, JUDGED).stderr.splitlines()[-1].startswith("AssertionError")
    added(copied, PRESET)
    found = run(copied, JUDGED)
    assert found.stdout == "judged\n", found.stderr
    assert len(PRESET) == 1


def test_every_accumulator_has_vectors():
    named = {group.parameters.get("accumulator") for group in suite.groups()}
    assert set(ALL_ACCUMULATORS) - named == SAME_WITHOUT_OVERFLOW
