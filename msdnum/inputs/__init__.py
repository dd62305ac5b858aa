"""Inputs: named families, tensors, and, in files of their own, encoders."""

from msdnum.inputs.densities import DENSITIES, SymmetricDensity
from msdnum.inputs.families import FAMILIES, Family, binade, family
from msdnum.inputs.minilm_checkpoint import MiniLM, minilm, minilm_tensors, sentences, tokenize
from msdnum.inputs.outliers import outlier
from msdnum.inputs.smollm2_checkpoint import decoder_tokenizer, smollm2
from msdnum.inputs.tensors import load_tensor

__all__ = [
    "DENSITIES", "FAMILIES", "Family", "MiniLM", "SymmetricDensity", "binade",
    "decoder_tokenizer", "family", "load_tensor", "minilm", "minilm_tensors", "outlier",
    "sentences", "smollm2", "tokenize",
]  # fmt: skip
