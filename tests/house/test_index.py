"""Proofs, functions of ``bounds``, property tests and ledger rows name each other, one to one."""

import ast
import inspect
import json
import re
import shutil

import pytest

from msdnum import bounds
from msdnum.ledger import theorems
from msdnum.ledger.trial import Study, entries, judge
from msdnum.trials import judged
from msdnum.trials.toolkit.bounds import decomposition_bounds, product_bounds
from tests.support.paths import ROOT

PROOFS = ROOT / "proofs"


def folders():
    """Return the id of every folder of proofs."""
    return [path.name for path in PROOFS.iterdir() if path.is_dir() and path.name[0] not in "._"]


def functions():
    """Return the theorem of every function of ``bounds`` that names one as its source."""
    found = []
    for name in bounds.__all__:
        value = getattr(bounds, name)
        source = re.search(r"theorem ([a-z0-9-]+)[;.]", inspect.getdoc(value) or "")
        if inspect.isfunction(value) and source:
            assert name.replace("_", "-") == source[1], "a function has the name of its theorem"
            found.append(source[1])
    return found


def property_tests():
    """Return the theorem of every property test that has the name of a function of ``bounds``."""
    files = sorted((ROOT / "tests" / "bounds").glob("test_*.py"))
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in files]
    tests = [node for tree in trees for node in tree.body if isinstance(node, ast.FunctionDef)]
    names = [
        node.name.removeprefix("test_") for node in tests if any(map(is_given, node.decorator_list))
    ]
    return [name.replace("_", "-") for name in names if name in bounds.__all__]


def is_given(decorator):
    """Return whether a decorator makes a property test."""
    return isinstance(decorator, ast.Call) and ast.unparse(decorator.func) == "given"


def rows():
    """Return the theorems that the ledger's rows name; one has a row for each of its cases."""
    found = entries(judged(), Study())
    return list(dict.fromkeys(entry.theorem for entry in found if entry.theorem))


def ratios():
    """Return the theorem of every row in the table of largest ratios."""
    text = (PROOFS / "ratios.md").read_text(encoding="utf-8")
    return re.findall(r"^\| \[([a-z0-9-]+)\]", text, re.MULTILINE)


def table():
    """Return the theorem of every row in the README of the proofs."""
    text = (PROOFS / "README.md").read_text(encoding="utf-8")
    return re.findall(r"^\| \[([a-z0-9-]+)\]\(\1/README\.md\)", text, re.MULTILINE)


def unpaired(listed, theorems):
    """Return what is not there exactly once in both: missing, extra and repeated."""
    either = set(listed) | set(theorems)
    return {x for x in either if (listed.count(x), theorems.count(x)) != (1, 1)}


IDS = sorted(folders())


def test_there_are_theorems():
    assert {"int8-decomposition", "mxfp4-decomposition", "gemm", "attention"} < set(IDS)


@pytest.mark.parametrize(
    "listed", [functions, property_tests, rows, ratios, table], ids=lambda f: f.__name__
)
def test_proofs_match_one_to_one(listed):
    assert unpaired(listed(), folders()) == set()


@pytest.mark.parametrize(
    "study",
    [product_bounds, pytest.param(decomposition_bounds, marks=pytest.mark.long)],
    ids=lambda f: f.__name__,
)
def test_the_ratios_are_those_of_the_ledger(study):
    """The largest of a theorem's rows, to six digits."""
    text = (PROOFS / "ratios.md").read_text(encoding="utf-8")
    largest = {}
    for row in map(judge, study(Study())):
        theorem, ratio = row.entry.theorem, float(row.finding.ratio)
        largest[theorem] = max(ratio, largest.get(theorem, 0.0))
    assert len(largest) >= 4
    for theorem, ratio in largest.items():
        shown = re.search(rf"^\| \[{theorem}\]\S+ \| [\d.]+ \| ([\d.]+) \|", text, re.MULTILINE)[1]
        assert f"{ratio:.6g}" == shown, theorem


def test_what_is_missing_extra_or_there_twice_is_seen():
    assert unpaired(["gemm"], ["gemm", "attention"]) == {"attention"}
    assert unpaired(["gemm", "attention"], ["gemm"]) == {"attention"}
    assert unpaired(["gemm", "gemm"], ["gemm"]) == {"gemm"}


@pytest.mark.parametrize("theorem", IDS)
def test_each_proof_can_be_read_and_names_function_and_test(theorem):
    proof = theorems.theorem(theorem)
    assert proof is not None, f"proofs/{theorem}/README.md is missing"
    name = theorem.replace("-", "_")
    assert f"`msdnum.bounds.{name}`" in proof.text
    assert f"`test_{name}`" in proof.text
    assert ("check.py --only" in proof.text) == bool(proof.recheck)


@pytest.mark.parametrize("theorem", IDS)
def test_the_table_says_what_coq_checks(theorem):
    """Nothing is checked where there is no ``theorem.v``, and only there."""
    text = (PROOFS / "README.md").read_text(encoding="utf-8")
    row = re.search(rf"^\| \[{theorem}\].*$", text, re.MULTILINE)[0]
    checked, paper = row.split(" | ")[3:5]
    assert (checked == "nothing") == (paper == "all") == (not theorems.theorem(theorem).recheck)
    assert paper == "nothing" or checked != "all"


def proof_of(theorem):
    return theorems.theorem(theorem).proof


@pytest.fixture
def proofs(tmp_path, monkeypatch):
    """Proofs that a test may change."""
    shutil.copytree(PROOFS, tmp_path, dirs_exist_ok=True)
    monkeypatch.setattr(theorems, "PROOFS", tmp_path)
    assert {proof_of(theorem) for theorem in theorems.theorem_ids()} == {"proved"}
    return tmp_path


@pytest.mark.parametrize("file", ["theorem.v", "new.gappa", "../Formats.v", "../Statements.v"])
def test_a_theorem_that_has_changed_since_its_check_is_only_stated(proofs, file):
    (proofs / "gemm" / file).write_text("garbage(", encoding="utf-8")
    assert proof_of("gemm") == "stated"
    assert proof_of("attention") == ("stated" if file.startswith("..") else "proved")
    rows = [entry for entry in entries(judged(), Study(), "bounds") if entry.theorem == "gemm"]
    assert judge(rows[0]).evidence.startswith("stated: gemm;")


def test_a_theorem_that_no_stamp_covers_is_only_stated(proofs):
    stamp = proofs / "stamp.json"
    covered = json.loads(stamp.read_text(encoding="utf-8"))
    del covered["statements"]["gemm"]
    stamp.write_text(json.dumps(covered), encoding="utf-8")
    assert proof_of("gemm") == "stated"
    assert proof_of("attention") == "proved"
    stamp.unlink()
    assert proof_of("attention") == "stated"


def test_a_theorem_that_is_not_written_for_coq_is_proved_on_paper(proofs):
    (proofs / "gemm" / "theorem.v").unlink()
    assert proof_of("gemm") == "proved on paper"
    assert theorems.theorem("gemm").recheck == ""


def test_links_between_proofs_lead_somewhere():
    for theorem in theorems.theorem_ids():
        proof = theorems.theorem(theorem)
        for link in re.findall(r"\]\((\.\.?/[^)#]+)", proof.text):
            assert (proof.path.parent / link).exists(), f"{theorem}: {link}"
