"""Helpers of the tests of measurements."""

from msdnum.bench.device import Layer

SMALL = Layer("small", 64, 48)
