"""Vectors of blocks: every format and rule, every binade, and some known by heart."""

from msdnum.conformance.blocks import MX_RULES, edge_blocks
from msdnum.formats.blocks import BLOCK_FORMATS
from msdnum.formats.elements import E8M0, ELEMENT_FORMATS
from tests.support.vectors import GROUPS, case_of, expected


def test_every_format_and_rule_is_covered():
    casts = {g.parameters["fmt"] for g in GROUPS if g.operation == "encode"}
    assert casts == set(ELEMENT_FORMATS) - {"BINARY32"}
    blocks = {tuple(g.parameters.values()) for g in GROUPS if g.operation == "quantize"}
    mx = {name for name, fmt in BLOCK_FORMATS.items() if fmt.scale is E8M0}
    rest = {(name, "AMAX") for name in set(BLOCK_FORMATS) - mx}
    assert blocks == {(name, rule.name) for name in mx for rule in MX_RULES} | rest


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


def test_blocks_have_32_elements():
    elements = {fmt.element for fmt in BLOCK_FORMATS.values()}
    assert {len(b.patterns) for element in elements for b in edge_blocks(element)} == {32}
