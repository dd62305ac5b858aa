"""The emulator on NumPy against the vectors."""

from msdnum.conformance import runner, suite
from tests.support.conformance import assert_all_agree


def test_numpy_passes_every_vector():
    report = runner.conform("emulator")
    assert_all_agree(report)
    assert sum(report.counts.values()) == suite.manifest()["count"]
