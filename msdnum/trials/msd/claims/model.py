"""Rows of the ledger on a whole model: C7 and C8 on the sentence embeddings of MiniLM.

They are read from the tables that ``msdnum model`` writes, minutes of work, and not computed anew.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

from msdnum._repository import FIGURES, present
from msdnum.experiments.tables import read
from msdnum.ledger.claims import Entry
from msdnum.ledger.findings import Evidence, Finding, Verdict, not_run
from msdnum.ledger.trial import Study
from msdnum.trials.msd.baselines import BASELINES, MX_WEIGHTS
from msdnum.trials.msd.comparisons import MSD_SCHEMES

__all__ = ["MEASURED", "ModelRow", "c7_model", "judge_layers", "model_quality"]

MEASURED = FIGURES / "msd" / "tables"
WEIGHTS = ("INT8", "INT4", "MXFP4", "MXFP8")
CACHES = ("INT8", "INT8_TOKEN", "MXFP8", "MXFP4")
RANKS = 0.999

LOSES = {
    *(("linears", weight, "float32") for weight in WEIGHTS),
    *(("attention", cache, "float32") for cache in CACHES),
    ("linears", "MXFP4", "weight in BF16"),
    ("linears", "MXFP4", "MXFP8 ceil"),
    ("attention", "MXFP4", "BF16"),
}
"""Where MSD's embeddings are farther off: what is computed, its quantization, the baseline."""
REORDERS = {"MXFP4"}
"""Weights by which MSD changes the ranks of similarities by more than ``RANKS`` allows."""


@dataclass(frozen=True)
class ModelRow:
    """What the ledger needs of a row of the table.

    Parameters
    ----------
    distance, error : float
        Mean cosine distance from float64 with the same quantization, and its standard error.
    largest : float
        The largest such distance.
    witness : str
        The sentence it belongs to, counted from 1.
    ranks, ranks_published : float
        Rank correlation with the similarities of that float64, and of the published model.
    ratio : float
        Of the worst product of any linear to its bound; NaN where there is none.
    sentences : int
        Number of sentences.
    """

    distance: float
    error: float
    largest: float
    witness: str
    ranks: float
    ranks_published: float
    ratio: float
    sentences: int

    @classmethod
    def of(cls, record: dict[str, str]) -> "ModelRow":
        """Read a record."""
        return cls(
            float(record["quantized_distance_mean"]),
            float(record["quantized_distance_error"]),
            float(record["quantized_distance_max"]),
            record["quantized_witness"],
            float(record["quantized_spearman"]),
            float(record["spearman"]),
            float(record["ratio"] or "nan"),
            int(record["sentences"]),
        )

    def exceeds(self, other: "ModelRow") -> bool:
        """Return whether the distance is larger by more than two standard errors."""
        return self.distance - other.distance > 2 * math.hypot(self.error, other.error)


@cache
def _rows() -> dict[str, ModelRow]:
    """Return the rows by the names of their variants."""
    tables = (
        read(present(MEASURED / f"{name}.csv")) for name in ("model_sentences", "model_attention")
    )
    return {record["variant"]: ModelRow.of(record) for _, records in tables for record in records}


def _names(part: str, quantization: str) -> dict[str, str]:
    """Return the variants to compare: what MSD and each baseline is called in the table."""
    if part == "attention":
        linears = "FLOAT32, float32, BINARY32"
        return {
            name: f"{linears}; {name} over {quantization}" for name in ("MSD", "BF16", "float32")
        }
    others = {name: f"{quantization}, {name}, BF16" for name in BASELINES}
    own = f"{quantization}, {MSD_SCHEMES[quantization].name}, BF16"
    return {"MSD": own, **others, "float32": f"{quantization}, float32, BINARY32"}


def c7_model(study: Study) -> Iterator[Entry]:
    """Judge C7 on embeddings: linears alone, and attentions alone, under each baseline."""
    settings = [("linears", weight) for weight in WEIGHTS]
    settings += [("attention", cache) for cache in CACHES]
    for part, quantization in settings:
        for baseline in _baselines(part, quantization):
            convention = f"MiniLM {part}, {quantization}, {baseline}"
            loses = (part, quantization, baseline) in LOSES
            judge = partial(_judge_claim, part, quantization, baseline)
            expected = Verdict.FAILS if loses else Verdict.HOLDS
            yield Entry("C7", convention, "ratio <= 1, or a tie", judge, expected=expected)


def _baselines(part: str, quantization: str) -> list[str]:
    """Return the baselines; by MX weights "scale after" is "weight in BF16" to the bit."""
    names = list(_names(part, quantization))[1:]
    return [n for n in names if not (quantization in MX_WEIGHTS and n == "scale after")]


def _judge_claim(part: str, quantization: str, baseline: str) -> Finding:
    """Compare mean distances; two that differ by at most two standard errors are a tie."""
    names = _names(part, quantization)
    try:
        ours, theirs = (_rows()[names[name]] for name in ("MSD", baseline))
    except FileNotFoundError as error:
        return not_run(error)
    tied = not ours.exceeds(theirs) and not theirs.exceeds(ours)
    ratio = ours.distance / theirs.distance
    return Finding(
        Verdict.FAILS if ours.exceeds(theirs) else Verdict.HOLDS,
        f"{ratio:.3g}" + (", a tie" if tied else ""),
        ratio,
        _evidence(ours),
        notes=(
            f"mean cosine distance from float64 {ours.distance:.3g}, of the baseline "
            f"{theirs.distance:.3g}",
            f"MSD is farthest, {ours.largest:.3g}, on sentence {ours.witness}",
        ),
    )


def _evidence(row: ModelRow) -> Evidence:
    return Evidence("sampled", row.sentences, "sentences: figures/msd/tables/model_*.csv")


def model_quality(study: Study) -> Iterator[Entry]:
    """Judge C8's accuracy: products within their bounds, and sentences ranked alike."""
    yield Entry("C8", "accuracy: products of MiniLM", "its bound", _judge_bounds)
    for weight in WEIGHTS:
        convention = f"accuracy: ranks, {MSD_SCHEMES[weight].name}"
        judge = partial(_judge_ranks, weight)
        expected = Verdict.FAILS if weight in REORDERS else Verdict.HOLDS
        yield Entry("C8", f"{convention} by {weight}", f"> {RANKS}", judge, expected=expected)


def _judge_bounds() -> Finding:
    return judge_layers(MEASURED / "model_layers.csv", "across layers no bound is claimed")


def judge_layers(table: Path, *notes: str) -> Finding:
    """Judge the products of the layers of a table by their bounds."""
    try:
        _, records = read(present(table))
    except FileNotFoundError as error:
        return not_run(error)
    known = [record for record in records if record["ratio"]]
    worst = max(known, key=lambda record: float(record["ratio"]))
    ratio = float(worst["ratio"])
    return Finding(
        Verdict.HOLDS if ratio <= 1 else Verdict.FAILS,
        f"{ratio:.3g} of it",
        ratio,
        Evidence("sampled", len(known), f"layers: figures/msd/tables/{table.name}"),
        notes=(f"worst in layer {worst['layer']} of {worst['variant']}", *notes),
    )


def _judge_ranks(weight: str) -> Finding:
    try:
        rows = _rows()
    except FileNotFoundError as error:
        return not_run(error)
    row = rows[_names("linears", weight)["MSD"]]
    return Finding(
        Verdict.HOLDS if row.ranks > RANKS else Verdict.FAILS,
        f"{row.ranks:.6f}",
        evidence=_evidence(row),
        notes=(f"beside the published weights {row.ranks_published:.6f}",),
    )
