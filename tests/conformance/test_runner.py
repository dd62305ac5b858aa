"""The emulators pass every vector; what differs is found, counted, and said in bits."""

import argparse
import csv

import numpy as np
import pytest

from msdnum.cli import conform
from msdnum.conformance import peers, runner, suite
from msdnum.conformance.adapters import OPERATIONS, READY
from msdnum.conformance.reports import Disagreement, Report
from msdnum.conformance.runner import AdapterError
from msdnum.conformance.vectors import Case, Group, Standard, one
from msdnum.formats.elements import BINARY32, E2M1, E4M3
from tests.support.paths import ROOT

PEERS = ROOT / "conformance"

CASTS = """
PACKAGES = ("numpy",)
from msdnum.conformance.adapters import emulator

def encode(x, *, fmt, rounding, overflow):
    if (fmt, rounding) != ("E2M1", "RNE"):
        raise NotImplementedError
    codes = emulator.encode(x, fmt=fmt, rounding=rounding, overflow=overflow)
    return {body}
"""
QUANTIZE = """
PACKAGES = ("numpy",)
from msdnum.conformance.adapters import emulator

def quantize(x, *, fmt, rule):
    if (fmt, rule) != ("MXFP4", "FLOOR"):
        raise NotImplementedError
    result = emulator.quantize(x, fmt=fmt, rule=rule)
    {body}
    return result
"""


def adapter(tmp_path, text, body):
    path = tmp_path / "mine.py"
    path.write_text(text.replace("{body}", body))
    return str(path)


def run(*arguments):
    parser = argparse.ArgumentParser()
    conform.add_arguments(parser)
    return conform.run(parser.parse_args(list(map(str, arguments))))


def assert_all_agree(report):
    assert not report.disagreements, "\n".join(peers.lines(report))


def test_numpy_passes_every_vector():
    report = runner.conform("emulator")
    assert_all_agree(report)
    assert sum(report.counts.values()) == suite.manifest()["count"]


FEW = {"MXFP4 FLOOR", "MXFP8_E4M3 RCEIL", "NVFP4 AMAX", "INT8_ROW AMAX", "MXFP4_X2", "INT8_X2"}


def some(group):
    """Leave out most of what JAX has to compile once more."""
    names = " ".join(group.parameters.values())
    return names in FEW or group.operation in ("encode", "decode", "dequantize", "pack", "unpack")


def test_jax_passes():
    groups = [group for group in suite.groups() if some(group)]
    report = runner.conform("emulator_jax", groups)
    assert_all_agree(report)
    assert len(report.counts) == len(groups)


@pytest.mark.slow
def test_jax_passes_every_vector():
    report = runner.conform("emulator_jax")
    assert_all_agree(report)
    assert len(report.counts) == len(suite.groups())


def test_missing_functions_and_names_are_not_run(tmp_path):
    report = runner.conform(adapter(tmp_path, CASTS, "codes"))
    assert_all_agree(report)
    assert all(name.startswith("encode/E2M1/RNE/SATURATE/") for name in report.counts)
    assert report.adapter == "mine"
    assert report.versions == {"numpy": np.__version__}


def test_a_wrong_tie_is_wrong_by_the_standard(tmp_path, capsys):
    name = adapter(tmp_path, CASTS, "codes + (abs(x) == 1.25)")
    report = runner.conform(name)
    assert not report.of(Standard.LEAVES_OPEN)
    wrong = [str(d) for d in report.of(Standard.DECIDES)]
    first = "encode/E2M1/RNE/SATURATE/ties/3FA00000: x 0x3FA00000 (5/4): "
    assert wrong[0] == first + "codes expected 0x2 (1), got 0x3 (3/2)"
    assert len(wrong) == 2
    assert run(name) == 1
    text = capsys.readouterr().out
    assert "### Wrong by the standard: 2" in text
    assert "encode, ties: 2 of 13" in text
    assert wrong[0] in text
    assert "source: OCP MX v1.0, 5.3.3" in text


def test_a_lost_negative_zero_is_left_open(tmp_path):
    name = adapter(tmp_path, CASTS, "codes * (codes != 8)")
    report = runner.conform(name)
    assert not report.of(Standard.DECIDES)
    assert {d.group.topic for d in report.of(Standard.LEAVES_OPEN)} == {"negative-zero"}
    assert run(name) == 0


def test_a_value_for_nan_where_it_is_to_be_refused(tmp_path):
    text = CASTS.replace("codes = ", "codes = x.astype('uint8') * 0 + 7 if x[0] != x[0] else ")
    (found,) = runner.conform(adapter(tmp_path, text, "codes")).disagreements
    assert str(found).endswith("x 0x7FC00000 (NaN): expected refusal, got result 0x7")


def test_one_input_that_raises_leaves_the_others(tmp_path):
    body = "codes if not (x == 6).any() else 1 / 0"
    (found,) = runner.conform(adapter(tmp_path, CASTS, body)).disagreements
    assert found.case.name == "40C00000"
    assert found.got == "ZeroDivisionError: division by zero"


@pytest.mark.parametrize(
    "body", ["codes[1:]", "codes * 0 + 255", "{'codes': codes, 'more': codes}"]
)
def test_results_of_casts_that_are_no_codes_differ(tmp_path, body):
    report = runner.conform(adapter(tmp_path, CASTS, body))
    more = body.startswith("{")
    assert bool(report.disagreements) != more


@pytest.mark.parametrize("body", ["None", "'codes'", "codes.astype(float)", "[[1], [2, 3]]"])
def test_a_result_that_is_no_array_of_codes_is_no_refusal(tmp_path, body):
    with pytest.raises(AdapterError, match=r"on encode/.*: TypeError: a result must be "):
        runner.conform(adapter(tmp_path, CASTS, body))


def test_an_adapter_must_name_its_packages(tmp_path):
    with pytest.raises(ValueError, match="adapter must have PACKAGES"):
        runner.load(adapter(tmp_path, "", ""))


def test_a_wrong_scale_is_wrong_by_the_standard(tmp_path):
    """As binary32 logarithms do it: one too large just below a power of two."""
    fraction = "int(abs(x).view('uint32').max()) % 2**23"
    body = f"result['scale'] = result['scale'] + ({fraction} == 2**23 - 1)"
    report = runner.conform(adapter(tmp_path, QUANTIZE, body))
    topics = {d.group.topic: d for d in report.of(Standard.DECIDES)}
    assert {"amax-below-power-of-two", "below-every-power-of-two"} <= set(topics)
    every = [d for d in report.disagreements if d.group.topic == "below-every-power-of-two"]
    assert len(every) == 243


def test_elements_of_a_nan_block_do_not_matter(tmp_path):
    body = "result['codes'] = result['codes'] + 3 * (result['scale'][0] == 255)"
    assert_all_agree(runner.conform(adapter(tmp_path, QUANTIZE, body)))


def test_results_of_another_length_or_name_differ(tmp_path):
    for body in ("result['codes'] = result['codes'][:5]", "del result['scale']"):
        report = runner.conform(adapter(tmp_path, QUANTIZE, body))
        assert len(report.disagreements) >= sum(report.counts.values()) - 3
        assert all(map(str, report.disagreements))
        assert "## mine" in "\n".join(peers.lines(report))


def disagreement(x, expected, got, standard=Standard.DECIDES):
    case = Case(f"{x:08X}", {"x": one(BINARY32, x)}, {"codes": one(E2M1, *expected)})
    group = Group("encode", {"fmt": "E2M1"}, "ties", "OCP", standard, "", (case,))
    return Disagreement(group, case, {"codes": got})


def test_the_smallest_witness_has_fewest_differences_and_bits():
    few, many = disagreement(7, (1, 2), (1, 3)), disagreement(1, (1, 2), (2, 3))
    short = disagreement(3, (1, 2), (1, 3))
    assert min([many, few, short], key=lambda d: d.size) is short
    assert "codes[1] expected 0x2 (1), got 0x3 (3/2)" in str(few)
    assert str(many).endswith("codes[0] expected 0x1 (1/2), got 0x2 (1) and 1 more")


def test_codes_out_of_range_are_said_in_bits():
    assert "got 0x1F" in str(disagreement(1, (1,), (0x1F,)))


def test_any_nan_agrees():
    case = Case("nan", {"x": one(BINARY32, 0x7FC00000)}, {"codes": one(E4M3, 0x7F)})
    assert runner._agrees(case, {"codes": (0xFF,)})
    assert not runner._agrees(case, {"codes": (0x7E,)})


def test_unknown_and_missing_implementations(tmp_path, capsys):
    with pytest.raises(ValueError, match=r"adapter must be a Python file or one of emulator"):
        runner.load("nothing")
    path = tmp_path / "absent.py"
    path.write_text("import package_that_nobody_has")
    assert run(path) == 2
    assert "No module named 'package_that_nobody_has'" in capsys.readouterr().err


def test_vectors_are_of_the_functions_that_adapters_may_have():
    assert {group.operation for group in suite.groups()} == set(OPERATIONS)


def test_ready_adapters():
    needed = {"emulator", "emulator_jax", "gfloat", "jax", "ml_dtypes", "qwix", "torch", "torchao"}
    assert set(READY) == needed


def test_ml_dtypes_is_right_wherever_a_standard_decides():
    report = runner.conform("ml_dtypes")
    assert sum(report.counts.values()) > 4000
    assert not report.of(Standard.DECIDES), "\n".join(peers.lines(report))


def test_what_is_written(tmp_path, capsys):
    assert run(adapter(tmp_path, CASTS, "codes"), "ml_dtypes", "--out", tmp_path / "out") == 0
    capsys.readouterr()
    rows = list(csv.reader((tmp_path / "out" / "peers.csv").read_text().splitlines()))
    assert rows[0] == ["group", "standard", "source", "vectors", "mine", "ml_dtypes"]
    ties = next(row for row in rows if row[0] == "encode/E2M1/RNE/SATURATE/ties")
    assert ties[3:] == ["13", "0", "0"]
    text = (tmp_path / "out" / "peers.md").read_text()
    assert suite.digest() in text
    assert "| encode, ties | decided | agrees | agrees |" in text
    assert "| decode, codes | decided |  | agrees |" in text


def test_the_committed_table_is_of_these_vectors():
    """After a change of the vectors run ``msdnum conform all --out conformance`` again."""
    assert suite.digest() in (PEERS / "peers.md").read_text()
    rows = list(csv.DictReader((PEERS / "peers.csv").read_text().splitlines()))
    assert {row["group"] for row in rows} == {group.name for group in suite.groups()}
    for row in rows:
        assert row["emulator"] == "0"
        assert row["emulator_jax"] == "0"


def test_an_empty_report():
    report = Report("nobody", {}, {}, ())
    assert "0 of 0 vectors agree" in "\n".join(peers.lines(report))
