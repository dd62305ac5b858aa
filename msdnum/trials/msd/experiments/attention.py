"""The experiment on attention: error and bound against the length of the sequence."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from msdnum.evidence.attentions import drawn
from msdnum.experiments.experiment import Experiment
from msdnum.experiments.tables import Record
from msdnum.trials.msd.heads import measured

__all__ = ["ATTENTION"]


@dataclass(frozen=True)
class AttentionLengths:
    """Inputs, caches, and lengths of the sequence; ``d`` is the width of a head."""

    inputs: tuple[str, ...]
    caches: tuple[str, ...]
    queries: int
    d: int
    lengths: tuple[int, ...]


def lengths(parameters: AttentionLengths, seed: int) -> Iterator[Record]:
    """Measure every method on every cache, for each family and length."""
    for name in parameters.inputs:
        for cache in parameters.caches:
            for n in parameters.lengths:
                shape = parameters.queries, n, parameters.d
                head = drawn(name, shape, np.random.default_rng([seed, *shape]), cache)
                for row in measured(head):
                    yield {"input": name, "cache": cache, "d": shape[-1], "length": n, **row}


CACHES, QUERIES, WIDTH = ("INT8", "INT8_TOKEN", "MXFP8", "MXFP4"), 8, 64
LENGTHS = tuple(2**i for i in range(7, 14))


def _of(name: str, family: str, words: str) -> Experiment[AttentionLengths]:
    return Experiment(
        name,
        f"attention over a quantized cache, {words}: errors and bounds against the length of the "
        "sequence",
        AttentionLengths((family,), CACHES, QUERIES, WIDTH, LENGTHS),
        lengths,
        AttentionLengths((family,), ("INT8", "MXFP4"), 2, 32, (48, 160)),
    )


ATTENTION = (
    _of("attention_length", "normal", "normal operands"),
    _of("attention_outliers", "outlier_channels", "channels with outliers"),
)
