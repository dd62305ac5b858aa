"""Traps of the kernels, each by an example."""

import pytest

from msdnum.trials.msd.claims.traps import traps


def test_traps():
    found = {trap.name: trap.value for trap in traps()}
    assert found["int32 to float32 is inexact from K"] == 1041
    assert found["int32 saturates from K"] == 133145
    assert found["largest C of an INT4 group of 128"] == 7168
    assert found["relative error of half(1/14.98)"] == pytest.approx(2.5e-4, rel=0.01)
    assert found["what C2 = 127 adds to 10485760"] == 0
