"""``msdnum recorded``: the sum last, its status, and one line for a wrong folder."""

import json

import numpy as np

from msdnum.cli.main import main
from tests.support.recorded import WIDE, texts


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
