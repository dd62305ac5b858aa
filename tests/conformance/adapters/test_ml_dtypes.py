"""ml_dtypes against the vectors."""

from msdnum.conformance import peers, runner
from msdnum.conformance.vectors import Standard


def test_ml_dtypes_is_right_wherever_a_standard_decides():
    report = runner.conform("ml_dtypes")
    assert sum(report.counts.values()) > 4000
    assert not report.of(Standard.DECIDES), "\n".join(peers.lines(report))
