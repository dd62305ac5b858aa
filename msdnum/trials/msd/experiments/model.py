"""Tables of a whole model by every variant.

Cosine distances and rank correlations are from the published model and, in the columns that begin
with ``quantized_``, from float64 with the same quantization: see ``model.runs``.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from msdnum.evidence.products import Errors
from msdnum.experiments.experiment import Experiment
from msdnum.experiments.tables import Record
from msdnum.inputs.encoder import LAYERS, LINEARS
from msdnum.trials.msd.model.runs import (
    cosine_distances,
    own_reference,
    reference,
    run_variant,
    similarity_correlation,
)

__all__ = ["MODEL_EXPERIMENTS", "labels_of", "worst_of"]

if TYPE_CHECKING:
    from msdnum.trials.msd.model.linears import LinearVariant


Floats: TypeAlias = NDArray[np.float64]


def labels_of(name: str, variant: Any) -> dict[str, str]:
    """Return what a variant of linears and attention is made of."""
    return {
        "variant": name,
        "kind": variant.kind,
        "weight": variant.weight,
        "scheme": variant.scheme,
        "activation": variant.activation.name,
        "attention": variant.attention.name,
        "cache": variant.attention.cache,
    }


def _distances(found: Floats, expected: Floats, prefix: str) -> Record:
    """Return mean, its standard error, and the largest distance with its sentence (from 1)."""
    distances = cosine_distances(found, expected)
    return {
        f"{prefix}distance_mean": float(distances.mean()),
        f"{prefix}distance_error": float(distances.std(ddof=1) / len(distances) ** 0.5),
        f"{prefix}distance_max": float(distances.max()),
        f"{prefix}witness": int(distances.argmax()) + 1,
        f"{prefix}spearman": f"{similarity_correlation(found, expected):.7f}",
    }


def worst_of(products: Sequence[Errors], linears: Sequence[str]) -> Record:
    """Return the largest error with its bound and its linear, and the largest ratio of any entry.

    All are empty where no products are kept, bounds and ratios where there is no theorem.
    """
    if not products:
        return dict.fromkeys(("worst_linear", "normwise", "bound_normwise", "ratio"), "")
    worst = max(products, key=lambda found: found.normwise)
    bounds = {
        "bound_normwise": worst.bound_normwise,
        "ratio": max(found.ratio for found in products),
    }
    known = {name: "" if np.isnan(value) else value for name, value in bounds.items()}
    linear = linears[products.index(worst) % len(linears)]
    return {"worst_linear": linear, "normwise": worst.normwise, **known}


def _chosen(names: Sequence[str]) -> list["LinearVariant"]:
    """Return the variants of these names, or of groups of these names."""
    from msdnum.trials.msd.model.linears import GROUPS, LINEAR_VARIANTS

    return [LINEAR_VARIANTS[each] for name in names for each in GROUPS.get(name, (name,))]


@dataclass(frozen=True)
class Sentences:
    """How many sentences, and which variants by name or by the name of their group."""

    count: int
    names: tuple[str, ...]


def model_sentences(parameters: Sentences, seed: int) -> Iterator[Record]:
    """Measure the embeddings of variants."""
    from msdnum.trials.msd.model.attentions import FLOAT32
    from msdnum.trials.msd.model.linears import PUBLISHED

    count = parameters.count
    for variant in _chosen(parameters.names):
        found = run_variant(variant.name, count)
        published, own = reference(PUBLISHED, FLOAT32.cache, count), own_reference(variant, count)
        yield {
            **labels_of(variant.name, variant),
            "sentences": count,
            **_distances(found.embeddings, published.embeddings, ""),
            **_distances(found.embeddings, own.embeddings, "quantized_"),
            "quantized_state": found.states[-1],
            **worst_of(found.products, list(LINEARS)),
        }


def model_layers(parameters: Sentences, seed: int) -> Iterator[Record]:
    """Measure what every layer of variants leaves, and its worst product."""
    for variant in _chosen(parameters.names):
        found = run_variant(variant.name, parameters.count)
        for layer in range(LAYERS):
            part = slice(layer * len(LINEARS), (layer + 1) * len(LINEARS))
            yield {
                **labels_of(variant.name, variant),
                "sentences": parameters.count,
                "layer": layer,
                "quantized_state": found.states[layer],
                **worst_of(found.products[part], list(LINEARS)),
            }


_LINEARS, _QUICK = Sentences(240, ("linears",)), Sentences(16, ("FLOAT32, float32, BINARY32",))


MODEL_EXPERIMENTS = (
    Experiment(
        "model_sentences",
        "sentence embeddings of all-MiniLM-L6-v2, its linears computed by every variant",
        _LINEARS,
        model_sentences,
        _QUICK,
    ),
    Experiment(
        "model_layers",
        "what each layer of all-MiniLM-L6-v2 leaves, its linears computed by every variant",
        _LINEARS,
        model_layers,
        _QUICK,
    ),
    Experiment(
        "model_attention",
        "sentence embeddings of all-MiniLM-L6-v2, its attentions computed by every variant",
        Sentences(60, ("attentions",)),
        model_sentences,
        _QUICK,
    ),
)
"""The first two tables come from the same runs, which are kept."""


TABLES, LOOK = Path("figures/msd/tables"), Path("build/figures/msd/tables")
