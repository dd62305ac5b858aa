"""``msdnum model``: a quick run."""

import pytest

from msdnum.cli.main import main
from msdnum.trials.msd.experiments import model
from tests.support.model_tables import FEW

pytest.importorskip("safetensors")


pytest.importorskip("tokenizers")


def test_quick_run():
    """A few sentences of the published model: float32 beside float64, each product in its bound."""
    few = model.Sentences(FEW, ("FLOAT32, float32, BINARY32",))
    (row,) = model.model_sentences(few, 0)
    assert row["quantized_distance_max"] < 8e-12
    assert row["distance_mean"] == row["quantized_distance_mean"]
    layers = list(model.model_layers(few, 0))
    assert [layer["layer"] for layer in layers] == list(range(6))
    assert 0 < max(layer["ratio"] for layer in layers) == row["ratio"] < 1
    assert layers[-1]["quantized_state"] == row["quantized_state"] < 2e-6


def test_the_decoder_has_variants_of_its_own(capsys):
    pytest.importorskip("jax")
    pytest.importorskip("gguf", reason="the package gguf is not installed")
    assert main(["model", "smollm2", "--list"]) == 0
    listed = capsys.readouterr().out.splitlines()
    assert listed[0] == "Q4_1, INT8_X1, BF16"
    assert "MXFP4, MXFP4_X2, BF16" in listed
    assert main(["model", "smollm2", "Q4_1, INT8_X9, BF16"]) == 2
    assert "did you mean 'Q4_1, INT8_X" in capsys.readouterr().err
    assert main(["model", "--list"]) == 0
    assert capsys.readouterr().out.splitlines()[0] == "FLOAT32, float32, BINARY32"
