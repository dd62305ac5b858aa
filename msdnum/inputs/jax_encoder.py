"""The encoder of all-MiniLM-L6-v2 in JAX: sentences to embeddings, by any linear and attention.

What is between them (embeddings, normalization, softmax, GELU, pooling) is computed in the type of
the weights, float32 as stored, or float64. Its last bits are XLA's, not defined here.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np

from msdnum.inputs import minilm_checkpoint
from msdnum.inputs.encoder import HEADS, LAYERS, LINEARS, layer_of

__all__ = [
    "AttentionFunction", "Batch", "LinearFunction", "Parameters", "attend", "checkpoint", "encode",
    "encode_jitted", "linear_names", "multiply", "pack", "pooled", "replaced", "states",
]  # fmt: skip

Array: TypeAlias = Any
Parameters: TypeAlias = Mapping[str, Any]
LinearFunction: TypeAlias = Callable[[Array, Any], Array]
"""From x, (tokens, inputs), and a weight, (inputs, outputs) in any form, to their product."""
AttentionFunction: TypeAlias = Callable[[Array, Array, Array, Array], Array]
"""From q, k and v, (sentences, heads, length, width), and the mask to what is mixed, like v."""


class Batch(NamedTuple):
    """Sentences one after the other, without padding.

    Parameters
    ----------
    ids : Array of int32, (tokens,)
        Of the tokens.
    positions : Array of int32, (tokens,)
        Of each token in its sentence, from 0.
    sentences : Array of int32, (tokens,)
        Which sentence each token belongs to.
    mask : Array of bool, (sentences, length)
        Where there is a token if all sentences are padded to ``length``.
    """

    ids: Array
    positions: Array
    sentences: Array
    mask: Array


def pack(tokens: Sequence[Sequence[int]], length: int | None = None) -> Batch:
    """Return token ids as a batch.

    Parameters
    ----------
    tokens : sequence of sequences of int
        Of each sentence, with the special tokens, without padding.
    length : int, optional
        What attention pads to; that of the longest sentence if not given.

    Raises
    ------
    ValueError
        If there is no sentence, one is empty, or one is longer than ``length``.
    """
    lengths = [len(ids) for ids in tokens]
    if not lengths or min(lengths) == 0:
        raise ValueError(f"tokens must be of one or more sentences, none empty, got {lengths}")
    length = max(lengths) if length is None else length
    if max(lengths) > length:
        raise ValueError(f"length must be at least {max(lengths)}, got {length}")
    mask = np.arange(length) < np.array(lengths)[:, None]
    sentences, positions = np.nonzero(mask)
    ids = np.concatenate([np.asarray(ids) for ids in tokens])
    return Batch(_int32(ids), _int32(positions), _int32(sentences), jnp.asarray(mask))


def _int32(x: Array) -> Array:
    return jnp.asarray(x, jnp.int32)


def checkpoint() -> dict[str, Array]:
    """Return the weights by their names, as stored, but linears as (inputs, outputs).

    Raises
    ------
    ModuleNotFoundError
        If the package that carries the model, or a reader of it, is not installed.
    """
    stored = minilm_checkpoint.minilm_tensors()
    turned = {name: np.ascontiguousarray(stored[name].T) for name in linear_names()}
    return {name: jnp.asarray(x) for name, x in (stored | turned).items()}


def linear_names() -> list[str]:
    """Return the names of the 36 weights of linears, in the order of use."""
    layers = (f"encoder.layer.{layer}." for layer in range(LAYERS))
    return [f"{prefix}{path}.weight" for prefix in layers for path in LINEARS.values()]


def replaced(weights: Parameters, quantize: Callable[[Array], Any]) -> dict[str, Any]:
    """Return the weights with ``quantize`` applied to each of a linear, (inputs, outputs)."""
    return {**weights} | {name: quantize(weights[name]) for name in linear_names()}


def multiply(x: Array, weight: Array) -> Array:
    """Multiply in the arrays' own type: the linear of the published model."""
    return jnp.matmul(x, weight, precision="highest")


@jax.jit
def attend(q: Array, k: Array, v: Array, mask: Array) -> Array:
    """Attend in the arrays' own type: the attention of the published model.

    Parameters
    ----------
    q, k, v : Array, (sentences, heads, length, width)
        Zeros where there is no token.
    mask : Array of bool, (sentences, length)
        Where there is one.

    Returns
    -------
    Array
        Of the shape of ``v``; anything where there is no token.
    """
    scores = multiply(q, jnp.swapaxes(k, -1, -2)) / math.sqrt(q.shape[-1])
    scores = jnp.where(mask[:, None, None, :], scores, -jnp.inf)
    return multiply(jax.nn.softmax(scores, axis=-1), v)


def encode(
    batch: Batch,
    weights: Parameters,
    linear: LinearFunction = multiply,
    attention: AttentionFunction = attend,
) -> Array:
    """Return the embedding of each sentence: the mean over its tokens, of length 1.

    Parameters
    ----------
    batch : Batch
        Sentences, as ``pack`` gives them.
    weights : mapping
        As ``checkpoint`` gives them; those of linears in the form that ``linear`` takes.
    linear, attention : callable
        What computes the 36 linears, biases apart, and the 6 attentions.

    Returns
    -------
    Array, (sentences, 384)

    Notes
    -----
    To be jitted where ``linear`` and ``attention`` are: see ``encode_jitted``.
    """
    *_, last = states(batch, weights, linear, attention)
    return pooled(batch, last)


encode_jitted = jax.jit(encode, static_argnames=("linear", "attention"))
"""``encode`` compiled as a whole."""


def states(
    batch: Batch,
    weights: Parameters,
    linear: LinearFunction = multiply,
    attention: AttentionFunction = attend,
) -> Iterator[Array]:
    """Yield the state of all tokens, (tokens, 384): embedded, then after each layer.

    Parameters, and what is computed, are those of ``encode``.
    """
    x = _embedded(batch, {k: v for k, v in weights.items() if k.startswith("embeddings.")})
    yield x
    for layer in range(LAYERS):
        x = _layer(x, f"encoder.layer.{layer}.", batch, weights, linear, attention)
        yield x


@jax.jit
def _embedded(batch: Batch, weights: Parameters) -> Array:
    x = weights["embeddings.word_embeddings.weight"][batch.ids]
    x = x + weights["embeddings.position_embeddings.weight"][batch.positions]
    x = x + weights["embeddings.token_type_embeddings.weight"][0]
    return _normalized(x, *_scale_and_shift(weights, "embeddings"))


def _layer(
    x: Array,
    prefix: str,
    batch: Batch,
    weights: Parameters,
    linear: LinearFunction,
    attention: AttentionFunction,
) -> Array:
    def apply(name: str, given: Array) -> Array:
        path = prefix + LINEARS[name]
        return linear(given, weights[f"{path}.weight"]) + weights[f"{path}.bias"]

    def mixed(*projected: Array) -> Array:
        q, k, v = (_heads(each, batch) for each in projected)
        return _tokens(attention(q, k, v, batch.mask), batch)

    def normalized(given: Array, path: str) -> Array:
        return _normalized(given, *_scale_and_shift(weights, f"{prefix}{path}"))

    return layer_of(x, apply, mixed, normalized, _gelu)


@jax.jit
def _heads(x: Array, batch: Batch) -> Array:
    """Return the tokens as (sentences, heads, length, width), zeros where there is none."""
    padded = jnp.zeros((*batch.mask.shape, x.shape[-1]), x.dtype)
    padded = padded.at[batch.sentences, batch.positions].set(x)
    return padded.reshape(*batch.mask.shape, HEADS, -1).swapaxes(1, 2)


@jax.jit
def _tokens(x: Array, batch: Batch) -> Array:
    """Undo ``_heads``."""
    padded = x.swapaxes(1, 2).reshape(*batch.mask.shape, -1)
    return padded[batch.sentences, batch.positions]


def _scale_and_shift(weights: Parameters, path: str) -> tuple[Array, Array]:
    return weights[f"{path}.LayerNorm.weight"], weights[f"{path}.LayerNorm.bias"]


@jax.jit
def _normalized(x: Array, scale: Array, shift: Array) -> Array:
    centred = x - x.mean(axis=1, keepdims=True)
    variance = (centred * centred).mean(axis=1, keepdims=True)
    return centred / jnp.sqrt(variance + minilm_checkpoint.LAYER_NORM_EPS) * scale + shift


@jax.jit
def _gelu(x: Array) -> Array:
    return jax.nn.gelu(x, approximate=False)


@jax.jit
def pooled(batch: Batch, x: Array) -> Array:
    """Return the mean over the tokens of each sentence, divided by its L2 norm."""
    count = batch.mask.sum(axis=1, keepdims=True)
    mean = jax.ops.segment_sum(x, batch.sentences, len(batch.mask)) / count.astype(x.dtype)
    return mean / jnp.linalg.norm(mean, axis=1, keepdims=True)
