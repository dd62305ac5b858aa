"""Rows of the ledger on a decoder: C7 on what the linears of SmolLM2 are given.

They are read from the table that ``msdnum figures decoder_outliers`` writes.
"""

from collections.abc import Iterator
from functools import partial

from msdnum._repository import FIGURES, present
from msdnum.experiments.tables import read
from msdnum.ledger.claims import Entry
from msdnum.ledger.findings import Evidence, Finding, Verdict, not_run
from msdnum.ledger.trial import Study

__all__ = ["DECODER_TABLE", "c7_decoder"]

DECODER_TABLE = FIGURES / "msd" / "tables" / "decoder_outliers.csv"
INPUTS = ("attention", "output", "feed-forward", "down")


def c7_decoder(study: Study) -> Iterator[Entry]:
    """Judge two passes of MXFP4 beside one of MXFP8 on activations, layer by layer."""
    for name in INPUTS:
        convention = f"inputs of {name}, SmolLM2, MXFP4 x2, MXFP8 ceil"
        judge = partial(_judge_input, name)
        yield Entry("C7", convention, "ratio <= 1", judge, expected=Verdict.FAILS)


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
