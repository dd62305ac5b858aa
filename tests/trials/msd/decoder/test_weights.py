"""Weights of a small file, as shipped and quantized from what they stand for."""

from fractions import Fraction

import numpy as np
import pytest

pytest.importorskip("jax")
pytest.importorskip("gguf", reason="the package gguf is not installed")

from msdnum.inputs.files import open_gguf
from msdnum.trials.msd.baselines import WEIGHTS
from msdnum.trials.msd.decoder import weights
from tests.support import small_gguf


@pytest.fixture
def file(tmp_path, monkeypatch):
    file = open_gguf(small_gguf.write(tmp_path / "small.gguf"))
    monkeypatch.setattr(weights, "smollm2", lambda: file)
    for function in (weights.layer_weights, weights._published):
        function.cache_clear()
    yield file
    for function in (weights.layer_weights, weights._published):
        function.cache_clear()


def test_shipped_weights_are_those_of_the_file_turned(file):
    found = weights.layer_weights(weights.SHIPPED)
    assert list(found) == list(small_gguf.LINEARS)
    for name, path in small_gguf.LINEARS.items():
        for layer, weight in enumerate(found[name]):
            right = file.tensors[f"blk.{layer}.{path}.weight"].numbers().T
            assert weight.quantized.axis == -2
            assert (weight.dequantize() == right).all()


def test_others_are_quantized_from_what_those_stand_for(file):
    right = file.tensors["blk.1.ffn_down.weight"].numbers().T
    published = weights.layer_weights(weights.PUBLISHED_NUMBERS)["down"][1]
    assert (published == right).all()
    found = weights.layer_weights("MXFP4")["down"][1]
    again = WEIGHTS["MXFP4"](np.ascontiguousarray(right), None)
    assert found.dequantize().tobytes() == again.dequantize().tobytes()


def test_exact_numbers_are_not_rounded(file):
    weight = weights.layer_weights(weights.SHIPPED)["k"][0]
    found = weights.exact_numbers(weight)
    levels, scales = weight.levels(), weight.quantized.scales()
    minima = weight.minima.view(np.float16)
    for (row, column), number in np.ndenumerate(found[:, :3]):
        d, m = (Fraction(float(x[row // 32, column])) for x in (scales, minima))
        assert Fraction(float(number)) == int(levels[row, column]) * d + m
    assert (found.astype(np.float32) == weight.dequantize()).all()
