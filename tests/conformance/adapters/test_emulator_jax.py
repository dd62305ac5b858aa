"""The emulator on JAX against the vectors."""

import pytest

from msdnum.conformance import runner, suite
from tests.support.conformance import assert_all_agree

FEW = {"MXFP4 FLOOR", "MXFP8_E4M3 RCEIL", "NVFP4 AMAX", "INT8_ROW AMAX", "MXFP4_X2", "INT8_X2"}


def some(group):
    """Leave out most of what JAX has to compile once more."""
    names = " ".join(group.parameters.values())
    return names in FEW or group.operation in ("encode", "decode", "dequantize", "pack", "unpack")


@pytest.mark.slow
def test_jax_passes():
    groups = [group for group in suite.groups() if some(group)]
    report = runner.conform("emulator_jax", groups)
    assert_all_agree(report)
    assert len(report.counts) == len(groups)


@pytest.mark.long
def test_jax_passes_every_vector():
    report = runner.conform("emulator_jax")
    assert_all_agree(report)
    assert len(report.counts) == len(suite.groups())
