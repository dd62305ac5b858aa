"""Check every theorem from scratch: Gappa writes the certificates, Coq checks them.

    python proofs/check.py                    all theorems, and what is kept of a run
    python proofs/check.py --stamp            all theorems, and write that anew
    python proofs/check.py --only gemm        one theorem
    python proofs/check.py --mutants          wrong statements and cheats: all must be refused
    python proofs/check.py --keep DIR         keep every file in DIR, to step through in an editor

A theorem is a folder with ``theorem.v`` and any number of ``*.gappa``, and a part of
``Statements.v``. It is accepted if Gappa proves every goal, Coq checks every certificate,
``theorem.v`` and the closed statements, ``theorem.v`` uses every certificate, no file says what
``audit.py`` does not allow, nothing in them rests on an axiom besides those of Coq's classical
reals and, where an interval is computed, of Coq's machine integers, and ``coqchk`` finds nothing
of Coq's kernel switched off. Only the standard library of Python is needed.
"""

import argparse
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import audit
import stamp
import statements
import vectors
from audit import RefusedError
from mutants import CHEATS, MUTANTS, Cheat, Mutant

PROOFS = Path(__file__).parent
SHARED = (
    "Formats",
    "Decomposition",
    "InnerProduct",
    "Probability",
    "Remainder",
    "Executable",
    "Vectors",
)
STATEMENTS = statements.NAME
TOOLS = ("gappa", "coqc", "coqchk")


@dataclass(frozen=True)
class Row:
    """One checked statement, and the axioms that it rests on."""

    theorem: str
    file: str
    goal: str
    seconds: float
    verdict: str = "proved"
    axioms: frozenset[str] | None = None  # of a closed statement

    @property
    def accepted(self) -> bool:
        """Whether the statement holds."""
        return self.verdict == "proved"

    def __str__(self) -> str:
        """One line of the table."""
        goal = self.goal if len(self.goal) <= 64 else self.goal[:61] + "..."
        return f"{self.theorem:28}{self.file:24}{goal:66}{self.seconds:7.1f}  {self.verdict}"


HEADER = f"{'theorem':28}{'file':24}{'statement':66}{'seconds':>7}  verdict"


@dataclass(frozen=True)
class Prover:
    """Runs the tools in the folder ``build``, none of them longer than ``limit`` seconds."""

    build: Path
    limit: float

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Return what a tool answers; raise `RefusedError` if it fails or takes too long."""
        try:
            done = subprocess.run(
                command,
                cwd=self.build,
                capture_output=True,
                text=True,
                timeout=self.limit,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise RefusedError(f"{command[0]} took more than {self.limit:g} s") from error
        if done.returncode:
            raise RefusedError(done.stderr.strip() or done.stdout.strip())
        return done

    def coqc(self, file: Path) -> str:
        """Check one Coq file under the logical root ``Msdnum``; return what it prints."""
        return self.run("coqc", "-q", "-R", ".", "Msdnum", str(file.relative_to(self.build))).stdout

    def ask(self, file: Path, text: str) -> str:
        """Check a Coq file of that text, and return what it prints."""
        file.write_text(text)
        return self.coqc(file)

    def check(self, file: Path) -> None:
        """Check one Coq file that we have written, its text first."""
        if found := audit.objections(file.read_text()):
            raise RefusedError(f"not allowed: {'; '.join(found)}")
        self.coqc(file)

    def constants(self, files: list[Path]) -> list[str]:
        """Return the full names of all that checked files define, prove or assume."""
        names = [module(file.relative_to(self.build)) for file in files]
        lines = [
            *(f"Require {name}." for name in names),
            'Remove Search Blacklist "_subproof" "_subterm" "Private_".',
            "Set Search Output Name Only.",
            *(f"Search _ inside {name}." for name in names),
        ]
        asked = files[-1].with_name(f"{files[-1].stem}_constants.v")
        return sorted(set(self.ask(asked, "\n".join(lines) + "\n").split()))

    def audit(self, files: list[Path], statements: list[str]) -> list[frozenset[str]]:
        """Return what each statement of the last of some checked files rests on.

        Raises
        ------
        RefusedError
            If one of them, or any constant of the files, rests on more than is allowed.
        """
        names = self.constants(files)
        if not names:
            raise RefusedError("states nothing")
        modules = [module(file.relative_to(self.build)) for file in files]
        head = "".join(f"Require {name}.\n" for name in modules)
        named = "".join(f"  let _ := @{name} in\n" for name in names)
        head += f"Definition constants :=\n{named}  tt.\n"
        asked = ["constants", *(f"{modules[-1]}.{name}" for name in statements)]
        file = files[-1].with_name(f"{files[-1].stem}_axioms.v")
        answers = self.ask(file, head + audit.questions(asked))
        return audit.assumptions(answers, len(asked))[1:]


def theorem_ids(root: Path = PROOFS) -> list[str]:
    """Return the ids of the machine-checked theorems: the folders with a ``theorem.v``."""
    return sorted(path.parent.name for path in root.glob("*/theorem.v"))


def folder_name(theorem: str) -> str:
    """Return the name that Coq can give to a theorem's folder."""
    return theorem.replace("-", "_")


def module(file: Path) -> str:
    """Return Coq's full name of a file, given from the root."""
    return ".".join(("Msdnum", *file.with_suffix("").parts))


def certify(source: Path, folder: Path, prover: Prover) -> None:
    """Write the Coq certificate of a Gappa file and check it."""
    prover.ask(folder / f"{source.stem}.v", prover.run("gappa", "-Bcoq", str(source)).stdout)


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


def check_file(file: Path, sources: list[Path], prover: Prover) -> None:
    """Check a ``theorem.v``: it states a theorem, and leaves the hypotheses of no source open."""
    prover.check(file)
    text = audit.without_comments(file.read_text())
    if unused := [path.stem for path in sources if not re.search(rf"\b{path.stem}\.l1\b", text)]:
        raise RefusedError(f"unused certificates: {', '.join(unused)}")
    if not audit.statements(text):
        raise RefusedError("states no theorem")


def check_statements(file: Path, theorem: str, root: Path, prover: Prover) -> None:
    """Write the closed statements of one theorem to a file, and check it."""
    file.write_text(statements.closed(theorem, root))
    prover.check(file)
    if not audit.statements(file.read_text()):
        raise RefusedError("states no theorem")


def audit_theorem(theorem: str, folder: Path, prover: Prover) -> Iterator[Row]:
    """Ask what all constants of a checked theorem rest on, and each of its closed statements."""
    start = time.monotonic()
    files = [folder / "theorem.v", folder / "statements.v"]
    names = audit.statements(files[-1].read_text())
    goal = "axioms of every constant"
    try:
        found = prover.audit(files, names)
    except RefusedError as refusal:
        seconds = time.monotonic() - start
        yield Row(theorem, "*.v", goal, seconds, f"REFUSED: {refusal}")
        return
    seconds = (time.monotonic() - start) / (len(names) + 1)
    yield Row(theorem, "*.v", goal, seconds)
    for name, axioms in zip(names, found, strict=True):
        yield Row(theorem, STATEMENTS, name, seconds, axioms=axioms)


def check_theorem(theorem: str, root: Path, prover: Prover) -> Iterator[Row]:
    """Check one folder, stopping at the first refusal."""
    folder = prover.build / folder_name(theorem)
    folder.mkdir()
    sources = sorted((root / theorem).glob("*.gappa"))
    for source in sources:
        goal = gappa_goal(source)
        yield (row := attempt(theorem, source.name, goal, certify, source, folder, prover))
        if not row.accepted:
            return
    file = Path(shutil.copy(root / theorem / "theorem.v", folder))
    goal = "all of the file"
    yield (row := attempt(theorem, file.name, goal, check_file, file, sources, prover))
    if not row.accepted:
        return
    file, goal = folder / "statements.v", "its part, closed"
    step = check_statements
    yield (row := attempt(theorem, STATEMENTS, goal, step, file, theorem, root, prover))
    if row.accepted:
        yield from audit_theorem(theorem, folder, prover)


def check_shared(root: Path, prover: Prover, names: Sequence[str] = SHARED) -> Iterator[Row]:
    """Check what the theorems share, stopping at the first refusal."""
    files = [Path(shutil.copy(root / f"{name}.v", prover.build)) for name in names]
    for file in files:
        yield (row := attempt("shared", file.name, "all of the file", prover.check, file))
        if not row.accepted:
            return
    yield attempt("shared", "*.v", "axioms of every constant", prover.audit, files, [])


def recheck(prover: Prover) -> None:
    """Have ``coqchk`` check again all that was compiled, our own files by its own kernel."""
    modules = sorted(module(path.relative_to(prover.build)) for path in prover.build.rglob("*.vo"))
    ours = [word for name in modules for word in ("-norec", name)]
    summary = prover.run("coqchk", "-silent", "-o", "-R", ".", "Msdnum", *ours).stderr
    if found := audit.unsound(summary):
        raise RefusedError("; ".join(found))


def check_page(root: Path, prover: Prover) -> None:
    """Check ``Statements.v`` as one file: it is about theorems that there are, and no others."""
    _, named = statements.parts(root)
    if sorted(named) != theorem_ids(root):
        raise RefusedError(f"its parts are {', '.join(named)}, not the theorems")
    prover.check(Path(shutil.copy(root / STATEMENTS, prover.build)))


def check_all(theorems: list[str], root: Path, prover: Prover, jobs: int) -> Iterator[Row]:
    """Check what the theorems share, the theorems, and all of that once more by ``coqchk``."""
    rows = list(check_shared(root, prover))
    yield from rows
    if not rows[-1].accepted:
        return
    with ThreadPoolExecutor(jobs) as pool:
        for rows in pool.map(lambda name: list(check_theorem(name, root, prover)), theorems):
            yield from rows
    if theorems == theorem_ids(root):
        yield attempt("all", STATEMENTS, "all of the file", check_page, root, prover)
    yield attempt("all", "*.vo", "checked again by coqchk", recheck, prover)


def write_project(folder: Path) -> None:
    """Write the ``_CoqProject`` with which an editor steps through the files of a folder."""
    files = sorted(str(path.relative_to(folder)) for path in folder.rglob("*.v"))
    (folder / "_CoqProject").write_text("\n".join(["-R . Msdnum", *files]) + "\n")


def check_changed(mutant: Mutant | Cheat, root: Path, prover: Prover) -> Iterator[Row]:
    """Check a folder again, and before it the shared files from the one that is changed."""
    shared = Path(mutant.file).stem if mutant.file.startswith("../") else STATEMENTS
    if shared in SHARED:
        rows = list(check_shared(root, prover, SHARED[SHARED.index(shared) :]))
        yield from rows
        if not rows[-1].accepted:
            return
    yield from check_theorem(mutant.theorem, root, prover)


def check_mutant(mutant: Mutant | Cheat, prepared: Prover) -> Row:
    """Check a folder with one wrong statement or cheat: the verdict should be a refusal."""
    start = time.monotonic()
    with TemporaryDirectory() as name:
        root, prover = Path(name, "proofs"), Prover(Path(name, "build"), prepared.limit)
        shutil.copytree(PROOFS / mutant.theorem, root / mutant.theorem)
        for shared in PROOFS.glob("*.v"):
            shutil.copy(shared, root)
        file = root / mutant.theorem / mutant.file
        file.write_text(mutant.change(file.read_text()))
        shutil.copytree(prepared.build, prover.build)
        last = list(check_changed(mutant, root, prover))[-1]
    refused = not last.accepted and mutant.refusal(last.verdict)
    verdict = f"refused at {last.file}" if refused else f"SURVIVED: {last.verdict}"
    return Row(mutant.theorem, mutant.file, mutant.title, time.monotonic() - start, verdict)


def check_mutants(theorems: list[str], prover: Prover, jobs: int) -> bool:
    """Print the table of the mutants and cheats; return whether all of them are refused."""
    mutants = [mutant for mutant in (*CHEATS, *MUTANTS) if mutant.theorem in theorems]
    print(HEADER)
    *_, last = check_shared(PROOFS, prover)
    if not last.accepted:
        print(last)
        return False
    refused = True
    with ThreadPoolExecutor(jobs) as pool:
        for row in pool.map(lambda mutant: check_mutant(mutant, prover), mutants):
            print(row, flush=True)
            refused &= row.verdict.startswith("refused")
    return refused


def versions(prover: Prover) -> dict[str, str]:
    """Return the versions of the tools that take part."""
    asked = "From Flocq Require Version.\nEval compute in Version.Flocq_version.\n"
    asked = "From Coq Require Import NArith.\nOpen Scope N_scope.\n" + asked
    flocq = int(re.search(r"= (\d+)", prover.ask(prover.build / "version.v", asked))[1])
    numbers = {
        tool: re.search(r"\d[\d.]+", prover.run(tool, "--version").stdout)[0] for tool in TOOLS
    }
    return numbers | {"Flocq": f"{flocq // 10000}.{flocq // 100 % 100}.{flocq % 100}"}


def check(theorems: list[str], prover: Prover, jobs: int) -> list[Row]:
    """Print the table of the theorems; return its rows."""
    print(HEADER)
    rows = []
    for row in check_all(theorems, PROOFS, prover, jobs):
        print(row, flush=True)
        rows.append(row)
    return rows


def generated(rows: list[Row], tools: dict[str, str], prover: Prover) -> dict[Path, str]:
    """Return the text of every file that a green run of all theorems writes or confirms."""
    closed = [row for row in rows if row.axioms is not None]
    answers = prover.ask(prover.build / "computed.v", vectors.question(PROOFS))
    return {
        **{path: quoted for path, _, quoted in statements.quotes(PROOFS)},
        PROOFS / vectors.NAME: vectors.text(PROOFS, answers),
        PROOFS / stamp.NAME: stamp.text(stamp.stamp(PROOFS, tools, closed)),
    }


def confirm(files: dict[Path, str]) -> bool:
    """Print which of the kept files are not of this run; return whether there are none."""
    confirmed = True
    for path, text in files.items():
        kept = path.read_text(encoding="utf-8") if path.is_file() else ""
        if stamp.without_tools(path, kept) != stamp.without_tools(path, text):
            print(f"{path.relative_to(PROOFS)} is not of this run: --stamp writes it anew")
            confirmed = False
    return confirmed


def options() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", metavar="ID", choices=theorem_ids(), help="one theorem")
    parser.add_argument("--mutants", action="store_true", help="wrong statements instead")
    parser.add_argument(
        "--stamp", action="store_true", help="if all is well, write what is kept of it"
    )
    parser.add_argument("--keep", metavar="DIR", type=Path, help="an empty folder for the files")
    parser.add_argument("--jobs", metavar="N", type=int, default=2, help="at once; 2 unless given")
    parser.add_argument(
        "--limit", metavar="SECONDS", type=float, default=240, help="for one run of a tool"
    )
    chosen = parser.parse_args()
    if chosen.stamp and (chosen.only or chosen.mutants):
        parser.error("--stamp is of all theorems: leave out --only and --mutants")
    if chosen.keep and chosen.keep.exists() and any(chosen.keep.iterdir()):
        parser.error(f"--keep must name a new or an empty folder, {chosen.keep} is not empty")
    return chosen


def main() -> int:
    """Run the command line; return 0 if everything is as it should be."""
    chosen = options()
    theorems = [chosen.only] if chosen.only else theorem_ids()
    if missing := [tool for tool in TOOLS if shutil.which(tool) is None]:
        print(f"not installed: {', '.join(missing)}", file=sys.stderr)
        return 2
    with TemporaryDirectory() as name:
        prover = Prover((chosen.keep or Path(name)).resolve(), chosen.limit)
        prover.build.mkdir(parents=True, exist_ok=True)
        tools = versions(prover)
        print(", ".join(f"{tool} {number}" for tool, number in tools.items()))
        if chosen.mutants:
            return 0 if check_mutants(theorems, prover, chosen.jobs) else 1
        rows = check(theorems, prover, chosen.jobs)
        if chosen.keep:
            write_project(prover.build)
        if not all(row.accepted for row in rows):
            return 1
        files = {} if chosen.only else generated(rows, tools, prover)
    if chosen.stamp:
        for path, text in files.items():
            path.write_text(text, encoding="utf-8")
    return 0 if confirm(files) else 1


if __name__ == "__main__":
    sys.exit(main())
