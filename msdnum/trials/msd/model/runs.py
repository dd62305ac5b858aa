"""A whole model run by one variant: its sentence embeddings, layers and products.

Two runs in float64 stand beside it: that of the published model, and that with the same quantized
weights, keys and values, beside which only the variant's arithmetic is left. Keys and values are
quantized as they come, so that codes may differ from those of float64: the variants called float32
show how much that is. A bound is known for each product, given its activations as rounded; across
layers none is claimed.
"""

from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from msdnum import errors
from msdnum.evidence.product_bounds import exact_values
from msdnum.evidence.products import Errors, Product, ProductResult, errors_of
from msdnum.inputs.minilm_checkpoint import sentences, tokenize

if TYPE_CHECKING:
    from msdnum.inputs.jax_encoder import Batch
    from msdnum.trials.msd.model.linears import LinearVariant

__all__ = [
    "SENTENCES", "ModelRun", "Reference", "cosine_distances", "own_reference", "product_errors",
    "reference", "run_variant", "similarity_correlation",
]  # fmt: skip

Floats: TypeAlias = NDArray[np.float64]

SENTENCES = "graded_sentences.txt"
"""In fours: a sentence, the same in other words, one of its field, its words in another sense."""
TOKENS = 16
"""How many tokens, evenly spaced, products are compared with exact ones on."""


# Measures


def cosine_distances(x: Floats, y: Floats) -> Floats:
    """Return ``1 - cosine`` of rows of length 1, from their difference: no cancellation."""
    distances: Floats = ((x - y) ** 2).sum(axis=1) / 2
    return distances


def similarity_correlation(x: Floats, y: Floats) -> float:
    """Return Spearman's rank correlation of the similarities of all pairs of rows."""
    return float(np.corrcoef(_ranks(_similarities(x)), _ranks(_similarities(y)))[0, 1])


def _similarities(embeddings: Floats) -> Floats:
    similarities: Floats = (embeddings @ embeddings.T)[np.triu_indices(len(embeddings), 1)]
    return similarities


def _ranks(x: Floats) -> Floats:
    """Return the rank of each number; equal ones share the mean of theirs."""
    _, inverse, counts = np.unique(x, return_inverse=True, return_counts=True)
    ranks: Floats = (counts.cumsum() - (counts - 1) / 2)[inverse]
    return ranks


# Runs


@dataclass(frozen=True, eq=False)
class ModelRun:
    """What a variant gave.

    Parameters
    ----------
    embeddings : ndarray of float64, (sentences, 384)
        Of length 1 to binary64.
    states : list of float
        Relative L2 error of what each layer left, beside float64 with the same quantization.
    products : list of Errors
        Of each linear in the order of use, on some tokens, against the exact product of the
        activations as rounded; bounds and ratio are NaN where there is no theorem.
    """

    embeddings: Floats
    states: list[float]
    products: list[Errors]


@dataclass(frozen=True, eq=False)
class Reference:
    """A run in float64.

    Parameters
    ----------
    embeddings : ndarray of float64, (sentences, 384)
        Of length 1.
    states : list of ndarray of float64, (tokens, 384)
        What each layer left.
    """

    embeddings: Floats
    states: list[Floats]


@cache
def _batch(count: int) -> "Batch":
    from msdnum.inputs import jax_encoder

    return jax_encoder.pack(tokenize(sentences(SENTENCES)[:count]))


def _normalized(x: Any) -> Floats:
    wide = np.asarray(x, np.float64)
    unit: Floats = wide / np.linalg.norm(wide, axis=1, keepdims=True)
    return unit


@cache
def reference(weight: str, cache: str, count: int) -> Reference:
    """Run the first sentences in float64, with what weights, keys and values stand for.

    Keys and values are rounded to binary32 before and after they are quantized.
    """
    import jax

    from msdnum.inputs import jax_encoder
    from msdnum.trials.msd.model import linears
    from msdnum.trials.msd.model.attentions import OVER

    attention = OVER["float32", cache].compute
    with jax.enable_x64(True):
        weights = linears.wide(weight)
        states = list(jax_encoder.states(_batch(count), weights, attention=attention))[1:]
        embeddings = jax_encoder.pooled(_batch(count), states[-1])
        return Reference(_normalized(embeddings), [np.asarray(x) for x in states])


@cache
def run_variant(name: str, count: int) -> ModelRun:
    """Run the first sentences with a variant."""
    import jax

    from msdnum.inputs import jax_encoder
    from msdnum.trials.msd.model import linears

    variant = linears.LINEAR_VARIANTS[name]
    weights = linears.quantized(variant.weight)
    kept = np.linspace(0, len(_batch(count).ids) - 1, TOKENS).astype(int)
    products: list[Errors] = []

    def linear(x: Any, weight: Any) -> Any:
        original, form = weight
        product = variant.linear(x, form)
        given, found = np.asarray(x)[kept], np.asarray(product)[kept]
        products.append(product_errors(variant, given, original, _numbers(original), found))
        return product

    # Exact INT8 digits need binary64.
    with jax.enable_x64(True):
        both = jax_encoder.replaced(weights, lambda w: (w, variant.form(w)))
        states = list(jax_encoder.states(_batch(count), both, linear, variant.attention.compute))[
            1:
        ]
        embeddings = jax_encoder.pooled(_batch(count), states[-1])
    pairs = zip(own_reference(variant, count).states, states, strict=True)
    return ModelRun(
        _normalized(embeddings), [errors.relative_l2(*pair) for pair in pairs], products
    )


def own_reference(variant: "LinearVariant", count: int) -> Reference:
    """Return the run in float64 with the variant's own codes."""
    return reference(variant.weight, variant.attention.cache, count)


def product_errors(
    variant: "LinearVariant", x: Any, weight: Any, values: Floats, found: NDArray[np.float32]
) -> Errors:
    """Compare a product, in place of what NumPy would give for it, with the exact one.

    Parameters
    ----------
    variant : LinearVariant
        What computed it; it rounds the activations first.
    x : Array of float32, (tokens, inputs)
        Activations, not yet rounded.
    weight : ndarray or quantized array
        Weight, as the variant takes it.
    values : ndarray of float64, (inputs, outputs)
        Numbers of the weight.
    found : ndarray of float32, (tokens, outputs)
        Product as the variant computed it.
    """
    from msdnum.trials.msd.model.linears import in_format

    rounded = np.asarray(in_format(x, variant.activation)).astype(np.float32)
    wide = rounded.astype(np.float64)
    magnitude = np.abs(wide) @ np.abs(values)
    given = Product(rounded, weight, values, wide @ values, magnitude, found)
    if variant.bound is None:
        return errors_of(given, ProductResult(found, np.full_like(magnitude, np.nan)))
    result = variant.bound(given, variant.accumulator)
    # The sums in binary64 beside which it is put are off by at most k roundings.
    slack = len(values) * 2.0**-53 * magnitude
    return errors_of(given, replace(result, product=found, bound=result.bound + slack))


def _numbers(weight: Any) -> Floats:
    if isinstance(weight, np.ndarray):
        return weight.astype(np.float64)
    values: Floats = exact_values(weight)
    return values
