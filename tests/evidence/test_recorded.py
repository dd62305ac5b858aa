"""Recorded results of GPUs: both layouts are read, and what differs is seen."""

import json

import numpy as np
import pytest

from msdnum.cli.main import main
from msdnum.evidence.recorded import Recording, judged, recordings, summary
from msdnum.formats.elements import BINARY32, FP16
from tests.support.paths import ROOT

FOLDER = ROOT.parent / "shared" / "hardware"
A = np.array([[1, 2.0**-11, 2.0**-13, 0], [1.5, -1.5, 0.25, 0]], np.float32)
B = np.array([[1, 1, 2.0**-12, 0], [1, 1, 0.5, 0]], np.float32)
C = np.array([0, 0.5], np.float32)
WIDE = np.array([1 + 2.0**-11, 0.625], np.float32)
NARROW = np.array([1 + 2.0**-10, 0.625], np.float16)
"""What 25 bits give, of which 2**-25 is the last: binary32 would have dropped it."""


def packed(folder, **changes):
    """Write recordings of an H100 as the packed copy has them."""
    wide = [np.pad(x, ((0, 0), (0, 12))).astype(np.float16).view(np.uint16) for x in (A, B)]
    arrays = {
        "a_fp16": wide[0], "b_fp16": wide[1], "c_H100_fp16": C.view(np.uint32),
        "d_H100_fp16": WIDE.view(np.uint32), "d16_H100_fp16": NARROW.view(np.uint16),
        "c_H100_tf32": C.view(np.uint32), "d_H100_tf32": WIDE.view(np.uint32), **changes,
    }  # fmt: skip
    np.savez(folder / "some.npz", **arrays)


def texts(folder, d=WIDE):
    """Write recordings of an H100 as the public repository has them."""
    place = folder / "H100" / "fp16"
    place.mkdir(parents=True)

    def rows(x, base):
        patterns = np.atleast_2d(x).view(np.uint32)
        return "".join(" ".join(f"{v:{base}}" for v in row) + " \n" for row in patterns)

    for name, x in (("a_H100_fp16", A), ("b_H100_fp16", B)):
        (place / f"{name}.txt").write_text(rows(x, "08x"))
    for name, x in (("c_H100_fp32", C), ("d_H100_fp32", d),
                    ("d_H100_fp16", NARROW.astype(np.float32))):  # fmt: skip
        (place / f"{name}.txt").write_text(rows(x[:, None], "032b"))


@pytest.mark.parametrize(("write", "count"), [(packed, 3), (texts, 2)])
def test_both_layouts_are_read_and_reproduced(tmp_path, write, count):
    write(tmp_path)
    rows = [judged(recording) for recording in recordings(tmp_path)]
    assert len(rows) == count
    assert all((row.reproduced, row.first) == (2, None) for row in rows)
    assert summary(rows)[-1] == "2 of 2 binary16 results reproduced"


def test_a_result_that_differs_in_one_bit_is_found(tmp_path):
    other = WIDE.view(np.uint32).copy()
    other[1] += 1
    packed(tmp_path, d_H100_fp16=other)
    first, *others = [judged(recording) for recording in recordings(tmp_path)]
    assert (first.reproduced, first.first) == (1, 1)
    assert all(row.first is None for row in others)


def test_the_command_prints_the_sum_last_and_writes_a_certificate(tmp_path, capsys):
    texts(tmp_path / "data")
    (tmp_path / "data" / "README.md").write_text("of commit abc123, one day")
    out = tmp_path / "recorded.json"
    assert main(["recorded", str(tmp_path / "data"), "--out", str(out)]) == 0
    printed = capsys.readouterr().out.splitlines()
    assert printed[0].split() == ["H100", "fp16", "BINARY32", "HOPPER", "2", "of", "2"]
    assert printed[-2:] == [
        "2 of 2 binary32 results reproduced", "2 of 2 binary16 results reproduced",
    ]  # fmt: skip
    certificate = json.loads(out.read_text())
    assert certificate["source_commit"] == "abc123"
    assert certificate["summary"] == printed[-2:]
    assert {len(digest) for digest in certificate["sha256"].values()} == {64}
    assert len(certificate["sha256"]) == 5
    assert certificate["rows"][0]["reproduced"] == 2


def test_the_command_fails_where_a_result_differs(tmp_path, capsys):
    texts(tmp_path, np.nextafter(WIDE, 2, dtype=np.float32))
    assert main(["recorded", str(tmp_path), "--out", str(tmp_path / "x.json")]) == 1
    assert "0 of 2, the first that is not: row 0" in capsys.readouterr().out


def test_a_folder_without_recordings_is_refused(tmp_path, capsys):
    assert main(["recorded", str(tmp_path)]) == 2
    assert "must hold recorded results" in capsys.readouterr().err


def test_a_file_that_is_no_list_of_patterns_is_named(tmp_path, capsys):
    texts(tmp_path)
    (tmp_path / "H100" / "fp16" / "c_H100_fp32.txt").write_text("1.5\n0.5\n")
    assert main(["recorded", str(tmp_path), "--out", str(tmp_path / "x.json")]) == 2
    assert "c_H100_fp32.txt must have patterns of 32 bits in base 2" in capsys.readouterr().err


def test_rows_that_do_not_belong_together_are_refused():
    with pytest.raises(ValueError, match="one c and one d a row"):
        Recording("H100", "fp16", BINARY32, A, B, C[:1], WIDE)
    with pytest.raises(ValueError, match="of a known unit"):
        Recording("TPU", "fp16", FP16, A, B, C, WIDE)


@pytest.mark.skipif(not FOLDER.is_dir(), reason=f"no recorded results in {FOLDER}")
def test_the_recorded_results_of_eight_gpus_are_reproduced():
    rows = [judged(recording) for recording in recordings(FOLDER)]
    assert len({row.gpu for row in rows}) == 8
    assert [row for row in rows if row.first is not None] == []
    assert summary(rows) == [
        "64,000 of 64,000 binary32 results reproduced",
        "32,000 of 32,000 binary16 results reproduced",
    ]


def test_the_certificate_of_recorded_results_is_none_of_a_sweep(tmp_path):
    """Both lie in one folder, and the ledger reads the sweeps'."""
    from msdnum.ledger.findings import Verdict
    from msdnum.trials.toolkit.agreement import sweeps_agree

    (tmp_path / "recorded.json").write_text('{"recorded": "results", "rows": []}')
    assert sweeps_agree(tmp_path).verdict is Verdict.NOT_RUN
