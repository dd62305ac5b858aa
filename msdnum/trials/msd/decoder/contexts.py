"""Caches of a decoder by the length of its context: the last tokens of a text after many others.

All tokens but the last are run in float32, and their keys and values quantized as a cache would be;
the last are run over that cache. What differs from float32 is measured on them alone.
"""

from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from msdnum.inputs.minilm_checkpoint import sentences
from msdnum.inputs.smollm2_checkpoint import decoder_paragraphs, decoder_tokenizer, smollm2
from msdnum.trials.msd.decoder.runs import TextErrors, decoder_logits, decoder_shape, text_errors

__all__ = ["LAST", "context_errors", "context_tokens"]

Array: TypeAlias = Any
Layer: TypeAlias = dict[str, Array]

LAST = 128
"""Tokens that are run over the quantized cache."""
CHUNK = 512
"""Tokens that are run at once in float32."""


@cache
def _text() -> NDArray[np.int32]:
    """Return the tokens of all texts that were written for this package, paragraphs last."""
    parts = [*sentences("sentences.txt"), *sentences("graded_sentences.txt")]
    text = "\n".join([*parts, "\n\n".join(decoder_paragraphs())])
    return np.array(decoder_tokenizer(smollm2()).encode(text).ids, np.int32)


def context_tokens(length: int) -> NDArray[np.int32]:
    """Return the last tokens of the text, (1, length): more of them are more context.

    Raises
    ------
    ValueError
        If there are fewer, or none before those that are measured.
    """
    if not LAST < length <= len(_text()):
        raise ValueError(f"length must be in {LAST + 1}..{len(_text())}, got {length}")
    return _text()[None, -length:]


@dataclass(frozen=True, eq=False)
class Context:
    """What float32 makes of a text.

    Parameters
    ----------
    keys, values : list of Array, (1, shared heads, length, width)
        Of each layer.
    final : ndarray of float32, (LAST, width)
        What the head multiplies.
    """

    keys: list[Array]
    values: list[Array]
    final: NDArray[np.float32]


@cache
def _layers() -> list[Layer]:
    """Return the weights of each layer as the published numbers."""
    import jax.numpy as jnp

    from msdnum.inputs.jax_decoder import decoder_weights

    stored = decoder_weights(smollm2())["layers"]
    count = decoder_shape().layers
    return [{name: jnp.asarray(x[layer]) for name, x in stored.items()} for layer in range(count)]


def _over(
    ids: NDArray[np.int32], keys: list[Array], values: list[Array], before: int, attention: Any
) -> NDArray[np.float32]:
    """Run tokens over a cache, which is changed, and return what the head multiplies."""
    import jax.numpy as jnp

    from msdnum.inputs import jax_decoder, jax_encoder

    stored, settings = jax_decoder.decoder_weights(smollm2()), decoder_shape()
    x = jnp.asarray(stored["embedding"][ids])
    for layer, weights in enumerate(_layers()):
        x, keys[layer], values[layer] = jax_decoder.decoder_layer(
            x, weights, keys[layer], values[layer], jnp.int32(before), settings,
            jax_encoder.multiply, attention,
        )  # fmt: skip
    final: NDArray[np.float32] = np.asarray(
        jax_decoder.normalized(x, jnp.asarray(stored["norm"]), settings)
    )
    alone: NDArray[np.float32] = final[0]
    return alone


@lru_cache(maxsize=1)
def _context(length: int) -> Context:
    import jax.numpy as jnp

    from msdnum.inputs.jax_decoder import attend_causally

    ids, settings = context_tokens(length), decoder_shape()
    shape = (1, settings.shared_heads, length, settings.head_width)
    keys, values = ([jnp.zeros(shape, jnp.float32)] * settings.layers for _ in range(2))
    starts = [*range(0, length - LAST, CHUNK), length - LAST]
    final = np.zeros(0, np.float32)
    for start, stop in zip(starts, [*starts[1:], length], strict=True):
        final = _over(ids[:, start:stop], keys, values, start, attend_causally)
    return Context(keys, values, final)


def context_errors(way: str, cached: str, length: int) -> TextErrors:
    """Run the last tokens of a context with an attention of ``attentions.CAUSAL``.

    Parameters
    ----------
    way, cached : str
        Names of the attention and of its cache.
    length : int
        Of the context, the last tokens among it.

    Returns
    -------
    TextErrors
        Beside float32 over keys and values that are not quantized.
    """
    import jax

    from msdnum.trials.msd.decoder.attentions import CAUSAL

    given, ids = _context(length), context_tokens(length)[:, -LAST:]
    # Exact INT8 digits need binary64.
    with jax.enable_x64(True):
        keys, values = list(given.keys), list(given.values)
        found = _over(ids, keys, values, length - LAST, CAUSAL[way, cached].compute)
    return text_errors(decoder_logits(given.final), decoder_logits(found), ids[0])
