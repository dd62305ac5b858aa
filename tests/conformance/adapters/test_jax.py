"""JAX's own casts against the vectors."""

from msdnum.conformance import peers, runner, suite
from msdnum.conformance.vectors import Standard


def test_casts_of_jax_are_right_wherever_a_standard_decides():
    casts = [group for group in suite.groups() if group.operation in ("encode", "decode")]
    report = runner.conform("jax", casts)
    assert sum(report.counts.values()) > 1000
    assert not report.of(Standard.DECIDES), "\n".join(peers.lines(report))
