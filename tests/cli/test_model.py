"""``msdnum model``: a quick run."""

import pytest

from msdnum.trials.msd.experiments import model
from tests.support.model_tables import FEW

pytest.importorskip("safetensors")


pytest.importorskip("tokenizers")


def test_quick_run():
    """A few sentences of the published model: float32 beside float64, each product in its bound."""
    name = "FLOAT32, float32, BINARY32"
    (row,) = model.model_sentences((FEW, (name,)), 0)
    assert row["quantized_distance_max"] < 8e-12
    assert row["distance_mean"] == row["quantized_distance_mean"]
    layers = list(model.model_layers((FEW, (name,)), 0))
    assert [layer["layer"] for layer in layers] == list(range(6))
    assert 0 < max(layer["ratio"] for layer in layers) == row["ratio"] < 1
    assert layers[-1]["quantized_state"] == row["quantized_state"] < 2e-6
