"""CDNA2: subnormal accumulators are zeros."""

from msdnum.formats.accumulators import CDNA2
from tests.support.matrix_units import p, started_dot


def test_cdna2_flushes_a_subnormal_accumulator():
    a, b = [-p(-60)], [p(-64) * 1.2890625]
    c = float.fromhex("-0x1.8p-148")
    flushed = started_dot(a, b, CDNA2, 0.0)
    assert started_dot(a, b, CDNA2, c) == flushed
    # +0, whatever its sign: a negative product that is flushed does not show.
    assert started_dot([-p(-70)], [p(-70)], CDNA2, c) == 0
    assert started_dot([0], [0], CDNA2, -0.0) == 0
