"""Test vectors, their derivation by hand, adapters of other implementations."""

from msdnum.conformance.adapter import AdapterError, load
from msdnum.conformance.arithmetic_differences import ArithmeticDifference, smallest_difference
from msdnum.conformance.derivations import explain_vector
from msdnum.conformance.own_formats import groups_of
from msdnum.conformance.reports import ConformanceReport, Disagreement, Result
from msdnum.conformance.runner import conform
from msdnum.conformance.suite import VERSION, digest, find, groups, read, write
from msdnum.conformance.vectors import Case, Group, NamedPatterns, Patterns, Standard

__all__ = [
    "VERSION", "AdapterError", "ArithmeticDifference", "Case", "ConformanceReport", "Disagreement",
    "Group", "NamedPatterns", "Patterns", "Result", "Standard", "conform", "digest",
    "explain_vector", "find", "groups", "groups_of", "load", "read", "smallest_difference", "write",
]  # fmt: skip
