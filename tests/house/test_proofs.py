"""The theorems under proofs/ hold, and the same check refuses wrong statements."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import audit
import check as checker
import pytest
import stamp
import statements
import vectors
from mutants import CHEATS, MUTANTS

from msdnum import bounds
from tests.support.paths import PROOFS

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


# Proofs of False, as Coq takes them once the text is not looked at; and what they assume.
FORGED = {
    "axiom_with_a_prime": ("Axiom cheat' : False.", "cheat'"),
    "axiom_called_as_one_of_coq": ("Module PrimInt63. Axiom int : False. End PrimInt63.", "int"),
    "declared_module": (
        "Module Type T. Axiom cheat : False. End T. Declare Module M : T.",
        "M.cheat",
    ),
    "admitted_lemma": ("Lemma cheat : False. Admitted.", "cheat"),
    "no_guard": (
        "Unset Guard Checking. Fixpoint cheat (n : nat) : False := cheat n.",
        "cheat is assumed to be guarded",
    ),
    "type_in_type": (
        "From Coq Require Hurkens. Unset Universe Checking.\n"
        "Definition cheat : False := Hurkens.TypeNeqSmallType.paradox Type eq_refl.",
        "cheat relies on an unsafe hierarchy",
    ),
    "no_positivity": (
        "Unset Positivity Checking. Inductive bad : Prop := Bad (f : bad -> False).",
        "bad is assumed to be positive",
    ),
}


READ_BEFORE_COQ = [cheat for cheat in CHEATS if "not allowed" in cheat.reason]


def compiled(folder: Path) -> checker.Prover:
    """Check every forged proof by coqc alone, which takes them all."""
    prover = checker.Prover(folder, 60)
    for name, (text, _) in FORGED.items():
        prover.ask(folder / f"{name}.v", f"{text}\n")
    return prover


def readme(theorem: str) -> str:
    return (PROOFS / theorem / "README.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """A checked theorem: what was printed, and the folder of its files."""
    folder = tmp_path_factory.mktemp("proofs") / "kept"
    return check("--only", "int32-overflow", "--keep", str(folder)), folder


@pytest.mark.slow
@needs_provers
def test_theorem_holds(kept):
    done, _ = kept
    assert done.returncode == 0, done.stdout + done.stderr
    tools, _, *rows = done.stdout.splitlines()
    assert re.fullmatch(r"gappa [\d.]+, coqc [\d.]+, coqchk [\d.]+, Flocq [\d.]+", tools)
    assert all(row.endswith("  proved") for row in rows)
    assert rows[-1].split()[:2] == ["all", "*.vo"]
    assert [row.split()[2] for row in rows[-3:-1]] == ["int32_no_overflow", "int32_overflow"]


@pytest.mark.slow
@needs_provers
def test_files_are_kept_for_an_editor(kept):
    _, folder = kept
    project = (folder / "_CoqProject").read_text(encoding="utf-8").split("\n")
    assert project[0] == "-R . Msdnum"
    assert {"Formats.v", "int32_overflow/theorem.v", "int32_overflow/statements.v"} < set(project)
    assert check("--only", "int32-overflow", "--keep", str(folder)).returncode == 2


@pytest.mark.long
@needs_provers
def test_wrong_statements_are_refused():
    done = check("--mutants", "--only", "int8-decomposition")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("refused at") == 4
    assert "SURVIVED" not in done.stdout


@needs_provers
@pytest.mark.long
def test_all_theorems_hold():
    done = check()
    assert done.returncode == 0, done.stdout + done.stderr


@needs_provers
@pytest.mark.long
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
        files = [PROOFS / theorem / "theorem.v", *PROOFS.glob("*.v")]
        statements = "".join(path.read_text(encoding="utf-8") for path in files)
        for name in re.findall(r"`([a-z]\w*)`", said):
            certificate = (PROOFS / theorem / f"{name}.gappa").exists()
            assert certificate or re.search(rf"\b{name}\b", statements), (theorem, name)


def test_every_checked_theorem_has_mutants():
    assert {mutant.theorem for mutant in MUTANTS} == set(CHECKED)


def test_there_are_as_many_cheats_as_were_asked_for():
    assert len({cheat.title for cheat in CHEATS}) == len(CHEATS) >= 15


@pytest.mark.parametrize("cheat", READ_BEFORE_COQ, ids=lambda cheat: cheat.title)
def test_a_cheat_in_the_text_is_refused_before_coq_reads_it(cheat):
    text = (PROOFS / cheat.theorem / cheat.file).read_text(encoding="utf-8")
    assert audit.objections(text) == []
    found = audit.objections(cheat.change(text))
    assert cheat.refusal(f"REFUSED: not allowed: {'; '.join(found)}"), found


@pytest.mark.parametrize("path", sorted(PROOFS.glob("**/*.v")), ids=lambda path: path.parent.name)
def test_nothing_in_our_files_is_refused(path):
    text = path.read_text(encoding="utf-8")
    assert audit.objections(text) == []
    assert len(list(audit.sentences(text))) > 10


@pytest.mark.parametrize(
    ("text", "refused"),
    [
        ("Lemma a : True. Proof. (* Axiom. *) exact I. Qed.", []),
        ('(* " *) Axiom a : False. (* " *) Lemma', []),
        ("Section S. Hypothesis h : False. End S.", []),
        ("Section S. End S. Hypothesis h : False.", ["Hypothesis h : False"]),
        ("Proof. { Unset Guard Checking. }", ["Unset Guard Checking"]),
        ("2: { - admit. }", ["admit"]),
        ("[left]: { Axiom a : False. }", ["Axiom a : False"]),
        ("Time Fixpoint f := f.", ["Time Fixpoint f := f"]),
        ("#[local] Lemma a : True.", ["#[local] Lemma a : True"]),
        ("Local Axiom a : False.", ["Local Axiom a : False"]),
        ("From Elsewhere Require Import False.", ["From Elsewhere Require Import False"]),
        ("Notation two := (1 + 1).", []),
        ('Local Notation "a + b" := (a * b).', ['Local Notation "" := (a * b)']),
    ],
)
def test_sentences_that_may_stand_and_that_may_not(text, refused):
    assert audit.objections(text) == refused


@pytest.mark.parametrize("text", ['Ltac a := idtac "', "Lemma a : True. (* (* *)"])
def test_a_text_that_does_not_end_is_refused(text):
    with pytest.raises(audit.RefusedError, match="does not end"):
        audit.objections(text)


CLASSIC = "Constant Coq.Logic.Classical_Prop.classic\n"


def test_answers_of_coq_are_read_to_the_last_line():
    answers = (
        f"No object of suffix Uint63.add_spec\n{CLASSIC}Closed under the global context\n"
        "Axioms:\nClassical_Prop.classic : forall P : Prop,\n  P \\/ ~ P\n"
    )
    assert audit.assumptions(answers, 2) == [set(), {"Coq.Logic.Classical_Prop.classic"}]


@pytest.mark.parametrize(
    "answers",
    [
        f"{CLASSIC}Axioms:\ncheat' : False",
        f"{CLASSIC}Axioms:\ntheorem.cheat is assumed to be guarded.",
        f"{CLASSIC}Axioms:\ntheorem.Classical_Prop.classic : False",
        f"{CLASSIC}Constant Msdnum.gemm.Classical_Prop.classic\nAxioms:\nClassical_Prop.classic",
        f"{CLASSIC}Axioms:\nPrimInt63.cheat : False",
        "Axioms:\nClassical_Prop.classic : False",
        f"{CLASSIC}Section Variables:\nh : False",
        f"{CLASSIC}Theory:\nType hierarchy is collapsed (logic is inconsistent)",
        f"{CLASSIC}Something new in the next version",
    ],
)
def test_an_answer_that_is_not_understood_or_not_allowed_is_refused(answers):
    with pytest.raises(audit.RefusedError, match="rests on"):
        audit.assumptions(answers, answers.count("Axioms:"))


def test_an_answer_that_is_missing_is_refused():
    with pytest.raises(audit.RefusedError, match="1 answers of 2"):
        audit.assumptions("Closed under the global context\n", 2)


SUMMARY = """
CONTEXT SUMMARY
===============

* Theory: Set is predicative

* Axioms:
    Coq.Logic.Classical_Prop.classic

* Constants/Inductives relying on type-in-type: <none>

* Constants/Inductives relying on unsafe (co)fixpoints: <none>

* Inductives whose positivity is assumed: <none>
"""


def test_only_a_summary_of_coqchk_with_nothing_switched_off_is_sound():
    assert audit.unsound(SUMMARY) == []
    assert audit.unsound("") != []
    assert audit.unsound(SUMMARY.replace("Set is predicative", "Set is impredicative")) != []
    assert audit.unsound(SUMMARY.replace("Coq.Logic", "Msdnum")) == [
        "Axioms: Msdnum.Classical_Prop.classic"
    ]
    for place in re.findall(r"\* (.*): <none>", SUMMARY):
        found = audit.unsound(SUMMARY.replace(f"{place}: <none>", f"{place}:\n    Coq.Init.any"))
        assert found == [f"{place}: Coq.Init.any"]


@needs_provers
def test_forged_proofs_are_refused_whatever_the_text_says(tmp_path):
    """The answers of ``Print Assumptions`` alone, and the summary of ``coqchk`` alone, suffice."""
    prover = compiled(tmp_path)
    for name, (_, assumed) in FORGED.items():
        with pytest.raises(audit.RefusedError, match=f"rests on .*{re.escape(assumed)}"):
            prover.audit([tmp_path / f"{name}.v"], [])
    with pytest.raises(audit.RefusedError) as refused:
        checker.recheck(prover)
    for name in FORGED:
        assert f"Msdnum.{name}." in str(refused.value)


def test_each_readme_quotes_its_closed_statements():
    quotes = list(statements.quotes(PROOFS))
    assert sorted(path.parent.name for path, _, _ in quotes) == CHECKED
    for path, text, expected in quotes:
        assert text == expected, f"{path}: python proofs/check.py --stamp writes the quotation"
        assert "Theorem " in expected


def test_a_changed_hypothesis_is_seen(tmp_path):
    shutil.copytree(PROOFS, tmp_path, dirs_exist_ok=True)
    page = tmp_path / statements.NAME
    text = page.read_text(encoding="utf-8")
    page.write_text(text.replace("INR d * u32 < 1", "INR d * u32 < 2"), encoding="utf-8")
    changed = [path.parent.name for path, text, new in statements.quotes(tmp_path) if text != new]
    assert changed == ["gemm"]


def test_the_stamp_is_of_these_sources():
    """What the stamp says of statements, only a run of the check can say: CI makes one."""
    kept = stamp.read(PROOFS)
    assert kept["sources"] == stamp.sources(PROOFS)
    _, parts = statements.parts(PROOFS)
    for theorem, part in parts.items():
        assert list(kept["statements"][theorem]) == audit.statements(part)
    assert set(kept["statements"]) == set(CHECKED)


@pytest.fixture
def copied(tmp_path, monkeypatch):
    """Proofs that a test may change."""
    shutil.copytree(PROOFS, tmp_path, dirs_exist_ok=True)
    monkeypatch.setattr(checker, "PROOFS", tmp_path)
    return tmp_path


def test_what_is_kept_of_another_run_is_seen(copied, capsys):
    made = stamp.read(copied)
    path, computed = copied / stamp.NAME, copied / vectors.NAME
    kept = {path: stamp.text(made), computed: computed.read_text(encoding="utf-8")}
    assert checker.confirm(kept)
    assert checker.confirm({path: stamp.text({**made, "tools": {"coqc": "9.0"}})})
    assert not checker.confirm({path: stamp.text({**made, "statements": {}})})
    assert not checker.confirm({computed: kept[computed].replace("8", "9", 1)})
    path.unlink()
    assert not checker.confirm(kept)
    assert capsys.readouterr().out.count("is not of this run") == 3


def test_a_changed_source_has_another_digest(copied):
    file = copied / "gemm" / "theorem.v"
    before = stamp.sources(copied)
    file.write_text(file.read_text(encoding="utf-8") + "\n", encoding="utf-8")
    after = stamp.sources(copied)
    assert [name for name in after if after[name] != before[name]] == ["gemm/theorem.v"]
    file.write_bytes(file.read_bytes()[:-1].replace(b"\n", b"\r\n"))
    assert stamp.sources(copied) == before


def test_vectors_that_are_not_rows_are_refused():
    rows = "     = [[1; -2]; [3; 4]]\n     : list row\n" * len(vectors.names(PROOFS))
    assert vectors.text(PROOFS, rows).startswith('{\n "cast_e2m1": [\n  [1, -2],\n  [3, 4]\n ]')
    for answers in (rows[:-40], rows + "Error\n", rows.replace("-2", "Zneg", 1)):
        with pytest.raises(audit.RefusedError, match="are lists of rows"):
            vectors.text(PROOFS, answers)
