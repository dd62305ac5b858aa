"""Tables of the decoder: rows, and runs that are kept."""

import numpy as np
import pytest

pytest.importorskip("jax")
pytest.importorskip("safetensors")
pytest.importorskip("gguf", reason="the package gguf is not installed")

from msdnum.evidence.products import Errors
from msdnum.experiments.tables import read
from msdnum.trials.msd.decoder.runs import DecoderRun, TextErrors
from msdnum.trials.msd.decoder.variants import DECODER_GROUPS, DECODER_VARIANTS
from msdnum.trials.msd.experiments import decoder
from tests.support.paths import ROOT

TABLES = ROOT / "figures" / "msd" / "tables"
COMMITTED = decoder.DECODER_EXPERIMENTS[:3]
NAN = float("nan")


@pytest.mark.parametrize("experiment", COMMITTED, ids=lambda e: e.name)
def test_the_committed_tables_have_every_variant(experiment):
    made = experiment.parameters
    (group,) = made.names
    _, records = read(TABLES / f"{experiment.name}.csv")
    each = 30 if "layer" in records[0] else made.paragraphs + made.samples
    names = [name for name in DECODER_GROUPS[group] for _ in range(each)]
    assert [record["variant"] for record in records] == names
    for record in records:
        assert record["kind"] == DECODER_VARIANTS[record["variant"]].kind


def test_the_committed_table_of_outliers_has_every_layer():
    _, records = read(TABLES / "decoder_outliers.csv")
    assert len(records) == 1 + 30 * 4
    assert {record["layer"] for record in records[1:]} == {str(layer) for layer in range(30)}


def made(name, texts):
    text = TextErrors(1e-3, 2e-3, 0.5, -0.25)
    product = Errors(1.0, 2.0, 0.5, NAN, 3.0, 4.0, 5.0, NAN)
    return DecoderRun([text], [text], [0.125, 0.25], {1: [product]})


def test_a_run_is_kept_and_the_same_from_the_cache(monkeypatch):
    monkeypatch.setattr(decoder, "run_decoder", made)
    first = decoder.kept_run("one", (1, 0, 77, 3))
    monkeypatch.setattr(decoder, "run_decoder", None)
    second = decoder.kept_run("one", (1, 0, 77, 3))
    assert (second.published, second.own, second.states) == (
        first.published,
        first.own,
        [0.125, 0.25],
    )
    assert repr(second.products) == repr(first.products)


def test_rows_say_what_was_run_and_leave_empty_what_is_not_known(monkeypatch):
    monkeypatch.setattr(decoder, "kept_run", made)
    name = "Q4_1, MXFP8 floor, BF16"
    (row,) = decoder.decoder_texts(decoder.VariantTexts(1, 0, 12, (name,)), 5)
    assert (row["variant"], row["text"], row["number"], row["tokens"]) == (name, "paragraph", 1, 12)
    assert (row["divergence"], row["quantized_agreement"]) == (1e-3, 0.5)
    first, second = decoder.decoder_layers(decoder.VariantTexts(1, 0, 12, (name,)), 5)
    assert (first["layer"], first["ratio"], first["normwise"]) == (0, "", "")
    assert (second["worst_linear"], second["normwise"], second["ratio"]) == ("q", 0.5, "")
    assert np.isclose(second["quantized_state"], 0.25)


def test_tables_of_variants_are_drawn(monkeypatch, tmp_path):
    figures = pytest.importorskip("msdnum.trials.msd.figures.decoder")
    monkeypatch.setattr(decoder, "kept_run", made)
    names = ("Q4_1, INT8_X2, BF16", "Q4_1, float32, BINARY32", "MXFP4, MXFP4_X2, BF16")
    parameters = decoder.VariantTexts(1, 0, 12, names)
    texts = [as_read(row) for row in decoder.decoder_texts(parameters, 5)]
    layers = [as_read(row) for row in decoder.decoder_layers(parameters, 5)]
    page = figures.decoder_linears(texts)
    assert [axes.get_title() for axes in page.axes] == ["Q4_1 weights", "MXFP4 weights"]
    labels = [label.get_text() for label in page.axes[0].get_yticklabels()]
    assert labels == ["INT8 x2", "float32"]
    assert len(figures.decoder_layers(layers).axes) == 4
    assert figures.decoder_attentions(texts).axes[0].get_title() == "float32 cache"


def as_read(row):
    return {name: str(value) for name, value in row.items()}
