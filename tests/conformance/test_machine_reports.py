"""Reports for machines: JSON says all, JUnit has a case for each group."""

import json
from xml.etree import ElementTree

import pytest

from msdnum.conformance import machine_reports, peers
from msdnum.conformance.reports import ConformanceReport
from tests.support.conform import E2M1_ONLY, TIES, WRONG_TIE

# Known differences


@pytest.fixture
def known(tmp_path):
    def write(*lines):
        path = tmp_path / "known.txt"
        path.write_text("\n".join(lines))
        return path

    return write


# What is written


def test_json_says_what_was_found(adapter, run, known, tmp_path):
    file = tmp_path / "result.json"
    ids = known(f"{TIES}/BFA00000", f"{TIES}/3E800000")
    broken = adapter("1 / 0", "broken.py")
    assert (
        run(adapter(WRONG_TIE), broken, "--only", "encode", "--known", ids, "--json", file)[0] == 2
    )
    document = json.loads(file.read_text())
    (mine,) = document["adapters"]
    assert mine["groups"][TIES] == 13
    assert mine["compared"] == sum(mine["groups"].values())
    assert set(mine["not_run"].values()) == {"NotImplementedError: only E2M1"}
    first, second = mine["disagreements"]
    assert first["id"] == f"{TIES}/3FA00000"
    assert first["differs"] == ["codes expected 0x2 (1), got 0x3 (3/2)"]
    assert (first["known"], second["known"]) == (False, True)
    assert first["standard"] == "decided"
    assert "ZeroDivisionError" in document["failures"][broken]
    assert document["no_longer_different"] == [f"{TIES}/3E800000"]


def test_junit_has_a_case_for_each_group(adapter, run, tmp_path):
    file = tmp_path / "result.xml"
    broken = adapter("raise ValueError('\\x00\\ud800<&')", "broken.py")
    done = run(adapter(WRONG_TIE), broken, "--only", "encode", "--junit", file)
    assert done[0] == 2, done
    mine, other = ElementTree.parse(file).getroot()
    assert mine.attrib["failures"] == "1"
    assert int(mine.attrib["skipped"]) == len(mine.findall("testcase/skipped")) > 100
    assert int(mine.attrib["tests"]) == len(mine)
    (case,) = (case for case in mine if case.find("failure") is not None)
    assert case.attrib == {"classname": "mine.encode", "name": TIES}
    assert case.find("failure").attrib["message"] == "2 of 13 vectors differ"
    assert "3FA00000: x 0x3FA00000 (5/4): codes expected 0x2 (1)" in case.find("failure").text
    assert other.attrib["errors"] == "1"
    assert "ValueError: ??<&" in other.find("testcase/error").attrib["message"]


def test_open_and_known_differences_do_not_fail_a_case(adapter, run, tmp_path, known):
    file = tmp_path / "result.xml"
    text = E2M1_ONLY + "    return (codes + (abs(x) == 1.25)) * (codes != 8)\n"
    ids = known(f"{TIES}/3FA00000", f"{TIES}/BFA00000")
    arguments = ["--only", "encode/E2M1/RNE", "--known", ids, "--junit", file]
    assert run(adapter(text), *arguments)[0] == 0
    (suite,) = ElementTree.parse(file).getroot()
    assert suite.attrib["failures"] == "0"
    assert len(suite.findall("testcase/system-out")) == 2


def test_an_empty_report_is_written():
    report = ConformanceReport("nobody", {}, {}, (), {"encode/x": "there is no function encode"})
    assert json.loads(machine_reports.as_json([report], {}, []))["adapters"][0]["compared"] == 0
    assert list(peers.not_run(ConformanceReport("all", {}, {}, ()))) == []
    assert 'tests="1"' in machine_reports.as_junit([report], {})
