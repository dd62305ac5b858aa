"""Roundings attain their bounds."""

from msdnum.formats.elements import E2M1, E4M3, INT8_SYMMETRIC
from msdnum.trials.toolkit import roundings


def test_rounding_attains_its_bound_in_every_format():
    finding = roundings.judge_rounding([E2M1, E4M3, INT8_SYMMETRIC])
    assert finding.ratio == 1
    assert "the least ratio of a format is 1" in finding.notes
