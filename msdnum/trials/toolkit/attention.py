"""Rows on theorem attention: outputs beside their bound, and where it is nearly met."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache, partial
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from msdnum.emulator.attention.flash import attend
from msdnum.emulator.attention.kv_cache import KV_FORMATS
from msdnum.emulator.attention.methods import WeightRange
from msdnum.emulator.decompositions import decompose_terms
from msdnum.evidence.attention_bounds import attention_bound
from msdnum.evidence.attentions import (
    DECOMPOSING,
    DEQUANTIZING,
    HEAD_FAMILIES,
    AttentionOperands,
    Head,
    as_it_is,
    attention_errors,
    drawn,
)
from msdnum.evidence.score_bounds import ExactAttention
from msdnum.formats.schemes import MXFP4_X2
from msdnum.ledger.claims import Entry
from msdnum.ledger.findings import Evidence, Finding, Verdict, not_run
from msdnum.ledger.trial import Study

__all__ = ["attention_bounds", "worst_remainders"]

SHAPE = (2, 160, 64)

Methods: TypeAlias = dict[str, Callable[[Head], AttentionOperands]]

METHODS: Methods = {
    "MSD": lambda head: as_it_is(head, DECOMPOSING[head.format]),
    "MSD, row max": lambda head: as_it_is(
        head, replace(DECOMPOSING[head.format], range=WeightRange.AMAX)
    ),
}


@cache
def _head(cache_name: str, name: str, seed: int) -> Head:
    return drawn(name, SHAPE, np.random.default_rng([seed, *SHAPE]), cache_name)


def attention_bounds(study: Study) -> Iterator[Entry]:
    """Judge the bound on MSD, on each baseline, and where it is nearly met."""
    for convention, judge in (
        ("attention, MSD over each cache", partial(_bounds_hold, METHODS, study.seed)),
        ("attention, each baseline", partial(_bounds_hold, DEQUANTIZING, study.seed)),
        ("attention, worst remainders", worst_remainders),
    ):
        promise = "theorem attention"
        yield Entry("bounds", convention, promise, judge, "attention", on_paper=True)


def _bounds_hold(methods: Methods, seed: int) -> Finding:
    """Compare every output of these methods, over each cache, with its bound."""
    try:
        found = [
            (
                attention_errors(_head(cache_name, name, seed), operands).ratio,
                f"{method}, {cache_name}, {name}",
            )
            for cache_name in KV_FORMATS
            for name in HEAD_FAMILIES
            for method, operands in methods.items()
        ]
    except ModuleNotFoundError as error:
        return not_run(error)
    ratio, worst = max(found)
    outputs = len(found) * SHAPE[0] * SHAPE[2]
    return _ratio(ratio, Evidence("sampled", outputs, f"outputs, {SHAPE[1]} keys", seed), worst)


def worst_remainders() -> Finding:
    """Attend to two keys that take all that the decomposition of a query leaves, one each way.

    The query is 1, then 41/64 and 39/64 in turn, in four blocks of 32: MXFP4 x2 leaves 1/64 of
    alpha everywhere but in the first, of either sign. Values are 1 and -1.
    """
    query: NDArray[np.float32] = np.tile(np.array([41 / 64, 39 / 64], np.float32), 64)
    query[1:] = query[:-1]
    query[::32] = 1
    terms = decompose_terms(query[np.newaxis], MXFP4_X2)
    left = np.sign(query - sum(term.dequantize()[0] for term in terms))
    keys = np.stack([left, -left])
    keys[:, ::32] = [[-0.5, 0, 0.5, -4], [0.5, 1.5, 0.5, 3]]
    cached = KV_FORMATS["MXFP4"]
    k, v = cached.keys(keys), cached.values(np.array([[1], [-1]], np.float32))
    given = ExactAttention(query[np.newaxis], keys.astype(np.float64), np.array([[1.0], [-1.0]]))
    error = np.abs(attend(given.queries, k, v, DECOMPOSING["MXFP4"]) - given.weights @ given.values)
    ratio = float((error / attention_bound(given, k, v, DECOMPOSING["MXFP4"])).max())
    return _ratio(ratio, Evidence("known case", 1, "output, 2 keys"), "keys along the remainders")


def _ratio(ratio: float, evidence: Evidence, note: str) -> Finding:
    verdict = Verdict.HOLDS if ratio <= 1 else Verdict.FAILS
    return Finding(verdict, f"{ratio:.3g} of it", ratio, evidence, notes=(note,))
