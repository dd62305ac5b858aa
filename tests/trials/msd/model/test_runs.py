"""Runs of the model: measures by hand."""

import math

import numpy as np
import pytest

from msdnum.trials.msd.model import runs
from msdnum.trials.msd.model.runs import cosine_distances, similarity_correlation

pytest.importorskip("safetensors")


pytest.importorskip("tokenizers")


def unit(*angles):
    return np.array([[math.cos(a), math.sin(a)] for a in angles])


def test_cosine_distance():
    found = cosine_distances(unit(0, 1, 2), unit(0, 1 + 1e-9, 2.5))
    assert found == pytest.approx([0, 5e-19, 1 - math.cos(0.5)], rel=1e-6)


def test_rank_correlation():
    """By hand: similarities ranked 3 2 1 beside 3 1 2, and ties."""
    x, y = unit(0, 0.1, 0.3), unit(0, 0.1, -0.15)
    assert similarity_correlation(x, x) == pytest.approx(1)
    assert similarity_correlation(x, y) == pytest.approx(0.5)
    assert runs._ranks(np.array([5.0, 1, 5, 2])).tolist() == [3.5, 1, 3.5, 2]
