"""Inputs: named families, tensors, and, in files of their own, encoders."""

from msdnum.inputs.families import FAMILIES, Family, binade, family
from msdnum.inputs.minilm_checkpoint import (
    MiniLM,
    minilm,
    minilm_tensors,
    sentences,
    tokenize,
)
from msdnum.inputs.tensors import load_tensor

__all__ = [
    "FAMILIES", "Family", "MiniLM", "binade", "family", "load_tensor", "minilm", "minilm_tensors",
    "sentences", "tokenize",
]  # fmt: skip
