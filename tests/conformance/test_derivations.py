"""Derivations of vectors: every step can be followed, and ends at the answer."""

import re
from itertools import pairwise

import pytest

from msdnum.conformance.derivations import STEPS, explain_vector
from tests.support.vectors import GROUPS, case_of


def test_every_operation_can_be_explained():
    assert set(STEPS) == {group.operation for group in GROUPS}
    seen = {(g.operation, g.topic, g.parameters.get("rule")): g for g in GROUPS}
    for group in seen.values():
        for case in group.cases[:1]:
            text = explain_vector(f"{group.name}/{case.name}")
            assert text.startswith(group.name)


def codes_of(step):
    """Return the code that a step ends in, once for each element that it stands for."""
    first, *last = map(int, re.findall(r"x\[(\d+)\]", step))
    return [int(step.split("-> 0x")[1].split()[0], 16)] * (last[0] - first + 1 if last else 1)


def test_steps_that_repeat_are_written_once():
    text = explain_vector("quantize/MXFP4/FLOOR/ties/ties-0")
    assert "x[7] to x[31] / (1) = 0: a number of the format -> 0x0 = 0" in text
    assert "x[6] / (1) = -7/2" in text
    sums = explain_vector("matmul/FP16/VOLTA/spread/spread").split("\n")
    assert all(here != after for here, after in pairwise(sums) if here)


def test_an_explanation_ends_where_the_vector_does():
    """Read the codes back from the steps: the element lines end in the expected codes."""
    for name in (
        "quantize/MXFP4/FLOOR/ties/ties-0",
        "quantize/MXFP8_E4M3/RCEIL/ordinary/ordinary-3",
        "quantize/INT8_ROW/AMAX/ordinary/ordinary-1",
        "quantize/MXINT8/EVEN/max-finite/at-max-finite-2^0",
    ):
        lines = explain_vector(name).split("\n")
        steps = [line for line in lines if line.startswith("x[") and ") = " in line]
        codes = [code for line in steps for code in codes_of(line)]
        assert tuple(codes) == case_of(name).expected["codes"].codes


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("encode/E8M0/RNE/SATURATE/ties/40400000", "between 2 = 0x80 and 4 = 0x81, middle 3"),
        ("encode/E4M3/RNE/OVERFLOW/overflow/43E80001", "would be 480, so OVERFLOW -> 0x7F = NaN"),
        ("encode/E2M1/RNE/SATURATE/nan/7FC00000", "refused"),
        ("quantize/MXFP4/FLOOR/ties/ties-0", "FLOOR: exponent 0, in E8M0 0, code 0x7F"),
        ("quantize/MXFP4/RCEIL/max-finite/at-max-finite-2^0", "amax / 6 = 1/4; 2^-3 < it <= 2^-2"),
        ("quantize/MXFP4/FLOOR/nan/one-nan", "the scale is NaN"),
        ("decompose/INT8_X2/ordinary/ordinary-0", "term 2: scale"),
        ("dot/MXFP4/EXACT/extreme-scales/scales-FE-00", "sum: exactly -56"),
        ("matmul/FP16/VOLTA/spread/spread", "row 1 of a, row 0 of b:"),
    ],
)
def test_known_steps(name, words):
    assert words in explain_vector(name)
