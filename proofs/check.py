"""Check every theorem from scratch: Gappa writes the certificates, Coq checks them.

    python proofs/check.py                    all theorems
    python proofs/check.py --only gemm        one theorem
    python proofs/check.py --mutants          wrong statements, each of which must be refused

A theorem is a folder with ``theorem.v`` and any number of ``*.gappa``. It is accepted if Gappa
proves every goal, Coq checks every certificate and ``theorem.v``, ``theorem.v`` uses every
certificate, and no theorem rests on an axiom besides those of Coq's classical reals and, where an
interval is computed, of Coq's machine integers.
"""

import argparse
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from mutants import MUTANTS, Mutant

PROOFS = Path(__file__).parent
SHARED = ("Formats", "Decomposition", "InnerProduct")
JOBS = 2
TIME_LIMIT = 240  # seconds, for one run of gappa or coqc

# Coq's real numbers are classical: these, and nothing else, may remain.
AXIOMS = {
    "ClassicalDedekindReals.sig_forall_dec",
    "ClassicalDedekindReals.sig_not_dec",
    "FunctionalExtensionality.functional_extensionality_dep",
    "Classical_Prop.classic",
}
# The tactic ``interval`` computes with the integers of the machine, as Coq's kernel has them.
MACHINE_INTEGERS = ("PrimInt63.", "Uint63.")
STATEMENT = re.compile(r"^(?:Theorem|Corollary)\s+(\w+)", re.MULTILINE)
# What a refusal must not be: a mutant that does not parse proves nothing.
MALFORMED = re.compile(r"syntax error|Syntax error|was not found in the current environment")


class RefusedError(Exception):
    """A tool did not accept a statement; the message is the tool's."""


@dataclass(frozen=True)
class Row:
    """One checked statement."""

    theorem: str
    file: str
    goal: str
    seconds: float
    verdict: str

    @property
    def accepted(self) -> bool:
        """Whether the statement holds."""
        return self.verdict == "proved"

    def __str__(self) -> str:
        """One line of the table."""
        goal = self.goal if len(self.goal) <= 64 else self.goal[:61] + "..."
        return f"{self.theorem:28}{self.file:24}{goal:66}{self.seconds:7.1f}  {self.verdict}"


HEADER = f"{'theorem':28}{'file':24}{'statement':66}{'seconds':>7}  verdict"


def theorem_ids(root: Path = PROOFS) -> list[str]:
    """Return the ids of the machine-checked theorems: the folders with a ``theorem.v``."""
    return sorted(path.parent.name for path in root.glob("*/theorem.v"))


def module(theorem: str) -> str:
    """Return the Coq name of a theorem's folder."""
    return theorem.replace("-", "_")


def run(command: list[str], build: Path) -> str:
    """Return what a tool prints; raise `RefusedError` if it fails or takes too long."""
    try:
        done = subprocess.run(
            command, cwd=build, capture_output=True, text=True, timeout=TIME_LIMIT, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise RefusedError(f"{command[0]} took more than {TIME_LIMIT} s") from error
    if done.returncode:
        raise RefusedError(done.stderr.strip() or done.stdout.strip())
    return done.stdout


def coqc(file: Path, build: Path) -> str:
    """Check one Coq file under the logical root ``Msdnum``."""
    return run(["coqc", "-q", "-R", ".", "Msdnum", str(file.relative_to(build))], build)


def certify(source: Path, folder: Path, build: Path) -> None:
    """Write the Coq certificate of a Gappa file and check it."""
    certificate = folder / f"{source.stem}.v"
    certificate.write_text(run(["gappa", "-Bcoq", str(source)], build))
    coqc(certificate, build)


def audit(theorem: str, names: list[str], folder: Path, build: Path) -> None:
    """Raise `RefusedError` if a statement rests on other axioms than are allowed."""
    path = f"Msdnum.{module(theorem)}"
    statements = ", ".join(f"@{path}.theorem.{name}" for name in names)
    lines = [
        f"From {path} Require theorem.",
        f"Definition statements := ({statements}).",
        "Print Assumptions statements.",
    ]
    file = folder / "audit.v"
    file.write_text("\n".join(lines) + "\n")
    found = set(re.findall(r"^([\w.]+)\s*:", coqc(file, build), re.MULTILINE))
    found = {name for name in found if not name.startswith(MACHINE_INTEGERS)}
    if extra := found - AXIOMS - {"Axioms"}:
        raise RefusedError(f"rests on {', '.join(sorted(extra))}")


def attempt(
    theorem: str, file: str, goal: str, step: Callable[..., object], *arguments: object
) -> Row:
    """Run one step and report it."""
    start = time.monotonic()
    try:
        step(*arguments)
        verdict = "proved"
    except RefusedError as refusal:
        verdict = f"REFUSED: {refusal}"
    return Row(theorem, file, goal, time.monotonic() - start, verdict)


def gappa_goal(source: Path) -> str:
    """Return the statement of a Gappa file, on one line."""
    found = re.search(r"\{(.*)\}", re.sub("#.*", "", source.read_text()), re.DOTALL)
    return " ".join(found.group(1).split()) if found else "no goal"


def unused(sources: list[Path], theorem_file: Path) -> list[str]:
    """Return the certificates that ``theorem.v`` never uses: their hypotheses stay open."""
    text = theorem_file.read_text()
    return [source.stem for source in sources if not re.search(rf"\b{source.stem}\.l1\b", text)]


def check_theorem(theorem: str, root: Path, build: Path) -> Iterator[Row]:
    """Check one folder, stopping at the first refusal."""
    folder = build / module(theorem)
    folder.mkdir()
    sources = sorted((root / theorem).glob("*.gappa"))
    for source in sources:
        row = attempt(theorem, source.name, gappa_goal(source), certify, source, folder, build)
        yield row
        if not row.accepted:
            return
    file = Path(shutil.copy(root / theorem / "theorem.v", folder))
    row = attempt(theorem, file.name, "all of the file", coqc, file, build)
    if orphans := unused(sources, file):
        row = Row(theorem, file.name, row.goal, row.seconds, f"REFUSED: unused {orphans}")
    yield row
    if row.accepted:
        names = STATEMENT.findall(file.read_text())
        row = attempt(theorem, file.name, "axioms", audit, theorem, names, folder, build)
        yield from (replace(row, goal=name, seconds=row.seconds / len(names)) for name in names)


def prepare(root: Path, build: Path) -> None:
    """Compile what the theorems share."""
    for name in SHARED:
        coqc(Path(shutil.copy(root / f"{name}.v", build)), build)


def check(theorems: list[str], root: Path = PROOFS) -> bool:
    """Print the table of the theorems; return whether all of them hold."""
    print(HEADER)
    with TemporaryDirectory() as name, ThreadPoolExecutor(JOBS) as pool:
        build = Path(name)
        prepare(root, build)
        accepted = True
        for rows in pool.map(lambda theorem: list(check_theorem(theorem, root, build)), theorems):
            print(*rows, sep="\n", flush=True)
            accepted &= all(row.accepted for row in rows)
    return accepted


def check_mutant(mutant: Mutant, prepared: Path) -> Row:
    """Check a folder with one wrong statement: the verdict should be a refusal."""
    with TemporaryDirectory() as name:
        root, build = Path(name, "proofs"), Path(name, "build")
        shutil.copytree(PROOFS / mutant.theorem, root / mutant.theorem)
        shutil.copytree(prepared, build)
        file = root / mutant.theorem / mutant.file
        text = file.read_text()
        if text.count(mutant.old) != 1:
            raise ValueError(f"{mutant} must name exactly one place, not {text.count(mutant.old)}")
        file.write_text(text.replace(mutant.old, mutant.new))
        start = time.monotonic()
        last = list(check_theorem(mutant.theorem, root, build))[-1]
    if last.accepted or MALFORMED.search(last.verdict):
        verdict = f"SURVIVED: {last.verdict}"
    else:
        verdict = f"refused at {last.file}"
    goal = " ".join(f"{mutant.old} -> {mutant.new}".split())
    return Row(mutant.theorem, mutant.file, goal, time.monotonic() - start, verdict)


def check_mutants(mutants: list[Mutant]) -> bool:
    """Print the table of the mutants; return whether all of them are refused."""
    print(HEADER)
    with TemporaryDirectory() as name, ThreadPoolExecutor(JOBS) as pool:
        prepare(PROOFS, Path(name))
        refused = True
        for row in pool.map(lambda mutant: check_mutant(mutant, Path(name)), mutants):
            print(row, flush=True)
            refused &= row.verdict.startswith("refused")
    return refused


def main() -> int:
    """Run the command line; return 0 if everything is as it should be."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", metavar="ID", choices=theorem_ids(), help="one theorem")
    parser.add_argument("--mutants", action="store_true", help="wrong statements instead")
    options = parser.parse_args()
    theorems = [options.only] if options.only else theorem_ids()
    if missing := [tool for tool in ("gappa", "coqc") if shutil.which(tool) is None]:
        print(f"not installed: {', '.join(missing)}", file=sys.stderr)
        return 2
    if options.mutants:
        accepted = check_mutants([mutant for mutant in MUTANTS if mutant.theorem in theorems])
    else:
        accepted = check(theorems)
    return 0 if accepted else 1


if __name__ == "__main__":
    sys.exit(main())
