"""The theorems under proofs/ hold, and the same check refuses wrong statements."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CHECK = Path(__file__).parents[1] / "proofs" / "check.py"
MISSING = [tool for tool in ("gappa", "coqc") if shutil.which(tool) is None]
pytestmark = pytest.mark.skipif(bool(MISSING), reason=f"not installed: {', '.join(MISSING)}")

FAST = ["mxfp4-decomposition"]


def check(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(CHECK), *arguments], capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("theorem", FAST)
def test_theorem_holds(theorem):
    done = check("--only", theorem)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "proved" in done.stdout
    assert "REFUSED" not in done.stdout


@pytest.mark.parametrize("theorem", ["mxfp4-decomposition"])
def test_wrong_statements_are_refused(theorem):
    done = check("--mutants", "--only", theorem)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "refused" in done.stdout


@pytest.mark.slow
def test_all_theorems_hold():
    done = check()
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
def test_all_wrong_statements_are_refused():
    done = check("--mutants")
    assert done.returncode == 0, done.stdout + done.stderr
