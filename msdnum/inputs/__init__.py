"""What is fed in: named families, tensors, and, by their files, encoders."""

from msdnum.inputs.families import FAMILIES, Family, binade, family
from msdnum.inputs.tensors import MiniLM, load_tensor, minilm, minilm_tensors, sentences, tokenize

__all__ = [
    "FAMILIES", "Family", "MiniLM", "binade", "family", "load_tensor", "minilm", "minilm_tensors",
    "sentences", "tokenize",
]  # fmt: skip
