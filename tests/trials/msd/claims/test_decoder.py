"""C7 on the activations of SmolLM2: read from the committed table."""

import pytest

from msdnum.experiments.tables import read, text
from msdnum.ledger.findings import Verdict
from msdnum.trials.msd.claims import decoder


def findings():
    return {entry.convention.split(",")[0]: entry.judge() for entry in decoder.c7_decoder(None)}


def test_rows_are_those_of_the_table():
    _, records = read(decoder.DECODER_TABLE)
    for name, finding in findings().items():
        ratios = [
            float(record["loss_ratio"])
            for record in records
            if f"inputs of {record['input']}" == name
        ]
        assert len(ratios) == 30
        assert finding.ratio == max(ratios)
        assert finding.verdict is Verdict.FAILS
        assert f"loses more in {sum(r > 1 for r in ratios)} of 30 layers" in finding.notes[0]


def test_a_table_in_which_it_never_loses_holds(monkeypatch, tmp_path):
    header, records = read(decoder.DECODER_TABLE)
    better = [record | {"loss_ratio": "0.5"} for record in records]
    path = tmp_path / "decoder_outliers.csv"
    path.write_text(text(better, header), encoding="utf-8")
    monkeypatch.setattr(decoder, "DECODER_TABLE", path)
    assert {finding.verdict for finding in findings().values()} == {Verdict.HOLDS}


def test_without_the_table_nothing_is_judged(monkeypatch, tmp_path):
    monkeypatch.setattr(decoder, "DECODER_TABLE", tmp_path / "none.csv")
    try:
        verdicts = {finding.verdict for finding in findings().values()}
    except Exception as error:
        pytest.fail(f"raised {error!r}")
    assert verdicts == {Verdict.NOT_RUN}
