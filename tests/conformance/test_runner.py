"""The emulators pass every vector; what differs is found, counted, and said in bits."""

import numpy as np
import pytest

from msdnum.conformance import peers, runner, suite
from msdnum.conformance.reports import agrees
from msdnum.conformance.runner import conform
from msdnum.conformance.vectors import Case, Standard, one
from msdnum.formats.elements import BINARY32, E4M3
from tests.support.conform import TIES, WRONG_TIE
from tests.support.conformance import CASTS, assert_all_agree, carry_out, written

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


def test_missing_functions_and_names_are_not_run(tmp_path):
    report = runner.conform(written(tmp_path, CASTS, "codes"))
    assert_all_agree(report)
    assert all(name.startswith("encode/E2M1/RNE/SATURATE/") for name in report.counts)
    assert report.adapter == "mine"
    assert report.versions == {"numpy": np.__version__}


def test_a_wrong_tie_is_wrong_by_the_standard(tmp_path, capsys):
    name = written(tmp_path, CASTS, "codes + (abs(x) == 1.25)")
    report = runner.conform(name)
    assert not report.of(Standard.LEAVES_OPEN)
    wrong = [str(d) for d in report.of(Standard.DECIDES)]
    first = "encode/E2M1/RNE/SATURATE/ties/3FA00000: x 0x3FA00000 (5/4): "
    assert wrong[0] == first + "codes expected 0x2 (1), got 0x3 (3/2)"
    assert len(wrong) == 2
    assert carry_out(name) == 1
    text = capsys.readouterr().out
    assert "### Wrong by the standard: 2" in text
    assert "encode, ties: 2 of 13" in text
    assert wrong[0] in text
    assert "source: OCP MX v1.0, 5.3.3" in text


def test_a_lost_negative_zero_is_left_open(tmp_path):
    name = written(tmp_path, CASTS, "codes * (codes != 8)")
    report = runner.conform(name)
    assert not report.of(Standard.DECIDES)
    assert {d.group.topic for d in report.of(Standard.LEAVES_OPEN)} == {"negative-zero"}
    assert carry_out(name) == 0


def test_a_value_for_nan_where_it_is_to_be_refused(tmp_path):
    text = CASTS.replace("codes = ", "codes = x.astype('uint8') * 0 + 7 if x[0] != x[0] else ")
    (found,) = runner.conform(written(tmp_path, text, "codes")).disagreements
    assert str(found).endswith("x 0x7FC00000 (NaN): expected refusal, got result 0x7")


def test_one_input_that_raises_leaves_the_others(tmp_path):
    body = "codes if not (x == 6).any() else 1 / 0"
    (found,) = runner.conform(written(tmp_path, CASTS, body)).disagreements
    assert found.case.name == "40C00000"
    assert found.got == "ZeroDivisionError: division by zero"


@pytest.mark.parametrize(
    "body", ["codes[1:]", "codes * 0 + 255", "{'codes': codes, 'more': codes}"]
)
def test_results_of_casts_that_are_no_codes_differ(tmp_path, body):
    report = runner.conform(written(tmp_path, CASTS, body))
    more = body.startswith("{")
    assert bool(report.disagreements) != more


def test_a_wrong_scale_is_wrong_by_the_standard(tmp_path):
    """As binary32 logarithms do it: one too large just below a power of two."""
    fraction = "int(abs(x).view('uint32').max()) % 2**23"
    body = f"result['scale'] = result['scale'] + ({fraction} == 2**23 - 1)"
    report = runner.conform(written(tmp_path, QUANTIZE, body))
    topics = {d.group.topic: d for d in report.of(Standard.DECIDES)}
    assert {"amax-below-power-of-two", "below-every-power-of-two"} <= set(topics)
    every = [d for d in report.disagreements if d.group.topic == "below-every-power-of-two"]
    assert len(every) == 243


def test_elements_of_a_nan_block_do_not_matter(tmp_path):
    body = "result['codes'] = result['codes'] + 3 * (result['scale'][0] == 255)"
    assert_all_agree(runner.conform(written(tmp_path, QUANTIZE, body)))


def test_results_of_another_length_or_name_differ(tmp_path):
    for body in ("result['codes'] = result['codes'][:5]", "del result['scale']"):
        report = runner.conform(written(tmp_path, QUANTIZE, body))
        assert len(report.disagreements) >= sum(report.counts.values()) - 3
        assert all(map(str, report.disagreements))
        assert "## mine" in "\n".join(peers.lines(report))


def test_any_nan_agrees():
    case = Case("nan", {"x": one(BINARY32, 0x7FC00000)}, {"codes": one(E4M3, 0x7F)})
    assert agrees(case, {"codes": (0xFF,)})
    assert not agrees(case, {"codes": (0x7E,)})


def test_conform_takes_groups_and_known_differences(adapter):
    groups = [group for group in suite.groups() if group.name == TIES]
    report = conform(adapter(WRONG_TIE), groups, known=frozenset({f"{TIES}/3FA00000"}))
    assert report.compared == 13
    assert len(report.disagreements) == 2
