"""``msdnum verify``: what it prints, its exit status, and one line for every bad input."""

import json
import re
import sys

import numpy as np
import pytest
from safetensors.numpy import save_file

from msdnum.__main__ import main
from msdnum.cli import explanations, judged_rows
from msdnum.evidence.decompositions import pairs_of
from msdnum.evidence.effective_bits import samples_of
from msdnum.ledger.claims import Claim
from msdnum.ledger.findings import Verdict
from msdnum.ledger.trial import Study, Trial
from tests.support.commands import entry, refused


@pytest.fixture
def small(monkeypatch):
    """Put one row in the place of the ledger's."""

    def use(*entries):
        claims = Claim("C1", "other"), Claim("C2", "a statement")
        trial = Trial("small", None, claims, (lambda study: iter(entries),))
        monkeypatch.setattr(judged_rows, "judged", lambda name: (trial,))
        monkeypatch.setattr(explanations, "trials", lambda: {"small": trial})

    use(entry(Verdict.HOLDS))
    return use


def test_verify_prints_the_ledger(small, capsys):
    assert main(["verify"]) == 0
    printed = capsys.readouterr()
    assert "C2  a statement: holds" in printed.out
    assert "3f80 [3f14]; proved; sampled 2, seed 5" in printed.out
    assert printed.out.endswith("all 1 row of 1 claim as expected\n")
    assert printed.err == ""


def test_verify_prints_everything_if_asked(small, capsys):
    assert main(["verify", "--full"]) == 0
    assert "witness BF16 3f80 [3f14]. proved: gemm; sampled: 2 pairs, seed 5" in (
        capsys.readouterr().out
    )


@pytest.mark.parametrize(
    ("found", "expected", "status"),
    [
        (Verdict.HOLDS, Verdict.HOLDS, 0),
        (Verdict.FAILS, Verdict.HOLDS, 1),
        (Verdict.HOLDS, Verdict.FAILS, 1),
        (Verdict.NOT_RUN, Verdict.HOLDS, 3),
    ],
)
def test_the_status_tells_whether_it_was_expected(small, found, expected, status, capsys):
    small(entry(found, expected))
    assert main(["verify"]) == status
    assert ("NOT AS EXPECTED: C2" in capsys.readouterr().out) == (status == 1)


def test_json_has_what_was_asked_and_found(small, tmp_path, capsys):
    path = tmp_path / "ledger.json"
    assert main(["verify", "--json", str(path), "--seed", "7", "--only", "C2"]) == 0
    document = json.loads(path.read_text())
    assert document["settings"] == {"deep": False, "seed": 7, "only": "C2", "tensor": None}
    assert document["rows"][0]["witness"]["block"] == ["3f80", "3f14"]
    assert document["as_expected"] is True
    assert document["versions"]["python"] == ".".join(map(str, sys.version_info[:3]))


def test_json_is_replaced(small, tmp_path):
    path = tmp_path / "ledger.json"
    path.write_text("what was there before\n" * 1000)
    assert main(["verify", "--json", str(path)]) == 0
    assert json.loads(path.read_text())["schema"] == 1


@pytest.mark.parametrize("place", ["no/such/folder/x.json", "."])
def test_a_json_path_is_tried_before_the_work(small, place, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(judged_rows, "finding_of", lambda entry: pytest.fail("the work had begun"))
    error = refused(capsys, "verify", "--json", str(tmp_path / place))
    assert re.search(r"json file '.*' cannot be written: (No such file|Is a directory)", error)


def test_trying_a_path_leaves_nothing_behind(small, tmp_path, capsys):
    path = tmp_path / "ledger.json"
    refused(capsys, "verify", "--json", str(path), "--only", "C3")
    assert not path.exists()


def test_an_unknown_claim_is_named(small, capsys):
    error = refused(capsys, "verify", "--only", "C99")
    assert error == "msdnum: error: claim must be one of C1, C2, got 'C99'\n"


@pytest.mark.parametrize("seed", ["-1", "x", "1.5"])
def test_a_bad_seed_is_named(seed, capsys):
    assert f"must be a nonnegative integer, got '{seed}'" in refused(
        capsys, "verify", f"--seed={seed}"
    )


# Tensors


@pytest.fixture
def tensors(tmp_path):
    path = tmp_path / "model.safetensors"
    x = np.random.default_rng(0).standard_normal((4, 64)).astype(np.float32)
    save_file({"good": x, "whole": np.arange(4), "inf": np.float32([1, np.inf])}, path)
    return path


def test_a_tensor_is_judged(tensors, capsys, tmp_path):
    out = tmp_path / "ledger.json"
    arguments = ["verify", "--only", "tensor", "--tensor", f"{tensors}:good", "--json", str(out)]
    assert main(arguments) == 0
    assert "tensor  the bounds hold on the tensor given: holds" in capsys.readouterr().out
    rows = json.loads(out.read_text())["rows"]
    assert [row["evidence"]["count"] for row in rows] == [256, 256, 256]
    assert all(0.3 < row["ratio"] <= 1 for row in rows)
    assert len(rows[0]["witness"]["block"]) == 64


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("{path}:nothing", "tensor must be one in .* got 'nothing'"),
        ("{path}:whole", "tensor 'whole' must be F32, F16 or BF16, got I64"),
        ("{path}:inf", "tensor 'inf' must be finite, got inf at"),
        ("{path}", "tensor must be FILE:NAME"),
        ("missing.safetensors:x", "tensor file must exist"),
        ("", "tensor must be FILE:NAME, got ''"),
    ],
)
def test_a_bad_tensor_is_refused(name, message, tensors, capsys):
    error = refused(capsys, "verify", "--tensor", name.format(path=tensors))
    assert re.search(message, error)


def test_a_damaged_file_is_refused(tensors, capsys):
    tensors.write_bytes(tensors.read_bytes()[:50])
    error = refused(capsys, "verify", "--tensor", f"{tensors}:good")
    assert "is not a safetensors file" in error


def test_quick_and_deep_differ():
    deep, quick = Study(deep=True), Study()
    assert (pairs_of(deep).deep, pairs_of(quick).deep) == (True, False)
    assert samples_of(deep).rows > samples_of(quick).rows
    assert pairs_of(quick) is pairs_of(quick)
