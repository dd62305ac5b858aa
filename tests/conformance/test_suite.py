"""The vectors are the same bytes each time, come from the specification, and can be followed."""

import hashlib
import json
import re
from collections import Counter
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from msdnum import spec
from msdnum.cli import vectors
from msdnum.conformance import suite
from msdnum.conformance.blocks import MX_RULES, edge_blocks
from msdnum.conformance.derivations import STEPS, explain_vector
from msdnum.conformance.vectors import Patterns, Standard, chunks, one
from msdnum.formats.blocks import BLOCK_FORMATS
from msdnum.formats.elements import BINARY32, E8M0, ELEMENT_FORMATS
from msdnum.spec.numbers import Special

GROUPS = suite.groups()
NAMES = [group.name for group in GROUPS]


def case_of(name):
    return suite.find(name)[1]


def expected(name):
    return {key: str(patterns) for key, patterns in case_of(name).expected.items()}


def test_names_are_ids():
    ids = Counter(f"{group.name}/{case.name}" for group in GROUPS for case in group.cases)
    assert max(ids.values()) == 1
    assert len(set(NAMES)) == len(NAMES)


def test_written_vectors_are_the_vectors(tmp_path):
    suite.write(tmp_path)
    assert suite.read(tmp_path) == GROUPS


def test_the_same_bytes_each_time():
    assert dict(suite.documents()) == _made_again()


def _made_again():
    again = suite.made()
    assert again is not GROUPS
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(suite, "groups", lambda: again)
        return dict(suite.documents())


def test_the_manifest_counts_and_names_a_source(tmp_path):
    suite.write(tmp_path)
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    assert manifest["count"] == sum(len(group.cases) for group in GROUPS)
    assert list(manifest["groups"]) == NAMES
    for name, sha in manifest["files"].items():
        assert hashlib.sha256((tmp_path / name).read_bytes()).hexdigest() == sha
    for entry in manifest["groups"].values():
        assert entry["source"]
        assert entry["standard"] in {"decided", "open"}
        assert entry["standard"] == "decided" or entry["note"]


def test_digest_is_of_every_bit(monkeypatch):
    before = suite.digest()
    first = GROUPS[0]
    other = replace(first.cases[0], expected={"codes": one(ELEMENT_FORMATS["INT4"], 3)})
    changed = (replace(first, cases=(other, *first.cases[1:])), *GROUPS[1:])
    monkeypatch.setattr(suite, "groups", lambda: changed)
    assert suite.manifest.__wrapped__()["digest"] != before


def test_every_format_and_rule_is_covered():
    casts = {g.parameters["fmt"] for g in GROUPS if g.operation == "encode"}
    assert casts == set(ELEMENT_FORMATS) - {"BINARY32"}
    blocks = {tuple(g.parameters.values()) for g in GROUPS if g.operation == "quantize"}
    mx = {name for name, fmt in BLOCK_FORMATS.items() if fmt.scale is E8M0}
    rest = {(name, "AMAX") for name in set(BLOCK_FORMATS) - mx}
    assert blocks == {(name, rule.name) for name in mx for rule in MX_RULES} | rest


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


def test_known_blocks():
    """The rows of the table of peers, worked out by hand."""
    below = expected("quantize/MXFP4/FLOOR/amax-below-power-of-two/below-2^0")
    assert below["scale"] == "7C"  # not 7D: log2 in binary32 would round up
    assert below["codes"].startswith("7")
    byte_zero = expected("quantize/MXFP4/FLOOR/scale-2^-127/scale-2^-127")
    assert byte_zero["scale"] == "00"
    assert byte_zero["codes"].startswith("6")
    assert expected("quantize/MXFP4/FLOOR/zero/zeros")["scale"] == "00"
    assert expected("quantize/MXFP4/FLOOR/zero/negative-zeros")["codes"] == " ".join("8" * 32)
    assert expected("quantize/MXFP4/RCEIL/nan/one-nan") == {"scale": "FF"}
    assert expected("quantize/MXFP4/EVEN/infinity/one-infinity") == {"scale": "FF"}
    assert expected("quantize/MXFP4/CEIL/largest-bfloat16/largest-bfloat16")["scale"] == "FD"
    assert expected("quantize/MXFP4/FLOOR/largest-bfloat16/largest-bfloat16")["scale"] == "FC"
    assert expected("encode/E2M1/RNE/SATURATE/negative-zero/80000000")["codes"] == "8"
    assert case_of("encode/E2M1/RNE/SATURATE/nan/7FC00000").expected is None


def test_every_binade_below_a_power_of_two():
    group = next(g for g in GROUPS if g.topic == "below-every-power-of-two")
    assert len(group.cases) == 243
    for case in group.cases:
        exponent = (case.given["x"].codes[0] >> 23) - 127
        assert case.expected["scale"].codes[0] == exponent - 2 + 127


def test_open_results_have_a_topic_of_their_own():
    """A -0, an input that may be flushed and MXINT8's -2 never decide a vector."""
    for group in GROUPS:
        if group.operation != "quantize" or group.standard is not Standard.DECIDES:
            continue
        if group.parameters["rule"] == "AMAX":
            continue
        for case in group.cases:
            codes, inputs = case.expected["codes"], case.given["x"].codes
            values = [spec.decode(code, codes.fmt) for code in codes.codes]
            assert Special.NEGATIVE_ZERO not in values, case.name
            assert codes.fmt.name != "MXINT8_ELEMENT" or 0x80 not in codes.codes
            assert all(x & 0x7FFFFFFF == 0 or x & 0x7F800000 for x in inputs), case.name


def test_packed_bytes():
    assert expected("pack/E2M1/bytes/codes-00")["packed"] == "10 32 54 76 98 BA DC FE"
    assert expected("pack/E2M3/bytes/codes-00")["packed"].startswith("40 20 0C 44 61 1C")
    values = expected("from_blocks_and_scales/MXFP4/gpt-oss/scale-7F")["values"]
    assert values.startswith("00000000 3F000000 3F800000")


def test_dot_is_the_exact_sum():
    assert expected("dot/MXFP4/EXACT/extreme-scales/scales-FE-00") == {"value": "C2600000"}
    same = "dot/MXFP4/SEQUENTIAL/block/scales-7F-7F"
    assert expected(same) == expected(same.replace("SEQUENTIAL", "EXACT"))


def test_products_by_hand():
    """Elements are small integers over a power of two: the exact sum in Python's integers."""
    case = case_of("matmul/INT8/INT32_REFUSE/spread/spread")
    rows = [
        [(code ^ 128) - 128 for code in chunks(case.given[name].codes, 160)[0]]
        for name in ("codes_a", "codes_b")
    ]
    total = sum(x * y for x, y in zip(*rows, strict=True))
    assert case.expected["values"].codes[0] == int(np.float32(total).view(np.uint32))


def test_products_tell_accumulators_apart():
    """Of FP16 each unit has its own answers, but for those that the source has as one model."""
    groups = [g for g in GROUPS if g.operation == "matmul" and g.parameters["fmt"] == "FP16"]
    answers = {}
    for group in groups:
        unit = group.parameters["accumulator"]
        answers.setdefault(unit, []).append(group.cases[0].expected["values"].codes)
    same = {frozenset(u for u in answers if answers[u] == answers[unit]) for unit in answers}
    assert {names for names in same if len(names) > 1} == {
        frozenset({"TURING", "AMPERE"}),
        frozenset({"HOPPER", "BLACKWELL"}),
    }


def test_blocks_have_32_elements():
    elements = {fmt.element for fmt in BLOCK_FORMATS.values()}
    assert {len(b.patterns) for element in elements for b in edge_blocks(element)} == {32}


def test_any_nan_is_as_good():
    e4m3 = ELEMENT_FORMATS["E4M3"]
    assert list(one(e4m3, 0x7F, 0x7F, 0x7E).same((0xFF, 0x7E, 0x7E))) == [True, False, True]
    assert str(Patterns(BINARY32, (1, 0x7FC00000))) == "00000001 7FC00000"


def test_chunks():
    assert chunks("abcde", 2) == [("a", "b"), ("c", "d"), ("e",)]


def test_an_unknown_id_names_near_ones():
    with pytest.raises(ValueError, match=r"quantize/MXFP4/FLOOR/ties/ties-0"):
        suite.find("quantize/MXFP4/FLOOR/ties")
    with pytest.raises(ValueError, match=r"near: \['quantize/NVFP4/AMAX/exact/exact-2\^-60'"):
        suite.find("quantize/NVFP4/FLOOR/ties")


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


def test_the_command_writes(tmp_path, capsys):
    import argparse

    parser = argparse.ArgumentParser()
    vectors.add_arguments(parser)
    assert vectors.run(parser.parse_args(["--out", str(tmp_path / "v")])) == 0
    assert suite.digest() in capsys.readouterr().out
    assert (tmp_path / "v" / "manifest.json").is_file()
