"""The table of peers: what is written, and what is committed."""

import csv

from msdnum.conformance import suite
from tests.support.conformance import CASTS, carry_out, written
from tests.support.paths import ROOT

PEERS = ROOT / "conformance"


def test_what_is_written(tmp_path, capsys):
    assert carry_out(written(tmp_path, CASTS, "codes"), "ml_dtypes", "--out", tmp_path / "out") == 0
    capsys.readouterr()
    rows = list(csv.reader((tmp_path / "out" / "peers.csv").read_text().splitlines()))
    assert rows[0] == ["group", "standard", "source", "vectors", "mine", "ml_dtypes"]
    ties = next(row for row in rows if row[0] == "encode/E2M1/RNE/SATURATE/ties")
    assert ties[3:] == ["13", "0", "0"]
    text = (tmp_path / "out" / "peers.md").read_text()
    assert suite.digest() in text
    assert "| encode, ties | decided | agrees | agrees |" in text
    assert "| decode, codes | decided |  | agrees |" in text


def test_the_committed_table_is_of_these_vectors():
    """After a change of the vectors run ``msdnum conform all --out conformance`` again."""
    assert suite.digest() in (PEERS / "peers.md").read_text()
    rows = list(csv.DictReader((PEERS / "peers.csv").read_text().splitlines()))
    assert {row["group"] for row in rows} == {group.name for group in suite.groups()}
    for row in rows:
        assert row["emulator"] == "0"
        assert row["emulator_jax"] == "0"
