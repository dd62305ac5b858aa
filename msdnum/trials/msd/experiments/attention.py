"""The experiment on attention: error and bound against the length of the sequence."""

from collections.abc import Iterator
from typing import Any, TypeAlias

import numpy as np

from msdnum.evidence.attentions import drawn
from msdnum.experiments.experiment import Experiment
from msdnum.experiments.tables import Record
from msdnum.trials.msd.heads import measured

__all__ = ["ATTENTION"]

Spec: TypeAlias = tuple[Any, ...]


def lengths(spec: Spec, seed: int) -> Iterator[Record]:
    """Measure every method on every cache, for each family and length."""
    families, caches, queries, width, sizes = spec
    for name in families:
        for cache in caches:
            for n in sizes:
                rng = np.random.default_rng([seed, queries, n, width])
                head = drawn(name, (queries, n, width), rng, cache)
                for row in measured(head):
                    yield {"input": name, "cache": cache, "d": width, "length": n, **row}


ATTENTION = Experiment(
    "attention_length",
    "attention over a quantized cache: errors and bounds against the length of the sequence",
    (
        ("normal", "outlier_channels"),
        ("INT8", "INT8_TOKEN", "MXFP8", "MXFP4"),
        8,
        64,
        tuple(2**i for i in range(7, 14)),
    ),
    lengths,
    (("normal",), ("INT8", "MXFP4"), 2, 32, (48, 160)),
)
