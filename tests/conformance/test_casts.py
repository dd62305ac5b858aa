"""Vectors of casts: every code is some answer, and decided ones round to nearest."""

import pytest

from msdnum import spec
from msdnum.formats.elements import ELEMENT_FORMATS
from tests.support.vectors import GROUPS, expected


def test_every_code_is_some_answer():
    """Each number of each format up to 8 bits is expected somewhere, and so is each NaN."""
    for name, fmt in ELEMENT_FORMATS.items():
        if fmt.bits > 8:
            continue
        cases = [c for g in GROUPS if g.operation == "encode" for c in g.cases if c.expected]
        seen = {c.expected["codes"].codes[0] for c in cases if c.expected["codes"].fmt is fmt}
        numbers = [code for code in fmt.codes if spec.is_finite(spec.decode(code, fmt))]
        unused = {0x80} if name == "INT8_SYMMETRIC" else set()
        # An integer of full width takes -2**(bits-1) from below only.
        assert set(numbers) - unused <= seen, name


def test_decided_casts_round_to_nearest():
    """Without spec's rounding: no number of the format is nearer than the expected one."""
    for group in GROUPS:
        if group.operation != "encode" or group.parameters["rounding"] != "RNE":
            continue
        fmt = ELEMENT_FORMATS[group.parameters["fmt"]]
        if fmt.bits > 8 or group.topic not in ("values", "ties", "neighbours"):
            continue
        values = {code: spec.decode(code, fmt) for code in fmt.codes}
        numbers = sorted(spec.number(v) for v in values.values() if spec.is_finite(v))
        for case in group.cases[:40]:
            x = spec.number(spec.from_float32_bits(case.given["x"].codes[0]))
            got = spec.number(values[case.expected["codes"].codes[0]])
            assert abs(x - got) == min(abs(x - number) for number in numbers)


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("encode/E2M1/RNE/SATURATE/ties/3F400000", "2"),  # 0.75 -> 1, the even one
        ("encode/E4M3/RNE/SATURATE/overflow/43E80000", "7E"),
        ("encode/E4M3/RNE/OVERFLOW/overflow/43E80001", "7F"),
        ("encode/E8M0/RNE/SATURATE/ties/40400000", "81"),  # 3 -> 4
        ("encode/MXINT8_ELEMENT/RNE/SATURATE/minus-two/BFFF0000", "80"),
    ],
)
def test_known_casts(name, answer):
    assert expected(name) == {"codes": answer}
