"""Test vectors, their derivation by hand, adapters of other implementations."""

from msdnum.conformance.adapter import AdapterError, load
from msdnum.conformance.derivations import explain_vector
from msdnum.conformance.reports import Disagreement, Report, Result
from msdnum.conformance.runner import conform
from msdnum.conformance.suite import VERSION, digest, find, groups, read, write
from msdnum.conformance.vectors import Arrays, Case, Group, Patterns, Standard

__all__ = [
    "VERSION", "AdapterError", "Arrays", "Case", "Disagreement", "Group", "Patterns", "Report",
    "Result", "Standard", "conform", "digest", "explain_vector", "find", "groups", "load", "read",
    "write",
]  # fmt: skip
