"""Helpers of the tests of states of sweeps."""

from msdnum.evidence.sweeps import Outcome, Sweep

BLOCK = 64


def judge(inputs):
    return Outcome(inputs, {"odd": inputs % 2 == 1}, {}, {"value": inputs * 1.0})


NUMBERS = Sweep("numbers", "n", "n", 5 * BLOCK - 7, judge, {}, block=BLOCK)
