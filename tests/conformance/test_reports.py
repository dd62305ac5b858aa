"""Reports of an implementation: the smallest witness, in bits."""

from msdnum.conformance import peers
from msdnum.conformance.reports import ConformanceReport, Disagreement
from msdnum.conformance.vectors import Case, Group, Standard, one
from msdnum.formats.elements import BINARY32, E2M1


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


def test_an_empty_report():
    report = ConformanceReport("nobody", {}, {}, ())
    assert "0 of 0 vectors agree" in "\n".join(peers.lines(report))
