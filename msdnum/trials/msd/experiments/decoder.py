"""Tables of a whole decoder by every variant, text by text, layer by layer, and of its outliers.

Columns that begin with ``quantized_`` are beside float64 with the same weights, keys and values,
the others beside float64 with the weights as shipped: see ``decoder.runs``.
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from msdnum import _cache
from msdnum.evidence.products import Errors
from msdnum.experiments.experiment import Experiment
from msdnum.experiments.tables import Record
from msdnum.trials.msd.decoder.outliers import input_outliers
from msdnum.trials.msd.decoder.runs import DecoderRun, TextErrors, run_decoder
from msdnum.trials.msd.experiments.model import labels_of, worst_of

__all__ = ["DECODER_EXPERIMENTS"]


@dataclass(frozen=True)
class Texts:
    """How many paragraphs that were written, samples that the model drew, and tokens of each."""

    paragraphs: int
    samples: int
    tokens: int


@dataclass(frozen=True)
class VariantTexts(Texts):
    """Texts, and which variants by name or by the name of their group."""

    names: tuple[str, ...]


def _chosen(names: Sequence[str]) -> dict[str, Any]:
    """Return the variants of these names, or of groups of these names."""
    from msdnum.trials.msd.decoder.variants import DECODER_GROUPS, DECODER_VARIANTS

    lists = (DECODER_GROUPS.get(n, {n: DECODER_VARIANTS[n]} if n in DECODER_VARIANTS else {})
             for n in names)  # fmt: skip
    return {name: variant for members in lists for name, variant in members.items()}


def kept_run(name: str, texts: tuple[int, int, int, int]) -> DecoderRun:
    """Return what a variant gives, from the user's cache where the same code has put it there."""
    key = hashlib.sha256(repr((name, texts)).encode()).hexdigest()[:24]
    kept = _cache.load(f"decoder_{key}")
    if kept is not None:
        return _restored(json.loads(kept))
    found = run_decoder(name, texts)
    _cache.store(f"decoder_{key}", json.dumps(asdict(found)))
    return found


def _restored(kept: dict[str, Any]) -> DecoderRun:
    published, own = ([TextErrors(**each) for each in kept[k]] for k in ("published", "own"))
    products = {
        int(layer): [Errors(**each) for each in found] for layer, found in kept["products"].items()
    }
    return DecoderRun(published, own, kept["states"], products)


def decoder_texts(parameters: VariantTexts, seed: int) -> Iterator[Record]:
    """Measure the next-token distributions of variants on every text."""
    paragraphs = parameters.paragraphs
    for name, variant in _chosen(parameters.names).items():
        found = kept_run(name, _drawn(parameters, seed))
        for place, (published, own) in enumerate(zip(found.published, found.own, strict=True)):
            written = place < paragraphs
            yield {
                **labels_of(name, variant),
                "text": "paragraph" if written else "sample",
                "number": 1 + (place if written else place - paragraphs),
                "tokens": parameters.tokens,
                **asdict(published),
                **{f"quantized_{key}": value for key, value in asdict(own).items()},
            }


def decoder_layers(parameters: VariantTexts, seed: int) -> Iterator[Record]:
    """Measure what every layer of variants leaves, and its worst product where they are kept."""
    from msdnum.inputs.jax_decoder import DECODER_LINEARS

    tokens = (parameters.paragraphs + parameters.samples) * parameters.tokens
    for name, variant in _chosen(parameters.names).items():
        found = kept_run(name, _drawn(parameters, seed))
        for layer, state in enumerate(found.states):
            yield {
                **labels_of(name, variant),
                "tokens": tokens,
                "layer": layer,
                "quantized_state": state,
                **worst_of(found.products.get(layer, []), list(DECODER_LINEARS)),
            }


def decoder_outliers(parameters: Texts, seed: int) -> Iterator[Record]:
    """Measure the activations that the linears of every layer are given."""
    yield from input_outliers(_drawn(parameters, seed))


def _drawn(texts: Texts, seed: int) -> tuple[int, int, int, int]:
    """Return which texts: a key under which runs are kept."""
    return texts.paragraphs, texts.samples, texts.tokens, seed


_QUICK = VariantTexts(2, 1, 12, ("Q4_1, float32, BINARY32",))
OF = "SmolLM2-135M-Instruct"

DECODER_EXPERIMENTS = (
    Experiment(
        "decoder_linears",
        f"next-token distributions of {OF}, its linears computed by every variant",
        VariantTexts(8, 8, 32, ("linears",)),
        decoder_texts,
        _QUICK,
    ),
    Experiment(
        "decoder_layers",
        f"what each layer of {OF} leaves on 3,072 tokens, its linears computed by some variants",
        VariantTexts(8, 16, 128, ("at-length",)),
        decoder_layers,
        _QUICK,
    ),
    Experiment(
        "decoder_lengthy",
        f"next-token distributions of {OF} on 3,072 tokens, its linears computed by some variants",
        VariantTexts(8, 16, 128, ("at-length",)),
        decoder_texts,
        _QUICK,
    ),
    Experiment(
        "decoder_attention",
        f"next-token distributions of {OF}, its attentions over quantized keys and values",
        VariantTexts(8, 8, 32, ("attentions",)),
        decoder_texts,
        _QUICK,
    ),
    Experiment(
        "decoder_outliers",
        f"activations that the linears of {OF} are given, and what schemes lose of them",
        Texts(4, 4, 32),
        decoder_outliers,
        Texts(1, 0, 8),
    ),
)
"""The second and the third table come from the same runs, which are kept."""
