"""Rows of the ledger on a decoder's caches: C7 on attention over them, by texts and at length.

They are read from tables that ``msdnum model smollm2`` and ``msdnum figures`` write.
"""

from collections.abc import Iterator
from functools import partial

import numpy as np

from msdnum._repository import FIGURES, present
from msdnum.experiments.tables import read
from msdnum.ledger.claims import Entry
from msdnum.ledger.findings import Evidence, Finding, Verdict, not_run
from msdnum.ledger.trial import Study
from msdnum.trials.msd.claims.decoder import judge_texts, larger_in

__all__ = ["AT_CONTEXTS", "OF_TEXTS", "c7_caches"]

OF_TEXTS = FIGURES / "msd" / "tables" / "decoder_attention.csv"
AT_CONTEXTS = FIGURES / "msd" / "tables" / "decoder_contexts.csv"
LOSES_TEXTS = {"MXFP4"}
"""Caches over which MSD is farther from float64 with the same codes than attention in BF16."""
LOSES_CONTEXTS = {("MXFP4", 4096)}
CONTEXTS = (512, 4096)


def c7_caches(study: Study) -> Iterator[Entry]:
    """Judge MSD beside attention in BF16 over each cache, on short texts and in long contexts."""
    for cache in ("INT8", "INT8 by token", "MXFP4"):
        yield Entry(
            "C7",
            f"next tokens of SmolLM2, {cache} KV, BF16",
            "ratio <= 1, or a tie",
            partial(_judge_texts, cache),
            expected=Verdict.FAILS if cache in LOSES_TEXTS else Verdict.HOLDS,
            subject=("caches", cache),
        )
    for cache in ("INT8", "MXFP4"):
        for context in CONTEXTS:
            yield Entry(
                "C7",
                f"SmolLM2, context of {context:,}, {cache} KV, BF16",
                "ratio <= 1",
                partial(_judge_context, cache, context),
                expected=Verdict.FAILS if (cache, context) in LOSES_CONTEXTS else Verdict.HOLDS,
                subject=("contexts", cache, str(context)),
            )


def _judge_texts(cache: str) -> Finding:
    """Compare divergences from float64 with the same codes, text by text."""
    try:
        _, records = read(present(OF_TEXTS))
    except FileNotFoundError as error:
        return not_run(error)
    ours, theirs = (
        np.array([float(row["quantized_divergence"]) for row in records
                  if (row["attention"], row["cache"]) == (way, cache)])
        for way in ("MSD", "BF16")
    )  # fmt: skip
    return judge_texts(
        ours,
        theirs,
        OF_TEXTS,
        f"mean KL divergence from float64, same codes, {ours.mean():.3g} nats, in BF16 "
        f"{theirs.mean():.3g}; larger in {larger_in(ours, theirs)}",
    )


def _judge_context(cache: str, context: int) -> Finding:
    """Compare what attention over a cache costs the last tokens of a context."""
    try:
        _, records = read(present(AT_CONTEXTS))
    except FileNotFoundError as error:
        return not_run(error)
    rows = {(r["attention"], r["cache"], int(r["context"])): r for r in records}
    ours, theirs, alone = (
        float(rows[way, cache, context]["divergence"]) for way in ("MSD", "BF16", "float32")
    )
    tokens = int(rows["MSD", cache, context]["tokens"])
    return Finding(
        Verdict.HOLDS if ours <= theirs else Verdict.FAILS,
        f"{ours / theirs:.3g}",
        ours / theirs,
        Evidence("sampled", tokens, f"tokens: figures/msd/tables/{AT_CONTEXTS.name}"),
        notes=(
            f"mean KL divergence from float32 without a cache: MSD {ours:.3g} nats, BF16 "
            f"{theirs:.3g}, float32 over the cache {alone:.3g}",
            "of one text, so that a few per cent say little",
        ),
    )
