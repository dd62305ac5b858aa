"""Certificates of a user's scheme: checked by Coq, refused where a number is wrong."""

import subprocess
import sys
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from msdnum import _cache, bounds
from msdnum.evidence import certificates, strangers
from msdnum.evidence.certificates import RefusedError
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
from tests.support.certificates import needs_coq, refused, run
from tests.support.paths import PROOFS
from tests.support.selection import quick

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
    for _ in range(80):
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
@pytest.mark.parametrize(
    "scheme", quick([INT8_X2, *ODD], {"floor"}), ids=lambda scheme: scheme.name
)
def test_a_certificate_is_checked(scheme):
    found = certificates.certify(scheme)
    assert found.checked_by.startswith("coqc 8")
    assert found.checked_by.endswith(
        "axioms: classic, functional_extensionality_dep, sig_forall_dec, sig_not_dec"
    )


@pytest.mark.long
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
@pytest.mark.parametrize("case", quick(range(len(WRONG)), {"0", "2", "7"}))
def test_a_wrong_number_is_refused(case):
    scheme, right, wrong = WRONG[case]
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


@pytest.mark.slow
@needs_coq
def test_kept_files_that_were_changed_are_not_trusted():
    certificates.certify(MXFP4_X2)
    (kept,) = _cache.folder("coq").iterdir()
    file = kept / "Remainder.vo"
    changed = file.read_bytes()[:-1]
    file.write_bytes(changed)
    assert certificates.certify(MXFP4_X2).checked_by
    assert file.read_bytes() != changed, "compiled anew"


@pytest.mark.slow
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


def test_a_scheme_whose_digits_are_not_symmetric_is_written():
    narrow = amax_scheme("x", replace(INT8_SYMMETRIC, name="I4", bits=4, min_integer=-8))
    assert certificates.write(narrow).bound == Fraction(1, 14)
