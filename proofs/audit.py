"""What a Coq file may say, and what Coq may answer, for a theorem to count as proved.

Every rule here is a list of what is allowed: a command, an answer or an axiom that is not on it is
refused, whether it is harmful or only unknown. `objections` reads the text of a file before Coq
does, `assumptions` the answers of ``Print Assumptions``, `unsound` the summary of ``coqchk``.
"""

import re
from collections.abc import Iterator

# Coq's real numbers are classical: these, and nothing else, may remain.
CLASSICAL_REALS = {
    "Coq.Reals.ClassicalDedekindReals.sig_forall_dec",
    "Coq.Reals.ClassicalDedekindReals.sig_not_dec",
    "Coq.Logic.FunctionalExtensionality.functional_extensionality_dep",
    "Coq.Logic.Classical_Prop.classic",
}
# The tactic ``interval`` computes with the integers of the machine, as Coq's kernel has them:
# their operations, and what the standard library assumes of these.
OPERATIONS = (
    "add addc addcarryc addmuldiv compare div diveucl diveucl_21 eqb head0 int land leb lor lsl "
    "lsr ltb lxor mod mul mulc sub subc subcarryc tail0"
)
LAWS = (
    "add_spec addc_def_spec addcarryc_def_spec addmuldiv_def_spec compare_def_spec div_spec "
    "diveucl_21_spec diveucl_def_spec eqb_correct eqb_refl head0_spec land_spec leb_spec lor_spec "
    "lsl_spec lsr_spec ltb_spec lxor_spec mod_spec mul_spec mulc_spec of_to_Z sub_spec "
    "subc_def_spec subcarryc_def_spec tail0_spec"
)
MACHINE_INTEGERS = {f"Coq.Numbers.Cyclic.Int63.PrimInt63.{name}" for name in OPERATIONS.split()} | {
    f"Coq.Numbers.Cyclic.Int63.Uint63.{name}" for name in LAWS.split()
}
AXIOMS = CLASSICAL_REALS | MACHINE_INTEGERS

ASSUMED_IN_A_SECTION = {"Context", "Hypotheses", "Hypothesis", "Variable", "Variables"}
PROVED = {"Corollary", "Fact", "Lemma", "Proposition", "Remark", "Theorem"}
COMMANDS = ASSUMED_IN_A_SECTION | PROVED | {
    "Arguments", "Definition", "End", "Export", "Fixpoint", "From", "Import", "Inductive", "Let",
    "Local", "Ltac", "Notation", "Open", "Proof", "Qed", "Record", "Section",
}  # fmt: skip
LOCAL = {"Definition", "Fixpoint", "Instance", "Ltac", "Notation", "Open"}
LIBRARIES = {"Coq", "Coquelicot", "Flocq", "Gappa", "Interval", "Msdnum"}
# A goal given up, and computation outside Coq's kernel.
TACTICS = re.compile(r"\b(admit|give_up|native_\w+|exact_no_check|Admitted)\b")
# What may stand before a command or a tactic: bullets, braces, the selector of a goal.
PREFIX = re.compile(r"(?:[\s{}+*-]|(?:\d+|all|par|\[[\w' ]*\])\s*:)*")

# A refusal that says nothing: a mutant that does not parse proves nothing.
MALFORMED = re.compile(r"[Ss]yntax error|was not found in the current environment")


class RefusedError(Exception):
    """A statement is not accepted; the message says why."""


def without_comments(text: str) -> str:
    """Return the text of a Coq file, each comment a space and each string ``""``.

    Raises
    ------
    RefusedError
        If a comment or a string does not end.
    """
    kept, depth, end = [], 0, 0
    for token in re.finditer(r'"(?:[^"]|"")*"|"|\(\*|\*\)', text):
        if depth == 0:
            kept.append(text[end : token.start()])
        end = token.end()
        if token[0] == '"':
            raise RefusedError("a string does not end")
        depth += (token[0] == "(*") - (token[0] == "*)" and depth > 0)
        if depth == 0:
            kept.append('""' if token[0].startswith('"') else " ")
    if depth:
        raise RefusedError("a comment does not end")
    return "".join([*kept, text[end:]])


def sentences(text: str) -> Iterator[str]:
    """Yield the commands and tactics of a Coq file, without comments, bullets and full stops."""
    for sentence in re.split(r"\.(?=\s|$)", without_comments(text)):
        if bare := PREFIX.sub("", sentence, count=1).strip():
            yield " ".join(bare.split())


def objections(text: str) -> list[str]:
    """Return the sentences of a Coq file that are not allowed, in their order."""
    found, depth = [], 0
    for sentence in sentences(text):
        depth += sentence.startswith("Section ") - sentence.startswith("End ")
        if not _allowed(sentence, depth):
            found.append(sentence)
    return found


def _allowed(sentence: str, depth: int) -> bool:
    """Say whether a sentence may stand in that many sections."""
    first, second, third = (*sentence.split(maxsplit=3), "", "")[:3]
    redefines_symbols = "Notation" in (first, second) and '""' in sentence.split(":=")[0]
    if TACTICS.search(sentence) or redefines_symbols:
        return False
    if first[0].islower():
        return True
    if first in ASSUMED_IN_A_SECTION:
        return depth > 0
    if first == "From":
        return second.split(".")[0] in LIBRARIES and third == "Require"
    return first in COMMANDS and (first != "Local" or second in LOCAL)


def statements(text: str) -> list[str]:
    """Return the names of the theorems and corollaries of a Coq file."""
    heads = (sentence.split(maxsplit=2) for sentence in sentences(text))
    return [
        re.match(r"[\w']*", head[1])[0] for head in heads if head[0] in ("Theorem", "Corollary")
    ]


def questions(names: list[str]) -> str:
    """Return the commands whose answers `assumptions` reads: what each of the names rests on."""
    located = [".".join(name.split(".")[-2:]) for name in sorted(AXIOMS)]
    lines = [f"Locate {name}." for name in located]
    return "\n".join([*lines, *(f"Print Assumptions {name}." for name in names)]) + "\n"


def assumptions(answers: str, count: int) -> list[frozenset[str]]:
    """Return the axioms, by full name, that each of so many names in `questions` rests on.

    Raises
    ------
    RefusedError
        If a line is not understood, an axiom is not one of ``AXIOMS``, or an answer is missing.
    """
    full: dict[str, str] = {}
    found: list[set[str]] = []
    for line in answers.splitlines():
        if not line.strip() or line.startswith(("  ", "No object of suffix ")):
            continue
        if line in ("Axioms:", "Closed under the global context"):
            found.append(set())
        elif (located := line.removeprefix("Constant ")) in AXIOMS:
            full[".".join(located.split(".")[-2:])] = located
        elif found and (name := line.split(" : ")[0]) in full:
            found[-1].add(full[name])
        else:
            raise RefusedError(f"rests on {line}")
    if len(found) != count:
        raise RefusedError(f"rests on what Coq does not say: {len(found)} answers of {count}")
    return [frozenset(axioms) for axioms in found]


def unsound(summary: str) -> list[str]:
    """Return what the summary of ``coqchk -o`` holds against the files: nothing, if they are sound.

    Axioms of the libraries are listed whether used or not: those that are used, `assumptions` sees.
    """
    heads = (
        "Theory: Set is predicative", "Axioms:", "Constants/Inductives relying on type-in-type:",
        "Constants/Inductives relying on unsafe (co)fixpoints:",
        "Inductives whose positivity is assumed:",
    )  # fmt: skip
    parts = re.findall(r"^\* (.*)\n((?:    .*\n)*)", summary, re.MULTILINE)
    if [head.removesuffix(" <none>") for head, _ in parts] != list(heads):
        return [f"coqchk's summary is not understood: {summary.strip() or 'it is empty'}"]
    return [
        f"{head} {name}"
        for head, names in parts
        for name in names.split()
        if head != "Axioms:" or name.startswith("Msdnum.")
    ]
