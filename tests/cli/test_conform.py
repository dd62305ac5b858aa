"""No green for nothing: what ``msdnum conform`` says and returns when it has shown nothing."""

import json
import re
import sys
from xml.etree import ElementTree

import pytest

from msdnum import _cache
from msdnum.__main__ import main
from msdnum.conformance import machine_reports, peers, suite
from msdnum.conformance.reports import Report
from msdnum.conformance.runner import conform

HEAD = "PACKAGES = ('numpy',)\nfrom msdnum.conformance.adapters import emulator\n"
ENCODE = HEAD + "def encode(x, *, fmt, rounding, overflow):\n"
E2M1 = ENCODE + (
    "    if (fmt, rounding) != ('E2M1', 'RNE'):\n"
    "        raise NotImplementedError('only E2M1')\n"
    "    codes = emulator.encode(x, fmt=fmt, rounding=rounding, overflow=overflow)\n"
)
RIGHT = E2M1 + "    return codes\n"
WRONG_TIE = E2M1 + "    return codes + (abs(x) == 1.25)\n"
TIES = "encode/E2M1/RNE/SATURATE/ties"


@pytest.fixture
def adapter(tmp_path):
    def write(text, name="mine.py"):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return str(path)

    return write


@pytest.fixture
def run(capsys):
    def command(*arguments):
        status = main(["conform", *map(str, arguments)])
        return status, *capsys.readouterr()

    return command


# Nothing was compared


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("PACKAGES = ()", "there is no function encode, there is no function decode"),
        (ENCODE + "    raise NotImplementedError\n", "NotImplementedError"),
        (HEAD + "def _quantize(x): ...", "there is no function quantize"),
        (HEAD + "encode = None", "there is no function encode"),
    ],
)
def test_an_adapter_that_compares_nothing_shows_nothing(adapter, run, text, why):
    status, out, err = run(adapter(text))
    assert (status, out) == (2, "")
    assert err.startswith("msdnum conform: mine: nothing was compared: ")
    assert why in err
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("text", "names"),
    [
        (
            "def quantise(x, *, fmt, rule): ...",
            "nobody calls quantise (did you mean quantize?); ",
        ),
        ("def Encode(x, **names): ...", "nobody calls Encode (did you mean encode?); "),
        ("from copy import deepcopy as dequantise", "dequantise (did you mean dequantize?); "),
        ("def helper(x): ...", "nobody calls helper; the functions of an adapter are"),
    ],
)
def test_a_public_function_that_nobody_calls_is_a_slip(adapter, run, text, names):
    status, out, err = run(adapter(RIGHT + text))
    assert (status, out) == (2, "")
    assert names in err
    assert err.count("\n") == 1


def test_a_helper_that_is_used_is_no_slip(adapter, run):
    used = RIGHT.replace("return codes", "return helper(codes)")
    text = used + "def helper(x):\n    return x\nclass Public: ...\nNAMES = ('quantise',)\n"
    assert run(adapter(text), "--only", TIES)[0] == 0


# The adapter itself fails


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("def f(:", r"SyntaxError: .*line 1"),
        (b"x = 1\0", r"(SyntaxError|ValueError): source code .* null bytes"),
        (b"x = '\xff'", r"SyntaxError: .*utf-8"),
        ("\n1 / 0", r"in line 2: ZeroDivisionError"),
        ("assert False", r"AssertionError$"),
        ("import package_that_nobody_has", r"ModuleNotFoundError: No module named 'package_"),
        ("import sys\nsys.exit(0)", r"in line 2: SystemExit: 0"),
        ("def f():\n    f()\nf()", r"in line 2: RecursionError"),
        ("class Own(BaseException): ...\nraise Own('a\\nb')", r"Own: a$"),
        ("", r"must have PACKAGES"),
        ("PACKAGES = 3", r"PACKAGES must be a tuple of names, got 3"),
        ("PACKAGES = 'numpy'", r"PACKAGES must be a tuple of names, got 'numpy'"),
        ("PACKAGES = ('no_such_package',)", r"'no_such_package', which is not installed"),
        ("PACKAGES = ('',)", r"'', which is not installed"),
    ],
)
def test_an_adapter_that_cannot_be_imported_is_one_line(adapter, run, text, what):
    status, out, err = run(adapter(text))
    assert (status, out) == (2, "")
    assert re.fullmatch(r"msdnum conform: .*mine\.py: .*\n", err)
    assert re.search(what, err.rstrip())


@pytest.mark.parametrize(
    ("body", "what"),
    [
        ("return unheard.zeros(3)", "NameError: name 'unheard' is not defined"),
        ("return x.unheard", "AttributeError: .*no attribute 'unheard'"),
        ("return encode(x)", "TypeError: encode.. missing 3 required"),
        ("import unheard", "ModuleNotFoundError: No module named 'unheard'"),
        ("return {}[fmt]", "KeyError: 'E2M1'"),
        ("return eval('1 +')", "SyntaxError: invalid syntax"),
        ("raise SystemExit(0)", "SystemExit: 0"),
        ("encode(x, fmt=fmt, rounding=rounding, overflow=overflow)", "RecursionError"),
    ],
)
def test_an_adapter_that_fails_on_a_vector_is_one_line_with_its_place(adapter, run, body, what):
    status, out, err = run(adapter(f"{ENCODE}    {body}\n"), "--only", "encode/E2M1/RNE")
    assert (status, out) == (2, "")
    first = re.escape("encode/E2M1/RNE/SATURATE/values/")
    line = "" if "Syntax" in what else "in line 4 "
    assert re.fullmatch(rf"msdnum conform: .*mine\.py: .*fails.*{line}on {first}.*{what}.*\n", err)


def test_a_function_of_another_signature_fails(adapter, run):
    status, _, err = run(adapter(HEAD + "def encode(x): ...\n"))
    assert status == 2
    assert "TypeError: encode() got an unexpected keyword argument 'fmt'" in err


def test_a_function_of_one_number_is_called_with_one(adapter, run):
    one = "    return __import__('numpy').uint8([codes[0] if x.item() == x.item() else 0])\n"
    assert run(adapter(E2M1 + one), "--only", TIES)[0] == 0


def test_one_failing_adapter_does_not_hide_the_others(adapter, run):
    status, out, err = run(adapter(RIGHT), adapter("1 / 0", "other.py"), "--only", TIES)
    assert status == 2
    assert "## mine (numpy" in out
    assert re.fullmatch(r"msdnum conform: .*other\.py: .*\n", err)


def test_a_ready_adapter_of_a_missing_package_is_not_green(run, monkeypatch):
    monkeypatch.setitem(sys.modules, "gfloat", None)
    monkeypatch.delitem(sys.modules, "msdnum.conformance.adapters.gfloat", raising=False)
    status, out, err = run("gfloat")
    assert (status, out) == (2, "")
    assert "gfloat: not run" in err
    assert "pip install it" in err


# Refusals


def test_not_implemented_for_some_inputs_is_an_answer(adapter, run):
    text = E2M1 + "    if (x == 6).any():\n        raise NotImplementedError\n    return codes\n"
    status, out, _ = run(adapter(text), "--only", "encode/E2M1/RNE")
    assert status == 1
    assert "values/40C00000: x 0x40C00000 (6): expected codes 0x7, got NotImplementedError" in out


def test_why_groups_are_not_run_is_said(adapter, run):
    status, out, _ = run(adapter(RIGHT))
    assert status == 0
    assert re.search(r"### Not run: 8\d\d groups\n", out)
    assert re.search(r"- encode, \d+ groups: NotImplementedError: only E2M1\n", out)
    assert re.search(r"- quantize, \d+ groups: there is no function quantize\n", out)


# Which vectors


@pytest.mark.parametrize(
    ("patterns", "count"),
    [
        ([TIES], 13),
        (["encode/E2M1/RNE/*/ties"], 13),
        ([f"{TIES}/3FA00000"], 1),
        ([f"{TIES}/3FA00000", f"{TIES}/3FA*"], 1),
        (["encode/E2M1/RNE/SATURATE/values", TIES], 27),
    ],
)
def test_only_some_vectors(adapter, run, patterns, count):
    only = [word for pattern in patterns for word in ("--only", pattern)]
    status, out, _ = run(adapter(RIGHT), *only)
    assert status == 0
    assert f"{count} of {count} vectors agree; 0 groups are not run." in out


def test_a_pattern_without_vectors_is_refused(adapter, run):
    status, out, err = run(adapter(RIGHT), "--only", "encode/E2M1/RNA/SATURATE/tie")
    assert (status, out) == (2, "")
    assert "no vector matches 'encode/E2M1/RNA/SATURATE/tie'; did you mean 'encode/E2M1/RNA/" in err


def test_what_is_required_must_have_been_compared(adapter, run):
    assert run(adapter(RIGHT), "--require", "encode")[0] == 0
    assert run(adapter(RIGHT), "--require", "encode/E2M1/RNE")[0] == 0
    assert run(adapter(RIGHT), "--require", f"{TIES}/3FA00000")[0] == 0
    status, out, err = run(
        adapter(RIGHT), "--require", "encode,quantize", "--require", "encode/E4M3"
    )
    assert status == 2
    assert "vectors agree" in out
    assert err == (
        "msdnum conform: mine: not compared, but required: quantize (there is no function "
        "quantize), encode/E4M3 (NotImplementedError: only E2M1)\n"
    )


@pytest.mark.parametrize(
    "arguments", [["--require", "quantise"], ["--require", "decode", "--only", TIES]]
)
def test_what_is_required_must_be_among_the_vectors(adapter, run, arguments):
    status, _, err = run(adapter(RIGHT), *arguments)
    assert status == 2
    assert "no vector matches" in err


# Known differences


@pytest.fixture
def known(tmp_path):
    def write(*lines):
        path = tmp_path / "known.txt"
        path.write_text("\n".join(lines))
        return path

    return write


def test_known_differences_are_accepted_one_by_one(adapter, run, known):
    wrong, both = adapter(WRONG_TIE), (f"{TIES}/3FA00000", f"  {TIES}/BFA00000 # with its sign")
    assert run(wrong, "--only", TIES)[0] == 1
    assert run(wrong, "--only", TIES, "--known", known("# ours", "", both[0]))[0] == 1
    status, out, _ = run(wrong, "--only", TIES, "--known", known(*both))
    assert status == 0
    assert "11 of 13 vectors agree" in out
    assert "### Wrong by the standard: 0, and 2 known" in out


def test_a_known_difference_that_no_longer_occurs_is_reported(adapter, run, known):
    ids = known(f"{TIES}/3FA00000", "decode/E2M1/codes/0")
    status, out, _ = run(adapter(RIGHT), "--known", ids)
    assert status == 0
    assert out.endswith(f"No longer different, but named in {ids}:\n{TIES}/3FA00000\n")
    assert "No longer" not in run(adapter(RIGHT), "--only", f"{TIES}/3FA00001", "--known", ids)[1]


def test_a_known_difference_must_be_a_vector(adapter, run, known, tmp_path):
    status, out, err = run(adapter(RIGHT), "--known", known(f"{TIES}/3FA0000"))
    assert (status, out) == (2, "")
    assert f"must name vectors, got '{TIES}/3FA0000'; did you mean '{TIES}/3FA00000'?" in err
    _, _, err = run(adapter(RIGHT), "--known", known("encode/E2M1/RNE/SATURATE/tie/0"))
    assert "; did you mean 'encode/E2M1/RNE/SATURATE/ties'?" in err
    (tmp_path / "known.txt").write_bytes(b"\xff\n")
    assert "must be text in UTF-8" in run(adapter(RIGHT), "--known", tmp_path / "known.txt")[2]
    assert "No such file" in run(adapter(RIGHT), "--known", tmp_path / "absent.txt")[2]


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
    text = E2M1 + "    return (codes + (abs(x) == 1.25)) * (codes != 8)\n"
    ids = known(f"{TIES}/3FA00000", f"{TIES}/BFA00000")
    arguments = ["--only", "encode/E2M1/RNE", "--known", ids, "--junit", file]
    assert run(adapter(text), *arguments)[0] == 0
    (suite,) = ElementTree.parse(file).getroot()
    assert suite.attrib["failures"] == "0"
    assert len(suite.findall("testcase/system-out")) == 2


@pytest.mark.parametrize("option", ["--json", "--junit"])
def test_a_file_that_cannot_be_written_is_named_before_the_work(adapter, run, tmp_path, option):
    status, out, err = run(adapter("1 / 0"), option, tmp_path / "no" / "folder")
    assert (status, out) == (2, "")
    assert "file '" in err
    assert "cannot be written: No such file" in err


def test_an_empty_report_is_written():
    report = Report("nobody", {}, {}, (), {"encode/x": "there is no function encode"})
    assert json.loads(machine_reports.as_json([report], {}, []))["adapters"][0]["compared"] == 0
    assert list(peers.not_run(Report("all", {}, {}, ()))) == []
    assert 'tests="1"' in machine_reports.as_junit([report], {})


# Kept vectors


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    folder = tmp_path_factory.mktemp("stored")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_cache, "_folder", lambda: folder)
        suite.keep.__wrapped__()
    return next(folder.iterdir()).read_bytes()


@pytest.fixture
def kept(tmp_path, monkeypatch, stored):
    monkeypatch.setattr(_cache, "_folder", lambda: tmp_path)
    path = _cache._path(suite.KEPT_AS)
    path.write_bytes(stored)
    return path


@pytest.fixture
def again(monkeypatch):
    """Read the vectors as another process does, and count how often they are made."""
    made, groups = [], suite.groups()

    def count():
        made.append(1)
        return groups

    monkeypatch.setattr(suite, "made", count)
    return lambda: (suite.groups.__wrapped__() == groups, len(made))


def test_kept_vectors_are_the_vectors_and_are_not_made_again(kept, again):
    assert again() == (True, 0)


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: b"",
        lambda data: data[:-1],
        lambda data: data.replace(b'"3FA00000"', b'"3FA00001"', 1),
        lambda data: data[:64].replace(data[:1], b"x") + data[64:],
        lambda data: b"\xff" + data[1:],
        lambda data: b"\0" * len(data),
    ],
)
def test_damaged_vectors_are_made_again(kept, again, damage):
    data = kept.read_bytes()
    assert damage(data) != data
    kept.write_bytes(damage(data))
    assert again() == (True, 1)


def test_vectors_of_other_code_are_not_taken(kept, again, monkeypatch):
    monkeypatch.setattr(_cache._sources, "digest", lambda: b"other")
    assert again() == (True, 1)


def test_a_folder_that_cannot_be_written_is_no_error(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(_cache, "_folder", lambda: tmp_path / "file" / "folder")
    _cache.store("vectors", "text")
    assert _cache.load("vectors") is None


def test_old_versions_are_forgotten(tmp_path, monkeypatch):
    monkeypatch.setattr(_cache, "_folder", lambda: tmp_path)
    for version in range(6):
        monkeypatch.setattr(_cache._sources, "digest", lambda version=version: b"%d" % version)
        _cache.store("vectors", str(version))
    assert len(list(tmp_path.iterdir())) == _cache.KEPT
    assert _cache.load("vectors") == "5"


def test_conform_takes_groups_and_known_differences(adapter):
    groups = [group for group in suite.groups() if group.name == TIES]
    report = conform(adapter(WRONG_TIE), groups, known=frozenset({f"{TIES}/3FA00000"}))
    assert report.compared == 13
    assert len(report.disagreements) == 2
