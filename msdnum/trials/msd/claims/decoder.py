"""Rows of the ledger on a decoder: C3 and C7 on inputs of SmolLM2's linears, C7 on next tokens, C8.

They are read from tables that ``msdnum model smollm2`` writes, and not computed anew.
"""

import math
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from msdnum._repository import FIGURES, present
from msdnum.experiments.tables import read
from msdnum.ledger.claims import Entry
from msdnum.ledger.findings import Evidence, Finding, Verdict, not_run
from msdnum.ledger.trial import Study
from msdnum.trials.msd.claims.model import judge_layers

__all__ = [
    "AT_LENGTH",
    "DECODER_TABLE",
    "OF_LAYERS",
    "NEXT_TOKENS",
    "c3_decoder",
    "c7_decoder",
    "decoder_quality",
    "judge_texts",
    "larger_in",
]

DECODER_TABLE = FIGURES / "msd" / "tables" / "decoder_outliers.csv"
AT_LENGTH = FIGURES / "msd" / "tables" / "decoder_lengthy.csv"
OF_LAYERS = FIGURES / "msd" / "tables" / "decoder_layers.csv"
NEXT_TOKENS = FIGURES / "msd" / "tables" / "decoder_linears.csv"
OURS = {"Q4_1": "INT8_X2", "INT8": "INT8_X2", "MXFP4": "MXFP4_X2", "MXFP8": "MXFP8_X2"}
BASELINES_OF_ALL = ("weight in BF16", "MXFP8 ceil", "float32")
LOSES_NEXT_TOKENS = {
    *((weight, "float32") for weight in OURS),
    ("MXFP4", "weight in BF16"),
}
"""Weights and baselines beside which MSD's next tokens are farther off."""
COMPARED_AT_LENGTH = (
    ("Q4_1", "weight in BF16"), ("INT8", "weight in BF16"), ("MXFP4", "MXFP8 ceil"),
)  # fmt: skip
"""What is run on 3,072 tokens, too."""
INPUTS = ("attention", "output", "feed-forward", "down")
PAPER_BITS = ("6.6", "5.24")
BITS = {"rms": "RMS of error/x", "l2": "relative L2 norm"}
"""Definitions of effective bits that the table has, and what they are called."""


def c3_decoder(study: Study) -> Iterator[Entry]:
    """Judge 6.6 and 5.24 bits on the activations of a decoder, by two definitions."""
    for column, words in BITS.items():
        yield Entry(
            "C3",
            f"activations of SmolLM2, {words}",
            "6.6 and 5.24",
            partial(_judge_bits, column),
            expected=Verdict.FAILS,
            subject=("activations", words),
        )


def _judge_bits(definition: str) -> Finding:
    """Look for the input of a layer whose bits are nearest the paper's pair."""
    try:
        _, records = read(present(DECODER_TABLE))
    except FileNotFoundError as error:
        return not_run(error)
    rows = [record for record in records if record["input"] in INPUTS]
    two, one = (
        np.array([float(row[f"{scheme}_{definition}_bits"]) for row in rows])
        for scheme in ("mxfp4_x2", "mxfp8_x1")
    )
    apart = np.maximum(np.abs(two - float(PAPER_BITS[0])), np.abs(one - float(PAPER_BITS[1])))
    nearest = int(apart.argmin())
    found = f"{two[nearest]:.1f}", f"{one[nearest]:.2f}"
    where = f"{rows[nearest]['input']}, layer {rows[nearest]['layer']}"
    return Finding(
        Verdict.HOLDS if found == PAPER_BITS else Verdict.FAILS,
        f"{two[nearest]:.2f} and {one[nearest]:.2f}",
        evidence=Evidence("sampled", len(rows), "inputs of layers: decoder_outliers.csv"),
        notes=(
            f"the nearest is the input of {where}",
            f"MXFP4 x2 {two.min():.2f} to {two.max():.2f} bits, median {np.median(two):.2f}; "
            f"MXFP8 x1 {one.min():.2f} to {one.max():.2f}, median {np.median(one):.2f}",
            f"MXFP4 x2 has more in {int((two > one).sum())} of {len(rows)}",
        ),
    )


def c7_decoder(study: Study) -> Iterator[Entry]:
    """Judge next tokens under each baseline, and MXFP4 beside MXFP8 on activations."""
    for weight in OURS:
        for baseline in BASELINES_OF_ALL:
            yield _next_tokens(weight, baseline, (weight, baseline) in LOSES_NEXT_TOKENS)
    for weight, baseline in COMPARED_AT_LENGTH:
        yield _next_tokens(weight, baseline, loses=False, at_length=True)
    for name in INPUTS:
        convention = f"inputs of {name}, SmolLM2, MXFP4 x2, MXFP8 ceil"
        judge = partial(_judge_input, name)
        yield Entry(
            "C7", convention, "ratio <= 1", judge, expected=Verdict.FAILS, subject=("inputs", name)
        )


def _next_tokens(weight: str, baseline: str, loses: bool, at_length: bool = False) -> Entry:
    tokens = ", 3,072 tokens" if at_length else ""
    return Entry(
        "C7",
        f"next tokens of SmolLM2, {weight}, {baseline}{tokens}",
        "ratio <= 1, or a tie",
        partial(_judge_next_tokens, weight, baseline, at_length=at_length),
        expected=Verdict.FAILS if loses else Verdict.HOLDS,
        subject=("next tokens", weight, baseline, *(["at length"] if at_length else [])),
    )


def _judge_next_tokens(weight: str, baseline: str, at_length: bool = False) -> Finding:
    """Compare divergences from float64 with the same weights, text by text.

    Means that differ by at most two standard errors of the texts' differences are a tie.
    """
    table = AT_LENGTH if at_length else NEXT_TOKENS
    try:
        _, records = read(present(table))
    except FileNotFoundError as error:
        return not_run(error)
    ours = _texts(records, f"{weight}, {OURS[weight]}, BF16")
    activation = "BINARY32" if baseline == "float32" else "BF16"
    theirs = _texts(records, f"{weight}, {baseline}, {activation}")
    return judge_texts(
        ours,
        theirs,
        table,
        f"mean KL divergence from float64, same codes, {ours.mean():.3g} nats, of the baseline "
        f"{theirs.mean():.3g}",
        f"larger than the baseline's in {larger_in(ours, theirs)}",
    )


def judge_texts(
    ours: NDArray[np.float64], theirs: NDArray[np.float64], table: Path, *notes: str
) -> Finding:
    """Compare divergences text by text, as a table has them.

    Means that differ by at most two standard errors of the texts' differences are a tie.
    """
    difference, ratio = ours - theirs, float(ours.mean() / theirs.mean())
    uncertainty = 2 * float(difference.std(ddof=1)) / math.sqrt(len(difference))
    tied = abs(float(difference.mean())) <= uncertainty
    return Finding(
        Verdict.HOLDS if tied or ratio <= 1 else Verdict.FAILS,
        f"{ratio:.3g}" + (", a tie" if tied else ""),
        ratio,
        Evidence("sampled", len(ours), f"texts: figures/msd/tables/{table.name}"),
        notes=notes,
    )


def larger_in(ours: NDArray[np.float64], theirs: NDArray[np.float64]) -> str:
    """Return in words in how many texts ours is larger."""
    return f"{int((ours > theirs).sum())} of {len(ours)} texts"


def decoder_quality(study: Study) -> Iterator[Entry]:
    """Judge C8's accuracy: products of the decoder within their bounds."""
    yield Entry("C8", "accuracy: products of SmolLM2", "its bound", _judge_products)


def _judge_products() -> Finding:
    return judge_layers(OF_LAYERS)


def _texts(records: list[dict[str, str]], variant: str) -> NDArray[np.float64]:
    """Return the divergence of a variant in every text."""
    rows = [record for record in records if record["variant"] == variant]
    return np.array([float(row["quantized_divergence"]) for row in rows])


def _judge_input(name: str) -> Finding:
    """Compare what is lost of the activations of each layer, in the L2 norm."""
    try:
        _, records = read(present(DECODER_TABLE))
    except FileNotFoundError as error:
        return not_run(error)
    rows = [record for record in records if record["input"] == name]
    ratios = {row["layer"]: float(row["loss_ratio"]) for row in rows}
    worst = max(ratios, key=lambda layer: ratios[layer])
    lost = [layer for layer, ratio in ratios.items() if ratio > 1]
    (normal,) = (float(row["loss_ratio"]) for row in records if row["input"] == "normal")
    shares = [float(row["mxfp4_x2_loses"]) for row in rows]
    return Finding(
        Verdict.FAILS if lost else Verdict.HOLDS,
        f"{ratios[worst]:.3g}",
        ratios[worst],
        Evidence("sampled", len(rows), "layers: figures/msd/tables/decoder_outliers.csv"),
        notes=(
            f"L2 norm of what is lost of the activations in BF16; MXFP4 x2 loses more in "
            f"{len(lost)} of {len(rows)} layers, most in layer {worst}",
            f"least {min(ratios.values()):.3g}; of normal numbers {normal:.3g}",
            f"it loses more in {min(shares):.0%} to {max(shares):.0%} of the blocks of a layer",
        ),
    )
