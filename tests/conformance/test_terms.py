"""Vectors of packing, terms and dot products."""

from msdnum import spec
from msdnum.conformance.vectors import Standard
from msdnum.spec.numbers import Special
from tests.support.vectors import GROUPS, expected


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
