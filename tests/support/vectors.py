"""Helpers of the tests of vectors."""

from msdnum.conformance import suite

GROUPS = suite.groups()


def case_of(name):
    return suite.find(name)[1]


def expected(name):
    return {key: str(patterns) for key, patterns in case_of(name).expected.items()}
