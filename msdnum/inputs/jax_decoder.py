"""A decoder of the llama architecture in JAX: tokens to logits, by any linear and attention.

What is between them (embedding, RMS norm, rotary angles, SwiGLU, the tied head) is computed in the
type of the weights, float32 or float64. Its last bits are XLA's, not defined here. Channels of
queries and keys stand as in GGUF files: pairs that are rotated are neighbours.
"""

import math
from collections.abc import Callable, Mapping
from functools import cache, partial
from typing import Any, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np

from msdnum.inputs.files.gguf_files import GGUFFile
from msdnum.inputs.jax_encoder import LinearFunction, multiply
from msdnum.inputs.smollm2_checkpoint import DecoderSettings, decoder_settings

__all__ = [
    "DECODER_LINEARS", "CausalAttention", "KeysAndValues", "Step", "attend_causally",
    "decoder_layer", "decoder_weights", "empty_cache", "generate", "head", "normalized", "prefill",
    "prefill_jitted", "stacked",
]  # fmt: skip

Array: TypeAlias = Any
Weights: TypeAlias = Mapping[str, Any]
CausalAttention: TypeAlias = Callable[[Array, Array, Array, Array], Array]
"""From q, (texts, heads, m, width), k and v, (texts, shared heads, n, width), and how many of the n
tokens are there, the last m of which the queries are of, to what is mixed, like q."""

DECODER_LINEARS = {
    "q": "attn_q",
    "k": "attn_k",
    "v": "attn_v",
    "output": "attn_output",
    "gate": "ffn_gate",
    "up": "ffn_up",
    "down": "ffn_down",
}
"""The linears of a layer, in the order of use: a short name and that in GGUF files."""
NORMS = ("attn_norm", "ffn_norm")


class KeysAndValues(NamedTuple):
    """Keys, rotated, and values of all layers.

    Parameters
    ----------
    keys, values : Array, (layers, texts, shared heads, capacity, width)
        Zeros beyond ``length``.
    length : Array of int32, ()
        How many tokens are there.
    """

    keys: Array
    values: Array
    length: Array


class Step(NamedTuple):
    """What a decoder gives for some tokens.

    Parameters
    ----------
    states : Array, (texts, tokens, width)
        After the last layer, normalized: what the head multiplies.
    cache : KeysAndValues
        With these tokens.
    """

    states: Array
    cache: KeysAndValues


@cache
def decoder_weights(file: GGUFFile) -> dict[str, Any]:
    """Return the weights as float32 by their names, linears as (inputs, outputs), layers stacked.

    Returns
    -------
    dict
        ``embedding``, (vocabulary, width), ``norm``, (width,), and ``layers``: a dict of arrays
        whose first axis is the layer, by the names of ``DECODER_LINEARS`` and norms.

    Raises
    ------
    ModuleNotFoundError
        If gguf is not installed.
    """
    settings = decoder_settings(file)

    def turned(layer: int, path: str) -> Array:
        return np.ascontiguousarray(file.tensors[f"blk.{layer}.{path}.weight"].numbers().T)

    layers = {
        name: np.stack([turned(layer, path) for layer in range(settings.layers)])
        for name, path in [*DECODER_LINEARS.items(), *zip(NORMS, NORMS, strict=True)]
    }
    embedding, norm = (file.tensors[f"{n}.weight"].numbers() for n in ("token_embd", "output_norm"))
    return {"embedding": embedding, "norm": norm, "layers": layers}


def stacked(forms: list[Any]) -> Any:
    """Return the forms of a weight in all layers as one, the layer as the first axis."""
    return jax.tree.map(lambda *parts: jnp.stack([jnp.asarray(part) for part in parts]), *forms)


def empty_cache(settings: DecoderSettings, texts: int, capacity: int, dtype: Any) -> KeysAndValues:
    """Return a cache with room for ``capacity`` tokens of each text."""
    shape = (settings.layers, texts, settings.shared_heads, capacity, settings.head_width)
    return KeysAndValues(jnp.zeros(shape, dtype), jnp.zeros(shape, dtype), jnp.int32(0))


def attend_causally(q: Array, k: Array, v: Array, length: Array) -> Array:
    """Attend in the arrays' own type: the attention of the published model.

    Parameters
    ----------
    q : Array, (texts, heads, m, width)
        Queries of the last m tokens.
    k, v : Array, (texts, shared heads, n, width)
        Heads of a group of queries are consecutive.
    length : Array of int32, ()
        How many of the n tokens are there.

    Returns
    -------
    Array
        Of the shape of ``q``.
    """
    grouped = q.reshape(*k.shape[:2], -1, *q.shape[2:])
    scores = jnp.einsum("tgimd,tgnd->tgimn", grouped, k, precision="highest")
    seen = jnp.arange(k.shape[2]) <= length - q.shape[2] + jnp.arange(q.shape[2])[:, None]
    scores = jnp.where(seen, scores / math.sqrt(q.shape[-1]), -jnp.inf)
    weights = jax.nn.softmax(scores, axis=-1)
    return jnp.einsum("tgimn,tgnd->tgimd", weights, v, precision="highest").reshape(q.shape)


def prefill(
    ids: Array,
    weights: Weights,
    settings: DecoderSettings,
    cache: KeysAndValues,
    linear: LinearFunction = multiply,
    attention: CausalAttention = attend_causally,
) -> Step:
    """Run tokens after those of the cache: many of a prompt, or one at a time to decode.

    Parameters
    ----------
    ids : Array of int32, (texts, tokens)
        As many tokens of each text.
    weights : mapping
        As ``decoder_weights`` gives them; linears in the form that ``linear`` takes, ``stacked``.
    settings : DecoderSettings
        Of the decoder.
    cache : KeysAndValues
        Of the tokens before, with room for these: what does not fit is not noticed under ``jit``.
    linear, attention : callable
        What computes the linears of all layers, from (texts * tokens, inputs), and the attentions.

    Notes
    -----
    To be jitted where ``linear`` and ``attention`` are: see ``prefill_jitted``.
    """
    x = jnp.asarray(weights["embedding"])[ids]

    def layer(x: Array, given: tuple[Weights, Array, Array]) -> tuple[Array, tuple[Array, Array]]:
        found, k, v = decoder_layer(x, *given, cache.length, settings, linear, attention)
        return found, (k, v)

    stack = weights["layers"], cache.keys, cache.values
    x, (keys, values) = jax.lax.scan(layer, x, stack)
    length = cache.length + jnp.int32(ids.shape[1])
    return Step(normalized(x, weights["norm"], settings), KeysAndValues(keys, values, length))


prefill_jitted = jax.jit(prefill, static_argnames=("settings", "linear", "attention"))
"""``prefill`` compiled as a whole."""


def decoder_layer(
    x: Array,
    weights: Weights,
    keys: Array,
    values: Array,
    before: Array,
    settings: DecoderSettings,
    linear: LinearFunction = multiply,
    attention: CausalAttention = attend_causally,
) -> tuple[Array, Array, Array]:
    """Return the state after one layer, and its keys and values with those of these tokens.

    Parameters
    ----------
    x : Array, (texts, tokens, width)
        The state before it.
    weights : mapping
        Of this layer.
    keys, values : Array, (texts, shared heads, capacity, width)
        Of the ``before`` tokens before these.
    before : Array of int32, ()
        How many they are.
    settings, linear, attention
        As in ``prefill``.
    """
    apply = partial(_apply, linear, weights)
    normal = normalized(x, weights["attn_norm"], settings)
    q, k, v = (_heads(apply(name, normal), settings) for name in "qkv")
    positions = before + jnp.arange(x.shape[1])
    q, k = (_rotated(each, positions, settings) for each in (q, k))
    keys, values = (
        jax.lax.dynamic_update_slice_in_dim(old, new.astype(old.dtype), before, axis=2)
        for old, new in ((keys, k), (values, v))
    )
    mixed = attention(q, keys, values, before + x.shape[1])
    x = x + apply("output", jnp.swapaxes(mixed, 1, 2).reshape(x.shape))
    normal = normalized(x, weights["ffn_norm"], settings)
    x = x + apply("down", jax.nn.silu(apply("gate", normal)) * apply("up", normal))
    return x, keys, values


def _apply(linear: LinearFunction, weights: Weights, name: str, x: Array) -> Array:
    product = linear(x.reshape(-1, x.shape[-1]), weights[name])
    return product.reshape(*x.shape[:-1], -1)


def normalized(x: Array, scale: Array, settings: DecoderSettings) -> Array:
    """Return the RMS norm: x over the root of its mean square, times a scale for each channel."""
    square = jnp.mean(x * x, axis=-1, keepdims=True)
    return x / jnp.sqrt(square + settings.norm_eps) * scale


def _heads(x: Array, settings: DecoderSettings) -> Array:
    """Return (texts, tokens, heads * width) as (texts, heads, tokens, width)."""
    return jnp.swapaxes(x.reshape(*x.shape[:2], -1, settings.head_width), 1, 2)


def _rotated(x: Array, positions: Array, settings: DecoderSettings) -> Array:
    """Return heads with each pair of channels (2 i, 2 i + 1) turned by position * base^(-2 i/d).

    Angles are computed in float64 by NumPy where positions are known, and their table looked up.
    """
    cosine, sine = (jnp.asarray(table, x.dtype)[positions] for table in _angles(settings))
    even, odd = x[..., 0::2], x[..., 1::2]
    turned = even * cosine - odd * sine, even * sine + odd * cosine
    return jnp.stack(turned, axis=-1).reshape(x.shape)


def _angles(settings: DecoderSettings) -> tuple[Array, Array]:
    pairs = np.arange(0, settings.head_width, 2) / settings.head_width
    angles = np.arange(settings.context)[:, None] * settings.rope_base**-pairs
    return np.cos(angles), np.sin(angles)


@jax.jit
def head(states: Array, embedding: Array) -> Array:
    """Return the logits of normalized states: their products with the embedding of every token."""
    return multiply(states, jnp.asarray(embedding).T)


def generate(
    prompts: Array, weights: Weights, settings: DecoderSettings, count: int, seed: int
) -> Array:
    """Return ``count`` tokens after each prompt, sampled from the model's own distribution.

    Parameters
    ----------
    prompts : Array of int32, (texts, tokens)
        As many tokens of each text.
    weights, settings
        As in ``prefill``; in float32, by XLA's products.
    count, seed : int
        How many tokens, and of the generator. The temperature is 1: nothing is cut off.

    Returns
    -------
    ndarray of int32, (texts, count)
        The same with the same versions of NumPy and JAX on the same machine.
    """
    rng, weights = np.random.default_rng(seed), jax.tree.map(jnp.asarray, weights)
    capacity = prompts.shape[1] + count
    cache = empty_cache(settings, len(prompts), capacity, jnp.float32)
    ids, found = jnp.asarray(prompts, jnp.int32), []
    for _ in range(count):
        states, cache = prefill_jitted(ids, weights, settings, cache)
        chosen = _chosen(np.asarray(head(states[:, -1], weights["embedding"]), np.float64), rng)
        found.append(chosen)
        ids = jnp.asarray(chosen[:, None])
    return np.stack(found, axis=1)


def _chosen(logits: Array, rng: np.random.Generator) -> Array:
    """Return an index for each row, with the probabilities of its softmax."""
    probabilities = np.exp(logits - logits.max(axis=1, keepdims=True)).cumsum(axis=1)
    points = rng.random((len(logits), 1)) * probabilities[:, -1:]
    return (probabilities < points).sum(axis=1).astype(np.int32)
