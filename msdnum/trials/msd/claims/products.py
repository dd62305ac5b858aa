"""Rows of the ledger on claim C7: MSD's error in a product beside that of each baseline."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, partial
from typing import TypeAlias

import numpy as np

from msdnum.evidence.products import Product
from msdnum.experiments.tables import Record
from msdnum.formats.accumulators import SEQUENTIAL
from msdnum.inputs.encoder import linears
from msdnum.ledger.claims import Claim, Entry
from msdnum.ledger.findings import Evidence, Finding, Table, Verdict, not_run
from msdnum.ledger.trial import Study
from msdnum.trials.msd.baselines import BASELINES
from msdnum.trials.msd.comparisons import (
    MSD_SCHEMES,
    judged,
    linear_operands,
    operands,
    spread_of_worst,
)

__all__ = ["C7", "Drawn", "Real", "c7_products"]

C7 = Claim(
    "C7",
    "the L2 error of MSD is no worse than that of dequantization",
    Verdict.CONDITIONAL,
)

SHAPE = (32, 1024, 32)
TOKENS = 32
FAMILIES = ("normal", "uniform", "laplace", "outlier_per_block", "outlier_per_row")
# student_t in blocks of 32 is a tie of MXFP4 x2 and MXFP8 ceil: 0.92 to 1.04 over eight seeds.
HEADER = ("input", "MSD", "baseline", "ratio", "ratio to float32", "float32 itself")


@dataclass(frozen=True)
class Drawn:
    """Activations of a family by normal weights.

    Parameters
    ----------
    weight : str
        One of ``baselines.WEIGHTS``.
    label : str
        Name of the family.
    shape : tuple of int
        m, k and n.
    block_size : int or None
        In place of 32, for MX formats.
    """

    weight: str
    label: str
    shape: tuple[int, int, int]
    block_size: int | None = None

    def operands(self, seed: int) -> Product:
        """Draw and multiply exactly."""
        rng = np.random.default_rng([seed, *self.shape])
        return operands(self.label, self.weight, self.shape, rng, self.block_size)


@dataclass(frozen=True)
class Real:
    """A linear of all-MiniLM-L6-v2 on the activations that reach it.

    Parameters
    ----------
    weight : str
        One of ``baselines.WEIGHTS``.
    layer : int
        0 to 5.
    name : str
        One of ``model.LINEARS``.
    """

    weight: str
    layer: int
    name: str
    block_size: None = None

    @property
    def label(self) -> str:
        """Name in tables."""
        return f"MiniLM layer {self.layer} {self.name}"

    def operands(self, seed: int) -> Product:
        """Run the model, take the first tokens, and multiply exactly; nothing is drawn."""
        linear = next(x for x in linears() if (x.layer, x.name) == (self.layer, self.name))
        return linear_operands(linear, self.weight, TOKENS)


Setting: TypeAlias = Drawn | Real

# Baselines for which the claim fails on the families above.
LOSES: dict[str, frozenset[str]] = {
    "INT8": frozenset({"scale after", "float32"}),
    "MXFP4": frozenset({"weight in BF16", "scale after", "float32"}),
    "MXFP8": frozenset(),
}

EDGES: tuple[tuple[str, str, Setting], ...] = (
    ("INT8, weight in BF16, one outlier, k 65536", "weight in BF16",
     Drawn("INT8", "outlier_per_row", (16, 65536, 16))),
    ("MXFP4, MXFP8 ceil, student_t, blocks of 128", "MXFP8 ceil",
     Drawn("MXFP4", "student_t", SHAPE, 128)),
    ("MXFP4, MXFP8 ceil, a real linear", "MXFP8 ceil", Real("MXFP4", 4, "ffn1")),
)  # fmt: skip
"""Where MSD begins to lose to a baseline that it is no worse than elsewhere."""


@cache
def _rows(setting: Setting, seed: int) -> dict[str, Record]:
    """Return the row of each baseline."""
    given = setting.operands(seed)
    rows = judged(given, MSD_SCHEMES[setting.weight], SEQUENTIAL, setting.block_size)
    return {str(row["baseline"]): row for row in rows}


def c7_products(study: Study) -> Iterator[Entry]:
    """Judge MSD under each baseline on five families, and where it begins to lose."""
    for weight, losing in LOSES.items():
        settings = tuple(Drawn(weight, family, SHAPE) for family in FAMILIES)
        for baseline in BASELINES:
            subject = MSD_SCHEMES[weight].name, weight, baseline
            convention = f"{MSD_SCHEMES[weight].name} by {weight}, {baseline}"
            judge = partial(_judge, settings, baseline, study.seed, spread=study.deep)
            verdict = Verdict.FAILS if baseline in losing else Verdict.HOLDS
            yield Entry("C7", convention, "ratio <= 1", judge, expected=verdict, subject=subject)
    for convention, baseline, setting in EDGES:
        judge = partial(_judge, (setting,), baseline, study.seed)
        yield Entry("C7", convention, "ratio <= 1", judge, expected=Verdict.FAILS)


def _judge(
    settings: tuple[Setting, ...], baseline: str, seed: int, *, spread: bool = False
) -> Finding:
    """Compare L2 errors against the exact product; those against float32 stand beside them."""
    try:
        rows = {s.label: _rows(s, seed)[baseline] for s in settings}
    except ModuleNotFoundError as error:
        return not_run(error)
    ratios = {name: float(row["l2_ratio"]) for name, row in rows.items()}
    worst = max(ratios, key=ratios.__getitem__)
    return Finding(
        Verdict.HOLDS if ratios[worst] <= 1 else Verdict.FAILS,
        f"{ratios[worst]:.3g}",
        ratios[worst],
        Evidence("sampled", len(rows), "products" if len(rows) > 1 else "product", seed),
        notes=(
            f"worst on {worst}",
            *([spread_of_worst(partial(_worst_ratio, settings, baseline), seed)] if spread else []),
            *_disagreement(rows),
            *_reference(rows),
        ),
        table=Table(HEADER, tuple(_cells(name, row) for name, row in rows.items())),
    )


def _worst_ratio(settings: tuple[Setting, ...], baseline: str, seed: int) -> float:
    """Return the largest ratio of MSD's L2 error over the baseline's, of all settings."""
    return max(float(_rows(each, seed)[baseline]["l2_ratio"]) for each in settings)


def _disagreement(rows: dict[str, Record]) -> tuple[str, ...]:
    """Name the families on which the paper's reference gives the other verdict."""
    other = [name for name, row in rows.items() if row["holds_exact"] != row["holds_float32"]]
    text = f"measured against float32 the verdict is the other on {', '.join(other)}"
    return (text,) if other else ()


def _reference(rows: dict[str, Record]) -> tuple[str, ...]:
    """Say why the ratio to the paper's reference is Inf, if it is."""
    same = any(math.isinf(float(row["l2_float32_ratio"])) for row in rows.values())
    return ("inf: this baseline gives what the float32 reference gives",) if same else ()


def _cells(name: str, row: Record) -> tuple[str, ...]:
    columns = ("msd_l2", "baseline_l2", "l2_ratio", "l2_float32_ratio", "reference_l2")
    return name, *(f"{float(row[column]):.3g}" for column in columns)
