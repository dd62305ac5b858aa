"""Check a Coq file that instantiates a theorem with numbers of its own: one of ``msdnum prove``.

    python proofs/instance.py FILE.v
    python proofs/instance.py FILE.v --kept DIR   compiled shared files from there, or put there

The file is accepted as a ``theorem.v`` is: it says nothing that ``audit.py`` does not allow, Coq
checks it, and no constant of it rests on an axiom besides those of Coq's classical reals and
machine integers. Kept files are taken only if they are the ones that were put there, of these very
sources and this Coq. Exit status: 0 proved, 1 refused, 2 not checked.
"""

import argparse
import hashlib
import json
import os
import re
import shutil
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import audit
import stamp
from audit import RefusedError
from check import PROOFS, Prover

NEEDED = ("Formats", "Decomposition", "Remainder")
"""The shared files that an instance is built on."""
COMPILED = [f"{name}.vo" for name in NEEDED]
DIGESTS = "digests.json"
KEPT = 3
"""How many compilations are kept: those of other sources are old by then."""


class NotCheckedError(Exception):
    """Nothing can be said of an instance here; the message says why."""


def key(prover: Prover) -> str:
    """Return what compiled files depend on: the sources, what is allowed in them, and Coq."""
    coq = prover.run("coqc", "--version").stdout + prover.run("coqc", "-where").stdout
    sources = [f"{name}.v" for name in NEEDED] + ["audit.py"]
    found = [coq, *(stamp.digest(PROOFS / name) for name in sources)]
    return hashlib.sha256("\n".join(found).encode()).hexdigest()[:32]


def digests(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of each compiled file of a folder."""
    return {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in COMPILED}


def take(kept: Path, build: Path) -> bool:
    """Copy the kept files; say whether they are there as they were put there."""
    try:
        for name in COMPILED:
            shutil.copy(kept / name, build)
        return bool(json.loads((kept / DIGESTS).read_text()) == digests(build))
    except (OSError, ValueError):
        return False


def put(build: Path, kept: Path) -> None:
    """Keep the compiled files, all of them or none; a folder that cannot be written is no error."""
    try:
        kept.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=kept.parent) as name:
            made = Path(name, "made")
            made.mkdir()
            for compiled in COMPILED:
                shutil.copy(build / compiled, made)
            (made / DIGESTS).write_text(json.dumps(digests(made)))
            shutil.rmtree(kept, ignore_errors=True)
            os.replace(made, kept)
        by_age = sorted(kept.parent.iterdir(), key=lambda old: old.stat().st_mtime)
        for old in by_age[:-KEPT]:
            shutil.rmtree(old, ignore_errors=True)
    except OSError:
        return


def compile_shared(prover: Prover) -> None:
    """Check what the theorems share from its sources."""
    for name in NEEDED:
        file = Path(shutil.copy(PROOFS / f"{name}.v", prover.build))
        try:
            prover.check(file)
        except RefusedError as refusal:
            raise NotCheckedError(f"{file.name} does not compile here: {refusal}") from refusal


def check_instance(text: str, prover: Prover) -> str:
    """Check a file beside the compiled shared ones; return the axioms that it rests on."""
    file = prover.build / "instance.v"
    file.write_text(text, encoding="utf-8")
    stated = audit.statements(text)
    if not stated:
        raise RefusedError("states no theorem")
    prover.check(file)
    found = stamp.named(frozenset().union(*prover.audit([file], stated)))
    return ", ".join(name.rpartition(".")[2] for name in found) or "none"


def check_with(text: str, kept: Path | None, prover: Prover) -> str:
    """Check a file, and compile what it needs if that is not kept."""
    folder = kept / key(prover) if kept else None
    if folder and take(folder, prover.build):
        try:
            return check_instance(text, prover)
        except RefusedError as refusal:
            # Another compilation of Coq's libraries makes the kept files useless, not the instance.
            if not re.search(r"\.vo\b", str(refusal)):
                raise
    compile_shared(prover)
    if folder:
        put(prover.build, folder)
    return check_instance(text, prover)


def check(text: str, kept: Path | None, limit: float) -> tuple[int, str]:
    """Return the exit status, and the verdict in words."""
    if shutil.which("coqc") is None:
        return 2, "not checked: coqc is not installed"
    with TemporaryDirectory() as name:
        prover = Prover(Path(name).resolve(), limit)
        try:
            axioms = check_with(text, kept, prover)
            version = re.search(r"\d[\d.]+", prover.run("coqc", "--version").stdout)[0]
        except RefusedError as refusal:
            return 1, f"refused: {refusal}"
        except NotCheckedError as reason:
            return 2, f"not checked: {reason}"
    return 0, f"coqc {version}; axioms: {axioms}"


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", metavar="FILE", type=Path, help="the instance")
    parser.add_argument("--kept", metavar="DIR", type=Path, help="of compiled shared files")
    parser.add_argument("--limit", metavar="SECONDS", type=float, default=240, help="for one run")
    chosen = parser.parse_args()
    try:
        text = chosen.file.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        parser.error(str(error))
    status, verdict = check(text, chosen.kept, chosen.limit)
    print(verdict)
    return status


if __name__ == "__main__":
    sys.exit(main())
