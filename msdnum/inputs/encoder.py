"""The encoder of all-MiniLM-L6-v2, layer by layer: what reaches each of its linears.

Arrays are float32. Each sum of products is formed in float64 and rounded once, so that the bits
do not depend on how a BLAS orders it: the ledger and the tables of products are about these
activations. The network is `layer_of`, for ``jax_encoder`` too; what computes its parts is apart,
for the bits that XLA gives are not defined.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache, partial
from typing import Any, TypeAlias

import ml_dtypes
import numpy as np
from numpy.typing import NDArray

from msdnum.inputs import minilm_checkpoint, tensors

__all__ = ["HEADS", "LAYERS", "LINEARS", "Linear", "Trace", "layer_of", "linears", "trace"]

Array: TypeAlias = NDArray[np.float32]
Read: TypeAlias = Callable[[str], Array]

LAYERS, HEADS = 6, 12

LINEARS: dict[str, str] = {
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "o": "attention.output.dense",
    "ffn1": "intermediate.dense",
    "ffn2": "output.dense",
}
"""The linears of a layer and what the checkpoint calls them."""


@dataclass(frozen=True, eq=False)
class Linear:
    """One linear with what it multiplies.

    Parameters
    ----------
    layer : int
        0 to 5.
    name : str
        One of ``LINEARS``.
    weight : ndarray of float32, (outputs, inputs)
        The weight as the checkpoint stores it.
    activations : ndarray of float32, (tokens, inputs)
        Tokens of all sentences, no padding; float32 as computed.
    """

    layer: int
    name: str
    weight: Array
    activations: Array

    def in_bf16(self) -> Array:
        """Return the activations rounded to BF16, as float32."""
        rounded: Array = self.activations.astype(ml_dtypes.bfloat16).astype(np.float32)
        return rounded


@dataclass(frozen=True, eq=False)
class Trace:
    """A run of the encoder.

    Parameters
    ----------
    linears : list of Linear
        Every linear in the order of use.
    lengths : list of int
        Tokens of each sentence.
    output : ndarray of float32, (tokens, 384)
        What the last layer leaves.
    """

    linears: list[Linear] = field(repr=False)
    lengths: list[int]
    output: Array = field(repr=False)


def linears() -> list[Linear]:
    """Return all 36 linears with the activations of the sentences in ``inputs/sentences.txt``.

    Raises
    ------
    ModuleNotFoundError
        If the package that carries the model, or a reader of it, is not installed.
    """
    return trace().linears


@cache
def trace() -> Trace:
    """Run the encoder on the sentences and keep what every linear was given.

    Notes
    -----
    BERT: attention with 12 heads, residual and layer normalization after it; then GELU with the
    error function between two linears, residual and layer normalization. float32 throughout.
    """
    root = minilm_checkpoint.minilm_root()
    tokens = minilm_checkpoint.sentence_tokens(root)
    read = partial(_read, str(root / "model.safetensors"))
    lengths = [len(ids) for ids in tokens]
    x = minilm_checkpoint.embed(tokens, read).astype(np.float32)
    seen: list[Linear] = []
    for layer in range(LAYERS):
        x = _layer(x, layer, lengths, read, seen)
    return Trace(seen, lengths, x)


def _read(path: str, name: str) -> Array:
    return tensors.load_tensor(f"{path}:{name}")


def layer_of(
    x: Any,
    linear: Callable[[str, Any], Any],
    attention: Callable[[Any, Any, Any], Any],
    normalized: Callable[[Any, str], Any],
    gelu: Callable[[Any], Any],
) -> Any:
    """Return what a layer makes of the tokens, in whatever arithmetic its parts have.

    Parameters
    ----------
    x : array, (tokens, 384)
        State of all tokens.
    linear : callable
        From a name of ``LINEARS`` and its input to its output, bias included.
    attention : callable
        From q, k and v of all tokens to what is mixed.
    normalized : callable
        Layer normalization of an array by the parameters of that name.
    gelu : callable
        GELU with the error function.
    """
    q, k, v = (linear(name, x) for name in "qkv")
    x = normalized(x + linear("o", attention(q, k, v)), "attention.output")
    return normalized(x + linear("ffn2", gelu(linear("ffn1", x))), "output")


def _layer(x: Array, layer: int, lengths: list[int], read: Read, seen: list[Linear]) -> Array:
    """Run a layer and record what each linear is given."""
    prefix = f"encoder.layer.{layer}."

    def linear(name: str, given: Array) -> Array:
        path = prefix + LINEARS[name]
        seen.append(Linear(layer, name, read(f"{path}.weight"), given))
        return _product(given, seen[-1].weight.T) + read(f"{path}.bias")

    def normalized(given: Array, path: str) -> Array:
        scale, shift = (read(f"{prefix}{path}.LayerNorm.{part}") for part in ("weight", "bias"))
        return _layer_norm(given) * scale + shift

    found: Array = layer_of(x, linear, partial(_attention, lengths=lengths), normalized, _gelu)
    return found


def _product(a: NDArray[Any], b: NDArray[Any]) -> Array:
    return (a.astype(np.float64) @ b.astype(np.float64)).astype(np.float32)


def _attention(q: Array, k: Array, v: Array, lengths: list[int]) -> Array:
    """Attend within each sentence."""
    ends = np.cumsum(lengths)[:-1]
    parts = (np.split(heads, ends, axis=1) for heads in map(_heads, (q, k, v)))
    mixed = [_attend(*sentence) for sentence in zip(*parts, strict=True)]
    return np.concatenate(mixed, axis=1).transpose(1, 0, 2).reshape(q.shape)


def _heads(x: Array) -> Array:
    """Return ``x`` as (heads, tokens, width)."""
    return x.reshape(len(x), HEADS, -1).transpose(1, 0, 2)


def _attend(q: Array, k: Array, v: Array) -> Array:
    scores = _product(q, k.transpose(0, 2, 1)) / np.float32(math.sqrt(q.shape[-1]))
    weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return _product(weights / weights.sum(axis=-1, keepdims=True), v)


def _layer_norm(x: Array) -> Array:
    centred = x - x.mean(axis=1, keepdims=True)
    variance = (centred * centred).mean(axis=1, keepdims=True)
    deviation: Array = np.sqrt(variance + np.float32(minilm_checkpoint.LAYER_NORM_EPS))
    normalized: Array = centred / deviation
    return normalized


_erf = np.frompyfunc(math.erf, 1, 1)


def _gelu(x: Array) -> Array:
    half = np.float32(0.5)
    error = np.asarray(_erf(x.astype(np.float64) / math.sqrt(2)), np.float32)
    return half * x * (1 + error)
