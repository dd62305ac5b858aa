"""``msdnum prove``: a certificate for any scheme, which Coq refuses if a number is wrong."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from msdnum.cli import prove
from msdnum.evidence import certificates, worst_cases
from msdnum.evidence.certificates import NotCheckedError
from msdnum.formats.schemes import MXFP4_X2
from tests.support.certificates import needs_coq, refused, run

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


@pytest.mark.slow
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
