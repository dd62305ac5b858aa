"""The theorems under proofs/ hold, and the same check refuses wrong statements."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from msdnum import bounds

PROOFS = Path(__file__).parents[1] / "proofs"
THEOREMS = sorted(path.parent.name for path in PROOFS.glob("*/README.md"))
CHECKED = sorted(path.parent.name for path in PROOFS.glob("*/theorem.v"))
MISSING = [tool for tool in ("gappa", "coqc") if shutil.which(tool) is None]
needs_provers = pytest.mark.skipif(bool(MISSING), reason=f"not installed: {', '.join(MISSING)}")


def check(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(PROOFS / "check.py"), *arguments],
        capture_output=True,
        text=True,
        check=False,
    )


def readme(theorem: str) -> str:
    return (PROOFS / theorem / "README.md").read_text(encoding="utf-8")


@needs_provers
@pytest.mark.parametrize("theorem", ["int32-overflow"])
def test_theorem_holds(theorem):
    done = check("--only", theorem)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "proved" in done.stdout
    assert "REFUSED" not in done.stdout


@needs_provers
def test_wrong_statements_are_refused():
    done = check("--mutants", "--only", "int8-decomposition")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("refused at") == 4
    assert "SURVIVED" not in done.stdout


@needs_provers
@pytest.mark.slow
def test_all_theorems_hold():
    done = check()
    assert done.returncode == 0, done.stdout + done.stderr


@needs_provers
@pytest.mark.slow
def test_all_wrong_statements_are_refused():
    done = check("--mutants")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("theorem", THEOREMS)
def test_text_has_the_parts_of_a_theorem(theorem):
    text = readme(theorem)
    rows = ["kind", "hypotheses", "underflow term", "attained", "depends on", "evidence"]
    assert re.findall(r"^\| ([a-z ]+) \|", text, re.MULTILINE)[:6] == rows
    assert re.search(r"^\*\*Setting\.\*\*", text, re.MULTILINE)
    assert re.search(r"^\*\*(Bound|Statement)\.\*\*", text, re.MULTILINE)
    assert re.search(r"^\*\*Proof\.\*\*", text, re.MULTILINE)


@pytest.mark.parametrize("theorem", THEOREMS)
def test_text_names_its_function(theorem):
    name = theorem.replace("-", "_")
    assert f"`msdnum.bounds.{name}`, `test_{name}`" in readme(theorem)
    assert callable(getattr(bounds, name))


@pytest.mark.parametrize("theorem", THEOREMS)
def test_evidence_is_what_it_says(theorem):
    evidence = re.search(r"^\| evidence \| (.*) \|$", readme(theorem), re.MULTILINE).group(1)
    assert evidence.startswith("paper proof") == (theorem not in CHECKED)


def test_texts_name_statements_that_exist():
    for theorem in CHECKED:
        said = readme(theorem).split("**Machine check.**")[1]
        statements = (PROOFS / theorem / "theorem.v").read_text(encoding="utf-8")
        for name in re.findall(r"`([a-z]\w*)`", said):
            certificate = (PROOFS / theorem / f"{name}.gappa").exists()
            assert certificate or re.search(rf"\b{name}\b", statements), (theorem, name)


def test_every_checked_theorem_has_mutants():
    text = (PROOFS / "mutants.py").read_text(encoding="utf-8")
    assert set(re.findall(r'Mutant\(\s*"([\w-]+)"', text)) == set(CHECKED)
