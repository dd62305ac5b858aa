"""Proofs, functions of ``bounds``, property tests and ledger rows name each other, one to one."""

import ast
import inspect
import re
from pathlib import Path

import pytest

from msdnum import bounds, claims, theorems

ROOT = Path(__file__).resolve().parent.parent
PROOFS = ROOT / "proofs"


def folders():
    """Return the ids of the proofs."""
    return {path.name for path in PROOFS.iterdir() if path.is_dir() and path.name[0] not in "._"}


def functions():
    """Return the function of ``bounds`` of every theorem that is the source of one."""
    found = {}
    for name in bounds.__all__:
        source = re.search(r"theorem ([a-z0-9-]+)[;.]", inspect.getdoc(getattr(bounds, name)) or "")
        if inspect.isfunction(getattr(bounds, name)) and source:
            found[name] = source[1]
    return found


def property_tests():
    """Return the names of the tests of ``bounds``."""
    tree = ast.parse((ROOT / "tests" / "test_bounds.py").read_text(encoding="utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def rows():
    """Return the theorems of the ledger's rows."""
    return {entry.theorem for entry in claims.entries(claims.Study())} - {None}


IDS = sorted(functions().values())


def test_there_are_theorems():
    assert {"int8-decomposition", "mxfp4-decomposition", "gemm", "attention"} < set(IDS)


def test_functions_are_named_after_their_theorems():
    assert {name.replace("_", "-"): theorem for name, theorem in functions().items()} == {
        theorem: theorem for theorem in IDS
    }


def test_each_theorem_has_a_proof_and_each_proof_a_function():
    assert folders() == set(IDS)


def test_each_theorem_has_a_row_and_each_row_a_function():
    assert rows() == set(IDS)


@pytest.mark.parametrize("theorem", IDS)
def test_each_theorem_has_a_property_test(theorem):
    assert f"test_{theorem.replace('-', '_')}" in property_tests()


@pytest.mark.parametrize("theorem", IDS)
def test_each_proof_can_be_read_and_names_function_and_test(theorem):
    proof = theorems.theorem(theorem)
    assert proof is not None, f"proofs/{theorem}/README.md is missing"
    name = theorem.replace("-", "_")
    assert f"`msdnum.bounds.{name}`" in proof.text
    assert f"`test_{name}`" in proof.text
    assert ("check.py --only" in proof.text) == proof.machine_checked


def test_links_between_proofs_lead_somewhere():
    for theorem in theorems.theorem_ids():
        proof = theorems.theorem(theorem)
        for link in re.findall(r"\]\((\.\.?/[^)#]+)", proof.text):
            assert (proof.path.parent / link).exists(), f"{theorem}: {link}"
