"""C7 on the activations of SmolLM2: read from the committed table."""

import pytest

from msdnum.experiments.tables import read, text
from msdnum.ledger.findings import Verdict
from msdnum.trials.msd.claims import decoder


def entries_of(what):
    return [entry for entry in decoder.c7_decoder(None) if entry.subject[0] == what]


def findings(of="inputs"):
    return {", ".join(entry.subject[1:]): entry.judge() for entry in entries_of(of)}


def test_next_tokens_are_judged_as_expected_from_the_table():
    entries = entries_of("next tokens")
    assert len(entries) == 15
    assert [entry.judge().verdict for entry in entries] == [entry.expected for entry in entries]
    _, records = read(decoder.NEXT_TOKENS)
    means = {}
    for record in records:
        means.setdefault(record["variant"], []).append(float(record["quantized_divergence"]))
    ours, theirs = (means[f"INT8, {name}, BF16"] for name in ("INT8_X2", "weight in BF16"))
    finding = findings("next tokens")["INT8, weight in BF16"]
    assert finding.ratio == pytest.approx(sum(ours) / sum(theirs))


def test_a_difference_within_the_spread_of_texts_is_a_tie(monkeypatch, tmp_path):
    header, records = read(decoder.NEXT_TOKENS)
    path = tmp_path / "decoder_linears.csv"
    made = [r | {"quantized_divergence": str(1 + (i * 7 % 16) / 16)} for i, r in enumerate(records)]
    path.write_text(text(made, header), encoding="utf-8")
    monkeypatch.setattr(decoder, "NEXT_TOKENS", path)
    monkeypatch.setattr(decoder, "AT_LENGTH", path)
    assert {f.verdict for f in findings("next tokens").values()} == {Verdict.HOLDS}
    assert all(", a tie" in f.found for f in findings("next tokens").values())


def test_rows_are_those_of_the_table():
    _, records = read(decoder.DECODER_TABLE)
    for name, finding in findings().items():
        ratios = [float(record["loss_ratio"]) for record in records if record["input"] == name]
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


def test_bits_are_those_of_the_table_nearest_the_paper(monkeypatch, tmp_path):
    header, records = read(decoder.DECODER_TABLE)
    for entry, column in zip(decoder.c3_decoder(None), ("rms", "l2"), strict=True):
        found = entry.judge()
        assert found.verdict is entry.expected is Verdict.FAILS
        pairs = [(float(r[f"mxfp4_x2_{column}_bits"]), float(r[f"mxfp8_x1_{column}_bits"]))
                 for r in records if r["input"] != "normal"]  # fmt: skip
        two, one = min(pairs, key=lambda pair: max(abs(pair[0] - 6.6), abs(pair[1] - 5.24)))
        assert found.found == f"{two:.2f} and {one:.2f}"
        assert f"in {sum(two > one for two, one in pairs)} of 120" in found.notes[2]
    records[7] |= {"mxfp4_x2_rms_bits": "6.6049", "mxfp8_x1_rms_bits": "5.2351"}
    path = tmp_path / "decoder_outliers.csv"
    path.write_text(text(records, header), encoding="utf-8")
    monkeypatch.setattr(decoder, "DECODER_TABLE", path)
    verdicts = [entry.judge().verdict for entry in decoder.c3_decoder(None)]
    assert verdicts == [Verdict.HOLDS, Verdict.FAILS]


def test_without_the_table_nothing_is_judged(monkeypatch, tmp_path):
    for name in ("DECODER_TABLE", "NEXT_TOKENS", "AT_LENGTH", "OF_LAYERS"):
        monkeypatch.setattr(decoder, name, tmp_path / "none.csv")
    verdicts = {entry.judge().verdict for entry in decoder.c7_decoder(None)}
    assert verdicts == {Verdict.NOT_RUN}
    assert {entry.judge().verdict for entry in decoder.c3_decoder(None)} == {Verdict.NOT_RUN}
    (products,) = decoder.decoder_quality(None)
    assert products.judge().verdict is Verdict.NOT_RUN


def test_products_of_layers_are_within_their_bounds(monkeypatch, tmp_path):
    (entry,) = decoder.decoder_quality(None)
    assert entry.judge().verdict is Verdict.HOLDS
    header, records = read(decoder.OF_LAYERS)
    path = tmp_path / "decoder_layers.csv"
    beyond = [r | {"ratio": "1.01" if r["ratio"] else ""} for r in records]
    path.write_text(text(beyond, header), encoding="utf-8")
    monkeypatch.setattr(decoder, "OF_LAYERS", path)
    assert entry.judge().verdict is Verdict.FAILS
