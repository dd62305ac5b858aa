"""A decoder run by one variant: next-token distributions, layers and products.

Two runs in float64 stand beside it: that of the weights as shipped, and that with the variant's own
weights, beside which only the arithmetic is left. The head, a product with the embedding, is that
of float32 in every run; softmax is in float64. A bound is known for each product, given its
activations as rounded; across layers none is claimed.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from msdnum import _cache, errors
from msdnum.evidence.products import Errors
from msdnum.inputs.smollm2_checkpoint import (
    DecoderSettings,
    decoder_paragraphs,
    decoder_settings,
    decoder_tokenizer,
    smollm2,
)
from msdnum.trials.msd.decoder.weights import (
    PUBLISHED_NUMBERS,
    SHIPPED,
    exact_numbers,
    layer_weights,
)
from msdnum.trials.msd.model.runs import product_errors

__all__ = [
    "DecoderReference", "DecoderRun", "TextErrors", "decoder_logits", "decoder_shape",
    "linear_inputs", "run_decoder",
    "text_errors", "token_ids",
]  # fmt: skip

Floats: TypeAlias = NDArray[np.float64]

KEPT = 4
"""How many tokens, evenly spaced, products are compared with exact ones on."""
END_OF_TEXT = 0
"""The token that samples begin after."""


# Texts


Texts: TypeAlias = tuple[int, int, int, int]
"""How many paragraphs, how many samples, how many tokens of each, and the seed of the samples."""


@cache
def token_ids(texts: Texts) -> NDArray[np.int32]:
    """Return the tokens of texts, (texts, tokens).

    Paragraphs, of which the beginnings are taken, were written for this package. Samples are what
    the model goes on with after the end of a text, in float32.

    Raises
    ------
    ValueError
        If there are fewer paragraphs, or one is shorter.
    """
    paragraphs, samples, tokens, seed = texts
    tokenizer = decoder_tokenizer(smollm2())
    found = [tokenizer.encode(text).ids[:tokens] for text in decoder_paragraphs()[:paragraphs]]
    if min(map(len, found)) < tokens or len(found) < paragraphs:
        raise ValueError(
            f"texts must be at most {len(decoder_paragraphs())} paragraphs, whose tokens are at "
            f"least {min(map(len, found))}, got {paragraphs} of {tokens}"
        )
    written = np.array(found, np.int32)
    return np.concatenate([written, _sampled(samples, tokens, seed)]) if samples else written


def _sampled(texts: int, tokens: int, seed: int) -> NDArray[np.int32]:
    from msdnum.inputs import jax_decoder

    name = f"decoder_samples_{texts}_{tokens}_{seed}"
    kept = _cache.load(name)
    if kept is not None:
        return np.array(json.loads(kept), np.int32)
    prompts = np.full((texts, 1), END_OF_TEXT, np.int32)
    weights = jax_decoder.decoder_weights(smollm2())
    found = jax_decoder.generate(prompts, weights, decoder_shape(), tokens, seed)
    _cache.store(name, json.dumps(found.tolist()))
    return np.asarray(found, np.int32)


@cache
def decoder_shape() -> DecoderSettings:
    """Return what the file says of the decoder."""
    return decoder_settings(smollm2())


# Measures


@dataclass(frozen=True)
class TextErrors:
    """What differs between two next-token distributions at every position of a text.

    Parameters
    ----------
    divergence : float
        Mean Kullback-Leibler divergence from the expected distribution, in nats.
    divergence_max : float
        The largest of any position.
    agreement : float
        Share of positions with the same most likely token.
    likelihood : float
        Mean negative log-likelihood of the text's next tokens less the expected one, in nats.
    """

    divergence: float
    divergence_max: float
    agreement: float
    likelihood: float


def text_errors(expected: Floats, found: Floats, ids: NDArray[np.int32]) -> TextErrors:
    """Compare logits, (tokens, vocabulary), at every position of a text with these tokens.

    Examples
    --------
    >>> from msdnum.trials.msd.decoder.runs import text_errors
    >>> expected, found = np.log([[0.5, 0.5], [0.25, 0.75]]), np.log([[0.25, 0.75], [0.25, 0.75]])
    >>> errors = text_errors(expected, found, np.int32([0, 1]))
    >>> round(errors.divergence_max, 4), errors.agreement, round(errors.likelihood, 4)
    (0.1438, 0.5, -0.4055)
    """
    expected_log, found_log = _log_softmax(expected), _log_softmax(found)
    each = (np.exp(expected_log) * (expected_log - found_log)).sum(axis=1)
    places = np.arange(len(ids) - 1), ids[1:]
    return TextErrors(
        float(each.mean()),
        float(each.max()),
        float((expected.argmax(axis=1) == found.argmax(axis=1)).mean()),
        float((expected_log[places] - found_log[places]).mean()),
    )


def _log_softmax(logits: Floats) -> Floats:
    shifted = logits - logits.max(axis=1, keepdims=True)
    result: Floats = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return result


# Runs


@dataclass(frozen=True, eq=False)
class DecoderReference:
    """A run in float64.

    Parameters
    ----------
    final : ndarray of float64, (texts, tokens, width)
        What the head multiplies.
    states : ndarray of float64, (layers, texts, tokens, width)
        What each layer left.
    """

    final: Floats
    states: Floats


@dataclass(frozen=True, eq=False)
class DecoderRun:
    """What a variant gave.

    Parameters
    ----------
    published, own : list of TextErrors
        Of each text, beside float64 with the weights as shipped, and with the variant's own.
    states : list of float
        Relative L2 error of what each layer left, beside float64 with the same weights.
    products : dict
        Of each layer, and of none where attentions vary, the errors of its linears in the order of
        use, on some tokens, against the exact product of the activations as rounded; bounds and
        ratio are NaN where there is no theorem.
    """

    published: list[TextErrors]
    own: list[TextErrors]
    states: list[float]
    products: dict[int, list[Errors]]


@lru_cache(maxsize=3)
def _reference(weight: str, cached: str, texts: Texts) -> DecoderReference:
    """Run texts in float64, with what weights, keys and values stand for.

    Keys and values are rounded to binary32 before they are quantized.
    """
    import jax

    from msdnum.inputs import jax_encoder
    from msdnum.trials.msd.decoder.attentions import CAUSAL

    ways = jax_encoder.multiply, CAUSAL["float32", cached].compute
    with jax.enable_x64(True):
        final, states = _states(texts, layer_weights(weight), exact_numbers, ways, np.float64)
        return DecoderReference(final, states)


def _states(
    texts: Texts, weights: dict[str, list[Any]], form: Any, ways: Any, dtype: Any, seen: Any = None
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return what the head multiplies, and what each layer left.

    Layer by layer and not compiled as a whole: the compilation would take longer than the run, and
    kernels of NumPy could not be in it. ``form`` makes of a weight what the linear takes, ``ways``
    are the linear and the attention, and ``seen(layer, x, product)`` sees every product, in order.
    """
    import jax.numpy as jnp

    from msdnum.inputs import jax_decoder

    stored, settings, ids = (
        jax_decoder.decoder_weights(smollm2()),
        decoder_shape(),
        token_ids(texts),
    )
    others = {name: x for name, x in stored["layers"].items() if name not in weights}
    shape = (len(ids), settings.shared_heads, ids.shape[1], settings.head_width)
    empty, before = jnp.zeros(shape, dtype), jnp.int32(0)
    x, states = jnp.asarray(stored["embedding"][ids], dtype), []
    for layer in range(settings.layers):

        def linear(given: Any, weight: Any, layer: int = layer) -> Any:
            product = ways[0](given, weight)
            if seen is not None:
                seen(layer, given, product)
            return product

        here = {name: form(forms[layer]) for name, forms in weights.items()}
        here |= {name: jnp.asarray(x[layer], dtype) for name, x in others.items()}
        x, _, _ = jax_decoder.decoder_layer(
            x, here, empty, empty, before, settings, linear, ways[1]
        )
        states.append(np.asarray(x))
    norm = jnp.asarray(stored["norm"], dtype)
    return np.asarray(jax_decoder.normalized(x, norm, settings)), np.stack(states)


def decoder_logits(final: Any) -> Floats:
    """Return the logits of a text by the head in float32, (tokens, vocabulary), as float64."""
    from msdnum.inputs import jax_decoder

    embedding = jax_decoder.decoder_weights(smollm2())["embedding"]
    found = jax_decoder.head(np.asarray(final, np.float32), embedding)
    return np.asarray(found).astype(np.float64)


def run_decoder(name: str, texts: Texts) -> DecoderRun:
    """Run texts with a variant of ``DECODER_VARIANTS``.

    Parameters
    ----------
    name : str
        Of the variant.
    texts : tuple of int
        Paragraphs, samples, tokens of each, and the seed of the samples.

    Returns
    -------
    DecoderRun
    """
    import jax

    from msdnum.trials.msd.decoder.variants import DECODER_VARIANTS

    variant = DECODER_VARIANTS[name]
    weights = layer_weights(variant.weight)
    kept = np.linspace(0, token_ids(texts).size - 1, KEPT).astype(int)
    own = variant.weight, variant.attention.cache, texts
    products: dict[int, list[Errors]] = {}

    def seen(layer: int, x: Any, product: Any) -> None:
        if own[1] == "float32":
            found = products.setdefault(layer, [])
            weight = list(weights.values())[len(found)][layer]
            given, made = np.asarray(x)[kept], np.asarray(product)[kept]
            found.append(product_errors(variant, given, weight, exact_numbers(weight), made))

    # Exact INT8 digits need binary64.
    with jax.enable_x64(True):
        ways = variant.linear, variant.attention.compute
        final, states = _states(texts, weights, variant.form, ways, np.float32, seen)
    published, expected = _reference(SHIPPED, "float32", texts), _reference(*own)
    return DecoderRun(
        list(_compared(published.final, final, token_ids(texts))),
        list(_compared(expected.final, final, token_ids(texts))),
        [errors.relative_l2(*pair) for pair in zip(expected.states, states, strict=True)],
        products,
    )


def linear_inputs(texts: Texts) -> list[NDArray[np.float32]]:
    """Return what each linear is given in float32: (layers, texts * tokens, inputs), in order."""
    from msdnum.inputs import jax_encoder
    from msdnum.trials.msd.decoder.attentions import CAUSAL_FLOAT32

    given: dict[int, list[NDArray[np.float32]]] = {}

    def seen(layer: int, x: Any, product: Any) -> None:
        given.setdefault(layer, []).append(np.asarray(x))

    ways = jax_encoder.multiply, CAUSAL_FLOAT32.compute
    _states(texts, layer_weights(PUBLISHED_NUMBERS), np.asarray, ways, np.float32, seen)
    return [np.stack(inputs) for inputs in zip(*given.values(), strict=True)]


def _compared(expected: Any, found: Any, ids: Any) -> Iterator[TextErrors]:
    """Compare text by text: the logits of all of them at once would fill the memory."""
    for right, given, tokens in zip(expected, found, ids, strict=True):
        yield text_errors(decoder_logits(right), decoder_logits(given), tokens)
