"""Table of a decoder's caches by the length of the context, formats and what shares a scale."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass

from msdnum import _cache
from msdnum.experiments.experiment import Experiment
from msdnum.experiments.tables import Record
from msdnum.trials.msd.decoder.contexts import LAST, context_errors
from msdnum.trials.msd.decoder.runs import TextErrors

__all__ = ["CONTEXT_EXPERIMENTS"]

Case = tuple[str, str]


@dataclass(frozen=True)
class Contexts:
    """How long contexts are, and what is computed over which cache.

    Parameters
    ----------
    caches : tuple of str
        Over which attention is that of float32: what the cache alone costs.
    lengths : tuple of int
        Tokens of the contexts of these.
    emulated : tuple of (str, str)
        Other attentions, each with its cache.
    emulated_lengths : tuple of int
        Tokens of the contexts of those, which take many times as long.
    """

    caches: tuple[str, ...]
    lengths: tuple[int, ...]
    emulated: tuple[Case, ...]
    emulated_lengths: tuple[int, ...]


def decoder_contexts(parameters: Contexts, seed: int) -> Iterator[Record]:
    """Measure the last tokens of a text over quantized caches of all those before."""
    alone = [("float32", cached) for cached in parameters.caches]
    for length in sorted({*parameters.lengths, *parameters.emulated_lengths}):
        cases = [
            *(alone if length in parameters.lengths else ()),
            *(parameters.emulated if length in parameters.emulated_lengths else ()),
        ]
        for way, cached in cases:
            yield {
                "attention": way,
                "cache": cached,
                "context": length,
                "tokens": LAST,
                **asdict(_kept(way, cached, length)),
            }


def _kept(way: str, cached: str, length: int) -> TextErrors:
    """Return what a cache costs, from the user's cache where the same code has put it there."""
    name = f"context_{way}_{cached}_{length}".replace(" ", "-")
    kept = _cache.load(name)
    if kept is not None:
        return TextErrors(**json.loads(kept))
    found = context_errors(way, cached, length)
    _cache.store(name, json.dumps(asdict(found)))
    return found


CONTEXT_EXPERIMENTS = (
    Experiment(
        "decoder_contexts",
        "last tokens of long contexts of SmolLM2-135M-Instruct over quantized caches",
        Contexts(
            (
                "INT8", "INT8 by token", "INT8 by head", "MXFP4", "MXFP4 by token",
                "MXFP4 by channel", "MXFP4 by head",
            ),
            (512, 1024, 2048, 4096),
            (
                ("MSD", "INT8"), ("BF16", "INT8"), ("MSD", "MXFP4"), ("BF16", "MXFP4"),
                ("attention_int8_x2", "INT8"),
            ),
            (512, 4096),
        ),
        decoder_contexts,
        Contexts(("INT8",), (192,), (), ()),
    ),
)  # fmt: skip
"""Of MXFP4 without another name, blocks lie along what products sum over: channels of keys, tokens
of values."""
