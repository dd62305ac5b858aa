"""Helpers of the tests of bounds on attention."""

SHAPE = (2, 160, 32)
