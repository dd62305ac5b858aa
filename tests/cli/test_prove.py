"""``msdnum prove``: a certificate for any scheme, which Coq refuses if a number is wrong."""

import shutil
import subprocess
import sys
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from msdnum import _cache, bounds
from msdnum.cli import prove
from msdnum.cli.main import main
from msdnum.evidence import certificates, strangers, worst_cases
from msdnum.evidence.certificates import NotCheckedError, RefusedError
from msdnum.formats.elements import (
    E2M1,
    E3M2,
    INT8_SYMMETRIC,
    MXINT8_ELEMENT,
    FloatFormat,
    NonNumbers,
)
from msdnum.formats.modes import ScaleRule
from msdnum.formats.schemes import (
    INT8_X2,
    INT8_X3,
    MXFP4_X1,
    MXFP4_X2,
    OWN_AMAX,
    SCHEMES,
    amax_scheme,
    covering_scheme,
)
from tests.support.paths import PROOFS

needs_coq = pytest.mark.skipif(shutil.which("coqc") is None, reason="not installed: coqc")

USERS = """
from dataclasses import replace
from fractions import Fraction
from msdnum.formats.elements import FloatFormat
from msdnum.formats.modes import ScaleRule
from msdnum.formats.schemes import INT8_X3, MXFP4_X2, OWN_AMAX, covering_scheme
from beside import THIRTY_TWO

saturates = replace(MXFP4_X2, name="saturates", ratios=(Fraction(THIRTY_TWO),))
E3M2, E2M1 = FloatFormat("my *) E3M2", 3, 2, 3), FloatFormat("E2M1", 2, 1, 1)
floor = covering_scheme("3 + 2 *) Axiom", E3M2, E2M1, rule=ScaleRule.FLOOR)
own = replace(MXFP4_X2, name="own", ratios=OWN_AMAX)
odd = replace(INT8_X3, name="odd", ratios=(Fraction(100), Fraction(7)))
number = 32
"""

NAMED = [scheme for scheme in SCHEMES.values() if "FLOAT32" not in scheme.name]
ODD = [
    replace(MXFP4_X2, ratios=(Fraction(32),)),
    covering_scheme("floor", E3M2, E2M1, rule=ScaleRule.FLOOR),
    covering_scheme("rceil", E3M2, E2M1, rule=ScaleRule.RCEIL),
    covering_scheme("even", MXINT8_ELEMENT, E2M1, rule=ScaleRule.EVEN),
    replace(MXFP4_X2, ratios=OWN_AMAX),
    replace(MXFP4_X1, ratios=OWN_AMAX),
    replace(INT8_X3, ratios=(Fraction(100), Fraction(7))),
]


@pytest.fixture
def users(tmp_path):
    (tmp_path / "beside.py").write_text("THIRTY_TWO = 32\n")
    path = tmp_path / "mine.py"
    path.write_text(USERS)
    yield path
    sys.modules.pop("beside", None)


@pytest.fixture
def without_coq(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))


def run(capsys, *arguments):
    """Return the exit status, the lines by their names, and what is on standard error."""
    try:
        status = main(["prove", *map(str, arguments)])
    except SystemExit as stop:
        status = stop.code
    out, err = capsys.readouterr()
    return status, {line[:12].strip(): line[12:] for line in out.splitlines()}, err


def refused(capsys, *arguments):
    status, lines, err = run(capsys, *arguments)
    assert (status, lines, err.count("\n")) == (2, {}, 1)
    return err


# What is written


@pytest.mark.parametrize("scheme", [*NAMED, *ODD], ids=lambda scheme: scheme.name)
def test_the_bound_is_that_of_theorem_remainder_at_every_alpha(scheme):
    written = certificates.write(scheme)
    assert written.bound == bounds.remainder(scheme)
    assert written.checked_by is None
    assert written.text.count("Theorem claim") == max(1, len(written.ranges))
    for found in written.ranges:
        for k in found.alphas:
            alpha = Fraction(2) ** k
            left = max(found.constant * alpha, Fraction(2) ** found.underflow)
            assert bounds.remainder(scheme, alpha) <= left
    assert sum(len(found.alphas) for found in written.ranges) in (0, len(certificates.ALPHAS))


def test_an_alpha_that_no_scale_covers_has_a_range_of_its_own():
    """Of numbers up to 1, E8M0's largest scale covers 2^127: at 2^128 they saturate."""
    up_to_one = FloatFormat("E1M1", 1, 1, 1, NonNumbers.NAN)
    usual, above = certificates.write(covering_scheme("x", up_to_one)).ranges
    assert (usual.alphas[-1], above.alphas) == (127, range(128, 129))
    assert (usual.constant, above.constant) == (Fraction(1, 4), Fraction(1, 2))


def test_strangers_have_certificates_of_their_bounds():
    rng = np.random.default_rng(5)
    for _ in range(200):
        scheme = strangers.scheme(rng)
        assert certificates.write(scheme).bound == bounds.remainder(scheme)


def test_what_the_theorem_is_not_about_is_refused(capsys):
    assert "must be in exact arithmetic" in refused(capsys, "INT8_X2_FLOAT32")


def test_a_name_cannot_end_a_comment():
    scheme = replace(MXFP4_X2, name="a *) Axiom cheat : False. (*")
    assert "a _) Axiom" not in certificates.write(scheme).text
    assert "*) Axiom" not in certificates.write(scheme).text


# What Coq says of it


@needs_coq
@pytest.mark.parametrize("scheme", [INT8_X2, *ODD], ids=lambda scheme: scheme.name)
def test_a_certificate_is_checked(scheme):
    found = certificates.certify(scheme)
    assert found.checked_by.startswith("coqc 8")
    assert found.checked_by.endswith(
        "axioms: classic, functional_extensionality_dep, sig_forall_dec, sig_not_dec"
    )


@pytest.mark.slow
@needs_coq
def test_certificates_of_strangers_are_checked():
    rng = np.random.default_rng(6)
    up_to_one = FloatFormat("E1M1", 1, 1, 1, NonNumbers.NAN)
    schemes = [covering_scheme("x", up_to_one), *(strangers.scheme(rng) for _ in range(2))]
    assert all(certificates.certify(scheme).checked_by for scheme in schemes)


SATURATES = replace(MXFP4_X2, ratios=(Fraction(32),))
OWN = replace(MXFP4_X2, ratios=OWN_AMAX)
WRONG = [
    (SATURATES, "5 # 64", "5 # 65"),  # the bound, too small
    (SATURATES, "5 # 64", "5 # 63"),  # or too large, where it is said to be no less
    (SATURATES, "5 / 64", "5 / 65"),  # another in the statement than in the proof
    (SATURATES, "(-129)", "(-130)"),
    (SATURATES, "(format1, 5)", "(format1, 6)"),
    (SATURATES, "Format (-1) 2 3 1", "Format (-1) 2 2 1"),
    (SATURATES, "covering format1", "floor format1"),
    (INT8_X2, "1 # 64516", "1 # 64517"),
    (INT8_X2, "1 # 32258", "1 # 32000"),
    (OWN, "1 # 64", "1 # 65"),
    (OWN, "covering format1)]", "floor format1)]"),
]


@needs_coq
@pytest.mark.parametrize(("scheme", "right", "wrong"), WRONG)
def test_a_wrong_number_is_refused(scheme, right, wrong):
    written = certificates.write(scheme)
    assert right in written.text
    with pytest.raises(RefusedError):
        certificates.check(replace(written, text=written.text.replace(right, wrong)))


@needs_coq
@pytest.mark.parametrize(
    ("right", "wrong", "reason"),
    [
        ("certify. Qed.", "certify. Admitted.", "not allowed: Admitted"),
        ("Theorem claim1", "Axiom cheat : False.\nTheorem claim1", "not allowed: Axiom cheat"),
        ("Theorem", "Lemma", "states no theorem"),
        ("(* What scheme", '(* "', "a string does not end"),
    ],
)
def test_a_cheat_is_refused(right, wrong, reason):
    written = certificates.write(MXFP4_X2)
    with pytest.raises(RefusedError, match=reason):
        certificates.check(replace(written, text=written.text.replace(right, wrong)))


@needs_coq
def test_kept_files_that_were_changed_are_not_trusted():
    certificates.certify(MXFP4_X2)
    (kept,) = _cache.folder("coq").iterdir()
    file = kept / "Remainder.vo"
    changed = file.read_bytes()[:-1]
    file.write_bytes(changed)
    assert certificates.certify(MXFP4_X2).checked_by
    assert file.read_bytes() != changed, "compiled anew"


@needs_coq
def test_a_kept_file_is_checked_again_by_the_command_it_names(tmp_path, capsys):
    status, lines, _ = run(capsys, "MXFP4_X2", "--out", tmp_path / "new")
    file = tmp_path / "new" / "MXFP4_X2.v"
    assert (status, lines["file"]) == (0, str(file))
    assert "python proofs/instance.py FILE" in file.read_text()
    command = [sys.executable, str(PROOFS / "instance.py"), str(file)]
    kept = ["--kept", str(_cache.folder("coq"))]
    done = subprocess.run([*command, *kept], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, lines["checked by"])


# The command


def test_without_coq_it_says_that_nothing_was_checked(capsys, without_coq):
    status, lines, _ = run(capsys, "MXFP4_X2")
    assert status == 0
    assert lines["checked by"] == "nothing: this instance was not checked, coqc is not installed"
    assert certificates.certify(MXFP4_X2).checked_by is None
    with pytest.raises(NotCheckedError, match="coqc is not installed"):
        certificates.check(certificates.write(MXFP4_X2))


def test_without_the_proofs_it_says_so(capsys, monkeypatch, tmp_path):
    monkeypatch.setattr(certificates, "PROOFS", tmp_path)
    status, lines, _ = run(capsys, "MXFP4_X2")
    assert status == 0
    assert "was not checked, the proofs are not beside this package" in lines["checked by"]


@pytest.mark.parametrize(
    ("name", "bound", "worst"),
    [
        ("MXFP4_X2", "alpha/64 or 2^-129, for alpha from 2^-149 to 2^128", "alpha/64 at BF16 "),
        ("MXFP8_X3", "alpha/32768 or 2^-137", "alpha/32768 at BINARY32 "),
        ("INT8_X2", "amax/64516, for every amax, in exact arithmetic", "amax/64516 at BF16 "),
    ],
)
def test_named_schemes_meet_their_bounds(name, bound, worst, capsys, without_coq):
    status, lines, _ = run(capsys, name)
    assert status == 0
    assert lines["bound"].startswith(bound)
    assert lines["worst case"].startswith(worst)
    assert lines["of"].startswith("exhaustive: ")
    assert lines["apart"] == "not at all: the bound is met"


@pytest.mark.parametrize(
    ("name", "bound", "apart"),
    [
        ("saturates", "5 alpha/64 or 2^-129", "not at all: the bound is met"),
        ("floor", "5 alpha/64 or 2^-132", "bound / worst case = 1.05263"),
        ("own", "alpha/64 or 2^-129", "not at all: the bound is met"),
        ("odd", "amax/177800", "not at all: the bound is met"),
    ],
)
def test_schemes_of_a_users_file(name, bound, apart, users, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    status, lines, _ = run(capsys, f"{users}:{name}", "--out", tmp_path)
    assert status == 0
    assert lines["bound"].startswith(f"{bound},") or lines["bound"].startswith(f"{bound} ")
    assert lines["apart"] == apart
    assert Path(lines["file"]).is_file()


@needs_coq
def test_a_scheme_of_a_users_file_is_checked(users, capsys):
    status, lines, _ = run(capsys, f"{users}:floor")
    assert status == 0
    assert lines["checked by"].startswith("coqc 8")


def test_a_bound_that_is_exceeded_is_status_1(capsys, monkeypatch, without_coq):
    found = worst_cases.among_pairs(MXFP4_X2)
    monkeypatch.setattr(
        prove, "among_pairs", lambda scheme: replace(found, error=found.bound * 33 / 32)
    )
    status, lines, _ = run(capsys, "MXFP4_X2")
    assert status == 1
    assert lines["apart"] == "bound / worst case = 0.969697"


@needs_coq
def test_a_certificate_that_coq_refuses_is_status_1(capsys, monkeypatch):
    written = certificates.write(MXFP4_X2)
    wrong = replace(written, text=written.text.replace("1 # 64", "1 # 65"))
    monkeypatch.setattr(certificates, "write", lambda scheme: wrong)
    status, lines, _ = run(capsys, "MXFP4_X2")
    assert status == 1
    assert lines["checked by"].startswith("nothing: coqc refuses it, ")


def test_wrong_names_are_refused_in_a_line(users, capsys):
    assert "did you mean 'MXFP4_X2'?" in refused(capsys, "mxfp4x2")
    assert "did you mean 'saturates'?" in refused(capsys, f"{users}:saturated")
    shown = refused(capsys, users)
    assert "its schemes are saturates, floor, own, odd, got ''" in shown
    assert "must be a Scheme, got int" in refused(capsys, f"{users}:number")
    assert "there is no" in refused(capsys, f"{users}.py:floor")


def test_a_users_file_that_does_not_import_is_named_with_its_line(tmp_path, capsys):
    path = tmp_path / "wrong.py"
    path.write_text("x = 1\ny = x / 0\n")
    shown = refused(capsys, f"{path}:y")
    assert f"{path} does not import, line 2: ZeroDivisionError: division by zero" in shown
    path.write_text("import sys\nsys.exit(3)\n")
    assert "does not import, line 2: SystemExit: 3" in refused(capsys, f"{path}:y")
    path.write_text("scheme = (\n")
    assert "SyntaxError" in refused(capsys, f"{path}:scheme")


def test_a_folder_that_cannot_be_written_is_refused(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert "File exists" in refused(capsys, "MXFP4_X2", "--out", tmp_path / "file")


def test_a_scheme_whose_digits_are_not_symmetric_is_written():
    narrow = amax_scheme("x", replace(INT8_SYMMETRIC, name="I4", bits=4, min_integer=-8))
    assert certificates.write(narrow).bound == Fraction(1, 14)
